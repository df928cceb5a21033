"""Token buckets, and whose bucket a request is counted in."""

from collections.abc import Sequence
from typing import Any

import pytest
from litestar.connection import ASGIConnection

from heliograph_server.errors import RateLimited
from heliograph_server.ops import limits
from heliograph_server.ops.limits import AddressLimiter, TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def call(limiter: AddressLimiter, address: str | None, forwarded_for: Sequence[str] = ()) -> None:
    scope: Any = {
        "type": "http",
        "client": None if address is None else (address, 4711),
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded_for],
    }
    limiter.check(ASGIConnection(scope))


def is_limited(limiter: AddressLimiter, address: str | None, forwarded_for: Sequence[str] = ()) -> bool:
    try:
        call(limiter, address, forwarded_for)
    except RateLimited:
        return True
    return False


def test_a_bucket_lets_its_burst_through_and_no_more(clock: Clock) -> None:
    bucket = TokenBucket(10, 3, clock)
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]


def test_a_bucket_fills_with_time_up_to_its_burst(clock: Clock) -> None:
    bucket = TokenBucket(10, 3, clock)
    while bucket.take():
        pass
    clock.now += 0.2
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_asking_an_empty_bucket_does_not_delay_the_next_token(clock: Clock) -> None:
    bucket = TokenBucket(1, 1, clock)
    assert bucket.take()
    for _ in range(9):
        clock.now += 0.1
        assert not bucket.take()
    clock.now += 0.11
    assert bucket.take()


def test_a_bucket_says_when_there_is_a_token(clock: Clock) -> None:
    bucket = TokenBucket(2, 1, clock)
    assert bucket.wait_s == 0
    bucket.take()
    assert bucket.wait_s == 0.5
    clock.now += 0.25
    assert bucket.wait_s == 0.25
    clock.now += 0.25
    assert bucket.wait_s == 0
    assert bucket.take()


def test_an_address_is_limited_and_told_when_to_come_back(clock: Clock) -> None:
    limiter = AddressLimiter(30, clock)
    for _ in range(30):
        call(limiter, "192.0.2.1")
    with pytest.raises(RateLimited) as refused:
        call(limiter, "192.0.2.1")
    assert refused.value.retry_after_s == 2
    clock.now += 2
    assert not is_limited(limiter, "192.0.2.1")


def test_one_address_does_not_use_up_anothers_share(clock: Clock) -> None:
    limiter = AddressLimiter(1, clock)
    assert not is_limited(limiter, "192.0.2.1")
    assert is_limited(limiter, "192.0.2.1")
    assert not is_limited(limiter, "192.0.2.2")


def test_zero_is_no_limit(clock: Clock) -> None:
    limiter = AddressLimiter(0, clock)
    assert not any(is_limited(limiter, "192.0.2.1") for _ in range(1000))
    assert len(limiter) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        (None, None, True),
        ("a-unix-socket", "another", False),
    ],
)
def test_who_counts_as_one_client(clock: Clock, one: str | None, other: str | None, same: bool) -> None:
    limiter = AddressLimiter(1, clock)
    call(limiter, one)
    assert is_limited(limiter, other) is same


TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("direct", "header", "client"),
    [
        ("198.51.100.7", ["192.0.2.1"], "198.51.100.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1, 10.9.9.9,10.8.8.8"], "192.0.2.1"),
        ("10.0.0.1", ["not an address, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1, not an address"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1, unknown, 10.8.8.8"], "10.0.0.1"),
        ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("10.0.0.1", ["192.0.2.1:5555"], "192.0.2.1"),
        ("10.0.0.1", ["[2001:db8:1:2::3]:5555"], "2001:db8:1:2::/64"),
        ("2001:db8:ffff::1", ["2001:db8:1:2::3"], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("testclient", ["192.0.2.1"], "testclient"),
    ],
)
def test_a_header_is_believed_as_far_as_proxies_are_trusted(direct: str, header: list[str], client: str) -> None:
    networks = AddressLimiter(1, Clock(), TRUSTED)._trusted
    assert limits.client_address(direct, header, networks) == client


def test_a_client_behind_a_trusted_proxy_has_its_own_bucket(clock: Clock) -> None:
    limiter = AddressLimiter(1, clock, TRUSTED)
    assert not is_limited(limiter, "10.0.0.1", ["192.0.2.1"])
    assert not is_limited(limiter, "10.0.0.1", ["192.0.2.2"])
    assert is_limited(limiter, "10.0.0.1", ["192.0.2.1"])


def test_a_forged_header_does_not_buy_a_new_bucket(clock: Clock) -> None:
    limiter = AddressLimiter(1, clock, TRUSTED)
    call(limiter, "198.51.100.7", ["192.0.2.1"])
    assert is_limited(limiter, "198.51.100.7", ["192.0.2.2"])
    call(limiter, "10.0.0.1", ["192.0.2.9, 203.0.113.5"])
    assert is_limited(limiter, "10.0.0.1", ["192.0.2.8, 203.0.113.5"])


def test_full_buckets_are_forgotten(clock: Clock) -> None:
    limiter = AddressLimiter(5, clock)
    for number in range(100):
        call(limiter, f"192.0.2.{number}")
    clock.now += 60
    call(limiter, "198.51.100.7")
    assert len(limiter) == 1


def test_an_address_that_keeps_calling_is_not_forgotten(clock: Clock) -> None:
    limiter = AddressLimiter(1, clock)
    call(limiter, "192.0.2.1")
    for _ in range(5):
        clock.now += 11
        call(limiter, f"198.51.100.{clock.now}")
        assert is_limited(limiter, "192.0.2.1")


def test_no_flood_of_addresses_makes_the_map_grow_without_end(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 10)
    limiter = AddressLimiter(1, clock)
    for number in range(100):
        call(limiter, f"2001:db8:0:{number:x}::1")
        assert len(limiter) <= 10
    assert is_limited(limiter, f"2001:db8:0:{99:x}::1")
