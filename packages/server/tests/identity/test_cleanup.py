"""Who is removed when, and what happens while the provider does not answer: rules without a network."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from heliograph_server.aws.calls import AwsCallFailed
from heliograph_server.identity import cleanup as module
from heliograph_server.identity.cleanup import (
    ABANDONED_S,
    LAST_RETRY_S,
    MAX_WAITING,
    REMOVAL_ATTEMPTS,
    SWEEP_INTERVAL_S,
    Cleanup,
)
from heliograph_server.identity.cognito_users import UserPage

NOW = 1_800_000_000.0


class Provider:
    """Users by name, with the time at which they were made; some have a peer here. Pages have two of them."""

    def __init__(self) -> None:
        self.users: dict[str, float] = {}
        self.here: set[str] = set()
        self.failing = False
        self.asked: list[str] = []
        self.pages_asked: list[str | None] = []
        self.slept: list[float] = []
        self.cleanup = Cleanup(self, lambda: self.here, lambda: NOW, self.sleep)

    async def remove(self, username: str) -> bool:
        self.asked.append(username)
        if self.failing:
            raise AwsCallFailed("cognito-idp admin_get_user: TooManyRequestsException: slow down")
        return self.users.pop(username, None) is not None

    async def made_before(self, before: float, page: str | None) -> UserPage:
        self.pages_asked.append(page)
        if self.failing:
            raise AwsCallFailed("cognito-idp list_users: TooManyRequestsException: slow down")
        after = sorted(name for name in self.users if page is None or name > page)
        names = [name for name in after[:2] if self.users[name] < before]
        return UserPage(usernames=names, next_page=after[1] if len(after) > 2 else None)

    async def sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)
        await asyncio.sleep(0)


@pytest.fixture
def provider() -> Provider:
    return Provider()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


async def test_those_who_left_are_removed_once_and_those_who_are_still_here_are_not(provider: Provider) -> None:
    provider.users = dict.fromkeys(("ann", "bob", "eve"), NOW)
    provider.here = {"bob"}
    for name in ("ann", "bob", "ann"):
        provider.cleanup.gone(name)
    running = asyncio.create_task(provider.cleanup.run())
    await until(lambda: set(provider.users) == {"bob", "eve"})
    assert provider.asked == ["ann"]
    provider.here = set()
    provider.cleanup.gone("bob")
    await until(lambda: set(provider.users) == {"eve"})
    running.cancel()


async def test_a_removal_is_tried_again_and_then_left_to_the_sweep(provider: Provider) -> None:
    provider.failing = True
    provider.cleanup.gone("ann")
    running = asyncio.create_task(provider.cleanup.run())
    await until(lambda: len(provider.asked) == REMOVAL_ATTEMPTS)
    provider.failing = False
    provider.users["bob"] = NOW
    provider.cleanup.gone("bob")
    await until(lambda: not provider.users)
    assert provider.asked == ["ann"] * REMOVAL_ATTEMPTS + ["bob"]
    running.cancel()


async def test_no_more_wait_for_their_removal_than_there_is_room_for(provider: Provider) -> None:
    with capture_logs() as log:
        for number in range(MAX_WAITING + 10):
            provider.cleanup.gone(f"anon-{number}")
    assert [entry["event"] for entry in log] == ["identity.removals_left_to_sweep"]
    running = asyncio.create_task(provider.cleanup.run())
    await until(lambda: len(provider.asked) == MAX_WAITING)
    running.cancel()


async def test_the_sweep_goes_through_all_pages_and_spares_the_young_and_those_who_are_here(provider: Provider) -> None:
    old, young = NOW - ABANDONED_S - 1, NOW - ABANDONED_S
    provider.users = {f"old-{n}": old for n in range(7)} | {f"young-{n}": young for n in range(3)}
    provider.here = {"old-3"}
    assert await provider.cleanup.sweep() == 6
    assert set(provider.users) == {"old-3", "young-0", "young-1", "young-2"}


async def test_a_sweep_that_is_long_enough_goes_on_the_next_time(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SWEEP_PAGES", 2)
    provider.users = {f"young-{n}": NOW for n in range(8)} | {"zoe": 0.0}
    assert [await provider.cleanup.sweep() for _ in range(3)] == [0, 0, 1]
    assert provider.pages_asked == [None, "young-1", "young-3", "young-5", "young-7"]


async def test_sweeps_come_every_hour_and_sooner_and_later_again_after_a_failure(provider: Provider) -> None:
    provider.failing = True
    running = asyncio.create_task(provider.cleanup.run())
    await until(lambda: len(provider.slept) == 9)
    assert provider.slept[:3] == [LAST_RETRY_S, 2 * LAST_RETRY_S, 4 * LAST_RETRY_S]
    assert provider.slept[-1] == SWEEP_INTERVAL_S
    provider.failing = False
    provider.slept.clear()
    await until(lambda: len(provider.slept) == 2)
    assert provider.slept[1] == SWEEP_INTERVAL_S
    running.cancel()
