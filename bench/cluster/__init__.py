"""What several nodes take that are one server, and what many more of them would: see docs/scaling.md."""
