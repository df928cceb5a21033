"""The load of the benchmarks measures what it says: against the mirror, which is a server that is always in time."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.dialects import Dialect, Pass, frame
from bench.load.pairs import closed_loop, open_loop, prove
from bench.load.places import by_process
from bench.load.team import both_halves
from bench.load.wires import Wire, open_all

ROOT = Path(__file__).parents[2]
PEERS = 8
SIZE = 300
STALL_S = 0.4


@pytest.fixture(scope="module")
def mirror() -> Iterator[tuple[int, int]]:
    """The port and the process of a mirror."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.mirror", str(port)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def dialect() -> Dialect:
    passes = [Pass(f"peer-{number}", "room", "token", "id-token") for number in range(PEERS)]
    return Dialect("mirror", 1, passes)


@pytest.fixture
def wires(mirror: tuple[int, int], dialect: Dialect) -> Iterator[list[Wire]]:
    opened = open_all(mirror[0], dialect, range(PEERS), at_once=PEERS).wires
    yield opened
    for wire in opened:
        wire.socket.close()


@pytest.mark.parametrize("kind", ["heliograph", "peerserver", "baseline"])
@pytest.mark.parametrize("size", [300, 2000])
def test_a_message_has_the_size_that_is_asked_for(dialect: Dialect, kind: str, size: int) -> None:
    message = Dialect(kind, 1, dialect.passes).message(0, 1, size)  # type: ignore[arg-type]
    assert len(message) == size
    names = {value for value in json.loads(message).values() if value.startswith("peer-")}
    assert names == {"peer-0", "peer-1"}


def test_what_writes_json_anew_is_expected_to(dialect: Dialect) -> None:
    message = dialect.message(0, 1, SIZE)
    anew = Dialect("baseline", 1, dialect.passes).arrives_as(message)
    assert anew == frame(json.dumps(json.loads(message)).encode(), masked=False)
    assert len(anew) > len(dialect.arrives_as(message)) == len(frame(message)) - 4


def test_a_message_that_arrives_as_another_is_noticed(wires: list[Wire], dialect: Dialect) -> None:
    changed = Dialect("mirror", 1, [Pass(f"Peer-{number}", "room", "token", "id-token") for number in range(PEERS)])
    wires[0].socket.send(frame(changed.message(0, 1, SIZE)))
    with pytest.raises(ValueError, match="Peer-0"):
        prove(wires, dialect, SIZE)


@pytest.mark.parametrize("processes", [1, 2])
def test_what_bounces_is_counted(wires: list[Wire], dialect: Dialect, mirror: tuple[int, int], processes: int) -> None:
    def measure(some: list[Wire]) -> dict[str, Any]:
        return closed_loop(some, dialect, mirror[1], size=SIZE, warm_up_s=0.05, seconds=0.3)

    prove(wires, dialect, SIZE)
    value = measure(wires) if processes == 1 else both_halves(wires, measure)
    assert value["messages_per_s"] > 100


def test_the_pairs_of_a_process_are_those_whose_sockets_it_has(wires: list[Wire], mirror: tuple[int, int]) -> None:
    strangers = os.getpid()  # has the other end of each connection
    assert by_process(wires, [strangers, mirror[1]]) == [[], wires]


def test_a_stall_of_the_server_counts_for_all_that_should_have_been_sent_meanwhile(
    wires: list[Wire], dialect: Dialect, mirror: tuple[int, int]
) -> None:
    """Coordinated omission: with one message on the way, a stall would be one late message among thousands."""
    pid = mirror[1]

    def stall() -> None:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STALL_S)
        os.kill(pid, signal.SIGCONT)

    staller = threading.Timer(0.2, stall)
    staller.start()
    value = open_loop(wires, dialect, pid, size=SIZE, rate=1000, warm_up_s=0.05, seconds=1.0)
    staller.join()
    assert value["sent"] == 1000
    assert value["p99_ms"] > STALL_S * 500, "half of those that the stall met waited for more than half of it"
    assert value["late_p99_ms"] < STALL_S * 500, "and the load itself went on sending"
