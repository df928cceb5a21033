"""A whole server as its operator sees it: the node, and its rooms."""

from heapq import nlargest
from typing import Final

from msgspec.structs import replace

from heliograph_protocol import RoomRow, ServerReport
from heliograph_server.inspection.chronicle import Chronicle
from heliograph_server.inspection.node_meter import NodeMeter
from heliograph_server.inspection.room_view import count_troubled
from heliograph_server.ops.metrics import SignalingMetrics
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.live_room import LiveRoom

__all__ = ["LISTED_ROOMS", "ServerView"]

LISTED_ROOMS: Final = 200
"""Rooms that a report lists at most, those with the most peers first."""


class ServerView:
    """All rooms. `now` is in Unix seconds."""

    def __init__(self, hub: Hub, chronicle: Chronicle, metrics: SignalingMetrics, meter: NodeMeter) -> None:
        self._hub = hub
        self._chronicle = chronicle
        self._metrics = metrics
        self._meter = meter
        self._rooms: dict[str, RoomRow] = {}
        self._troubled: dict[str, tuple[int, int, bool]] = {}
        """By room: the chronicle's version, how many pairs are in trouble, and whether that may change by waiting."""

    def whole(self, now: float) -> ServerReport:
        """All of it. Changes count from here."""
        self._rooms = self._rows(now)
        return replace(self._report(), rooms=list(self._rooms.values()))

    def changes(self, now: float) -> ServerReport:
        """What is other than it was; the node always is."""
        before, self._rooms = self._rooms, self._rows(now)
        changed = [row for room_id, row in self._rooms.items() if before.get(room_id) != row]
        return replace(self._report(), rooms=changed, forgotten=sorted(before.keys() - self._rooms.keys()))

    def end(self) -> None:
        """Nobody looks any more."""
        self._troubled.clear()

    def _report(self) -> ServerReport:
        return ServerReport(
            node=self._meter.report(),
            room_count=self._hub.room_count(),
            peer_count=self._hub.peers_by_role().total(),
            messages={kind: count for kind, count in self._metrics.messages.items() if count},
            refusals={code.value: count for code, count in self._metrics.refusals.items() if count},
        )

    def _rows(self, now: float) -> dict[str, RoomRow]:
        rooms = nlargest(LISTED_ROOMS, self._hub.rooms(), key=lambda room: len(room.members))
        rows = {room.room_id: self._row(room, now) for room in rooms}
        self._troubled = {room_id: known for room_id, known in self._troubled.items() if room_id in rows}
        return rows

    def _row(self, room: LiveRoom, now: float) -> RoomRow:
        members = room.members.values()
        chronicle = self._chronicle.rooms.get(room.room_id)
        troubled = 0
        if chronicle is not None:
            version, troubled, waits = self._troubled.get(room.room_id, (-1, 0, False))
            if version != chronicle.version or waits:
                troubled, waits = count_troubled(chronicle, room.members, now)
                self._troubled[room.room_id] = (chronicle.version, troubled, waits)
        return RoomRow(
            room_id=room.room_id,
            peers=len(members),
            messages=room.forwarded,
            away=sum(member.state == "away" for member in members),
            claims=sum(len(member.claims) for member in members),
            refusals=sum(chronicle.refusals.values()) if chronicle is not None else 0,
            troubled=troubled,
        )
