"""What goes from node to node, without a bus: each batch is handed over, or lost, by hand."""

import asyncio
from typing import Any

from heliograph_server.cluster.lines import Kind, Line, decode_batch
from heliograph_server.cluster.pipe import PipeConnection
from heliograph_server.cluster.switchboard import Switchboard

HOME, DOOR = "home", "door"


class Peer:
    """A door, as a switchboard sees it."""

    def __init__(self) -> None:
        self.heard_frames: list[bytes] = []
        self.signals: list[Kind] = []
        self.breaks = 0

    def heard(self, frame: bytes) -> None:
        self.heard_frames.append(frame)

    def signal(self, kind: Kind, _: Any) -> None:
        self.signals.append(kind)

    def broken(self) -> None:
        self.breaks += 1


def switchboard(name: str, sent: list[bytes]) -> Switchboard:
    def never(*_: Any) -> Any:
        raise AssertionError("nothing of this is asked for")

    return Switchboard(
        name, publish=lambda _node, batch: sent.append(batch), begin=never, answer=never, spawn=lambda work: work
    )


def line_to_door() -> tuple[Line, list[Line]]:
    awake: list[Line] = []
    return Line(HOME, DOOR, awake.append), awake


def doors(count: int) -> tuple[Switchboard, list[tuple[int, Peer]]]:
    board = switchboard(DOOR, [])
    opened = []
    for _ in range(count):
        peer = Peer()
        _, pipe = board.open(HOME, peer)  # type: ignore[arg-type]
        opened.append((pipe, peer))
    return board, opened


def test_what_many_hear_is_in_a_batch_once() -> None:
    line, _ = line_to_door()
    board, opened = doors(40)
    news, own = b"n" * 500, b"o" * 100
    pipes = [PipeConnection(line, pipe, lambda: None) for pipe, _ in opened]
    pipes[0].send(own)
    for connection in pipes:
        assert connection.send(news)
    pipes[1].send(own)
    batch = line.take()
    assert len(batch) < len(news) + len(own) + 40 * 10
    board.received(batch)
    assert opened[0][1].heard_frames == [own, news]
    assert opened[1][1].heard_frames == [news, own]
    assert all(peer.heard_frames == [news] for _, peer in opened[2:])


def test_frames_of_an_earlier_batch_are_sent_again() -> None:
    line, _ = line_to_door()
    board, opened = doors(2)
    news = b"news"
    for (pipe, _), times in zip(opened, (1, 2), strict=True):
        for _ in range(times):
            line.hear(pipe, news)
            board.received(line.take())
    line.hear(opened[0][0], news)
    line.clear()  # the bus was lost
    line.hear(opened[1][0], b"other")
    line.hear(opened[1][0], news)
    board.received(line.take())
    assert opened[0][1].heard_frames == [news]
    assert opened[1][1].heard_frames == [news, news, b"other", news]


def test_a_beat_follows_what_nothing_else_follows() -> None:
    line, awake = line_to_door()
    assert not line.needs_beat()
    line.put(Kind.SAID, 1, b"frame")
    assert awake == [line]
    line.take()
    assert not line.needs_beat(), "it has just been sent"
    line.put(Kind.SAID, 1, b"frame")
    line.take()
    assert not line.needs_beat(), "the second one has shown whether the first one is missing"
    assert line.needs_beat()
    line.put(Kind.BEAT, 0)
    line.take()
    for _ in range(3):
        assert not line.needs_beat(), "nobody would miss a beat"
    line.put(Kind.BEAT, 0)
    line.put(Kind.SAID, 1, b"frame")
    line.take()
    assert not line.needs_beat()
    assert line.needs_beat(), "there was more than a beat in the batch"


async def test_the_last_batch_is_missed_within_two_beats() -> None:
    home_sent: list[bytes] = []
    home = switchboard(HOME, home_sent)
    board, [(pipe, peer)] = doors(1)
    line, _ = home.open(DOOR, Peer())  # type: ignore[arg-type]

    async def turn() -> list[bytes]:
        await asyncio.sleep(0)
        sent = home_sent[:]
        home_sent.clear()
        return sent

    line.hear(pipe, b"arrives")
    for batch in await turn():
        board.received(batch)
    line.hear(pipe, b"is lost")
    assert [kind for batch in await turn() for kind in decode_batch(batch)[2][::3]] == [Kind.HEARD]
    home.beat()
    assert await turn() == []
    home.beat()
    [beat] = await turn()
    counts = [(peer.breaks, board.gaps)]
    board.received(beat)
    counts.append((peer.breaks, board.gaps))
    assert counts == [(0, 0), (1, 1)]
    assert peer.heard_frames == [b"arrives"]
    home.beat()
    assert await turn() == [], "nothing more is sent while there is nothing to miss"
