"""Anonymous users of a provider elsewhere do not pile up there.

Those who leave are removed soon, those who were abandoned within a day and an hour. A user record is needed for the
sign-in alone: its id token counts until it ends, so that a removal takes nothing from anyone who comes back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Container
from typing import Final, Protocol

import structlog

from heliograph_server.aws.calls import AwsCallFailed
from heliograph_server.identity.cognito_users import UserPage

__all__ = ["ABANDONED_S", "MAX_WAITING", "SWEEP_INTERVAL_S", "AnonymousUsers", "Cleanup"]

ABANDONED_S: Final = 24 * 3600
"""After that nobody has an id token of that user any more: Cognito's live a day at most."""
SWEEP_INTERVAL_S: Final = 3600.0
MAX_SWEEP_PAGES: Final = 1000
"""A sweep; the next one goes on from there."""

MAX_WAITING: Final = 10_000
"""Users who wait for their removal; who is not among them is left to the sweep."""
REMOVAL_ATTEMPTS: Final = 5
FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 60.0

_log = structlog.get_logger(__name__)


class AnonymousUsers(Protocol):
    """The users of a provider, as far as they are ours. Every method raises `AwsCallFailed`."""

    async def remove(self, username: str) -> bool:
        """Remove a user; False if it is not ours, or has gone."""

    async def made_before(self, before: float, page: str | None) -> UserPage:
        """A page of our users who were made before that time (Unix seconds)."""


class Cleanup:
    """Removes anonymous users who are not needed any more.

    `here` names those who have a peer on this server, who stay; `clock` gives Unix seconds.
    """

    def __init__(
        self,
        users: AnonymousUsers,
        here: Callable[[], Container[str | None]],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._users = users
        self._here = here
        self._clock = clock
        self._sleep = sleep
        self._waiting: dict[str, None] = {}
        self._full = False
        self._someone = asyncio.Event()
        self._page: str | None = None

    def gone(self, username: str) -> None:
        """That user has left, or came to nothing."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting[username] = None
            self._someone.set()
        elif not self._full:
            self._full = True
            _log.warning("identity.removals_left_to_sweep", waiting=MAX_WAITING)

    async def run(self) -> None:
        """Remove users for as long as this is awaited."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._remove_gone())
            tasks.create_task(self._sweep_often())

    async def _remove_gone(self) -> None:
        while True:
            await self._someone.wait()
            self._someone.clear()
            leaving, self._waiting, self._full = self._waiting, {}, False
            staying = self._here()
            for username in leaving:
                if username not in staying:
                    await self._remove(username)

    async def _remove(self, username: str) -> None:
        retry_s = FIRST_RETRY_S
        for _ in range(REMOVAL_ATTEMPTS):
            try:
                await self._users.remove(username)
            except AwsCallFailed as error:
                _log.warning("identity.removal_failed", cause=str(error))
                await self._sleep(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
            else:
                return

    async def _sweep_often(self) -> None:
        retry_s = LAST_RETRY_S
        while True:
            try:
                removed = await self.sweep()
            except AwsCallFailed as error:
                self._page = None
                _log.warning("identity.sweep_failed", cause=str(error))
                await self._sleep(retry_s)
                retry_s = min(2 * retry_s, SWEEP_INTERVAL_S)
            else:
                if removed:
                    _log.info("identity.swept", removed=removed)
                retry_s = LAST_RETRY_S
                await self._sleep(SWEEP_INTERVAL_S)

    async def sweep(self) -> int:
        """Remove our users who were made a day ago or earlier and are not here; how many. Raises `AwsCallFailed`."""
        before = self._clock() - ABANDONED_S
        removed = 0
        for _ in range(MAX_SWEEP_PAGES):
            found = await self._users.made_before(before, self._page)
            staying = self._here()
            for username in found.usernames:
                if username not in staying:
                    removed += await self._users.remove(username)
            self._page = found.next_page
            if self._page is None:
                break
        return removed
