"""What all messages share."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = ["PEER_ID_PATTERN", "Grant", "Message", "PeerId", "Ref", "Signal"]

PEER_ID_PATTERN = r"^[A-Za-z0-9._:@-]{1,128}$(?!\n)"
"""In Python, `$` alone also matches before a final newline."""

PeerId = Annotated[str, Meta(pattern=PEER_ID_PATTERN, description="1 to 128 characters of A-Za-z0-9._:@-")]
Ref = Annotated[str | int, Meta(description="Chosen by the sender; the reply or error carries the same value")]

Grant = Literal["discover", "signal", "message", "broadcast", "claim", "manage"]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all messages share."""

    ref: Ref | UnsetType = UNSET


class Signal(Message, frozen=True, kw_only=True):
    """What all forwarded messages share.

    `sender` may be left out or null on the way to the server, which fills it in; a receiver always finds it.
    `connection_id` is a convention between the SDKs: it tells one connection attempt of two peers from the next.
    """

    target: str
    sender: str | UnsetType | None = UNSET
    connection_id: str | UnsetType = UNSET
