"""When an id token is renewed, and by whom."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

import pytest

import heliograph
from heliograph.signaling.identity import (
    MAX_REFUSALS,
    SHORTEST_S,
    SOONEST_S,
    ClientIdentity,
    half_is_over,
    renewal_due_s,
)

NOW = 1_800_000_000
DAY_S = 86_400
NOWHERE = "http://127.0.0.1:9"


def token(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def aged(age_s: float, life_s: float = DAY_S) -> str:
    return token(iat=NOW - age_s, exp=NOW - age_s + life_s)


@pytest.mark.parametrize(
    ("age_s", "due_s"),
    [
        (0, DAY_S / 2),
        (DAY_S / 4, DAY_S / 4),
        (DAY_S / 2, SOONEST_S),  # not at once: most clients are gone again soon
        (DAY_S - 60, 6),
        (DAY_S, SHORTEST_S),
        (2 * DAY_S, SHORTEST_S),
        (-DAY_S, DAY_S / 2),  # this machine's clock is behind
    ],
)
def test_it_is_due_when_half_of_its_life_is_over(age_s: float, due_s: float) -> None:
    assert renewal_due_s(aged(age_s), NOW) == due_s
    assert half_is_over(aged(age_s), NOW) == (age_s >= DAY_S / 2)


@pytest.mark.parametrize("text", ["jwt", "a.b.c", token(sub="ann"), token(iat="x", exp=1), token(exp=NOW)])
def test_what_does_not_say_when_it_ends_is_never_due(text: str) -> None:
    assert renewal_due_s(text, NOW) is None
    assert not half_is_over(text, NOW)


async def paused(identity: ClientIdentity, waited: list[float], count: int) -> None:
    """Let it keep itself until it has paused so often, or ends before that."""
    keeping = asyncio.create_task(identity.keep())
    async with asyncio.timeout(5):
        while len(waited) < count and not keeping.done():  # noqa: ASYNC110 - the list of pauses tells nobody
            await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.wait([keeping])


def pausing(waited: list[float]) -> Callable[[float], Awaitable[None]]:
    async def sleep(delay_s: float) -> None:
        waited.append(delay_s)
        await asyncio.sleep(0)

    return sleep


async def test_a_source_is_asked_each_time_that_half_is_over_and_may_fail_at_times() -> None:
    answers: list[str | Exception] = [aged(DAY_S / 4), aged(DAY_S / 4), OSError("away"), aged(0)]

    async def source() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    waited: list[float] = []
    identity = ClientIdentity(NOWHERE, source, clock=lambda: NOW, sleep=pausing(waited))
    assert await identity.get() == aged(DAY_S / 4)
    assert len(answers) == 3
    await paused(identity, waited, 5)
    assert waited == [DAY_S / 4, DAY_S / 4, SOONEST_S, DAY_S / 4, DAY_S / 2]
    assert identity.token == aged(0)


async def test_a_server_that_is_away_is_asked_again() -> None:
    waited: list[float] = []
    identity = ClientIdentity(NOWHERE, aged(0), clock=lambda: NOW, sleep=pausing(waited))
    await paused(identity, waited, 4)
    assert waited == [DAY_S / 2, SOONEST_S, DAY_S / 2, SOONEST_S]
    assert identity.token == aged(0)


async def test_a_source_that_gives_nothing_at_the_start_is_an_error_with_its_cause() -> None:
    async def source() -> str:
        raise OSError("no route")

    with pytest.raises(heliograph.SignalingLost, match="no route") as caught:
        await ClientIdentity(NOWHERE, source).get()
    assert isinstance(caught.value.__cause__, OSError)


def test_only_where_there_may_be_another_token_one_that_is_refused_is_given_up() -> None:
    async def source() -> str:
        return "another"

    given = ClientIdentity(NOWHERE, "jwt")
    given.refused()
    assert (given.may_change, given.token) == (False, "jwt")
    for other in (ClientIdentity(NOWHERE, None), ClientIdentity(NOWHERE, source)):
        for _ in range(MAX_REFUSALS):
            other.token = "jwt"
            other.refused()
            assert other.may_change
            assert other.token is None
        other.refused()
        assert not other.may_change
        other.accepted()
        assert other.may_change
