"""The limit of sign-ins that nodes keep together, each with a clock and a bus of the test's."""

import asyncio
from typing import Any

import pytest
from litestar.connection import ASGIConnection
from memory_registry import MemoryRegistry

from heliograph_server.errors import RateLimited
from heliograph_server.ops.limits import AddressLimiter
from heliograph_server.ops.signin_limit import SHARED_WAIT_S, SignInLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class SilentTokens:
    """A bus that takes every question and answers none."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def spend(self, bucket: str, rate_per_s: float, burst: float) -> float:
        self.asked.append(bucket)
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        return await answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> MemoryRegistry:
    return MemoryRegistry(clock)


async def call(limiter: SignInLimiter, address: str = "192.0.2.1") -> float:
    """Seconds to wait, 0 if the call is let through."""
    scope: Any = {"type": "http", "client": (address, 4711), "headers": []}
    try:
        await limiter.check(ASGIConnection(scope))
    except RateLimited as refused:
        return refused.retry_after_s or -1
    return 0


async def let_through(limiter: SignInLimiter, calls: int) -> int:
    return sum([await call(limiter) == 0 for _ in range(calls)])


async def test_an_address_has_its_limit_once_however_many_nodes_it_asks(clock: Clock, tokens: MemoryRegistry) -> None:
    nodes = [SignInLimiter(AddressLimiter(6, clock), tokens) for _ in range(3)]
    assert [await call(nodes[number % 3]) for number in range(6)] == [0] * 6
    assert [await call(node) for node in nodes] == [10, 10, 10]
    assert await call(nodes[0], "192.0.2.2") == 0
    clock.now += 10
    assert [await call(node) for node in nodes] == [0, 10, 10]


async def test_what_all_nodes_refuse_is_not_counted_at_this_one(clock: Clock, tokens: MemoryRegistry) -> None:
    one, other = (SignInLimiter(AddressLimiter(2, clock), tokens) for _ in range(2))
    assert await let_through(one, 2) == 2
    assert await let_through(other, 50) == 0
    clock.now += 30
    assert await call(other) == 0


async def test_what_this_node_refuses_costs_the_bus_nothing(clock: Clock) -> None:
    tokens = SilentTokens()
    limiter = SignInLimiter(AddressLimiter(1, clock), tokens)
    assert await let_through(limiter, 20) == 1
    assert tokens.asked == ["signin:192.0.2.1"]


async def test_without_the_bus_each_node_counts_for_itself_and_goes_on_from_there(
    clock: Clock, tokens: MemoryRegistry
) -> None:
    one, other = (SignInLimiter(AddressLimiter(4, clock), tokens) for _ in range(2))
    assert await let_through(one, 3) == 3
    tokens.lost = True
    assert await let_through(one, 9) == 1
    assert await let_through(other, 9) == 4
    tokens.lost = False
    clock.now += 15
    assert await let_through(one, 9) + await let_through(other, 9) == 2
    clock.now += 60
    assert await let_through(one, 9) + await let_through(other, 9) == 4


async def test_a_bus_that_does_not_answer_holds_nobody_up_for_long(clock: Clock) -> None:
    limiter = SignInLimiter(AddressLimiter(2, clock), SilentTokens())
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(10):
        assert await let_through(limiter, 5) == 2
    assert loop.time() - began >= 2 * SHARED_WAIT_S * 0.9


async def test_zero_is_no_limit_and_asks_nobody(clock: Clock) -> None:
    tokens = SilentTokens()
    assert await let_through(SignInLimiter(AddressLimiter(0, clock), tokens), 1000) == 1000
    assert tokens.asked == []


async def test_a_node_alone_asks_nobody(clock: Clock) -> None:
    limiter = SignInLimiter(AddressLimiter(3, clock))
    assert await let_through(limiter, 9) == 3
