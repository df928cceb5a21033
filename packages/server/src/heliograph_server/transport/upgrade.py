"""The request that asks for a WebSocket (RFC 6455 section 4.2.1), as uvicorn's HTTP protocol hands it over."""

import binascii
from http import HTTPStatus
from typing import Final

from msgspec import Struct

__all__ = ["Refusal", "Upgrade", "read_upgrade"]

KEY_BYTES: Final = 16


class Upgrade(Struct, frozen=True):
    """A request that may become a WebSocket."""

    target: bytes
    """Path and query."""
    headers: list[tuple[bytes, bytes]]
    """Names in lower case."""
    key: bytes
    """`Sec-WebSocket-Key`, checked."""

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers, in its order."""
        offers = [value for name, value in self.headers if name == b"sec-websocket-protocol"]
        return [offer.strip() for offer in b",".join(offers).decode("latin-1").split(",") if offer.strip()]


class Refusal(Exception):
    """The request is none that a WebSocket can come of."""

    def __init__(self, status: HTTPStatus, reason: str, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers


def read_upgrade(head: bytes) -> Upgrade:
    """Read a whole request head, which uvicorn has parsed once and found to ask for an upgrade. Raises `Refusal`."""
    request, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = request.split(b" ")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.lower(), value.strip()))
    if method != b"GET":
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "a WebSocket begins with GET", [(b"allow", b"GET")])
    if _only(headers, b"sec-websocket-version") != b"13":
        version = (b"sec-websocket-version", b"13")
        raise Refusal(HTTPStatus.UPGRADE_REQUIRED, "the version of WebSocket is 13", [version])
    key = _only(headers, b"sec-websocket-key")
    if key is None or not _is_key(key):
        raise Refusal(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key is missing or wrong", [])
    return Upgrade(target, headers, key)


def _only(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """The value of a header that is there exactly once."""
    values = [value for name, value in headers if name == wanted]
    return values[0] if len(values) == 1 else None


def _is_key(value: bytes) -> bool:
    try:
        return len(binascii.a2b_base64(value, strict_mode=True)) == KEY_BYTES
    except binascii.Error:
        return False
