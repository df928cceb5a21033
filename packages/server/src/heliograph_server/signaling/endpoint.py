"""The WebSocket paths: who may connect, and the session of those who do."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from heliograph_server.transport.connection import Converse
from heliograph_server.transport.handshake import Accepted, Opening, Refused
from heliograph_server.transport.vestibule import FindPlace

__all__ = ["PATHS", "Endpoint"]

PATHS: Final = frozenset({"", "/ws"})
"""A slash at the end makes no difference."""


class Endpoint:
    """What `Doorway` asks. `converse` begins the session of whoever is let in.

    `find_place` says which other process of this machine a peer belongs to, where there are several.
    """

    def __init__(
        self, converse: Converse, allowed_origins: tuple[str, ...], find_place: FindPlace | None = None
    ) -> None:
        self._allowed_origins = allowed_origins
        self._accepted = Accepted(converse, find_place=find_place)

    def decide(self, opening: Opening) -> Accepted | Refused:
        """Let a peer in; a page of an origin that is not allowed is refused before the handshake is done (403)."""
        if opening.path.rstrip("/") not in PATHS:
            return Refused(HTTPStatus.NOT_FOUND, "no WebSocket here")
        if self._allowed_origins and not _origin_allowed(dict(opening.headers), self._allowed_origins):
            return Refused(HTTPStatus.FORBIDDEN, "origin not allowed")
        return self._accepted


def _origin_allowed(headers: dict[bytes, bytes], allowed: tuple[str, ...]) -> bool:
    """Whether the handshake's Origin (RFC 6454) may connect: one of those, or the server's own page.

    Programs send none. Without a list any page may connect: every message is authorised by tokens that a page has to
    hold, never by a cookie that a browser adds.
    """
    if b"origin" not in headers:
        return True
    origin = headers[b"origin"].decode("latin-1")
    return origin in allowed or urlsplit(origin).netloc.encode("latin-1") == headers.get(b"host")
