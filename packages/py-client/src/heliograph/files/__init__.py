"""Files and directories over data channels: streamed, resumed, verified, and never half a file under its name.

The format is `heliograph_protocol.datachannel`'s. `Incoming` and `Outgoing` are the two sides of it without I/O;
`receive` and `send` run them over a channel, with a `Partial` and a `Source` at the disk's end.
"""
