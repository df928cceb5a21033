"""What picows is given to work with."""

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from heliograph_server.transport.picows_connection import PicowsConnection

__all__ = ["Discarding", "PicowsHost"]

_log = structlog.get_logger(__name__)


class PicowsHost:
    """What picows gets in place of a transport and a logger, and so learns and tells what it would not otherwise.

    When it wants to end the connection, the connection decides how. When it reports an error, it is about to send a
    close frame. It keeps a logger of its own for each connection, unless it is given something else.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: "PicowsConnection") -> None:
        self._connection = connection

    def close(self) -> None:
        """The connection hangs up by itself."""

    def abort(self) -> None:
        self._connection.transport.abort()

    def get_extra_info(self, name: str) -> Any:
        """Six system calls a connection less than picows would make."""
        if name == "socket":
            return _Descriptor(self._connection.transport.get_extra_info(name).fileno())
        return self._connection.transport.get_extra_info(name) if name == "ssl_object" else None

    def isEnabledFor(self, level: int) -> bool:  # noqa: ARG002, N802 - the name that loggers have
        return False

    def debug(self, *message: Any) -> None:
        """Nothing that anyone would want to read."""

    log = info = warning = debug

    def error(self, *message: Any) -> None:  # noqa: ARG002 - what a stranger did wrong
        self._connection.failed()

    def exception(self, *message: Any) -> None:  # noqa: ARG002 - the exception says it
        _log.exception("websocket.failed")
        self._connection.failed()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.transport, name)


class _Descriptor:
    """A socket of which picows may know the number. What it sets is set already, and what it asks for only its log."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number

    def setsockopt(self, *option: int) -> None:
        """The event loop has turned Nagle's algorithm off, and pings need no quick acknowledgement."""

    def getsockopt(self, *option: int) -> int:  # noqa: ARG002 - for a log that nobody keeps
        return 0


class Discarding(asyncio.Protocol):
    """Reads what still comes, and forgets it."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)
