"""What a real TURN server thinks of the credentials."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aioice import stun, turn
from coturn import HOST, Coturn

from heliograph_protocol import IceServer
from heliograph_server.ice.servers import IceServers
from heliograph_server.settings import Settings

UNAUTHORIZED = 401
RECEIVE_TIMEOUT_S = 10.0
RETRY_S = 0.2


class Inbox(asyncio.DatagramProtocol):
    """Keeps what arrives, and knows when the allocation is gone."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


def credentials(coturn: Coturn, secret: str, *, at: float | None = None, name: str = "ann") -> IceServer:
    """What the server hands out, at the time `at`."""
    now = time.time() if at is None else at
    settings = Settings(turn_urls=coturn.turn_urls, turn_secret=secret, turn_ttl_s=60)
    servers = IceServers(settings, clock=lambda: now).for_user(name)
    assert [server.urls for server in servers] == [list(coturn.turn_urls)]
    return servers[0]


@asynccontextmanager
async def allocation(
    coturn: Coturn, username: object, credential: object, transport: str = "udp"
) -> AsyncIterator[tuple[turn.TurnTransport, Inbox]]:
    """An allocation (RFC 8656 section 7), given back at the end."""
    endpoint, inbox = await turn.create_turn_endpoint(
        Inbox, coturn.address, username=str(username), password=str(credential), transport=transport
    )
    try:
        yield endpoint, inbox
    finally:
        endpoint.close()
        async with asyncio.timeout(RECEIVE_TIMEOUT_S):
            await inbox.gone.wait()


async def refusal(coturn: Coturn, username: object, credential: object) -> int | None:
    """The STUN error code that an allocation is refused with."""
    with pytest.raises(stun.TransactionFailed) as refused:
        async with allocation(coturn, username, credential):
            pytest.fail("coturn took these credentials")
    code: int | None = refused.value.response.error_code
    return code


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_allocation_with_the_credentials_succeeds(coturn: Coturn, secret: str, transport: str) -> None:
    given = credentials(coturn, secret)
    async with allocation(coturn, given.username, given.credential, transport) as (endpoint, _):
        assert endpoint.get_extra_info("sockname")[0] == HOST


async def test_two_users_reach_each_other_through_it(coturn: Coturn, secret: str) -> None:
    ann, bob = credentials(coturn, secret, name="ann"), credentials(coturn, secret, name="bob@example.org")
    async with (
        allocation(coturn, ann.username, ann.credential) as (near, inbox),
        allocation(coturn, bob.username, bob.credential) as (far, _),
        asyncio.timeout(RECEIVE_TIMEOUT_S),
    ):
        while True:  # what comes before the receiver's permission for the sender is dropped
            near.sendto(b"mirror", far.get_extra_info("sockname"))
            far.sendto(b"flash", near.get_extra_info("sockname"))
            with suppress(TimeoutError):
                assert await asyncio.wait_for(inbox.received.get(), RETRY_S) == b"flash"
                break


async def test_expired_credentials_are_refused(coturn: Coturn, secret: str) -> None:
    given = credentials(coturn, secret, at=time.time() - 120)
    assert await refusal(coturn, given.username, given.credential) == UNAUTHORIZED


async def test_credentials_with_more_time_than_was_given_are_refused(coturn: Coturn, secret: str) -> None:
    given = credentials(coturn, secret, at=time.time() - 120)
    expiry, _, user_id = str(given.username).partition(":")
    assert await refusal(coturn, f"{int(expiry) + 3_600}:{user_id}", given.credential) == UNAUTHORIZED


async def test_somebody_elses_name_is_refused(coturn: Coturn, secret: str) -> None:
    given, other = credentials(coturn, secret, name="ann"), credentials(coturn, secret, name="bob")
    assert given.username != other.username
    assert await refusal(coturn, other.username, given.credential) == UNAUTHORIZED


async def test_an_altered_credential_is_refused(coturn: Coturn, secret: str) -> None:
    given = credentials(coturn, secret)
    altered = "A" if str(given.credential)[0] != "A" else "B"
    assert await refusal(coturn, given.username, altered + str(given.credential)[1:]) == UNAUTHORIZED


async def test_another_secret_makes_credentials_that_are_refused(coturn: Coturn, secret: str) -> None:
    given = credentials(coturn, secret + "!")
    assert await refusal(coturn, given.username, given.credential) == UNAUTHORIZED
