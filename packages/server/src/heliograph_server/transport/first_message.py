"""The first WebSocket message of a peer, read before it is known which process will speak with the peer."""

from heliograph_server.transport.connection import MESSAGE_BYTES

__all__ = ["NotPlain", "first_message"]

_TEXT_AND_LAST = 0x81
_MASKED = 0x80
_TWO_BYTES = 126
_MASK_BYTES = 4


class NotPlain(Exception):
    """What was said does not begin with one whole masked text (RFC 6455 section 5.2): somebody else has to read it."""


def first_message(said: bytes | bytearray) -> bytes | None:
    """The payload of the first frame, None while it is not all there. Raises `NotPlain`."""
    if len(said) < 2:
        return None
    if said[0] != _TEXT_AND_LAST or not said[1] & _MASKED:
        raise NotPlain
    size, start = said[1] & ~_MASKED, 2
    if size > _TWO_BYTES:
        raise NotPlain
    if size == _TWO_BYTES:
        size, start = int.from_bytes(said[2:4], "big"), 4
        if len(said) < start:
            return None
    if size > MESSAGE_BYTES:
        raise NotPlain
    if len(said) < start + _MASK_BYTES + size:
        return None
    masked = said[start + _MASK_BYTES : start + _MASK_BYTES + size]
    mask = said[start : start + _MASK_BYTES] * (size // _MASK_BYTES + 1)
    return (int.from_bytes(masked, "big") ^ int.from_bytes(mask[:size], "big")).to_bytes(size, "big")
