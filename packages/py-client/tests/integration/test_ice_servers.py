"""ICE servers that the server names, with a real STUN and TURN server behind them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest
from coturn import Coturn, running_coturn

import heliograph

LIMIT_S = 20
SECRET = "what coturn and the server share"


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with running_coturn(tmp_path_factory.mktemp("coturn"), SECRET) as running:
        yield running


class Place(NamedTuple):
    """A room on a server that names a STUN and a TURN server, and the way in."""

    coturn: Coturn
    where: dict[str, Any]
    worker: heliograph.Worker

    @property
    def used(self) -> tuple[str, ...]:
        """What aiortc can take of them."""
        return self.coturn.stun_url, self.coturn.turn_urls[0]


@pytest.fixture(scope="module")
async def server_with_ice(coturn: Coturn, server_with: Any) -> AsyncIterator[Any]:
    environment = {
        "HELIOGRAPH_STUN_URLS": coturn.stun_url,
        "HELIOGRAPH_TURN_URLS": ",".join(coturn.turn_urls),
        "HELIOGRAPH_TURN_SECRET": SECRET,
    }
    async with server_with(**environment) as process:
        yield process


@pytest.fixture
async def place(coturn: Coturn, server_with_ice: Any, make_echo_worker: Any) -> AsyncIterator[Place]:
    room = await heliograph.create_room(server_with_ice.url)
    async with make_echo_worker(server_with_ice.url, room) as worker:
        yield Place(coturn, {"url": server_with_ice.url, "room": room.room_id, "token": room.token}, worker)


async def test_they_are_used_by_default_on_both_sides(place: Place) -> None:
    reports = []

    @place.worker.on_channel("report")
    async def report(channel: heliograph.Channel) -> None:
        reports.append(channel.connection.report())
        await channel.send("done")

    async with heliograph.connect(**place.where) as session, await session.connect("Worker-1") as connection:
        async with connection.open_channel("report") as channel:
            assert await channel.receive() == "done"
        reports.append(connection.report())
    for side in reports:
        assert side.ice_servers == place.used
        assert [url for url, _ in side.dropped_ice_servers] == [place.coturn.turn_urls[1]]
        assert side.local_candidates["relay"] >= 1


async def test_connecting_in_one_step_uses_them_too(place: Place) -> None:
    async with heliograph.connect(**place.where, peer="Worker-1") as connection:
        assert connection.report().ice_servers == place.used


async def test_none_are_used_if_that_is_asked(place: Place) -> None:
    async with heliograph.connect(**place.where, peer="Worker-1", ice_servers=[]) as connection:
        assert connection.report().ice_servers == ()
        assert set(connection.report().local_candidates) <= {"host"}


async def test_ones_own_win(place: Place) -> None:
    async with (
        heliograph.connect(**place.where, ice_servers=[place.coturn.stun_url]) as session,
        await session.connect("Worker-1") as connection,
    ):
        assert connection.report().ice_servers == (place.coturn.stun_url,)


async def test_those_of_the_api_are_good_for_a_connection(place: Place) -> None:
    async with heliograph.Api(place.where["url"]) as api:
        found = await api.ice_servers(id_token=(await api.sign_in()).id_token)
    assert found.ttl_s == 3600
    async with heliograph.connect(**place.where, peer="Worker-1", ice_servers=found.ice_servers) as connection:
        assert connection.report().ice_servers == place.used
        assert connection.report().local_candidates["relay"] >= 1


@pytest.mark.parametrize("transport", [0, 1], ids=["udp", "tcp"])
async def test_a_relay_alone_carries_a_connection(coturn: Coturn, server_with_ice: Any, transport: int) -> None:
    """With credentials from the server, and no other candidates on either side."""
    room = await heliograph.create_room(server_with_ice.url)
    where: dict[str, Any] = {"url": server_with_ice.url, "room": room.room_id, "token": room.token}
    async with heliograph.Api(server_with_ice.url) as api:
        found = await api.ice_servers(id_token=(await api.sign_in()).id_token)
    [turn] = [server for server in found.ice_servers if server.username]
    relay = {"urls": coturn.turn_urls[transport], "username": turn.username, "credential": turn.credential}
    content = bytes(range(256)) * 1024
    async with heliograph.Worker(**where, peer_id="Worker-1", ice_servers=[relay], relay_only=True) as worker:
        worker.on_channel("chat")(echo)
        async with heliograph.connect(**where, peer="Worker-1", ice_servers=[relay], relay_only=True) as connection:
            report = connection.report()
            assert report.local_candidates == report.remote_candidates == {"relay": 1}
            assert report.server_answers == {coturn.turn_urls[transport]: "allocated"}
            assert report.pairs == {"relay-relay succeeded": 1}
            chat = connection.channel("chat")
            await chat.send(content)
            async with asyncio.timeout(LIMIT_S):
                assert await chat.receive() == content


async def test_a_relay_that_refuses_the_credentials_is_named(coturn: Coturn, place: Place) -> None:
    relay = {"urls": coturn.turn_urls[0], "username": "nobody", "credential": "knows this"}
    where = {**place.where, "ice_servers": [relay], "relay_only": True}
    with pytest.raises(heliograph.ConnectFailed, match="refused with 401 Unauthorized") as caught:
        async with heliograph.connect(**where, peer="Worker-1"):
            pytest.fail("there was no way to connect")
    assert caught.value.report is not None
    assert caught.value.report.server_answers[coturn.turn_urls[0]].startswith("refused with 401")


async def echo(channel: heliograph.Channel) -> None:
    async for message in channel:
        await channel.send(message)
