"""Which process of a server has which peer. Linux only."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.load.wires import Wire

__all__ = ["by_process"]

ESTABLISHED: Final = "01"
SOCKET: Final = "socket:["


def by_process(wires: list[Wire], pids: Sequence[int]) -> list[list[Wire]]:
    """The pairs of each process, which has the sockets of both peers."""
    sockets = _sockets()
    owners = {inode: pid for pid in pids for inode in _sockets_of(pid)}
    found: dict[int, list[Wire]] = {pid: [] for pid in pids}
    for pair in zip(wires[::2], wires[1::2], strict=True):
        first, second = (owners[sockets[_ports(wire)]] for wire in pair)
        if first != second:
            raise ValueError("A pair is at two processes")
        found[first] += pair
    return list(found.values())


def _ports(wire: Wire) -> tuple[int, int]:
    """The server's and the peer's."""
    server: int = wire.socket.getpeername()[1]
    own: int = wire.socket.getsockname()[1]
    return server, own


def _sockets() -> dict[tuple[int, int], str]:
    """The number of the socket at this end of each IPv4 connection, by the ports at this end and at the other."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return {(_port(row[1]), _port(row[2])): row[9] for row in rows if row[3] == ESTABLISHED}


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _sockets_of(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            link = str(entry.readlink())
            if link.startswith(SOCKET):
                found.add(link.removeprefix(SOCKET).removesuffix("]"))
    return found
