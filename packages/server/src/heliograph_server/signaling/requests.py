"""What the server itself answers to a registered peer."""

from collections.abc import Callable
from typing import assert_never

import msgspec
from msgspec import UNSET, UnsetType

from heliograph_protocol import (
    METADATA_BYTES,
    AvailablePeers,
    ClaimPeer,
    ClaimReleased,
    CloseCode,
    DiscoverPeers,
    ErrorCode,
    GroupsUpdated,
    Inspect,
    InspectStop,
    InvalidMessage,
    Leave,
    Message,
    Metadata,
    MetadataUpdated,
    PeerList,
    Ping,
    Pong,
    Query,
    Received,
    Register,
    ReleaseClaim,
    Report,
    Request,
    SetGroups,
    UpdateMetadata,
    compile_filter,
    encode,
    json_depth,
)
from heliograph_server.inspection.inspectors import Inspectors, TooManyViews, Wanted
from heliograph_server.signaling.claims import ClaimRefused
from heliograph_server.signaling.forwarding import Refused
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.mailbox import Mailbox
from heliograph_server.signaling.member import Member, described_bytes

__all__ = ["METADATA_DEPTH", "Requests", "checked_metadata"]

METADATA_DEPTH = 16
"""How deep lists and objects in metadata may nest: others have to read them."""


def checked_metadata(metadata: Metadata) -> Metadata:
    """The metadata without its null properties. Raises `InvalidMessage` if it is too big or too deep."""
    properties = {name: value for name, value in metadata.properties.items() if value is not None}
    if json_depth(properties) > METADATA_DEPTH:
        raise InvalidMessage(f"Metadata nests deeper than {METADATA_DEPTH}")
    checked = Metadata(tags=list(dict.fromkeys(metadata.tags)), properties=properties)
    if len(msgspec.json.encode(checked)) > METADATA_BYTES:
        raise InvalidMessage(f"Metadata has at most {METADATA_BYTES} bytes as JSON")
    return checked


class Requests:
    """Answers requests. `wall_clock` gives Unix seconds."""

    def __init__(self, hub: Hub, wall_clock: Callable[[], float], inspectors: Inspectors) -> None:
        self._hub = hub
        self._inspectors = inspectors
        self._wall_clock = wall_clock

    def answer(self, member: Member, request: Request) -> None:
        """Do what was asked, and tell the peer. Raises `Refused`, `ProtocolError`."""
        match request:
            case Query(ref=ref):
                _need(member, "discover")
                peers = [other.peer_id for other in member.room.seen_by(member)]
                _reply(member, AvailablePeers(peers=peers, ref=ref))
            case Ping(ref=ref):
                _reply(member, Pong(time=int(self._wall_clock()), ref=ref))
            case DiscoverPeers():
                self._discover(member, request)
            case UpdateMetadata():
                self._update_metadata(member, request)
            case SetGroups():
                self._set_groups(member, request)
            case Leave():
                self._hub.leave(member)
                member.link.close(CloseCode.LEAVE, "left")
            case ClaimPeer() | ReleaseClaim():
                self._claim(member, request)
            case Received(count=count):
                if not isinstance(member.link, Mailbox) or not member.link.confirm(count):
                    raise InvalidMessage(f"{count} messages were not sent in this session")
            case Report() | Inspect() | InspectStop():
                self._inspection(member, request)
            case Register():
                raise InvalidMessage("This connection is registered already")
            case never:
                assert_never(never)

    @staticmethod
    def _claim(member: Member, request: ClaimPeer | ReleaseClaim) -> None:
        match request:
            case ClaimPeer():
                _need(member, "claim")
                _claims(lambda: member.room.claims.claim(member, request))
            case ReleaseClaim(claim_id=claim_id, ref=ref):
                _claims(lambda: member.room.claims.release(member, claim_id))
                _reply(member, ClaimReleased(claim_id=claim_id, ref=ref))
            case never:
                assert_never(never)

    def _inspection(self, member: Member, request: Report | Inspect | InspectStop) -> None:
        match request:
            case Report():
                self._hub.chronicle.reported(member, request)
            case Inspect():
                self._inspect(member, request)
            case InspectStop(ref=ref):
                self._inspectors.pause(member)
                member.link.reply(self._inspectors.stopped(ref))
            case never:
                assert_never(never)

    def _inspect(self, member: Member, request: Inspect) -> None:
        _need(member, "manage")
        if not isinstance(member.link, Mailbox):
            raise InvalidMessage("To inspect, register with protocol 2")
        if request.operator_token is not UNSET:
            raise InvalidMessage("An operator inspects over a connection that has not registered")
        if request.room_id is not UNSET and request.room_id != member.room_id:
            raise Refused(ErrorCode.NOT_PERMITTED, "You are in another room")
        wanted = Wanted(member.room_id, request.peers, request.ref)
        try:
            self._inspectors.look(member, wanted, reply=member.link.reply, show=member.link.show)
        except TooManyViews as error:
            raise Refused(ErrorCode.RATE_LIMITED, str(error)) from error

    @staticmethod
    def _discover(member: Member, request: DiscoverPeers) -> None:
        _need(member, "discover")
        _own(member, request)
        matches = compile_filter(request.filters)
        views = (other.view() for other in member.room.seen_by(member) if other is not member)
        peers = [view for view in views if matches(view)]
        _reply(member, PeerList(to_peer_id=member.peer_id, count=len(peers), peers=peers, ref=request.ref))

    def _update_metadata(self, member: Member, request: UpdateMetadata) -> None:
        _own(member, request)
        metadata = checked_metadata(
            Metadata(
                tags=[*member.metadata.tags, *request.metadata.tags],
                properties=member.metadata.properties | request.metadata.properties,
            )
        )
        _check_room(member, metadata, member.groups)
        _reply(member, MetadataUpdated(peer_id=member.peer_id, metadata=metadata, ref=request.ref))
        self._hub.set_metadata(member, metadata)

    def _set_groups(self, member: Member, request: SetGroups) -> None:
        groups = frozenset(request.groups)
        if groups != member.groups:
            if member.groups_pinned:
                raise Refused(ErrorCode.NOT_PERMITTED, "Your join token says which groups you are in")
            _check_room(member, member.metadata, groups)
            self._hub.set_groups(member, groups)
        _reply(member, GroupsUpdated(groups=sorted(groups), ref=request.ref))


def _need(member: Member, grant: str) -> None:
    if grant not in member.grants:
        raise Refused(ErrorCode.NOT_PERMITTED, f"You do not have the grant {grant}")


def _own(member: Member, request: DiscoverPeers | UpdateMetadata) -> None:
    """These messages may name their sender, as the original's do; then they have to name it right."""
    named: tuple[str | UnsetType, ...] = (request.from_peer_id, request.peer_id)
    if any(name is not UNSET and name != member.peer_id for name in named):
        raise Refused(ErrorCode.SENDER_MISMATCH, f"You are {member.peer_id}")


def _check_room(member: Member, metadata: Metadata, groups: frozenset[str]) -> None:
    """Raise `InvalidMessage` if the room's peers would then say too much of themselves. Saying less is never that."""
    described = described_bytes(member.role, metadata, groups)
    if described > member.described_bytes and not member.room.has_room_for(described, instead_of=member):
        raise InvalidMessage("The peers of this room say too much of themselves to take more of it")


def _claims(action: Callable[[], None]) -> None:
    try:
        action()
    except ClaimRefused as error:
        raise Refused(error.code, str(error)) from error


def _reply(member: Member, message: Message) -> None:
    member.link.reply(encode(message))
