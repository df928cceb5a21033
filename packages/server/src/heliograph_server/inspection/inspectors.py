"""Who inspects what: views that are made once however many look at them, and what changes in them, pushed to all.

Changes go out every `INTERVAL_S`, all that came together since in one message. Who does not keep up gets nothing until
it does, and then the whole view.
"""

import asyncio
import hmac
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from msgspec import UNSET, Struct, UnsetType

from heliograph_protocol import Inspection, InspectionUpdate, InspectStopped, Ref, encode
from heliograph_server.inspection.node_meter import NodeMeter
from heliograph_server.inspection.room_view import RoomView
from heliograph_server.inspection.server_view import ServerView
from heliograph_server.ops.health import Readiness
from heliograph_server.ops.limits import TokenBucket
from heliograph_server.ops.metrics import SignalingMetrics
from heliograph_server.signaling.hub import Hub

__all__ = ["INTERVAL_S", "WATCHERS", "Inspectors", "TooManyViews", "Wanted"]

INTERVAL_S: Final = 0.4
"""Between two pushes of a room's changes."""

SERVER_EVERY: Final = 3
"""Of how many pushes one has the whole server's."""

STATUS_EVERY: Final = 12
"""In how many pushes the node is asked once whether it is ready."""

STATUS_TIMEOUT_S: Final = 2.0

WATCHERS: Final = 256
"""Who inspects at once, in all."""

VIEWS_PER_S: Final = 2.0
VIEWS_BURST: Final = 10.0
"""Views that one watcher may ask for."""

Key = tuple[str | None, tuple[str, ...]]
"""A room, None for the whole server, and whose timeline it is."""

_log = structlog.get_logger(__name__)


class Wanted(Struct, frozen=True):
    """A view that somebody asks for."""

    room_id: str | None
    """None for the whole server."""
    peers: list[str]
    ref: Ref | UnsetType = UNSET


class TooManyViews(Exception):
    """Too many look, or one asks too often. The text is for whoever asked."""


class _Watcher:
    """One who looks."""

    __slots__ = ("behind", "bucket", "key", "show")

    def __init__(self, show: Callable[[bytes], bool], monotonic: Callable[[], float]) -> None:
        self.show = show
        self.key: Key | None = None
        self.behind = False
        """Whether it has missed something."""
        self.bucket = TokenBucket(VIEWS_PER_S, VIEWS_BURST, monotonic)


class _Group:
    """Those who look at the same."""

    def __init__(self, view: RoomView | ServerView) -> None:
        self.view = view
        self.watchers: list[_Watcher] = []


class Inspectors:
    """All who inspect. `clock` gives Unix seconds, `monotonic` seconds for measuring."""

    def __init__(
        self,
        hub: Hub,
        metrics: SignalingMetrics,
        meter: NodeMeter,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        operator_token: str = "",
    ) -> None:
        self._hub = hub
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._operator_token = operator_token.encode()
        self._meter = meter
        self._watchers: dict[object, _Watcher] = {}
        self._groups: dict[Key, _Group] = {}
        self._someone = asyncio.Event()

    def is_operator(self, token: str) -> bool:
        """Whether that is the operator's token. Without one in the settings nobody has it."""
        return bool(self._operator_token) and hmac.compare_digest(token.encode(), self._operator_token)

    @property
    def time(self) -> int:
        """The server's, in Unix seconds."""
        return int(self._clock())

    def look(
        self,
        owner: object,
        wanted: Wanted,
        *,
        reply: Callable[[bytes], object],
        show: Callable[[bytes], bool],
    ) -> None:
        """Show `owner` a view, instead of the one that it had, and then what changes in it. Raises `TooManyViews`.

        The view goes to `reply`, changes to `show`, which takes a frame if it can go out now, and says whether it did.
        """
        watcher = self._watchers.get(owner)
        if watcher is None:
            if len(self._watchers) >= WATCHERS:
                raise TooManyViews("Too many inspect already")
            watcher = _Watcher(show, self._monotonic)
        if not watcher.bucket.take():
            raise TooManyViews("Too many views at once")
        self._look_away(watcher)
        key: Key = (wanted.room_id, tuple(sorted(set(wanted.peers))))
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(self._view(key))
        else:
            self._push(group)
        watcher.key = key
        watcher.behind = False
        reply(encode(self._whole(group.view, wanted.ref)))
        group.watchers.append(watcher)
        self._watchers[owner] = watcher
        self._someone.set()

    def pause(self, owner: object) -> None:
        """Show `owner` nothing until it asks again, for which it keeps the limit that it had."""
        watcher = self._watchers.get(owner)
        if watcher is not None:
            self._look_away(watcher)

    def stop(self, owner: object) -> None:
        """`owner` has gone. Harmless if it was shown nothing."""
        watcher = self._watchers.pop(owner, None)
        if watcher is not None:
            self._look_away(watcher)

    def _look_away(self, watcher: _Watcher) -> None:
        if watcher.key is None:
            return
        group = self._groups[watcher.key]
        group.watchers.remove(watcher)
        if not group.watchers:
            group.view.end()
            del self._groups[watcher.key]
        watcher.key = None
        if not self._groups:
            self._someone.clear()

    @staticmethod
    def stopped(ref: Ref | UnsetType) -> bytes:
        """What answers the wish to see nothing more."""
        return encode(InspectStopped(ref=ref))

    def push(self, *, servers: bool = True) -> None:
        """Send all what has changed in what they look at; with `servers`, also the state of the whole server."""
        for group in list(self._groups.values()):
            if servers or isinstance(group.view, RoomView):
                self._push(group)

    async def run(self, readiness: Readiness) -> None:
        """Push while anyone looks, until cancelled."""
        turn = 0
        while True:
            await self._someone.wait()
            started = self._monotonic()
            await asyncio.sleep(INTERVAL_S)
            self._meter.late(self._monotonic() - started - INTERVAL_S)
            if turn % STATUS_EVERY == 0:
                self._meter.status = await _status(readiness)
            turn += 1
            try:
                self.push(servers=turn % SERVER_EVERY == 0)
            except Exception:  # noqa: BLE001 - a bug in a view must reach the log, and must not end the server
                _log.exception("inspection.failed")

    def __len__(self) -> int:
        """How many look."""
        return len(self._watchers)

    def _view(self, key: Key) -> RoomView | ServerView:
        room_id, focus = key
        if room_id is None:
            return ServerView(self._hub, self._hub.chronicle, self._metrics, self._meter)
        return RoomView(self._hub, self._hub.chronicle, room_id, focus)

    def _push(self, group: _Group) -> None:
        update = self._changes(group.view)
        whole = None
        for watcher in group.watchers:
            if watcher.behind:
                # The view's own changes have just been taken: the whole, made now, is what the others have after them.
                whole = encode(self._whole(group.view)) if whole is None else whole
                watcher.behind = not watcher.show(whole)
            elif update is not None:
                watcher.behind = not watcher.show(update)

    def _whole(self, view: RoomView | ServerView, ref: Ref | UnsetType = UNSET) -> Inspection:
        now = self._clock()
        if isinstance(view, RoomView):
            return Inspection(at=round(now, 3), room=view.whole(now), ref=ref)
        return Inspection(at=round(now, 3), server=view.whole(now), ref=ref)

    def _changes(self, view: RoomView | ServerView) -> bytes | None:
        now = self._clock()
        if isinstance(view, ServerView):
            return encode(InspectionUpdate(at=round(now, 3), server=view.changes(now)))
        changes = view.changes(now)
        return None if changes is None else encode(InspectionUpdate(at=round(now, 3), room=changes))


async def _status(readiness: Readiness) -> str:
    with suppress(TimeoutError):
        async with asyncio.timeout(STATUS_TIMEOUT_S):
            return await readiness.reason_against() or "ready"
    return "room store slow"
