"""Cursors: where the next page of a list begins. To a caller they are opaque."""

import base64
from typing import Any, Final, TypeVar

import msgspec

from heliograph_server.errors import InvalidRequest

__all__ = ["cursor_of", "read_cursor"]

MAX_CURSOR_CHARS: Final = 512

EXPECTED: Final = "cursor: Expected the `next` of the page before"

T = TypeVar("T")


def cursor_of(position: Any) -> str:
    """The cursor for a position, which is anything that msgspec can write."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(position)).rstrip(b"=").decode()


def read_cursor(cursor: str, kind: type[T]) -> T:
    """The position of a cursor. Raises `InvalidRequest`."""
    if len(cursor) > MAX_CURSOR_CHARS:
        raise InvalidRequest(EXPECTED)
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest(EXPECTED) from error
