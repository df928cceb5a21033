"""The embedded issuer, as far as it differs from others: what holds for all is in the contract."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwt

from heliograph_server.errors import InvalidIdToken, NotPermitted
from heliograph_server.identity.claims import MAX_TOKEN_CHARS
from heliograph_server.identity.keyfile import KEY_FILE
from heliograph_server.identity.local import TOKEN_LIFE_S, LocalIdentity, MintError
from heliograph_server.identity.trusted import TrustedIssuers
from heliograph_server.identity.verifier import SignedIn, User

from .forger import Forger, PrivateKey, b64

NOW = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def identity(tmp_path: Path, clock: Clock) -> LocalIdentity:
    return LocalIdentity(tmp_path, clock)


@pytest.fixture
def forger(tmp_path: Path, identity: LocalIdentity) -> Forger:
    key: Any = serialization.load_pem_private_key((tmp_path / KEY_FILE).read_bytes(), None)
    claims = {"iss": "heliograph", "aud": "heliograph", "sub": "anon-x", "iat": NOW, "exp": NOW + 60}
    return Forger(key, identity.jwks()["keys"][0]["kid"], claims)


async def verified(identity: LocalIdentity, id_token: str) -> User:
    """The user whom the token proves, as the whole server asks."""
    return await TrustedIssuers([identity], identity, identity.jwks()).verify(id_token)


async def renewed_by(identity: LocalIdentity, id_token: str) -> SignedIn:
    """Another token for the same user, as the whole server asks."""
    return await TrustedIssuers([identity], identity, identity.jwks()).renew(id_token)


async def test_sign_in_makes_a_new_user_each_time(identity: LocalIdentity) -> None:
    first, second = await identity.sign_in(), await identity.sign_in()
    assert first.username != second.username
    assert first.username.startswith("anon-")
    assert len(first.username) == len("anon-") + 22
    assert await verified(identity, first.id_token) == User(issuer="heliograph", subject=first.username)


async def test_a_restart_keeps_the_key(tmp_path: Path, clock: Clock, identity: LocalIdentity) -> None:
    signed_in = await identity.sign_in()
    again = LocalIdentity(tmp_path, clock)
    assert again.jwks() == identity.jwks()
    assert (await verified(again, signed_in.id_token)).subject == signed_in.username


async def test_a_token_lives_to_the_second(identity: LocalIdentity, clock: Clock) -> None:
    token = (await identity.sign_in()).id_token
    clock.now += TOKEN_LIFE_S - 0.01
    await verified(identity, token)
    clock.now = NOW + TOKEN_LIFE_S
    with pytest.raises(InvalidIdToken, match="expired"):
        await verified(identity, token)


async def test_a_renewed_token_lives_as_long_as_the_first_from_then_on(identity: LocalIdentity, clock: Clock) -> None:
    token = identity.mint("anon-x", ttl_s=10)
    clock.now += 9
    renewed = (await renewed_by(identity, token)).id_token
    clock.now += 9
    assert await verified(identity, renewed) == User(issuer="heliograph", subject="anon-x")
    clock.now += 1
    for expired in (token, renewed):
        with pytest.raises(InvalidIdToken):
            await renewed_by(identity, expired)


async def test_no_token_is_renewed_for_longer_than_a_sign_in_gives(identity: LocalIdentity, clock: Clock) -> None:
    renewed = (await renewed_by(identity, identity.mint("anon-x", ttl_s=2 * TOKEN_LIFE_S))).id_token
    clock.now += TOKEN_LIFE_S
    with pytest.raises(InvalidIdToken):
        await verified(identity, renewed)


async def test_what_the_operator_has_minted_for_somebody_is_not_renewed(identity: LocalIdentity) -> None:
    with pytest.raises(NotPermitted):
        await renewed_by(identity, identity.mint("ann", ttl_s=10))


async def test_a_minted_token_is_for_its_subject_and_time(identity: LocalIdentity, clock: Clock) -> None:
    token = identity.mint("ann", ttl_s=10)
    assert await verified(identity, token) == User(issuer="heliograph", subject="ann")
    clock.now += 10
    with pytest.raises(InvalidIdToken):
        await verified(identity, token)


@pytest.mark.parametrize(("subject", "ttl_s"), [("", 10), ("ann", 0), ("ann", -1), ("a" * MAX_TOKEN_CHARS, 10)])
def test_no_token_is_minted_that_would_be_refused(identity: LocalIdentity, subject: str, ttl_s: int) -> None:
    with pytest.raises(MintError):
        identity.mint(subject, ttl_s)


async def test_anyone_can_verify_with_the_published_key(identity: LocalIdentity) -> None:
    signed_in = await identity.sign_in()
    claims = jwt.decode(
        signed_in.id_token, identity.jwks(), algorithms=["ES256"], audience="heliograph", options={"verify_exp": False}
    )
    assert claims["sub"] == signed_in.username


def test_the_key_set_holds_no_secret_and_names_the_key_by_its_thumbprint(identity: LocalIdentity) -> None:
    (key,) = identity.jwks()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "alg", "use", "kid"}
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'
    assert key["kid"] == b64(hashlib.sha256(canonical.encode()).digest())


async def test_the_forgers_unchanged_token_is_accepted(identity: LocalIdentity, forger: Forger) -> None:
    assert (await verified(identity, forger.token())).subject == "anon-x"


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "no kid": lambda f: f.token({"kid": ...}),
    "audience list": lambda f: f.token(claims={"aud": ["heliograph"]}),
    "not valid for another second": lambda f: f.token(claims={"nbf": NOW + 1}),
    "signature in DER": lambda f: f.token(sign=lambda message: in_der(f.key, message)),
}


def in_der(key: PrivateKey, message: bytes) -> bytes:
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_what_it_would_never_issue_is_refused(identity: LocalIdentity, forger: Forger, forgery: str) -> None:
    with pytest.raises(InvalidIdToken):
        await verified(identity, FORGERIES[forgery](forger))


async def test_the_servers_of_two_directories_do_not_accept_each_others_tokens(tmp_path: Path, clock: Clock) -> None:
    one, other = LocalIdentity(tmp_path / "a", clock), LocalIdentity(tmp_path / "b", clock)
    with pytest.raises(InvalidIdToken):
        await verified(other, (await one.sign_in()).id_token)
