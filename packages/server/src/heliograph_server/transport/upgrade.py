"""The request that asks for a WebSocket (RFC 6455 section 4.2.1), and the answer that opens it (4.2.2)."""

import base64
import binascii
import hashlib
from http import HTTPStatus
from typing import Final

from msgspec import Struct

__all__ = ["Refusal", "Upgrade", "accept", "answer", "read_upgrade"]

KEY_BYTES: Final = 16

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 section 1.3."""


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
        if not offers:
            return []
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
    once: dict[bytes, bytes | None] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        headers.append((name, value))
        once[name] = None if name in once else value
    if method != b"GET":
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "a WebSocket begins with GET", [(b"allow", b"GET")])
    if once.get(b"sec-websocket-version") != b"13":
        version = (b"sec-websocket-version", b"13")
        raise Refusal(HTTPStatus.UPGRADE_REQUIRED, "the version of WebSocket is 13", [version])
    key = once.get(b"sec-websocket-key")
    if key is None or not _is_key(key):
        raise Refusal(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key is missing or wrong", [])
    return Upgrade(target, headers, key)


def accept(key: bytes) -> bytes:
    """The `Sec-WebSocket-Accept` that goes with that `Sec-WebSocket-Key`."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def answer(accept: bytes, subprotocol: str | None) -> bytes:
    """What lets a peer in."""
    chosen = b"" if subprotocol is None else b"Sec-WebSocket-Protocol: " + subprotocol.encode("latin-1") + b"\r\n"
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + chosen + b"\r\n"
    )


def _is_key(value: bytes) -> bool:
    try:
        return len(binascii.a2b_base64(value, strict_mode=True)) == KEY_BYTES
    except binascii.Error:
        return False
