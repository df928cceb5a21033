"""OpenID Connect issuers: discovery, outages, and several of them at once."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from heliograph_server.errors import IdentityUnavailable, InvalidIdToken, NotPermitted
from heliograph_server.identity.chosen import Identity, issuer_problems
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.remote_issuer import CLOCK_LEEWAY_S
from heliograph_server.identity.verifier import User
from heliograph_server.settings import Settings

from .forger import Forger, spare_key
from .realms import OidcRealm, claims_of, public_jwk
from .web_server import WebServer

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def web() -> Iterator[WebServer]:
    made = WebServer()
    yield made
    made.close()


@asynccontextmanager
async def trusting(settings: Settings) -> AsyncIterator[Identity]:
    identity = Identity(settings, here=lambda: ())
    try:
        yield identity
    finally:
        await identity.close()


async def test_one_of_the_audiences_may_be_us(oidc: OidcRealm) -> None:
    token = oidc.forger.token(claims={"aud": ["other", "lab"], "azp": "other"})
    assert (await oidc.identity.provider.verify(token)).subject == "ann"


async def test_a_token_without_a_key_id_is_for_the_only_key(oidc: OidcRealm) -> None:
    await oidc.identity.provider.verify(oidc.forger.token({"kid": ...}))
    keys = [public_jwk(spare_key("RS256"), "first"), public_jwk(spare_key("ES256"), "second")]
    oidc.web.publish("/keys", {"keys": keys})
    with pytest.raises(InvalidIdToken):
        await oidc.identity.provider.verify(Forger(spare_key("ES256", 5), "x", oidc.forger.claims).token())
    with pytest.raises(InvalidIdToken):
        await oidc.identity.provider.verify(oidc.forger.token({"kid": ...}))


async def test_both_algorithms_may_be_in_use_each_with_its_own_keys(oidc: OidcRealm) -> None:
    rsa, ec = spare_key("RS256"), spare_key("ES256")
    oidc.web.publish("/keys", {"keys": [public_jwk(rsa, "rsa"), public_jwk(ec, "ec")]})
    for key, kid, other in ((rsa, "rsa", "ec"), (ec, "ec", "rsa")):
        forger = Forger(key, kid, oidc.forger.claims)
        assert (await oidc.identity.provider.verify(forger.token())).subject == "ann"
        with pytest.raises(InvalidIdToken):
            await oidc.identity.provider.verify(forger.token({"kid": other}))


async def test_the_issuers_clock_may_be_a_little_ahead(oidc: OidcRealm) -> None:
    now = int(time.time())
    await oidc.identity.provider.verify(oidc.forger.token(claims={"nbf": now + CLOCK_LEEWAY_S - 5}))
    with pytest.raises(InvalidIdToken, match="not valid yet"):
        await oidc.identity.provider.verify(oidc.forger.token(claims={"nbf": now + CLOCK_LEEWAY_S + 5}))


async def test_keys_are_fetched_once_and_kept_while_the_issuer_is_away(oidc: OidcRealm) -> None:
    provider = oidc.identity.provider
    for _ in range(10):
        await provider.verify(oidc.forger.token())
    assert (oidc.web.asked[DISCOVERY], oidc.web.asked["/keys"]) == (1, 1)
    oidc.web.stop()
    await provider.verify(oidc.forger.token())
    with pytest.raises(IdentityUnavailable):
        await provider.verify(oidc.forger.token({"kid": "next"}))
    await provider.verify(oidc.forger.token())
    oidc.web.start()
    oidc.rotate()
    await provider.verify(oidc.forger.token())


async def test_an_issuer_that_is_away_at_the_start_is_found_later(oidc: OidcRealm) -> None:
    oidc.web.stop()
    async with trusting(oidc.settings) as identity:
        assert not identity.keys_known
        with pytest.raises(IdentityUnavailable):
            await identity.provider.verify(oidc.forger.token())
        oidc.web.start()
        await identity.provider.verify(oidc.forger.token())
        assert identity.keys_known


async def test_an_issuer_that_moves_its_keys_is_followed(oidc: OidcRealm) -> None:
    await oidc.identity.provider.verify(oidc.forger.token())
    key = spare_key(oidc.algorithm, 1)
    oidc.web.publish(DISCOVERY, {"issuer": oidc.issuer, "jwks_uri": f"{oidc.issuer}/moved"})
    oidc.web.publish("/moved", {"keys": [public_jwk(key, "moved")]})
    await oidc.identity.provider.verify(Forger(key, "moved", oidc.forger.claims).token())


async def test_the_address_may_end_with_a_slash(web: WebServer, tmp_path: Path) -> None:
    issuer = f"{web.url}/realms/lab/"
    web.publish("/realms/lab" + DISCOVERY, {"issuer": issuer, "jwks_uri": f"{web.url}/keys"})
    web.publish("/keys", {"keys": [public_jwk(spare_key("ES256"), "k")]})
    settings = Settings(data_dir=tmp_path, identity=("oidc",), oidc_issuer=(issuer,), oidc_audience=("lab",))
    async with trusting(settings) as identity:
        await identity.provider.verify(Forger(spare_key("ES256"), "k", claims_of(issuer, "lab")).token())


WRONG: dict[str, tuple[Callable[[OidcRealm], None], str]] = {
    "no discovery document": (lambda realm: realm.web.forget(DISCOVERY), "answers 404"),
    "a page in its place": (
        lambda realm: realm.web.answers.update({DISCOVERY: lambda: (200, {}, b"<html>")}),
        "no discovery document",
    ),
    "a document without keys": (
        lambda realm: realm.web.publish(DISCOVERY, {"issuer": realm.issuer}),
        "no discovery document",
    ),
    "another issuer's document": (
        lambda realm: realm.web.publish(DISCOVERY, {"issuer": "https://evil.example", "jwks_uri": realm.issuer}),
        "is of the issuer 'https://evil.example'",
    ),
    "keys in plain text": (
        lambda realm: realm.web.publish(DISCOVERY, {"issuer": realm.issuer, "jwks_uri": "http://10.0.0.1/keys"}),
        "not https",
    ),
    "no keys": (lambda realm: realm.web.forget("/keys"), "/keys answers 404"),
    "keys that are none": (lambda realm: realm.web.publish("/keys", {"keys": "none"}), "no JSON Web Key Set"),
    "no key for signatures": (lambda realm: realm.web.publish("/keys", {"keys": [{"kty": "oct"}]}), "none of its 1"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_with_an_issuer_is_said_to_the_operator_alone(oidc: OidcRealm, wrong: str) -> None:
    assert await issuer_problems(oidc.settings) == []
    change, said = WRONG[wrong]
    change(oidc)
    [problem] = await issuer_problems(oidc.settings)
    assert said in problem
    assert oidc.issuer in problem
    with pytest.raises(IdentityUnavailable) as refusal:
        await oidc.identity.provider.verify(oidc.forger.token())
    assert oidc.issuer not in str(refusal.value)
    assert said in str(refusal.value.__cause__)


async def test_several_issuers_are_trusted_each_for_its_own_tokens_and_audience(tmp_path: Path) -> None:
    one, two = OidcRealm("RS256", tmp_path), OidcRealm("ES256", tmp_path)
    settings = Settings(
        data_dir=tmp_path,
        identity=("oidc", "local"),
        oidc_issuer=(one.issuer, two.issuer, two.issuer),
        oidc_audience=("lab", "desk", "bench"),
    )
    try:
        async with trusting(settings) as identity:
            verify = identity.provider.verify
            assert await verify(one.forger.token()) == User(issuer=one.issuer, subject="ann")
            for audience in ("desk", "bench"):
                token = two.forger.token(claims={"aud": audience})
                assert await verify(token) == User(issuer=two.issuer, subject="ann")
            worker = await identity.provider.sign_in()
            assert await verify(worker.id_token) == User(issuer="heliograph", subject=worker.username)
            for wrong in (
                two.forger.token(),
                one.forger.token(claims={"aud": "desk"}),
                one.forger.token(claims={"iss": two.issuer, "aud": "desk"}),
                two.forger.token(claims={"iss": one.issuer}),
                one.forger.token(claims={"iss": "heliograph", "aud": "heliograph"}),
                one.forger.token(claims={"iss": "https://elsewhere.example"}),
            ):
                with pytest.raises(InvalidIdToken):
                    await verify(wrong)
    finally:
        await one.close()
        await two.close()


async def test_one_issuer_that_is_away_does_not_stop_the_others(tmp_path: Path, oidc: OidcRealm) -> None:
    settings = replace(oidc.settings, identity=("local", "oidc"))
    oidc.web.stop()
    async with trusting(settings) as identity:
        signed_in = await identity.provider.sign_in()
        await identity.provider.verify(signed_in.id_token)
        with pytest.raises(IdentityUnavailable):
            await identity.provider.verify(oidc.forger.token())


async def test_without_anonymous_sign_in_minted_tokens_count(tmp_path: Path) -> None:
    async with trusting(Settings(data_dir=tmp_path, anonymous_signin=False)) as identity:
        with pytest.raises(NotPermitted):
            await identity.provider.sign_in()
        with pytest.raises(NotPermitted):
            await identity.provider.renew(LocalIdentity(tmp_path, time.time).mint("anon-x", ttl_s=60))
