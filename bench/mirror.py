"""The least that a server can do: whatever a peer sends goes to the other one of its pair, and nobody looks at it.

What the load reaches with this one in place of a server is the load's own limit. `python -m bench.mirror PORT` serves
until it is killed; peers are numbered, and ask for the path `/NUMBER`.
"""

import select
import socket
import sys
from contextlib import suppress
from typing import Final

CHUNK: Final = 262_144
HELLO: Final = b'\x81\x0f{"type":"OPEN"}'
ACCEPTED: Final = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
"""Without the proof of the key, which the load does not look at."""


class _Peer:
    """One connection."""

    __slots__ = ("answer", "number", "partial", "send", "size", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.send = connection.send
        self.number = -1
        """None yet: its request has not come."""
        self.size = self.partial = 0
        self.answer = b""
        """What its messages become for the other one; they are all the same."""


def serve(port: int) -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    listener.setblocking(False)
    buffer = memoryview(bytearray(CHUNK))
    peers: dict[int, _Peer] = {}
    by_number: dict[int, _Peer] = {}
    with select.epoll() as poller:
        poller.register(listener.fileno(), select.EPOLLIN)
        while True:
            for fd, _ in poller.poll():
                peer = peers.get(fd)
                if peer is None:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    peers[connection.fileno()] = _Peer(connection)
                    poller.register(connection.fileno(), select.EPOLLIN)
                    continue
                try:
                    size = peer.socket.recv_into(buffer)
                except ConnectionError:
                    size = 0
                if size == 0:
                    poller.unregister(fd)
                    del peers[fd]
                    if by_number.get(peer.number) is peer:
                        del by_number[peer.number]
                    peer.socket.close()
                elif peer.number < 0:
                    peer.number = int(bytes(buffer[:size]).split(b" ", 2)[1].lstrip(b"/"))
                    by_number[peer.number] = peer
                    peer.send(ACCEPTED + HELLO)
                else:
                    if peer.size == 0:
                        peer.answer = _unmasked(bytes(buffer[:size]))
                        peer.size = len(peer.answer) + 4
                    count, peer.partial = divmod(peer.partial + size, peer.size)
                    other = by_number.get(peer.number ^ 1)
                    if other is not None:
                        with suppress(ConnectionError):  # it is about to go
                            other.send(peer.answer * count)


def _unmasked(data: bytes) -> bytes:
    """The first frame of a client as a server sends it. Its masking key is zero."""
    short = data[1] & 0x7F
    head = 2 if short < 126 else 4
    size = short if head == 2 else int.from_bytes(data[2:4], "big")
    return data[:1] + bytes([short]) + data[2:head] + data[head + 4 : head + 4 + size]


if __name__ == "__main__":
    serve(int(sys.argv[1]))
