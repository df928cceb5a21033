"""TURN credentials that are renewed in time."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

import pytest

import heliograph
from heliograph.signaling.ice import REFRESH_AFTER_S, SOONEST_S, FreshIceServers, refresh_after_s
from heliograph_protocol import IceServer

TURN = {
    "HELIOGRAPH_TURN_URLS": "turn:turn.example.org:3478",
    "HELIOGRAPH_TURN_SECRET": "s",
    "HELIOGRAPH_TURN_TTL_S": "60",
}


def turn(username: str) -> IceServer:
    return IceServer(urls=["turn:turn.example.org"], username=username, credential="c")


STUN = IceServer(urls=["stun:stun.example.org"])


@pytest.mark.parametrize(
    ("servers", "delay_s"),
    [
        ([], None),
        ([STUN], None),
        ([STUN, turn("4600:ann")], 1800.0),
        ([turn("4600:ann"), turn("1060:ann")], 30.0),
        ([turn("1060")], 30.0),
        ([turn("1001:ann")], SOONEST_S),
        ([turn("900:ann")], SOONEST_S),
        ([turn("ann")], REFRESH_AFTER_S),
        ([turn("9" * 5000)], REFRESH_AFTER_S),
        ([turn("")], REFRESH_AFTER_S),
        ([turn("²:ann")], REFRESH_AFTER_S),
        ([turn("ann"), turn("1060:ann")], 30.0),
    ],
)
def test_half_of_the_shortest_time_is_waited(servers: list[IceServer], delay_s: float | None) -> None:
    assert refresh_after_s(servers, now=1000.0) == delay_s


class Holder:
    """What a client has, and a word when that changes."""

    def __init__(self, ice_servers: list[IceServer]) -> None:
        self._ice_servers = ice_servers
        self.renewed = asyncio.Event()

    @property
    def ice_servers(self) -> list[IceServer]:
        return self._ice_servers

    @ice_servers.setter
    def ice_servers(self, ice_servers: list[IceServer]) -> None:
        self._ice_servers = ice_servers
        self.renewed.set()


@dataclass
class Identity:
    id_token: str | None


async def credentials(server: Any) -> tuple[Holder, Identity]:
    async with heliograph.Api(server.url) as api:
        identity = Identity((await api.sign_in()).id_token)
        return Holder((await api.ice_servers(id_token=identity.id_token or "")).ice_servers), identity


def a_minute_ahead() -> float:
    return time.time() + 60


async def test_they_are_renewed_and_a_wrong_clock_does_no_harm(server_with: Any) -> None:
    async with server_with(**TURN) as server:
        holder, identity = await credentials(server)
        old = holder.ice_servers
        keeping = asyncio.create_task(FreshIceServers(server.url, clock=a_minute_ahead).keep_fresh(holder, identity))
        async with asyncio.timeout(10):
            await holder.renewed.wait()
        [server_of_old], [server_of_new] = old, holder.ice_servers
        assert server_of_new.urls == server_of_old.urls
        assert int(str(server_of_new.username).split(":")[0]) > int(str(server_of_old.username).split(":")[0])
        newest = holder.ice_servers
        done, _ = await asyncio.wait([keeping], timeout=2 * SOONEST_S)
        assert (done, holder.ice_servers) == (
            set(),
            newest,
        )  # the next time is in half a minute, whatever the clock says
        keeping.cancel()


@pytest.mark.parametrize("servers", [[], [STUN]])
async def test_without_credentials_there_is_nothing_to_renew(servers: list[IceServer]) -> None:
    async with asyncio.timeout(5):
        await FreshIceServers("http://127.0.0.1:9").keep_fresh(Holder(servers), Identity("jwt"))


async def test_a_server_that_does_not_answer_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    holder = Holder([turn("1:ann")])
    keeping = asyncio.create_task(FreshIceServers("http://127.0.0.1:9").keep_fresh(holder, Identity("jwt")))
    async with asyncio.timeout(10):
        while "ice.not_refreshed" not in caplog.text:  # noqa: ASYNC110 - a log line calls nobody
            await asyncio.sleep(0.05)
    await asyncio.sleep(0)
    assert not keeping.done()
    keeping.cancel()


async def test_an_id_token_that_has_expired_ends_it(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    holder = Holder([turn("1:ann")])
    async with asyncio.timeout(10):
        await FreshIceServers(server.url).keep_fresh(holder, Identity("no.jwt.here"))
    assert "HTTP 401" in caplog.text
    assert holder.ice_servers == [turn("1:ann")]
