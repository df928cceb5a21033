"""From a `register` message to a member: the two proofs, the way in or back in, and the reply."""

from collections.abc import Callable

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
from heliograph_server.signaling.member import DEFAULT_GROUPS, DEFAULT_ROLE, Entrance, Member
from heliograph_server.signaling.permissions import ALL_GRANTS, ROOM_TOKEN_GRANTS
from heliograph_server.signaling.requests import checked_metadata
from heliograph_server.transport.connection import MESSAGE_BYTES, Connection

__all__ = ["Registration"]

LEVEL_2 = 2


class Registration:
    """Checks who wants in, and lets it in. The only part of signaling that waits for anything."""

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

    async def register(self, request: Register, connection: Connection, registered: Callable[[Member], None]) -> None:
        """Make the connection a member's, tell `registered`, then send the reply and what a resumed peer missed.

        Raises the `DomainError` that says what is wrong, or `RoomElsewhere`; on doubt nobody is admitted. If the
        connection ends meanwhile, nothing happens. After the last wait there is none before the member is in the room.
        """
        user = await self._identity.verify(request.id_token)
        if _over(connection):
            return
        async with self._homes.hold(request.room_id):
            await self._enter(request, user, connection, registered)

    async def _enter(
        self, request: Register, user: User, connection: Connection, registered: Callable[[Member], None]
    ) -> None:
        member = None
        if request.resume is not None and request.protocol >= LEVEL_2:
            member = self._hub.resume(request.room_id, request.peer_id, user, request.resume, connection)
        resumed = member is not None
        if member is None:
            metadata = checked_metadata(request.metadata or Metadata())
            room, invitation = await self.rooms.admit(request.room_id, request.token)
            if _over(connection):
                return
            entrance = _entrance(request, metadata, user, room, invitation)
            member = self._hub.join(room, entrance, connection)
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
