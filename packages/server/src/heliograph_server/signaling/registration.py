"""From a `register` message to a member: the two proofs, the way in or back in, and the reply."""

from collections.abc import Awaitable, Callable

from msgspec import UNSET

from heliograph_protocol import Limits, Metadata, Register, RegisteredAuth, SessionInfo, encode
from heliograph_server.errors import InvalidRoomToken
from heliograph_server.ice.servers import IceServers
from heliograph_server.identity.verifier import IdentityProvider, User
from heliograph_server.rooms.invitations import Invitation
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.service import RoomService
from heliograph_server.signaling.homes import ALONE, Homes
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.mailbox import Mailbox
from heliograph_server.signaling.member import DEFAULT_GROUPS, DEFAULT_ROLE, NO_METADATA, Entrance, Member
from heliograph_server.signaling.permissions import ALL_GRANTS, ROOM_TOKEN_GRANTS
from heliograph_server.signaling.requests import checked_metadata
from heliograph_server.transport.connection import MESSAGE_BYTES, Connection

__all__ = ["Registration"]

LEVEL_2 = 2


class Registration:
    """Checks who wants in, and lets it in.

    The only part of signaling that waits for anything, and it does so only where it has to: for keys that were not
    fetched yet, for rooms that are kept elsewhere, for other nodes. A task for each peer takes longer than all that
    there is to look up.
    """

    def __init__(
        self,
        identity: IdentityProvider,
        rooms: RoomService,
        hub: Hub,
        ice_servers: IceServers,
        rate_per_s: int,
        *,
        homes: Homes = ALONE,
    ) -> None:
        self._identity = identity
        self.rooms = rooms
        self._hub = hub
        self._ice_servers = ice_servers
        self._homes = homes
        self._limits = Limits(message_bytes=MESSAGE_BYTES, messages_per_s=rate_per_s)

    def register(
        self, request: Register, connection: Connection, registered: Callable[[Member], None]
    ) -> Awaitable[None] | None:
        """Make the connection a member's, tell `registered`, then send the reply and what a resumed peer missed.

        What it returns, if anything, is to be awaited: it could not be done at once. Raises the `DomainError` that says
        what is wrong, or, when awaited, `RoomElsewhere`; on doubt nobody is admitted. If the connection ends meanwhile,
        nothing happens. After the last wait there is none before the member is in the room.
        """
        user = self._identity.verify_now(request.id_token)
        if user is None or self._homes is not ALONE:
            return self._register_later(request, user, connection, registered)
        if self._back(request, user, connection, registered):
            return None
        metadata = _metadata(request)
        admission = self.rooms.admit_now(request.room_id, request.token)
        if admission is None:
            return self._register_later(request, user, connection, registered)
        room, invitation = admission
        member = self._hub.join(room, _entrance(request, metadata, user, room, invitation), connection)
        self._welcome(request, member, connection, registered, resumed=False)
        return None

    async def _register_later(
        self, request: Register, user: User | None, connection: Connection, registered: Callable[[Member], None]
    ) -> None:
        if user is None:
            user = await self._identity.verify(request.id_token)
        if _over(connection):
            return
        async with self._homes.hold(request.room_id):
            if self._back(request, user, connection, registered):
                return
            metadata = _metadata(request)
            room, invitation = await self.rooms.admit(request.room_id, request.token)
            if _over(connection):
                return
            member = self._hub.join(room, _entrance(request, metadata, user, room, invitation), connection)
            self._welcome(request, member, connection, registered, resumed=False)

    def _back(
        self, request: Register, user: User, connection: Connection, registered: Callable[[Member], None]
    ) -> bool:
        """Let the peer go on as the member that it was; False if it does not want to, or may not."""
        if request.resume is None or request.protocol < LEVEL_2:
            return False
        member = self._hub.resume(request.room_id, request.peer_id, user, request.resume, connection)
        if member is None:
            return False
        self._welcome(request, member, connection, registered, resumed=True)
        return True

    def _welcome(
        self,
        request: Register,
        member: Member,
        connection: Connection,
        registered: Callable[[Member], None],
        *,
        resumed: bool,
    ) -> None:
        registered(member)
        connection.send(encode(self._reply(request, member, resumed=resumed)))
        if isinstance(member.link, Mailbox):
            member.link.pump()
        self._hub.settle(member)

    def _reply(self, request: Register, member: Member, *, resumed: bool) -> RegisteredAuth:
        if member.key is None:
            return RegisteredAuth(room_id=member.room_id, token=request.token, peer_id=member.peer_id, ref=request.ref)
        seen = member.room.seen_by(member) if "discover" in member.grants else ()
        return RegisteredAuth(
            room_id=member.room_id,
            token=request.token,
            peer_id=member.peer_id,
            ref=request.ref,
            role=member.role,
            grants=sorted(member.grants),  # type: ignore[arg-type]
            expires_at=member.room.expires_at,
            session=SessionInfo(
                session_id=member.key.session_id,
                secret=member.key.secret,
                resume_window_s=self._hub.resume_window_s,
                resumed=resumed,
            ),
            ice_servers=self._ice_servers.for_user(member.user.subject),
            peers=[other.view() for other in seen if other is not member],
            limits=self._limits,
        )


def _over(connection: Connection) -> bool:
    """A function, because the answer changes while one waits."""
    return connection.closed


def _metadata(request: Register) -> Metadata:
    """What the peer says of itself. Raises `InvalidMessage`."""
    return NO_METADATA if request.metadata is None else checked_metadata(request.metadata)


def _entrance(request: Register, metadata: Metadata, user: User, room: Room, invitation: Invitation | None) -> Entrance:
    """What the peer may be and do here. Raises `InvalidRoomToken` if its join token says otherwise."""
    wanted_groups = None if request.groups is UNSET else frozenset(request.groups)
    role = DEFAULT_ROLE if request.role is UNSET else request.role
    groups = DEFAULT_GROUPS if wanted_groups is None or wanted_groups == DEFAULT_GROUPS else wanted_groups
    grants = ROOM_TOKEN_GRANTS
    pinned_groups = None
    if invitation is not None:
        if invitation.peer_id not in (None, request.peer_id):
            raise InvalidRoomToken("The join token is for another peer id")
        if invitation.role is not None:
            if request.role not in (UNSET, invitation.role):
                raise InvalidRoomToken("The join token is for another role")
            role = invitation.role
        if invitation.groups is not None:
            pinned_groups = frozenset(invitation.groups)
            if wanted_groups not in (None, pinned_groups):
                raise InvalidRoomToken("The join token is for other groups")
            groups = pinned_groups
        grants = invitation.grants
    return Entrance(
        peer_id=request.peer_id,
        user=user,
        role=role,
        metadata=metadata,
        groups=groups,
        grants=ALL_GRANTS if user == room.owner else grants,
        groups_pinned=pinned_groups is not None,
        resumable=request.protocol >= LEVEL_2,
    )
