"""A room as an item of a DynamoDB table, in the shape that the original server writes and reads.

The original's attributes: `room_id`, `created_by` (the owner's subject) and `token` are strings, `expires_at` is a
number of Unix seconds, without which the room never ends; `name` is a string or absent. The others are ours. The
original leaves them alone, and its own items lack them: then the issuer is the one whose tokens this server takes, the
size is the server's, and the time of creation is not known, which we show as 0.
"""

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import asdict

from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Policy, Room, RoomChanges
from heliograph_server.rooms.store import Position

__all__ = [
    "EXPIRED_ITEM_KEPT_S",
    "NEVER",
    "Defaults",
    "InvalidItem",
    "Item",
    "assignments",
    "item_of",
    "owner_key",
    "position_key",
    "room_of",
]

EXPIRED_ITEM_KEPT_S: Final = 24 * 3600
"""From a room's end to `delete_after`. Longer than the hour for which one can be told that a room has expired,
because one with peers in it can be given more time until then, and the table does not know which those are."""

NEVER: Final = 253_402_300_799
"""The end of the year 9999: when a room of the original ends that has no `expires_at`."""

MAX_NUMBER: Final = 2**53 - 1
"""The largest that every reader of JSON takes for what it is. Those of a table can be larger."""

POSITION_DIGITS: Final = 12

Item = dict[str, dict[str, str]]
"""Attributes as DynamoDB has them on the wire: `{"S": text}` or `{"N": digits}`."""


class InvalidItem(Exception):
    """An item is no room. The text is for the operator and holds no values."""


class Defaults(Struct, frozen=True):
    """What an item of the original does not say of its room."""

    issuer: str
    max_peers: int


def item_of(room: Room) -> Item:
    """The item for a new room."""
    return {
        "room_id": _text(room.room_id),
        "created_by": _text(room.owner.subject),
        "owner_issuer": _text(room.owner.issuer),
        "owner_key": _text(owner_key(room.owner)),
        "owner_position": _text(position_key(Position(room.created_at, room.room_id))),
        "created_at": _number(room.created_at),
        **assignments(
            RoomChanges(
                token=room.token,
                expires_at=room.expires_at,
                max_peers=room.max_peers,
                name=UNSET if room.name is None else room.name,
                policy=UNSET if room.policy is None else room.policy,
            )
        )[0],
    }


def assignments(changes: RoomChanges) -> tuple[Item, list[str]]:
    """The attributes that these changes set, and the names of those that they remove."""
    values: Item = {}
    removed: list[str] = []
    for name, value in asdict(changes).items():
        match value:
            case None:
                removed.append(name)
            case str():
                values[name] = _text(value)
            case int():
                values[name] = _number(value)
            case Policy():
                values[name] = _text(msgspec.json.encode(value).decode())
            case _:
                pass  # unset
    if "expires_at" in values:
        values["delete_after"] = _number(int(values["expires_at"]["N"]) + EXPIRED_ITEM_KEPT_S)
    return values, removed


def room_of(item: Item, defaults: Defaults) -> Room:
    """The room that an item describes, whichever server wrote it. Raises `InvalidItem`."""
    policy = _optional(item, "policy", "S")
    name = _optional(item, "name", "S")
    return Room(
        room_id=_required(item, "room_id"),
        token=_required(item, "token"),
        owner=User(
            issuer=_optional(item, "owner_issuer", "S") or defaults.issuer, subject=_required(item, "created_by")
        ),
        created_at=_whole(item, "created_at", 0),
        expires_at=_whole(item, "expires_at", NEVER),
        max_peers=_whole(item, "max_peers", defaults.max_peers),
        name=name,
        policy=None if policy is None else _policy(policy),
    )


def owner_key(owner: User) -> str:
    """A key for all of one owner's rooms: of one length, however long the names are (DynamoDB takes 2,048 bytes)."""
    return hashlib.sha256(msgspec.json.encode([owner.issuer, owner.subject])).hexdigest()


def position_key(position: Position) -> str:
    """A text that sorts as the position does, because a sort key is one attribute."""
    return f"{position.created_at:0{POSITION_DIGITS}d} {position.room_id}"


def _text(value: str) -> dict[str, str]:
    return {"S": value}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _optional(item: Item, name: str, kind: str) -> str | None:
    attribute: Any = item.get(name)
    if attribute is None or "NULL" in attribute:  # boto3 writes None so
        return None
    value = attribute.get(kind)
    if not isinstance(value, str):
        raise InvalidItem(f"its attribute {name} is not of the type {kind}")
    return value


def _required(item: Item, name: str) -> str:
    value = _optional(item, name, "S")
    if not value:  # an empty token would open the room to everyone
        raise InvalidItem(f"its attribute {name} is missing or empty")
    return value


def _whole(item: Item, name: str, default: int) -> int:
    digits = _optional(item, name, "N")
    if digits is None:
        return default
    try:
        number = Decimal(digits)
    except InvalidOperation as error:
        raise InvalidItem(f"its attribute {name} is no number") from error
    return int(min(max(number, Decimal(0)), Decimal(MAX_NUMBER)))


def _policy(text: str) -> Policy:
    try:
        return msgspec.json.decode(text, type=Policy)
    except msgspec.MsgspecError as error:
        raise InvalidItem("its policy can't be read") from error
