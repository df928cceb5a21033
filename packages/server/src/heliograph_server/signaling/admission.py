"""The way into a room: who are you, and may you come in."""

from heliograph_protocol import Register
from heliograph_server.identity.verifier import IdentityProvider, User
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.service import RoomService

__all__ = ["Admission"]


class Admission:
    """Checks a `register` message's two proofs. The only part of signaling that waits for anything."""

    def __init__(self, identity: IdentityProvider, rooms: RoomService) -> None:
        self._identity = identity
        self._rooms = rooms

    async def admit(self, request: Register) -> tuple[User, Room]:
        """The user and the room. Raises the `DomainError` that says what is wrong; on doubt nobody is admitted."""
        user = await self._identity.verify(request.id_token)
        return user, await self._rooms.admit(request.room_id, request.token)
