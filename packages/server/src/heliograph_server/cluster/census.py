"""Who is in which room, wherever its home is: asked of the node that knows.

Questions go through the lines between nodes. `Answering` is the other end: it asks a `LocalCensus`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec import Struct

from heliograph_server.cluster.bus import BusUnavailable, Registry
from heliograph_server.cluster.homes import ClusterHomes
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.census import LocalCensus, Occupant, PeerRemoval
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.homes import RoomElsewhere

__all__ = ["Answering", "ClusterCensus", "OtherNodes"]

MOVES: Final = 3
"""How often a question follows a room that moves."""

T = TypeVar("T")


class _Occupants(Struct, frozen=True, tag=True):
    room_id: str


class _Counts(Struct, frozen=True, tag=True):
    room_ids: list[str]


class _Find(Struct, frozen=True, tag=True):
    peer_id: str


class _RemovePeer(Struct, frozen=True, tag=True):
    room_id: str
    peer_id: str


class _RemoveRoom(Struct, frozen=True, tag=True):
    room_id: str
    owner: User | None


class _Changed(Struct, frozen=True, tag=True):
    room: Room


class _Answer(Struct, frozen=True, array_like=True):
    """What was found, or which node is the room's home instead."""

    found: msgspec.Raw = msgspec.Raw(b"\xc0")
    elsewhere: str | None = None


_Question = _Occupants | _Counts | _Find | _RemovePeer | _RemoveRoom | _Changed
_encode: Final = msgspec.msgpack.encode
_read: Final = msgspec.msgpack.Decoder(_Question).decode


class OtherNodes(Protocol):
    """The rest of the cluster."""

    async def others(self) -> frozenset[str]:
        """The other living nodes, the newest among them. Raises `BusUnavailable` if that is not known at the moment."""

    async def ask(self, node: str, question: bytes) -> bytes:
        """Another node's answer. Raises `BusUnavailable`."""


class ClusterCensus:
    """See `Census`."""

    def __init__(self, local: LocalCensus, homes: ClusterHomes, registry: Registry, nodes: OtherNodes) -> None:
        self._local = local
        self._homes = homes
        self._registry = registry
        self._nodes = nodes

    async def occupants(self, room_id: str) -> list[Occupant]:
        """See `Census.occupants`."""
        return await self._at_home(room_id, lambda: self._local.occupants(room_id), _Occupants(room_id), list[Occupant])

    async def counts(self, room_ids: Sequence[str]) -> dict[str, int]:
        """See `Census.counts`. A room whose node is dead counts as empty until somebody comes back to it."""
        counts = dict.fromkeys(room_ids, 0)
        elsewhere = [room_id for room_id in room_ids if room_id not in self._homes.here]
        counts |= await self._local.counts([room_id for room_id in room_ids if room_id in self._homes.here])
        homes = await asyncio.gather(*(self._homes.where(room_id) for room_id in elsewhere))
        by_node: defaultdict[str, list[str]] = defaultdict(list)
        for room_id, node in zip(elsewhere, homes, strict=True):
            if node is not None:
                by_node[node].append(room_id)
        answers = await asyncio.gather(
            *(self._ask_for(node, _Counts(asked), dict[str, int]) for node, asked in by_node.items())
        )
        for answer in answers:
            counts |= answer
        return counts

    async def find(self, peer_id: str) -> list[Occupant]:
        """See `Census.find`. Asks every node."""
        others = await self._nodes.others()
        asking = (self._ask_for(node, _Find(peer_id), list[Occupant]) for node in others)
        found = await asyncio.gather(self._local.find(peer_id), *asking)
        return [occupant for part in found for occupant in part]

    async def remove_peer(self, room_id: str, peer_id: str) -> PeerRemoval:
        """See `Census.remove_peer`."""
        return await self._at_home(
            room_id,
            lambda: self._local.remove_peer(room_id, peer_id),
            _RemovePeer(room_id, peer_id),
            PeerRemoval,
        )

    async def remove_room(self, room_id: str, owner: User | None) -> None:
        """See `Census.remove_room`."""
        await self._at_home(
            room_id, lambda: self._local.remove_room(room_id, owner), _RemoveRoom(room_id, owner), type(None)
        )
        if room_id not in self._homes.here:  # the owner's id token was seen on this node, perhaps on no other
            await self._local.remove_room(room_id, owner)

    async def room_changed(self, room: Room) -> None:
        """See `Census.room_changed`."""
        await self._at_home(room.room_id, lambda: self._local.room_changed(room), _Changed(room), type(None))

    async def homed(self, room_ids: Sequence[str]) -> set[str]:
        """Those of the rooms that are at home anywhere, even at a dead node: somebody may come back."""
        elsewhere = [room_id for room_id in room_ids if room_id not in self._homes.here]
        homes = await asyncio.gather(*(self._registry.home(room_id) for room_id in elsewhere))
        free = {room_id for room_id, home in zip(elsewhere, homes, strict=True) if home is None}
        return set(room_ids) - free

    async def _at_home(self, room_id: str, here: Callable[[], Awaitable[T]], question: _Question, answer: type[T]) -> T:
        node: str | None = None
        for _ in range(MOVES):
            if node is None and room_id not in self._homes.here and await self._registry.home(room_id) is None:
                return await here()  # where nobody is
            if node is None:
                try:
                    async with self._homes.hold(room_id):
                        return await here()
                except RoomElsewhere as elsewhere:
                    node = elsewhere.node or None
                    if node is None:
                        continue
            reply = await self._ask(node, question)
            if reply.elsewhere is None:
                return msgspec.msgpack.decode(reply.found, type=answer)
            node = None
        raise BusUnavailable("The room is moving from node to node")

    async def _ask(self, node: str, question: _Question) -> _Answer:
        return msgspec.msgpack.decode(await self._nodes.ask(node, _encode(question)), type=_Answer)

    async def _ask_for(self, node: str, question: _Question, answer: type[T]) -> T:
        return msgspec.msgpack.decode((await self._ask(node, question)).found, type=answer)


class Answering:
    """Answers the questions of other nodes."""

    def __init__(self, local: LocalCensus, homes: ClusterHomes) -> None:
        self._local = local
        self._homes = homes

    async def answer(self, question: bytes) -> bytes:
        """The answer to a question of a `ClusterCensus`."""
        asked: _Question = _read(question)
        match asked:
            case _Occupants(room_id):
                return await self._at_home(room_id, lambda: self._local.occupants(room_id))
            case _Counts(room_ids):
                return _found(await self._local.counts(room_ids))
            case _Find(peer_id):
                return _found(await self._local.find(peer_id))
            case _RemovePeer(room_id, peer_id):
                return await self._at_home(room_id, lambda: self._local.remove_peer(room_id, peer_id))
            case _RemoveRoom(room_id, owner):
                return await self._at_home(room_id, lambda: self._local.remove_room(room_id, owner))
            case _Changed(room):
                return await self._at_home(room.room_id, lambda: self._local.room_changed(room))

    async def _at_home(self, room_id: str, here: Callable[[], Awaitable[object]]) -> bytes:
        try:
            async with self._homes.hold(room_id):
                return _found(await here())
        except RoomElsewhere as elsewhere:
            return _encode(_Answer(elsewhere=elsewhere.node))


def _found(answer: object) -> bytes:
    return _encode(_Answer(msgspec.Raw(_encode(answer))))
