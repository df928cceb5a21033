"""Asking a TURN server to relay, and taking it back at once (RFC 8656).

aioice's own client leaves timers behind when it is given up on, and it is given up on here as a matter of course.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aioice import stun
from aioice.turn import UDP_TRANSPORT, make_integrity_key

from heliograph.cli.doctor.stun import Address, StunSocket, resolved

__all__ = ["TurnRefused", "allocate"]

ALLOCATION_S = 60
"""How long the allocation lives if taking it back fails."""
HEADER_BYTES = 20

Exchange = Callable[[stun.Message], Awaitable[stun.Message]]


class TurnRefused(Exception):
    """The server answers, and does not relay; the text says why. `code` is that of the answer, 0 if there is none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason or 'no reason given'} ({code})" if code else reason)
        self.code = code


async def allocate(host: str, port: int, *, transport: str, tls: bool, username: str, password: str) -> Address:
    """The address at which the server would relay. Raises `TurnRefused`, `OSError` or `TimeoutError`."""
    opened = _by_tcp(host, port, tls=tls) if transport == "tcp" else _by_udp(host, port)
    async with opened as exchange:
        answer = await exchange(_request(stun.Method.ALLOCATE, ALLOCATION_S))
        key, login = b"", {}
        if answer.error_code == 401 and {"REALM", "NONCE"} <= answer.attributes.keys():
            realm, nonce = answer.attributes["REALM"], answer.attributes["NONCE"]
            key = make_integrity_key(username, realm, password)
            login = {"USERNAME": username, "REALM": realm, "NONCE": nonce}
            answer = await exchange(_request(stun.Method.ALLOCATE, ALLOCATION_S, login, key))
        if answer.message_class is stun.Class.ERROR:
            code, reason = answer.attributes.get("ERROR-CODE", (0, "it refuses without a reason"))
            raise TurnRefused(code, reason)
        relayed = answer.attributes.get("XOR-RELAYED-ADDRESS")
        if relayed is None:
            raise TurnRefused(0, "it answers without an address to relay at")
        await exchange(_request(stun.Method.REFRESH, 0, login, key))
    return str(relayed[0]), int(relayed[1])


def _request(
    method: stun.Method, lifetime_s: int, login: dict[str, str | bytes] | None = None, key: bytes = b""
) -> stun.Message:
    request = stun.Message(message_method=method, message_class=stun.Class.REQUEST)
    request.attributes["LIFETIME"] = lifetime_s
    if method is stun.Method.ALLOCATE:
        request.attributes["REQUESTED-TRANSPORT"] = UDP_TRANSPORT
    if login:
        request.attributes.update(login)
        request.add_message_integrity(key)
    return request


@asynccontextmanager
async def _by_udp(host: str, port: int) -> AsyncIterator[Exchange]:
    address = await resolved(host, port)
    socket = await StunSocket.open()
    try:
        yield lambda request: socket.exchange(request, address)
    finally:
        socket.close()


@asynccontextmanager
async def _by_tcp(host: str, port: int, *, tls: bool) -> AsyncIterator[Exchange]:
    reader, writer = await asyncio.open_connection(host, port, ssl=tls or None)

    async def exchange(request: stun.Message) -> stun.Message:
        writer.write(bytes(request))
        try:
            header = await reader.readexactly(HEADER_BYTES)
            body = await reader.readexactly(int.from_bytes(header[2:4]))
            return stun.parse_message(header + body)
        except (asyncio.IncompleteReadError, ValueError) as error:
            raise TurnRefused(0, "what listens there speaks no TURN") from error

    try:
        yield exchange
    finally:
        writer.close()
