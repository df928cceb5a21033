"""What peers say of their connections, for those who inspect a room."""

import pytest
from msgspec import UNSET

import heliograph
from heliograph.events import PeerSignal
from heliograph.peer.switchboard import Refusal
from heliograph.testing import MemoryRoom, cut_path
from heliograph_protocol import Answer, Report

from .peers import dial, peer

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")


def told(room: MemoryRoom) -> list[tuple[str, str, str]]:
    return sorted((peer_id, report.peer_id, report.state) for peer_id, report in room.reports)


async def test_both_sides_tell_of_a_path_and_none_of_its_end() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1") as connection:
        await connection.channel("chat").send("both stand")
        await connection.channel("chat").receive()
    assert told(room) == [("Client-1", "Worker-1", "connected"), ("Worker-1", "Client-1", "connected")]
    for _, report in room.reports:
        assert report.local == "host"
        assert report.remote in {"host", "prflx"}
        assert isinstance(report.took_ms, int)
        assert 0 <= report.took_ms < 10_000


async def test_no_answer_is_a_failure_and_a_refusal_is_none() -> None:
    def no_answers(signal: PeerSignal) -> PeerSignal | None:
        return None if isinstance(signal, Answer) else signal

    room = MemoryRoom(rewrite=no_answers)
    async with peer(room, "Worker-1", timeout_s=0.2), peer(room, "Client-1", timeout_s=0.2) as client:
        with pytest.raises(heliograph.ConnectTimeout):
            await dial(client, "Worker-1")
    reports = dict(room.reports)
    assert set(reports) <= {"Client-1", "Worker-1"}
    failed = reports["Client-1"]
    assert (failed.peer_id, failed.state, failed.local) == ("Worker-1", "failed", UNSET)
    assert isinstance(failed.took_ms, int)
    assert 200 <= failed.took_ms < 10_000

    room = MemoryRoom()
    busy = Refusal(code="WORKER_BUSY", reason="worker_busy", message="Too many")
    async with peer(room, "Worker-1", refusal=busy), peer(room, "Client-1") as client:
        with pytest.raises(heliograph.WorkerBusy):
            await dial(client, "Worker-1")
        with pytest.raises(heliograph.PeerNotFound):
            await dial(client, "Worker-2")
    assert room.reports == []


@pytest.mark.usefixtures("quick")
async def test_another_path_is_told_too_and_so_is_that_there_is_none() -> None:
    room = MemoryRoom()
    async with (
        peer(room, "Worker-1"),
        peer(room, "Client-1", redial_timeout_s=2.0) as client,
        await dial(client, "Worker-1") as near,
    ):
        events = near.events()
        with cut_path(near):
            async for event in events:
                if isinstance(event, heliograph.Reconnected):
                    break
        assert [report.state for peer_id, report in room.reports if peer_id == "Client-1"] == ["connected"] * 2
        room.cut("Client-1")
        with cut_path(near):
            await near.wait_closed()
    ours = [report for peer_id, report in room.reports if peer_id == "Client-1"]
    assert ours[-1] == Report(peer_id="Worker-1", state="failed")
    assert len(ours) == 3
