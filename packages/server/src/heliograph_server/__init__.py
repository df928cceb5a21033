"""The Heliograph signaling server.

Peers sign in, meet in a room, and exchange WebRTC offers, answers and candidates through it. `create_app` makes the
ASGI application; the `heliograph-server` command runs it.
"""

from heliograph_server.app import create_app
from heliograph_server.settings import Settings, SettingsError, load_settings

__all__ = ["Settings", "SettingsError", "create_app", "load_settings"]
