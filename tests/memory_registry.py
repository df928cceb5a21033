"""A registry in memory, for tests of what stands on it. It passes the contract that Redis passes."""

import asyncio
from collections.abc import Callable, Sequence

from heliograph_server.cluster.bus import BusUnavailable, Changes, Fields, Home, Lease, Taken


class MemoryRegistry:
    """See `Registry` and `Tokens`. `clock` gives seconds; while it is `lost`, nothing is answered."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._leases: dict[str, float] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._words: dict[str, bytes] = {}
        self.homes: dict[str, Home] = {}
        self.logs: dict[str, dict[bytes, bytes]] = {}
        self.lost = False

    async def renew(self, node: str, lease_s: float) -> Lease:
        self._check()
        now = self._clock()
        known = self._leases.get(node, now) > now
        self._leases[node] = now + lease_s
        return Lease(frozenset(name for name, end in self._leases.items() if end > now), not known)

    async def retire(self, node: str) -> None:
        self._check()
        self._leases.pop(node, None)

    async def introduce(self, node: str, words: bytes) -> None:
        self._check()
        self._words[node] = words

    async def introductions(self, nodes: Sequence[str]) -> list[bytes | None]:
        self._check()
        return [self._words.get(node) for node in nodes]

    async def home(self, room_id: str) -> Home | None:
        self._check()
        return self.homes.get(room_id)

    async def take(self, room_id: str, node: str, instead_of: Home | None) -> Taken:
        self._check()
        home = self.homes.get(room_id)
        if home is not None and home != instead_of:
            return Taken(home, False, {})
        epoch = max(int(self._clock() * 1_000_000), 0 if home is None else home.epoch + 1)
        self.homes[room_id] = taken = Home(node, epoch)
        return Taken(taken, True, dict(self.logs.get(room_id, {})))

    def commit(self, room_id: str, home: Home, changes: Changes) -> "asyncio.Future[bool]":
        return self._answered(lambda: self._commit(room_id, home, changes))

    def reclaim(self, room_id: str, home: Home, fields: Fields) -> "asyncio.Future[bool]":
        return self._answered(lambda: self._reclaim(room_id, home, fields))

    async def release(self, room_id: str, home: Home, *, forget: bool) -> None:
        self._check()
        if self.homes.get(room_id) == home:
            del self.homes[room_id]
            if forget:
                self.logs.pop(room_id, None)

    async def spend(self, bucket: str, rate_per_s: float, burst: float) -> float:
        self._check()
        now = self._clock()
        tokens, at = self._buckets.get(bucket, (burst, now))
        tokens = min(burst, tokens + (now - at) * rate_per_s)
        enough = tokens >= 1
        self._buckets[bucket] = (tokens - enough, now)
        return 0.0 if enough else (1 - tokens) / rate_per_s

    def _commit(self, room_id: str, home: Home, changes: Changes) -> bool:
        if self.homes.get(room_id) != home:
            return False
        log = self.logs.setdefault(room_id, {})
        for name in changes.removed:
            log.pop(name, None)
        log.update(changes.written)
        return True

    def _reclaim(self, room_id: str, home: Home, fields: Fields) -> bool:
        former = self.homes.get(room_id)
        if former is not None and (former.node != home.node or former.epoch >= home.epoch):
            return False
        self.homes[room_id] = home
        self.logs[room_id] = dict(fields)
        return True

    def _answered(self, act: Callable[[], bool]) -> "asyncio.Future[bool]":
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.lost:
            answer.set_exception(BusUnavailable("lost"))
        else:
            answer.set_result(act())
        return answer

    def _check(self) -> None:
        if self.lost:
            raise BusUnavailable("lost")
