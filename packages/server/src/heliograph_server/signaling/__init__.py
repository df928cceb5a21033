"""What peers say: one `Session` a connection, one `Hub` for who is where."""
