"""Asking STUN servers which address this machine has outside (RFC 8489), from one socket."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Self

from aioice import stun

__all__ = ["Address", "Mapped", "StunSocket", "StunUnanswered", "resolved"]

Address = tuple[str, int]

FIRST_RETRY_S = 0.5
MAX_TRIES = 3
"""The waits double: an answer may take 3.5 s."""


class StunUnanswered(Exception):
    """No usable answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a server saw, and from where it was asked."""

    public: Address
    local: Address


class _Answers(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.waiting: dict[bytes, asyncio.Future[stun.Message]] = {}

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002 - asyncio's signature
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        answer = self.waiting.get(message.transaction_id)
        if answer is not None and not answer.done():
            answer.set_result(message)


class StunSocket:
    """One UDP socket for several questions: a NAT that maps it differently for each server gives itself away."""

    def __init__(self, transport: asyncio.DatagramTransport, answers: _Answers) -> None:
        self._transport = transport
        self._answers = answers

    @classmethod
    async def open(cls) -> Self:
        """Bind to a free port. IPv4, as NATs are."""
        loop = asyncio.get_running_loop()
        transport, answers = await loop.create_datagram_endpoint(_Answers, local_addr=("0.0.0.0", 0))
        return cls(transport, answers)

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()

    async def ask(self, host: str, port: int) -> Mapped:
        """The address that this server sees. Raises `StunUnanswered`."""
        address = await resolved(host, port)
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        try:
            attributes = (await self.exchange(request, address)).attributes
        except TimeoutError as error:
            raise StunUnanswered(f"no answer from {host}:{port} by UDP") from error
        mapped = attributes.get("XOR-MAPPED-ADDRESS") or attributes.get("MAPPED-ADDRESS")
        if mapped is None:
            raise StunUnanswered(f"{host}:{port} answers without an address")
        return Mapped(public=(mapped[0], mapped[1]), local=(_towards(address), self._port))

    async def exchange(self, request: stun.Message, address: Address) -> stun.Message:
        """The answer to a request. Raises `TimeoutError` when none of `MAX_TRIES` is answered."""
        answer: asyncio.Future[stun.Message] = asyncio.get_running_loop().create_future()
        self._answers.waiting[request.transaction_id] = answer
        try:
            for attempt in range(MAX_TRIES):
                self._transport.sendto(bytes(request), address)
                await asyncio.wait([answer], timeout=FIRST_RETRY_S * 2**attempt)
                if answer.done():
                    return answer.result()
        finally:
            del self._answers.waiting[request.transaction_id]
        raise TimeoutError

    @property
    def _port(self) -> int:
        port: int = self._transport.get_extra_info("sockname")[1]
        return port


async def resolved(host: str, port: int) -> Address:
    """An IPv4 address of the server. Raises `StunUnanswered`."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise StunUnanswered(f"the name {host} does not resolve: {why}") from error
    where = found[0][4]
    return str(where[0]), int(where[1])


def _towards(address: Address) -> str:
    """Which of this machine's addresses the system uses for that destination; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        own: str = probe.getsockname()[0]
        return own
