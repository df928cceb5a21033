"""Sign-in over HTTP."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from heliograph_server.errors import IdentityUnavailable
from heliograph_server.identity.controllers import IdentityController
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.tokens import SignedToken
from heliograph_server.identity.trusted import TrustedIssuers
from heliograph_server.identity.verifier import SignedIn
from heliograph_server.ops.limits import AddressLimiter
from heliograph_server.ops.signin_limit import SignInLimiter
from heliograph_server.problems import EXCEPTION_HANDLERS

Client = AsyncTestClient[Litestar]


def app(identity: LocalIdentity, per_minute: int = 0) -> Client:
    limiter = SignInLimiter(AddressLimiter(per_minute, time.monotonic))
    provider = TrustedIssuers([identity], identity, identity.jwks())
    return AsyncTestClient(
        Litestar(
            [IdentityController],
            dependencies={
                "identity": Provide(lambda: provider, sync_to_thread=False),
                "limiter": Provide(lambda: limiter, sync_to_thread=False),
            },
            exception_handlers=EXCEPTION_HANDLERS,
            logging_config=None,
        )
    )


@pytest.fixture
def identity(tmp_path: Path) -> LocalIdentity:
    return LocalIdentity(tmp_path, time.time)


@pytest.fixture
async def client(identity: LocalIdentity) -> AsyncIterator[Client]:
    async with app(identity) as made:
        yield made


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"nonsense", b'{"a":', b"\xff" * 100_000])
async def test_sign_in_takes_any_body(client: Client, identity: LocalIdentity, body: bytes) -> None:
    answer = await client.post("/anonymous-signin", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"id_token", "username"}
    assert identity.verify_now(SignedToken.parse(answer.json()["id_token"])).subject == answer.json()["username"]


async def test_a_token_is_not_to_be_kept_by_caches(client: Client) -> None:
    assert (await client.post("/anonymous-signin")).headers["cache-control"] == "no-store"


async def test_a_slash_at_the_end_makes_no_difference(client: Client) -> None:
    assert (await client.post("/anonymous-signin/")).status_code == 200


async def test_sign_in_is_a_post(client: Client) -> None:
    answer = await client.get("/anonymous-signin")
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


async def test_sign_ins_of_one_address_are_limited(identity: LocalIdentity) -> None:
    async with app(identity, per_minute=2) as client:
        statuses = [(await client.post("/anonymous-signin")).status_code for _ in range(3)]
        refused = await client.post("/anonymous-signin")
    assert statuses == [200, 200, 429]
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.json()["code"] == "RATE_LIMITED"


async def test_an_id_token_is_renewed_by_whoever_has_it(client: Client, identity: LocalIdentity) -> None:
    first = (await client.post("/anonymous-signin")).json()
    answer = await client.post("/api/id-token", headers={"authorization": f"Bearer {first['id_token']}"})
    assert (answer.status_code, answer.json()["username"]) == (200, first["username"])
    assert answer.headers["cache-control"] == "no-store"
    assert identity.verify_now(SignedToken.parse(answer.json()["id_token"])).subject == first["username"]


async def test_without_one_that_counts_there_is_no_other(client: Client, identity: LocalIdentity) -> None:
    assert (await client.post("/api/id-token")).status_code == 401
    assert (await client.post("/api/id-token", headers={"authorization": "Bearer x.y.z"})).status_code == 401
    minted = identity.mint("ann", ttl_s=60)
    assert (await client.post("/api/id-token", headers={"authorization": f"Bearer {minted}"})).status_code == 403


async def test_renewals_count_as_sign_ins_of_an_address(identity: LocalIdentity) -> None:
    async with app(identity, per_minute=2) as client:
        first = (await client.post("/anonymous-signin")).json()
        headers = {"authorization": f"Bearer {first['id_token']}"}
        statuses = [(await client.post("/api/id-token", headers=headers)).status_code for _ in range(2)]
    assert statuses == [200, 429]


async def test_the_keys_are_published(client: Client, identity: LocalIdentity) -> None:
    answer = await client.get("/.well-known/jwks.json")
    assert answer.json() == identity.jwks()
    assert answer.headers["cache-control"] == "max-age=300, public"


class NobodyHome(LocalIdentity):
    async def sign_in(self) -> SignedIn:
        raise IdentityUnavailable("The identity provider did not answer") from OSError("10.1.2.3 refused")


async def test_an_issuer_that_does_not_answer_is_a_503(tmp_path: Path) -> None:
    async with app(NobodyHome(tmp_path, time.time)) as client:
        answer = await client.post("/anonymous-signin")
    assert answer.status_code == 503
    assert "10.1.2.3" not in answer.text
