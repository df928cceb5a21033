"""Workers and clients in rooms of a real server."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

import heliograph
from heliograph_protocol import Offer

from .events import next_of


async def say(connection: heliograph.Connection, text: str) -> str | bytes:
    channel = connection.channel("chat")
    await channel.send(text)
    return await channel.receive()


async def test_a_client_talks_to_a_worker(server: Any, room: heliograph.Room, echo_worker: heliograph.Worker) -> None:
    async with (
        echo_worker,
        heliograph.connect(server.url, room=room.room_id, token=room.token, peer="Worker-1") as connection,
    ):
        assert connection.peer_id == "Worker-1"
        assert await say(connection, "hello") == "hello"


async def test_a_room_link_is_enough(server: Any, room: heliograph.Room, echo_worker: heliograph.Worker) -> None:
    link = f"{server.url}/#room={room.room_id}&token={room.token}"
    async with echo_worker, heliograph.connect(link, peer="Worker-1") as connection:
        assert await say(connection, "hello") == "hello"


async def test_a_session_sees_the_room_and_connects(
    server: Any, room: heliograph.Room, echo_worker: heliograph.Worker
) -> None:
    async with echo_worker, heliograph.connect(server.url, room=room.room_id, token=room.token) as session:
        assert await session.peers() == ["Worker-1"]
        async with await session.connect("Worker-1") as connection:
            assert await say(connection, "hello") == "hello"
        assert session.connections == ()
        with pytest.raises(heliograph.PeerNotFound):
            await session.connect("Worker-9")


async def test_two_clients_connect_to_each_other(server: Any, room: heliograph.Room) -> None:
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        heliograph.connect(server.url, peer_id="Ann", **where) as ann,
        heliograph.connect(server.url, peer_id="Bob", **where) as bob,
    ):
        with pytest.raises(heliograph.PeerRefused) as caught:
            await bob.connect("Ann")
        assert caught.value.code == "NOT_ACCEPTING"
        accepting = asyncio.create_task(ann.accept())
        await asyncio.sleep(0)
        to_ann = await bob.connect("Ann")
        to_bob = await accepting
        await to_ann.channel("chat").send("hello Ann")
        assert await to_bob.channel("chat").receive() == "hello Ann"
        await to_bob.channel("chat").send("hello Bob")
        assert await to_ann.channel("chat").receive() == "hello Bob"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"token": "wrong"}, heliograph.InvalidRoomToken),
        ({"room": "zzzzzzzz"}, heliograph.RoomNotFound),
        ({"id_token": "no.jwt.here"}, heliograph.InvalidIdToken),
        ({"peer_id": "no spaces, please"}, heliograph.InvalidMessage),
        ({"peer": "Worker-9"}, heliograph.PeerNotFound),
    ],
)
async def test_refusals_are_typed(
    server: Any, room: heliograph.Room, changes: dict[str, str], error: type[heliograph.Refused]
) -> None:
    arguments: dict[str, Any] = {"room": room.room_id, "token": room.token, "peer": "Worker-1", **changes}
    with pytest.raises(error):
        async with heliograph.connect(server.url, **arguments):
            pytest.fail("it let us in")


async def test_a_taken_peer_id(server: Any, room: heliograph.Room, echo_worker: heliograph.Worker) -> None:
    async with echo_worker:
        with pytest.raises(heliograph.PeerIdTaken):
            async with heliograph.Worker(server.url, room=room.room_id, token=room.token, peer_id="Worker-1"):
                pytest.fail("it let us in")


async def test_no_server_is_said_in_words() -> None:
    with pytest.raises(heliograph.ServerUnreachable, match=r"127\.0\.0\.1:9"):
        async with heliograph.connect("http://127.0.0.1:9", room="abc12345", token="t", peer="Worker-1"):
            pytest.fail("there is nothing")


async def test_the_signaling_client_asks_and_signals(server: Any, room: heliograph.Room) -> None:
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        heliograph.SignalingClient(server.url, peer_id="Ann", **where) as ann,
        heliograph.SignalingClient(server.url, peer_id="Bob", **where) as bob,
    ):
        assert sorted(await ann.query()) == ["Ann", "Bob"]
        assert await ann.ping() > 1_700_000_000
        await ann.offer("Bob", "v=0", connection_id="c1")
        await ann.offer("Nobody", "v=0", connection_id="c2")
        events_of_bob, events_of_ann = aiter(bob), aiter(ann)
        offer = await next_of(Offer, events_of_bob)
        assert (offer.sender, offer.sdp, offer.connection_id) == ("Ann", "v=0", "c1")
        refused = await next_of(heliograph.SignalRefused, events_of_ann)
        assert (refused.target, refused.connection_id) == ("Nobody", "c2")
        assert isinstance(refused.error, heliograph.PeerNotFound)
    assert {type(event) for event in [event async for event in ann]} <= {heliograph.PeerLeft}
    with pytest.raises(heliograph.SignalingLost):
        await ann.query()


async def test_a_worker_serves_as_many_as_it_will(server: Any, room: heliograph.Room) -> None:
    where: Any = {"room": room.room_id, "token": room.token}
    async with heliograph.Worker(server.url, peer_id="Worker-1", max_clients=1, **where) as worker:
        done = asyncio.Event()

        @worker.on_channel("chat")
        async def serve(channel: heliograph.Channel) -> None:
            async for message in channel:
                await channel.send(message)
            done.set()

        async with heliograph.connect(server.url, peer="Worker-1", peer_id="Ann", **where) as connection:
            with pytest.raises(heliograph.WorkerBusy):
                async with heliograph.connect(server.url, peer="Worker-1", **where):
                    pytest.fail("it took a second client")
            assert await say(connection, "hello") == "hello"
            assert worker.clients == ("Ann",)
        async with asyncio.timeout(5):
            await done.wait()
        async with heliograph.connect(server.url, peer="Worker-1", **where) as connection:
            assert await say(connection, "my turn") == "my turn"


async def test_a_failing_handler_closes_its_channel_and_nothing_else(
    server: Any, room: heliograph.Room, echo_worker: heliograph.Worker, caplog: pytest.LogCaptureFixture
) -> None:
    @echo_worker.on_channel("fragile")
    async def fail(channel: heliograph.Channel) -> None:
        raise RuntimeError(await channel.receive())

    async with (
        echo_worker,
        heliograph.connect(server.url, room=room.room_id, token=room.token, peer="Worker-1") as connection,
    ):
        fragile = connection.channel("fragile")
        await fragile.send("crash")
        assert [message async for message in fragile] == []
        async with connection.open_channel("nobody knows this label") as unknown:
            assert [message async for message in unknown] == []
        assert await say(connection, "still there?") == "still there?"
    assert "RuntimeError: crash" in caplog.text


async def test_files_go_both_ways(
    server: Any, room: heliograph.Room, echo_worker: heliograph.Worker, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 5_000
    (tmp_path / "there.bin").write_bytes(content)

    @echo_worker.on_channel("file")
    async def send_it_back(channel: heliograph.Channel) -> None:
        received = await heliograph.receive_file(channel, into=tmp_path / "worker")
        assert received.path is not None
        await heliograph.send_file(channel.connection, received.path, name="back.bin")

    async with (
        echo_worker,
        heliograph.connect(server.url, room=room.room_id, token=room.token, peer="Worker-1") as connection,
    ):
        sent = await heliograph.send_file(connection, tmp_path / "there.bin")
        back = await heliograph.receive_file(await connection.accept_channel(), into=tmp_path / "client")
    assert sent.sha256 == back.sha256 == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "client" / "back.bin").read_bytes() == content


async def test_open_channels_outlive_the_server_and_the_worker_comes_back(
    mortal_server: Any, make_echo_worker: Any, in_room: Any
) -> None:
    server = mortal_server
    room = await heliograph.create_room(server.url)
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        make_echo_worker(server.url, room),
        heliograph.SignalingClient(server.url, peer_id="Watcher", **where) as watcher,
        heliograph.connect(server.url, peer="Worker-1", **where) as connection,
    ):
        assert await say(connection, "before") == "before"
        events = aiter(watcher)
        assert not (await next_of(heliograph.Registered, events)).resumed
        await server.stop(kill=True)
        await next_of(heliograph.Disconnected, events)
        assert await say(connection, "without a server") == "without a server"
        await server.start()
        assert not (await next_of(heliograph.Registered, events)).resumed
        await in_room("Worker-1", watcher.query)
        async with heliograph.connect(server.url, peer="Worker-1", **where) as newer:
            assert await say(newer, "after") == "after"
        assert await say(connection, "still the same") == "still the same"


async def test_a_worker_that_is_replaced_says_so(server: Any, room: heliograph.Room) -> None:
    async with heliograph.Api(server.url) as api:
        id_token = (await api.sign_in()).id_token
    again: dict[str, Any] = {
        "room": room.room_id,
        "token": room.token,
        "peer_id": "Worker-1",
        "id_token": id_token,
    }
    async with heliograph.Worker(server.url, **again) as first, heliograph.Worker(server.url, **again):
        with pytest.raises(heliograph.Replaced) as caught:
            async with asyncio.timeout(5):
                await first.wait_closed()
    assert caught.value.code == 4001


async def test_a_worker_whose_room_is_removed_says_so(server: Any) -> None:
    async with heliograph.Api(server.url) as api:
        id_token = (await api.sign_in()).id_token
        room = await api.create_room(id_token=id_token)
        async with heliograph.Worker(server.url, room=room.room_id, token=room.token, peer_id="Worker-1") as worker:
            assert await api.delete_peers_and_room("Worker-1", id_token=id_token) == "peer deleted successfully"
            with pytest.raises(heliograph.Removed):
                async with asyncio.timeout(5):
                    await worker.wait_closed()
