"""Speaking to the signaling server."""
