"""What every peer can do in its room: see who is there, say what it is, send messages, claim others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

from msgspec import UNSET

from heliograph.event_stream import EventStream
from heliograph.events import RoomEvent
from heliograph.filters import peer_filters
from heliograph.labels import Strings, strings
from heliograph.peer.ice_servers import IceServerLike, UsableIceServers, usable_ice_servers
from heliograph.rpc.methods import Methods
from heliograph.signaling.claims import Claiming
from heliograph.signaling.client import SignalingClient
from heliograph.signaling.roster import Roster
from heliograph_protocol import (
    Ack,
    ClaimPeer,
    DiscoverPeers,
    GroupsUpdated,
    Metadata,
    MetadataUpdated,
    Peer,
    PeerList,
    PeerMessage,
    SetGroups,
    UpdateMetadata,
)

__all__ = ["Member", "ice_source"]

H = TypeVar("H", bound=Callable[..., Any])


class Member:
    """A peer in a room. All of its methods raise `SignalingError`s: a `Refused` of the server, or that it is not there.

    While the connection to the server is lost, they wait for it to come back, 15 s at most.
    """

    def __init__(self, signaling: SignalingClient) -> None:
        self._signaling = signaling
        self._stream: EventStream[RoomEvent] = EventStream()
        self._methods = Methods()

    @property
    def peer_id(self) -> str:
        """This peer's id in the room."""
        return self._signaling.peer_id

    @property
    def room_id(self) -> str:
        """The room."""
        return self._signaling.room_id

    @property
    def id_token(self) -> str | None:
        """The present id token, a secret: who this peer is to the server. None before there is one."""
        return self._signaling.id_token

    @property
    def grants(self) -> frozenset[str]:
        """What this peer may do: `discover`, `signal`, `message`, `broadcast`, `claim`, `manage`."""
        registered = self._signaling.registered
        return frozenset() if registered is None or registered.grants is UNSET else frozenset(registered.grants)

    @property
    def expires_at(self) -> int | None:
        """When the room stops letting peers in, in Unix seconds; those inside may stay. None if that is not known."""
        registered = self._signaling.registered
        return None if registered is None or registered.expires_at is UNSET else registered.expires_at

    @property
    def roster(self) -> Roster:
        """The other peers in sight by their ids, as the server tells of them."""
        return self._signaling.roster

    def rpc(self, method: str) -> Callable[[H], H]:
        """Decorate the handler of a method that every peer with a connection may call: `@worker.rpc("train")`.

        A coroutine function returns the result; an async generator function streams results; a plain function runs in a
        thread, and cannot be cancelled. Arguments, by position or name, are decoded and checked by the handler's
        annotations, results too: anything that msgspec knows. A parameter annotated `heliograph.Connection` gets the
        connection to the caller. Raise `RpcError` with a code to tell the caller what is wrong; of any other exception
        it only learns that the method failed. When the caller gives up or its connection is lost, the handler is
        cancelled. For each connection 32 handlers run at once, and 128 more calls wait.
        """
        return self._methods.register(method)

    async def peers(self) -> list[str]:
        """The ids of the other peers in the room; this asks the server."""
        return [peer_id for peer_id in await self._signaling.query() if peer_id != self.peer_id]

    async def discover(
        self,
        *,
        role: Strings | None = None,
        tags: Strings | None = None,
        all_tags: Strings | None = None,
        groups: Strings | None = None,
        state: Strings | None = None,
        properties: Mapping[str, Any] | None = None,
        **more_properties: Any,
    ) -> list[Peer]:
        """The other peers for which all of this holds; this asks the server.

        `tags` and `groups` mean any of them, `all_tags` all. A property is a value to equal or a dict of operators
        (`$eq $ne $gt $gte $lt $lte $in $nin $exists`): `gpu_memory_mb={"$gte": 8192}`. Properties whose names are no
        Python names, or those of other arguments, go into `properties`. Raises `TypeError` for some names that were
        hardly meant as a property, such as `tag`.
        """
        filters = peer_filters(
            role=role,
            tags=tags,
            all_tags=all_tags,
            groups=groups,
            state=state,
            properties=properties,
            more_properties=more_properties,
        )
        return (await self._signaling.ask(DiscoverPeers(filters=filters), PeerList)).peers

    def claim(
        self,
        *,
        role: Strings | None = None,
        tags: Strings | None = None,
        all_tags: Strings | None = None,
        groups: Strings | None = None,
        state: Strings | None = None,
        properties: Mapping[str, Any] | None = None,
        ttl_s: int = 60,
        wait_s: int = 0,
        **more_properties: Any,
    ) -> Claiming:
        """Claim one free peer for which all of this holds: `async with session.claim(role="worker") as claim`.

        The filters are those of `discover`. The claim ends after `ttl_s` seconds (3,600 at most) unless it is released
        before, as the end of the block does; it is not renewed, and the block is not told. For a free peer it waits
        `wait_s` seconds in line; a `ClaimQueued` event tells the position. Raises `NoPeerAvailable`.
        """
        filters = peer_filters(
            role=role,
            tags=tags,
            all_tags=all_tags,
            groups=groups,
            state=state,
            properties=properties,
            more_properties=more_properties,
        )
        return Claiming(lambda: self._signaling.claim(ClaimPeer(filters=filters, ttl_s=ttl_s, wait_s=wait_s)))

    async def update(
        self, *, tags: Strings = (), properties: Mapping[str, Any] | None = None, **more_properties: Any
    ) -> Metadata:
        """Add tags, set properties (None removes one), return all of this peer's metadata: `update(status="busy")`."""
        metadata = Metadata(tags=strings(tags), properties={**(properties or {}), **more_properties})
        return (await self._signaling.ask(UpdateMetadata(metadata=metadata), MetadataUpdated)).metadata

    async def set_groups(self, *groups: str) -> list[str]:
        """Be in these groups and no others; peers see and reach those with whom they share one."""
        return (await self._signaling.ask(SetGroups(groups=list(groups)), GroupsUpdated)).groups

    async def message(
        self, peer_id: str, payload: Any, *, ack: bool = False
    ) -> Literal["delivered", "buffered"] | None:
        """Send a peer any JSON through the server, 64 KiB at most by default.

        Without `ack` it is queued, and should it not be delivered, an `Undelivered` event says so. With `ack` this
        waits until the server has handed it over, or keeps it for a peer that is away, and raises if it does neither:
        `PeerNotFound`, `PeerAwayBufferFull`, `NotPermitted`, or `DeliveryUnknown` where nobody can tell.
        """
        return await self._message(PeerMessage(to_peer_id=peer_id, payload=payload), ack=ack)

    async def broadcast(
        self, group: str, payload: Any, *, ack: bool = False
    ) -> Literal["delivered", "buffered"] | None:
        """Send everyone else in one of this peer's groups any JSON. See `message`."""
        return await self._message(PeerMessage(to_group=group, payload=payload), ack=ack)

    def events(self) -> AsyncIterator[RoomEvent]:
        """What happens in the room from the start of the session: `async for event in session.events()`.

        For one reader. It ends with the session, raising what ended the registration if the session's owner did not.
        Up to 4,096 events wait to be read; a reader that falls behind further gets `EventsMissed`. Before the first
        call the newest 256 are kept.
        """
        return self._stream.read()

    async def _message(self, message: PeerMessage, *, ack: bool) -> Literal["delivered", "buffered"] | None:
        if ack:
            return (await self._signaling.ask(message, Ack)).status
        await self._signaling.send(message)
        return None


def ice_source(signaling: SignalingClient, own: Iterable[IceServerLike] | None) -> Callable[[], UsableIceServers]:
    """Where the next connection gets its ICE servers from: one's own, or, without any, what the server names."""
    if own is not None:
        usable = usable_ice_servers(own)
        return lambda: usable
    named = signaling.ice_servers
    usable = usable_ice_servers(named)

    def newest() -> UsableIceServers:
        nonlocal named, usable
        if signaling.ice_servers is not named:
            named = signaling.ice_servers
            usable = usable_ice_servers(named)
        return usable

    return newest
