"""What a holder knows of its claims."""

import asyncio

import pytest

import heliograph
from heliograph.signaling.claims import Claim, Claiming, Claims
from heliograph_protocol import Metadata, Peer, PeerClaimed

WORKER = Peer(peer_id="W", role="worker", metadata=Metadata(), groups=["default"], connected_at=1, state="online")


def made(claim_id: str = "c1") -> PeerClaimed:
    return PeerClaimed(claim_id=claim_id, peer=WORKER, expires_at=1060)


class Book:
    """The claims of a client, and which of them it was told to give back."""

    def __init__(self) -> None:
        self.released: list[str] = []
        self.claims = Claims(self._release)

    async def _release(self, claim: Claim) -> None:
        self.released.append(claim.claim_id)
        self.claims.end(claim.claim_id, "released")

    async def make(self) -> Claim:
        return self.claims.add(made())


@pytest.fixture
def book() -> Book:
    return Book()


def test_a_claim_says_what_is_claimed(book: Book) -> None:
    claim = book.claims.add(made())
    assert (claim.claim_id, claim.peer, claim.peer_id, claim.expires_at) == ("c1", WORKER, "W", 1060)
    assert not claim.is_over
    claim.check()


async def test_a_claim_is_released_once(book: Book) -> None:
    claim = book.claims.add(made())
    await claim.release()
    await claim.release()
    assert book.released == ["c1"]
    assert await claim.wait_over() == "released"
    claim.check()


@pytest.mark.parametrize("reason", ["expired", "left", "session_lost"])
async def test_a_claim_that_was_lost_says_why_and_is_not_released(book: Book, reason: str) -> None:
    claim = book.claims.add(made())
    waiting = asyncio.create_task(claim.wait_over())
    await asyncio.sleep(0)
    book.claims.end("c1", reason)
    assert await waiting == reason
    await claim.release()
    assert book.released == []
    with pytest.raises(heliograph.ClaimLost) as caught:
        claim.check()
    assert (caught.value.peer_id, caught.value.reason) == ("W", reason)


async def test_the_first_reason_counts(book: Book) -> None:
    claim = book.claims.add(made())
    claim.end("expired")
    claim.end("left")
    assert await claim.wait_over() == "expired"


async def test_all_claims_go_with_the_session(book: Book) -> None:
    claims = [book.claims.add(made(claim_id)) for claim_id in ("c1", "c2")]
    book.claims.end("c1", "expired")
    book.claims.lose_all()
    assert [await claim.wait_over() for claim in claims] == ["expired", "session_lost"]


def test_claims_of_others_are_none_of_ours(book: Book) -> None:
    claim = book.claims.add(made())
    book.claims.end("c9", "expired")
    assert not claim.is_over


async def test_a_block_gives_back_what_it_got_and_no_more(book: Book) -> None:
    async with Claiming(book.make) as claim:
        assert not claim.is_over
    assert book.released == ["c1"]
    with pytest.raises(ZeroDivisionError):
        async with Claiming(book.make):
            raise ZeroDivisionError
    assert book.released == ["c1", "c1"]


async def test_a_claim_that_is_awaited_stays(book: Book) -> None:
    claim = await Claiming(book.make)
    assert not claim.is_over
    assert book.released == []


async def test_where_no_claim_is_made_the_block_is_not_entered() -> None:
    async def fail() -> Claim:
        raise heliograph.NoPeerAvailable("No such peer is free", code="NO_PEER_AVAILABLE")

    with pytest.raises(heliograph.NoPeerAvailable):
        async with Claiming(fail):
            pytest.fail("there is nobody")
