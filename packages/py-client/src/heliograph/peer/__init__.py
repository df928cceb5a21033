"""Connections to other peers, over aiortc."""
