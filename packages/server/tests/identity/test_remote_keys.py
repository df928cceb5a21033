"""When an issuer's keys are fetched, and what happens while they can't be: rules without a network."""

import asyncio
import json
from collections.abc import Callable

import pytest

from heliograph_server.errors import IdentityUnavailable, InvalidIdToken
from heliograph_server.identity.documents import DocumentUnavailable
from heliograph_server.identity.jwks import KeySet
from heliograph_server.identity.remote_keys import (
    FETCH_EVERY_S,
    FETCHES_AT_ONCE,
    FIRST_RETRY_S,
    LAST_RETRY_S,
    REFRESH_INTERVAL_S,
    RemoteKeys,
)

from .forger import spare_key
from .realms import public_jwk


class Issuer:
    """Publishes keys of these ids, if it can be reached at all; time passes when somebody sleeps."""

    def __init__(self) -> None:
        self.kids = ["a"]
        self.up = True
        self.fetches = 0
        self.now = 1000.0
        self.slept: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.keys = RemoteKeys("https://issuer.example", self.fetch, lambda: self.now, self.sleep)

    async def fetch(self) -> KeySet:
        self.fetches += 1
        await self.gate.wait()
        if not self.up:
            raise DocumentUnavailable("https://issuer.example answers 502")
        return KeySet(json.dumps({"keys": [public_jwk(spare_key("ES256"), kid) for kid in self.kids]}).encode())

    async def sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)
        self.now += delay_s
        await asyncio.sleep(0)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


async def test_keys_are_fetched_once_when_they_are_needed(issuer: Issuer) -> None:
    assert (issuer.fetches, issuer.keys.known) == (0, False)
    for _ in range(10):
        await issuer.keys.find("a")
    assert (issuer.fetches, issuer.keys.known) == (1, True)


async def test_those_who_ask_at_once_wait_for_one_fetch(issuer: Issuer) -> None:
    issuer.gate.clear()
    asking = [asyncio.create_task(issuer.keys.find("a")) for _ in range(20)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert len({id(key) for key in await asyncio.gather(*asking)}) == 1
    assert issuer.fetches == 1


async def test_those_who_ask_at_once_fail_with_one_fetch(issuer: Issuer) -> None:
    issuer.up = False
    issuer.gate.clear()
    asking = [asyncio.create_task(issuer.keys.find("a")) for _ in range(20)]
    await asyncio.sleep(0)
    issuer.gate.set()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(end) for end in ended} == {IdentityUnavailable}
    assert issuer.fetches == 1


async def test_when_the_one_who_fetches_gives_up_the_next_one_does_it(issuer: Issuer) -> None:
    issuer.gate.clear()
    first, second = (asyncio.create_task(issuer.keys.find("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    issuer.gate.set()
    await second
    assert issuer.keys.known
    assert first.cancelled()


async def test_a_new_key_is_found(issuer: Issuer) -> None:
    await issuer.keys.find("a")
    issuer.kids = ["b"]
    await issuer.keys.find("b")
    with pytest.raises(InvalidIdToken):
        await issuer.keys.find("a")


async def test_keys_that_nobody_knows_cause_few_fetches(issuer: Issuer) -> None:
    await issuer.keys.find("a")
    before = issuer.fetches

    async def guess(times: int) -> None:
        for number in range(times):
            with pytest.raises(InvalidIdToken):
                await issuer.keys.find(f"guess {number}")

    await guess(100)
    assert issuer.fetches - before == FETCHES_AT_ONCE - 1
    issuer.now += FETCH_EVERY_S
    await guess(100)
    assert issuer.fetches - before == FETCHES_AT_ONCE
    await issuer.keys.find("a")


async def test_keys_are_kept_through_an_outage(issuer: Issuer) -> None:
    await issuer.keys.find("a")
    issuer.up = False
    with pytest.raises(IdentityUnavailable) as unknown:
        await issuer.keys.find("b")
    assert str(unknown.value.__cause__) == "https://issuer.example answers 502"
    assert "issuer.example" not in str(unknown.value)
    await issuer.keys.find("a")
    assert issuer.keys.known
    issuer.up, issuer.kids = True, ["a", "b"]
    await issuer.keys.find("b")


async def test_during_an_outage_those_who_ask_do_not_ask_the_issuer(issuer: Issuer) -> None:
    issuer.up = False
    for _ in range(100):
        with pytest.raises(IdentityUnavailable):
            await issuer.keys.find("a")
    assert issuer.fetches == FETCHES_AT_ONCE


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


async def test_they_are_fetched_until_there_are_some_and_from_time_to_time_after_that(issuer: Issuer) -> None:
    issuer.up = False
    upkeep = asyncio.create_task(issuer.keys.keep_fresh())
    await until(lambda: len(issuer.slept) == 9)
    assert not issuer.keys.known
    assert issuer.slept[0] == FIRST_RETRY_S
    assert issuer.slept[-1] == LAST_RETRY_S
    assert issuer.slept == sorted(issuer.slept)
    issuer.up = True
    issuer.slept.clear()
    await until(lambda: len(issuer.slept) == 3)
    await issuer.keys.find("a")
    assert issuer.slept[1:] == [REFRESH_INTERVAL_S] * 2
    issuer.kids = ["b"]
    await until(lambda: len(issuer.slept) == 4)
    await issuer.keys.find("b")
    upkeep.cancel()
