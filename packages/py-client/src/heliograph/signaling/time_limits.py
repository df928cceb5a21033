"""How long the signaling client waits for what."""

__all__ = ["FLUSH_TIMEOUT_S", "LEAVE_TIMEOUT_S", "REQUEST_TIMEOUT_S", "ROOM_TIMEOUT_S"]

REQUEST_TIMEOUT_S = 15.0
"""How long an answer may take, connecting again included."""
ROOM_TIMEOUT_S = 15.0
"""How long a message waits for room in the queue while the client is online."""
FLUSH_TIMEOUT_S = 1.0
"""How long closing waits for what is still to be sent, connecting again included."""
LEAVE_TIMEOUT_S = 0.25
"""How long it then waits for `leave` alone to be sent."""
