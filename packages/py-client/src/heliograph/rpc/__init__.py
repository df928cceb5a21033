"""Remote calls between the two peers of a connection. The format is `heliograph_protocol.rpc`'s."""
