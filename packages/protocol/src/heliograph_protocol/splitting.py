"""How a message that is larger than a data channel takes travels in pieces.

Only channels whose `protocol` field (W3C WebRTC section 6.2) is in `SPLITTING_PROTOCOLS` do this; all others carry each
message as it is, in one frame. On a channel that does, the side that did not open it sends a `Hello` first, and from
then on the opener knows that the other side joins what is split. Until then, and for good if no hello comes, the opener
sends plain messages only. A program that knows nothing of all this thus sees an ordinary channel.

Text frames, and binary frames that do not start with `SPLIT_MAGIC`, are plain messages. A binary frame that does is,
with its numbers in network byte order:

| bytes | field |
|---|---|
| 8 | `SPLIT_MAGIC` |
| 1 | kind: 0 hello, 1 fragment of a text (UTF-8), 2 fragment of bytes, 3 the message was given up by its sender |
| 4 | message: chosen by the sender, another one for each message until it wraps around; 0 in a hello |
| 4 | size of the whole message in bytes, `MAX_SPLIT_MESSAGE_BYTES` at most; 0 in kinds 0 and 3 |
| 4 | offset of this fragment in the message; 0 in kinds 0 and 3 |
| … | content, empty in kinds 0 and 3 |

Every fragment but the one at a message's end has at least `MIN_FRAGMENT_BYTES`. Fragments of one message do not
overlap; `MAX_JOINING_MESSAGES` messages, and twice `MAX_SPLIT_MESSAGE_BYTES`, may be incomplete at a time. A sender
whose bytes happen to start with the magic sends them as a fragment that is the whole message. What breaks these rules
closes the channel. On a channel that is not reliable, more incomplete messages than these break no rule: the oldest are
forgotten.
"""

from struct import Struct as Layout
from typing import Final, NamedTuple

__all__ = [
    "FRAGMENT_HEADER_BYTES",
    "MAX_JOINING_MESSAGES",
    "MAX_SPLIT_MESSAGE_BYTES",
    "MIN_FRAGMENT_BYTES",
    "RPC_PROTOCOL",
    "SPLITTING_PROTOCOLS",
    "SPLIT_MAGIC",
    "SPLIT_PROTOCOL",
    "Abandoned",
    "Fragment",
    "Hello",
    "InvalidFragment",
    "SplitFrame",
    "decode_split_frame",
    "encode_split_frame",
]

SPLIT_PROTOCOL: Final = "heliograph.split.1"
RPC_PROTOCOL: Final = "heliograph.rpc.1"
SPLITTING_PROTOCOLS: Final = frozenset({SPLIT_PROTOCOL, RPC_PROTOCOL})
SPLIT_MAGIC: Final = b"\xf5HGsplit"
"""0xF5 is in no UTF-8 text (RFC 3629 section 1)."""
MAX_SPLIT_MESSAGE_BYTES: Final = 16 * 1024 * 1024
MAX_JOINING_MESSAGES: Final = 16
MIN_FRAGMENT_BYTES: Final = 1024

_HEADER: Final = Layout("!8sBIII")
FRAGMENT_HEADER_BYTES: Final = _HEADER.size
_HELLO, _TEXT, _BYTES, _ABANDONED = range(4)


class InvalidFragment(ValueError):
    """A frame starts with the magic and breaks the format; the message says how."""


class Hello(NamedTuple):
    """The side that did not open the channel joins what is split."""


class Fragment(NamedTuple):
    """A piece of a message. `size` and `offset` are in bytes of the whole, a text in UTF-8."""

    message: int
    is_text: bool
    size: int
    offset: int
    content: bytes


class Abandoned(NamedTuple):
    """The rest of a message will not come."""

    message: int


SplitFrame = Hello | Fragment | Abandoned


def encode_split_frame(frame: SplitFrame) -> bytes:
    """The binary frame."""
    match frame:
        case Hello():
            return _HEADER.pack(SPLIT_MAGIC, _HELLO, 0, 0, 0)
        case Abandoned(message):
            return _HEADER.pack(SPLIT_MAGIC, _ABANDONED, message, 0, 0)
        case Fragment(message, is_text, size, offset, content):
            return _HEADER.pack(SPLIT_MAGIC, _TEXT if is_text else _BYTES, message, size, offset) + content


def decode_split_frame(frame: bytes) -> SplitFrame | None:
    """What a binary frame says; None if it is a plain message. Raises `InvalidFragment`."""
    if not frame.startswith(SPLIT_MAGIC):
        return None
    if len(frame) < FRAGMENT_HEADER_BYTES:
        raise InvalidFragment(f"{len(frame)} bytes are no fragment: its header alone has {FRAGMENT_HEADER_BYTES}")
    _, kind, message, size, offset = _HEADER.unpack_from(frame)
    content = frame[FRAGMENT_HEADER_BYTES:]
    match kind:
        case 0 | 3 if content or size or offset:
            raise InvalidFragment(f"a frame of kind {kind} has content")
        case 0:
            return Hello()
        case 3:
            return Abandoned(message)
        case 1 | 2:
            return _checked(Fragment(message, kind == _TEXT, size, offset, content))
        case _:
            raise InvalidFragment(f"kind {kind} is none of this version")


def _checked(fragment: Fragment) -> Fragment:
    end = fragment.offset + len(fragment.content)
    if fragment.size > MAX_SPLIT_MESSAGE_BYTES:
        raise InvalidFragment(f"a message of {fragment.size:,} bytes is over the limit of {MAX_SPLIT_MESSAGE_BYTES:,}")
    if not fragment.content or end > fragment.size:
        raise InvalidFragment(f"bytes {fragment.offset} to {end} are no part of a message of {fragment.size}")
    if end < fragment.size and len(fragment.content) < MIN_FRAGMENT_BYTES:
        raise InvalidFragment(f"a fragment of {len(fragment.content)} bytes that is not the last one")
    return fragment
