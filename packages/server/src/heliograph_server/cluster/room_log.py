"""A room as fields of bytes, and back: what has to outlive the node that is its home.

Peers of level 1 are not in it: they end with their connection.

| field | of what |
|---|---|
| `m:<peer id>` | a member |
| `b:<mailbox>` | how far its mailbox is |
| `f:<mailbox>:<number>` | one frame in it; in the order of the numbers |
| `c:<claim id>` | a claim |
| `w:<number>` | a place in the line for a claim; in the order of the numbers |
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec import Struct

from heliograph_protocol import ClaimPeer, Metadata, PeerState, Ref, compile_filter
from heliograph_server.cluster.bus import Fields
from heliograph_server.identity.verifier import User
from heliograph_server.signaling.claims import Claim, Waiting
from heliograph_server.signaling.links import Receipt
from heliograph_server.signaling.live_room import LiveRoom
from heliograph_server.signaling.mailbox import Entry
from heliograph_server.signaling.member import Entrance, Member
from heliograph_server.signaling.session_key import SessionKey

if TYPE_CHECKING:
    from heliograph_server.cluster.kept_mailbox import KeptMailbox

__all__ = [
    "claim_field",
    "fill",
    "frame_field",
    "frame_of",
    "member_field",
    "member_name",
    "progress_field",
    "waiting_field",
    "whole",
]

_T = TypeVar("_T")
_encode: Final = msgspec.msgpack.Encoder().encode


class _Member(Struct, frozen=True, array_like=True):
    peer_id: str
    user: User
    role: str
    metadata: Metadata
    groups: list[str]
    grants: list[str]
    groups_pinned: bool
    connected_at: int
    state: PeerState
    last_claimed: int
    session_id: str
    digests: tuple[bytes, bytes]
    box: str


class _Progress(Struct, frozen=True, array_like=True):
    first: int
    confirms: bool
    presence_missed: bool
    intact: bool


class _Receipt(Struct, frozen=True, array_like=True):
    sender: str
    session_id: str
    ref: Ref


class _Frame(Struct, frozen=True, array_like=True):
    frame: bytes
    presence: bool
    receipt: _Receipt | None


class _Claim(Struct, frozen=True, array_like=True):
    claimer: str
    claimed: str
    expires_at: int


class _Waiting(Struct, frozen=True, array_like=True):
    who: str
    request: ClaimPeer
    until: float


def member_field(member: Member, box: str) -> tuple[bytes, bytes]:
    """A member of level 2."""
    key = member.key or SessionKey()
    record = _Member(
        peer_id=member.peer_id,
        user=member.user,
        role=member.role,
        metadata=member.metadata,
        groups=sorted(member.groups),
        grants=sorted(member.grants),
        groups_pinned=member.groups_pinned,
        connected_at=member.connected_at,
        state=member.state,
        last_claimed=member.last_claimed,
        session_id=key.session_id,
        digests=key.digests,
        box=box,
    )
    return member_name(member), _encode(record)


def member_name(member: Member) -> bytes:
    """The field of a member."""
    return b"m:" + member.peer_id.encode()


def progress_field(box: str, *, first: int, confirms: bool, presence_missed: bool, intact: bool) -> tuple[bytes, bytes]:
    """How far a mailbox is."""
    return f"b:{box}".encode(), _encode(_Progress(first, confirms, presence_missed, intact))


def frame_field(box: str, number: int) -> bytes:
    """The name of the field of a frame. Numbers only grow, also over several homes."""
    return f"f:{box}:{number:016x}".encode()


def frame_of(entry: Entry) -> bytes:
    """A frame in a mailbox."""
    receipt = None
    if entry.receipt is not None:
        sender, ref = entry.receipt
        receipt = _Receipt(sender.peer_id, "" if sender.key is None else sender.key.session_id, ref)
    return _encode(_Frame(entry.frame, entry.presence, receipt))


def claim_field(claim: Claim) -> tuple[bytes, bytes]:
    """A claim."""
    record = _Claim(claim.claimer.peer_id, claim.claimed.peer_id, claim.expires_at)
    return f"c:{claim.claim_id}".encode(), _encode(record)


def waiting_field(waiting: Waiting) -> tuple[bytes, bytes]:
    """A place in the line."""
    return f"w:{waiting.number:016x}".encode(), _encode(_Waiting(waiting.who.peer_id, waiting.request, waiting.until))


def whole(room: LiveRoom, boxes: "Callable[[Member], KeptMailbox | None]") -> dict[bytes, bytes]:
    """All that is to be kept of a room as it is now. `boxes` gives the mailboxes of members of level 2."""
    fields: dict[bytes, bytes] = {}
    for member in room.members.values():
        box = boxes(member)
        if box is not None:
            fields.update([member_field(member, box.name)])
            fields.update(box.fields())
    claims, line = room.claims.all()
    fields.update(claim_field(claim) for claim in claims)
    fields.update(waiting_field(waiting) for waiting in line)
    return fields


def fill(room: LiveRoom, fields: Fields, mailbox: "Callable[[str], KeptMailbox]") -> None:
    """Put into an empty room what was kept of it: everyone is away. `mailbox` makes a mailbox of that name.

    What refers to someone who is not there any more is left out; whoever is at the other end of such a claim is told.
    """
    sessions: dict[str, Member] = {}
    boxes: dict[str, KeptMailbox] = {}
    for record in _members(fields):
        box = boxes[record.box] = mailbox(record.box)
        member = _restored(record, room, box)
        room.members[member.peer_id] = member
        sessions[record.session_id] = member
    _fill_mailboxes(fields, boxes, sessions)
    claims, orphans = _claims(fields, room)
    room.claims.restore(claims, list(_line(fields, room)))
    for claim_id, member in orphans:
        room.claims.tell_lost(member, claim_id)


def _members(fields: Fields) -> list[_Member]:
    records = [_decode(value, _Member) for name, value in fields.items() if name.startswith(b"m:")]
    return sorted(records, key=lambda record: (record.connected_at, record.peer_id))


def _restored(record: _Member, room: LiveRoom, box: "KeptMailbox") -> Member:
    entrance = Entrance(
        peer_id=record.peer_id,
        user=record.user,
        role=record.role,
        metadata=record.metadata,
        groups=frozenset(record.groups),
        grants=frozenset(record.grants),
        groups_pinned=record.groups_pinned,
        resumable=True,
    )
    member = Member(entrance, room=room, link=box, connected_at=record.connected_at)
    member.key = SessionKey(record.session_id, record.digests)
    member.last_claimed = record.last_claimed
    member.state = "away"
    return member


def _fill_mailboxes(fields: Fields, boxes: "dict[str, KeptMailbox]", sessions: dict[str, Member]) -> None:
    entries: dict[str, list[tuple[int, Entry]]] = {name: [] for name in boxes}
    for field in sorted(name for name in fields if name.startswith(b"f:")):
        _, name, number = field.decode().split(":")
        if name in entries:
            kept = _decode(fields[field], _Frame)
            receipt = None
            if kept.receipt is not None and (sender := sessions.get(kept.receipt.session_id)) is not None:
                receipt = Receipt(sender, kept.receipt.ref)
            entries[name].append((int(number, 16), Entry(kept.frame, receipt, kept.presence)))
    for name, box in boxes.items():
        found = fields.get(f"b:{name}".encode())
        progress = _Progress(0, confirms=False, presence_missed=False, intact=True)
        if found is not None:
            progress = _decode(found, _Progress)
        box.restore(
            entries[name],
            first=progress.first,
            confirms=progress.confirms,
            presence_missed=progress.presence_missed,
            intact=progress.intact,
        )


def _claims(fields: Fields, room: LiveRoom) -> tuple[list[Claim], list[tuple[str, Member]]]:
    claims: list[Claim] = []
    orphans: list[tuple[str, Member]] = []
    for name, value in fields.items():
        if name.startswith(b"c:"):
            record, claim_id = _decode(value, _Claim), name[2:].decode()
            claimer, claimed = room.members.get(record.claimer), room.members.get(record.claimed)
            if claimer is not None and claimed is not None:
                claims.append(Claim(claimer, claimed, record.expires_at, claim_id))
            else:
                orphans += [(claim_id, member) for member in (claimer, claimed) if member is not None]
    claims.sort(key=lambda claim: (claim.claimed.last_claimed, claim.expires_at, claim.claim_id))
    return claims, orphans


def _line(fields: Fields, room: LiveRoom) -> Iterator[Waiting]:
    for name in sorted(name for name in fields if name.startswith(b"w:")):
        record = _decode(fields[name], _Waiting)
        who = room.members.get(record.who)
        if who is not None:
            matches = compile_filter(record.request.filters)
            yield Waiting(who, record.request, matches, int(name.decode().partition(":")[2], 16), record.until)


def _decode(value: bytes, kind: "type[_T]") -> "_T":
    return msgspec.msgpack.decode(value, type=kind)
