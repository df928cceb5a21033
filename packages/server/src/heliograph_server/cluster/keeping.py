"""Keeps what the registry has of a room from ending: a room whose peers are all of level 1 never commits anything."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

import structlog

from heliograph_server.cluster.bus import BusUnavailable, Changes, Home, Registry

__all__ = ["KEEP_S", "HomeKeeper"]

KEEP_S: Final = 3600.0
"""How often; what is kept outlives its last commit by several times that (`redis_bus.KEPT_S`)."""

AT_ONCE: Final = 1000
"""Rooms that are kept in one pipeline: commits of other rooms wait no longer than for these."""

_NOTHING: Final = Changes([])
_log = structlog.get_logger(__name__)


class HomeKeeper:
    """Commits nothing to each of the `homes` from time to time. `lost` is told of a room that another node has."""

    def __init__(self, registry: Registry, homes: Mapping[str, Home], lost: Callable[[str], None]) -> None:
        self._registry = registry
        self._homes = homes
        self._lost = lost

    async def run(self) -> None:
        """Do so for as long as this is awaited."""
        while True:
            await asyncio.sleep(KEEP_S)
            try:
                await self.keep()
            except BusUnavailable as error:
                _log.warning("cluster.homes_not_kept", cause=repr(error.__cause__ or error))

    async def keep(self) -> None:
        """Have all that is kept of the rooms at home here begin its time anew. Raises `BusUnavailable`."""
        homes = iter(list(self._homes.items()))
        while some := list(islice(homes, AT_ONCE)):
            kept = await asyncio.gather(*(self._registry.commit(room_id, home, _NOTHING) for room_id, home in some))
            for (room_id, home), there in zip(some, kept, strict=True):
                if not there and self._homes.get(room_id) == home:
                    self._lost(room_id)
