"""Signaling in memory, and what can be done to it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import heliograph
from heliograph.events import PeerSignal, SignalingEvent, SignalRefused
from heliograph.testing import Faults, MemoryRoom, MemorySignaling, connected, pair
from heliograph_protocol import Quit


async def heard(signaling: MemorySignaling) -> list[str]:
    """Close, and return the connection ids of what has arrived."""
    signaling.close()
    events: list[SignalingEvent] = [event async for event in signaling]
    return [str(event.connection_id) for event in events if isinstance(event, Quit | SignalRefused)]


async def send(room: MemoryRoom, count: int) -> None:
    sender = room.join("A")
    for number in range(count):
        await sender.quit("B", connection_id=str(number))


async def test_signals_arrive_in_order_and_once() -> None:
    room = MemoryRoom()
    receiver = room.join("B")
    await send(room, 3)
    assert await heard(receiver) == ["0", "1", "2"]
    assert len(room.passed) == 3


async def test_a_signal_to_nobody_is_refused() -> None:
    room = MemoryRoom()
    sender = room.join("A")
    await sender.quit("B", connection_id="c")
    assert await heard(sender) == ["c"]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(drop=1), []),
        (Faults(duplicate=1), ["0", "0", "1", "1", "2", "2"]),
        (Faults(), ["0", "1", "2"]),
    ],
)
async def test_what_chance_does_with_certainty(faults: Faults, expected: list[str]) -> None:
    room = MemoryRoom(faults=faults)
    receiver = room.join("B")
    await send(room, 3)
    assert await heard(receiver) == expected


async def test_delayed_signals_arrive_later() -> None:
    room = MemoryRoom(faults=Faults(delay_s=(0.01, 0.02)))
    receiver = room.join("B")
    await send(room, 3)
    assert room.passed == []
    arriving = aiter(receiver)
    async with asyncio.timeout(5):
        assert {str(getattr(await anext(arriving), "connection_id", "")) for _ in range(3)} == {"0", "1", "2"}


async def test_a_signal_that_is_held_is_overtaken() -> None:
    held = iter([True, False])

    class HoldFirst(Faults):
        def fate(self) -> list[tuple[float, bool]]:
            return [(0.0, next(held))]

    room = MemoryRoom(faults=HoldFirst())
    receiver = room.join("B")
    await send(room, 2)
    assert await heard(receiver) == ["1", "0"]


async def test_a_signal_that_nothing_overtakes_arrives_all_the_same() -> None:
    room = MemoryRoom(faults=Faults(reorder=1, hold_s=0.01))
    receiver = room.join("B")
    await send(room, 2)
    arriving = aiter(receiver)
    async with asyncio.timeout(5):
        assert [str(getattr(await anext(arriving), "connection_id", "")) for _ in range(2)] == ["0", "1"]


@pytest.mark.parametrize("who", ["A", "B"])
async def test_a_peer_that_is_cut_hears_and_says_nothing(who: str) -> None:
    room = MemoryRoom()
    receiver = room.join("B")
    room.cut(who)
    await send(room, 1)
    room.restore(who)
    await send(room, 2)
    assert await heard(receiver) == ["0", "1"]


async def test_a_peer_that_left_is_not_there() -> None:
    room = MemoryRoom()
    receiver, sender = room.join("B"), room.join("A")
    room.leave("B")
    await sender.quit("B", connection_id="c")
    assert await heard(receiver) == []
    assert await heard(sender) == ["c"]


@given(st.integers(), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_same_seed_has_the_same_faults(seed: int, drop: float, duplicate: float, reorder: float) -> None:
    one, two = (Faults(seed=seed, drop=drop, duplicate=duplicate, reorder=reorder, delay_s=(0, 1)) for _ in range(2))
    assert [one.fate() for _ in range(20)] == [two.fate() for _ in range(20)]


@pytest.mark.parametrize(
    "wrong", [{"drop": 1.1}, {"reorder": -1}, {"delay_s": (2, 1)}, {"delay_s": (-1, 1)}, {"hold_s": -1}]
)
def test_faults_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(heliograph.ConfigurationError):
        Faults(**wrong)  # type: ignore[arg-type]


async def test_connections_come_about_whatever_happens_to_the_order_of_their_signals() -> None:
    for seed in range(3):
        faults = Faults(duplicate=0.5, reorder=0.5, delay_s=(0, 0.02), hold_s=0.05, seed=seed)
        async with pair(room=MemoryRoom(faults=faults)) as (near, far):
            await near.channel("chat").send("hello")
            assert await (await far.accept_channel()).receive() == "hello"


async def test_a_lost_answer_is_a_connection_that_times_out() -> None:
    def lose(signal: PeerSignal) -> PeerSignal | None:
        return None if signal.sender == "Worker-1" else signal

    with pytest.raises(heliograph.ConnectTimeout):
        async with pair(room=MemoryRoom(rewrite=lose), timeout_s=0.5):
            pytest.fail("nobody answered")


async def test_a_worker_can_be_tried_out_without_a_server() -> None:
    worker = heliograph.Worker("http://127.0.0.1:1", room="r", token="t", peer_id="Worker-1")

    @worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(f"{channel.peer_id}: {message!r}")

    async with connected(worker) as one, connected(worker, peer_id="Ann") as two, asyncio.timeout(10):
        for connection, expected in ((one, "Client-1: 'hi'"), (two, "Ann: 'hi'")):
            await connection.channel("chat").send("hi")
            assert await connection.channel("chat").receive() == expected
