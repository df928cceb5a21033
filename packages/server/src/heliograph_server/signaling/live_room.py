"""A room that has someone in it, and who in it hears of whom."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

from heliograph_protocol import (
    PeerAway,
    PeerBack,
    PeerJoined,
    PeerLeft,
    PeerUpdated,
    RoomClosed,
    RoomExpiring,
    ServerDraining,
    encode,
)
from heliograph_server.inspection.chronicle import Chronicle
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.claims import Claims
from heliograph_server.signaling.journal import NO_JOURNAL, Journal
from heliograph_server.signaling.member import Member
from heliograph_server.signaling.timers import Timer, Timers

__all__ = ["EXPIRY_NOTICE_S", "ROOM_METADATA_BYTES", "LiveRoom"]

EXPIRY_NOTICE_S: Final = 300
"""How long before its end a room's members are told."""

ROOM_METADATA_BYTES: Final = 480 * 1024
"""What all peers of a room may say of themselves, together: roles, metadata and groups as JSON. So the list of a
thousand peers, whatever they are called and whoever holds claims on them, is never more than a connection takes."""

LeaveReason = Literal["left", "timed_out", "removed", "replaced", "room_closed"]
Notice = PeerJoined | PeerUpdated | PeerAway | PeerBack | PeerLeft


class LiveRoom:
    """The members of a room, its rules as they are now, and the news that go round in it."""

    def __init__(
        self,
        room: Room,
        *,
        timers: Timers,
        wall_clock: Callable[[], float],
        chronicle: Chronicle,
        journal: Journal = NO_JOURNAL,
    ) -> None:
        self.journal = journal
        self.room_id = room.room_id
        self.members: dict[str, Member] = {}
        self.claims = Claims(self.members, timers=timers, wall_clock=wall_clock, journal=journal, chronicle=chronicle)
        self.forwarded = 0
        """Signals and peer messages so far."""
        self._timers = timers
        self._wall_clock = wall_clock
        self._expiry_timer: Timer | None = None
        self.change(room)

    def change(self, room: Room) -> None:
        """The room's policy, size or end is another now."""
        self.policy = room.policy
        self.max_peers = room.max_peers
        self.expires_at = room.expires_at
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
            self._expiry_timer = None
        delay_s = room.expires_at - EXPIRY_NOTICE_S - self._wall_clock()
        if delay_s > 0:
            self._expiry_timer = self._timers.call_later(delay_s, self._tell_of_expiry)

    def end(self) -> None:
        """Nobody is in it any more."""
        self.claims.end()
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()

    def has_room_for(self, described_bytes: int, *, instead_of: Member | None) -> bool:
        """Whether a peer may say so much of itself, given all the others; `instead_of` is what it was until now."""
        if described_bytes == 0:
            return True  # as nearly everyone at level 1: no need to ask the others
        others = sum(member.described_bytes for member in self.members.values() if member is not instead_of)
        return others + described_bytes <= ROOM_METADATA_BYTES

    def seen_by(self, member: Member) -> Iterator[Member]:
        """Everyone whom a member sees, itself included."""
        return (other for other in self.members.values() if member is other or member.sees(other))

    def tell_joined(self, member: Member) -> None:
        """A member has come in."""
        self._tell(member, lambda: PeerJoined(peer=member.view()))

    def tell_updated(self, member: Member) -> None:
        """A member's metadata has changed."""
        self._tell(member, lambda: PeerUpdated(peer=member.view()))

    def tell_away(self, member: Member) -> None:
        """A member has lost its connection."""
        self._tell(member, lambda: PeerAway(peer=member.view()))

    def tell_back(self, member: Member) -> None:
        """A member is back."""
        self._tell(member, lambda: PeerBack(peer=member.view()))

    def tell_left(self, member: Member, reason: LeaveReason) -> None:
        """A member has gone for good."""
        self._tell(member, lambda: PeerLeft(peer=member.view(), reason=reason))

    def tell_regrouped(self, member: Member, before: Member, *, tell_member: bool) -> None:
        """A member has other groups than `before`: who gained sight of whom, who lost it, who still sees it.

        The member itself is told only if it does not get the list of peers anyway.
        """
        joined = encode(PeerJoined(peer=member.view()))
        updated = encode(PeerUpdated(peer=member.view()))
        left = encode(PeerLeft(peer=before.view(), reason="left"))
        for other in self.members.values():
            if other is member:
                continue
            saw, sees = before.sees(other), member.sees(other)
            if other.hears_news and (saw or sees):
                other.link.push_presence(updated if saw and sees else joined if sees else left)
            if tell_member and saw != sees and member.hears_news:
                news = PeerJoined(peer=other.view()) if sees else PeerLeft(peer=other.view(), reason="left")
                member.link.push_presence(encode(news))

    def tell_closed(self, reason: str) -> None:
        """The room is being closed."""
        self._notify_all(RoomClosed(reason=reason))

    def tell_draining(self, reconnect_within_s: int) -> None:
        """The server is about to end."""
        self._notify_all(ServerDraining(reconnect_within_s=reconnect_within_s))

    def _tell_of_expiry(self) -> None:
        self._expiry_timer = None
        self._notify_all(RoomExpiring(expires_at=self.expires_at))

    def _tell(self, member: Member, news: Callable[[], Notice]) -> None:
        """Push news of a member to all who hear of it: made once, however many they are, and not at all for nobody."""
        listeners = [other for other in self.members.values() if other.resumable and other.hears_of(member)]
        if listeners:
            frame = encode(news())
            for other in listeners:
                other.link.push_presence(frame)

    def _notify_all(self, news: RoomClosed | RoomExpiring | ServerDraining) -> None:
        frame = encode(news)
        for member in list(self.members.values()):
            if member.resumable:
                member.link.notify(frame)
