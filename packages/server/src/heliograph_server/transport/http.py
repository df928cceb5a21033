"""uvicorn's HTTP protocol, which lets go of what has become a WebSocket.

The parser and its callbacks refer to each other. Left alone, they and the request would stay in memory until the next
full garbage collection, which with thousands of idle peers is rare.
"""

from typing import cast

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HttpProtocol"]


class HttpProtocol(HttpToolsProtocol):
    """What `uvicorn.Config(http=…)` takes."""

    def handle_websocket_upgrade(self) -> None:
        """The connection belongs to the WebSocket protocol from here on."""
        super().handle_websocket_upgrade()
        self.parser = cast("HttpRequestParser", None)
