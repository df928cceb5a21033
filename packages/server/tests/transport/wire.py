"""The other end of a WebSocket, byte by byte: frames as RFC 6455 section 5.2 has them, right ones and wrong ones."""

import asyncio
import base64
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, cast

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "Peer",
    "close_frame",
    "connect",
    "frame",
]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455 section 1.3."""

WAIT_S: Final = 10.0


class Frame(NamedTuple):
    opcode: int
    payload: bytes


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = b"\1\2\3\4"
) -> bytes:
    """One frame as a client sends it; without a mask it is a wrong one."""
    size = len(payload)
    masked = 0x80 if mask is not None else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([masked | 127]) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    key = (mask * (size // 4 + 1))[:size]
    hidden = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
    return head + mask + hidden


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


class Peer:
    """A TCP connection to the server, and what a client could do with it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.writer.transport)

    async def handshake(
        self, *headers: str, path: str = "/", without: tuple[str, ...] = (), method: str = "GET"
    ) -> bytes:
        """Ask for a WebSocket; returns the head of the response."""
        lines = {
            "Host": "server.example",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": KEY,
        }
        lines |= dict(header.split(": ", 1) for header in headers)
        chosen = [f"{name}: {value}" for name, value in lines.items() if name not in without]
        self.writer.write("\r\n".join([f"{method} {path} HTTP/1.1", *chosen, "", ""]).encode())
        return await self.head()

    async def head(self) -> bytes:
        """The head of a response."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def send(self, *frames: bytes) -> None:
        """Write frames, all in one piece."""
        self.writer.write(b"".join(frames))
        async with asyncio.timeout(WAIT_S):
            await self.writer.drain()

    async def receive(self) -> Frame:
        """The next frame, which has to be one that a server may send. Raises `IncompleteReadError` at the end."""
        async with asyncio.timeout(WAIT_S):
            first, second = await self.reader.readexactly(2)
            assert first & 0xF0 == 0x80, "the server sends whole messages, and uses no extension"
            assert second & 0x80 == 0, "a server does not mask"
            size = second
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return Frame(first & 0x0F, await self.reader.readexactly(size))

    async def text(self) -> bytes:
        """The next frame's payload; the frame has to be a text."""
        opcode, payload = await self.receive()
        assert opcode == TEXT, (opcode, payload)
        return payload

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the close frame, which is the next frame."""
        opcode, payload = await self.receive()
        assert opcode == CLOSE, (opcode, payload)
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    async def ended(self) -> bytes:
        """Wait until the server ends the TCP connection; what else it sent before."""
        rest = b""
        async with asyncio.timeout(WAIT_S):
            try:
                while chunk := await self.reader.read(65536):
                    rest += chunk
            except ConnectionError:
                pass
        return rest

    def reset(self) -> None:
        """Vanish as a crashed host does: RST in place of FIN."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


@asynccontextmanager
async def connect(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A TCP connection without a WebSocket yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


def accepted(head: bytes) -> bool:
    """Whether the head of a response opens the WebSocket, with the right proof."""
    proof = base64.b64encode(hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    lines = head.split(b"\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines[1:-2])}
    return (
        lines[0].startswith(b"HTTP/1.1 101 ")
        and headers[b"upgrade"].lower() == b"websocket"
        and headers[b"connection"].lower() == b"upgrade"
        and headers[b"sec-websocket-accept"] == proof
    )
