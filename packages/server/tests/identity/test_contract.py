"""What holds for every identity provider: whose token counts, and whose does not."""

import json
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization

from heliograph_server.errors import InvalidIdToken, NotPermitted
from heliograph_server.identity.claims import MAX_TOKEN_CHARS
from heliograph_server.identity.tokens import SignedToken
from heliograph_server.identity.verifier import User

from .forger import Forger, b64, public_pem, sign, spare_key
from .realms import Realm, public_jwk


def proved_now(realm: Realm, token: str) -> User | None:
    """Whom the token proves without anything being waited for, if anyone."""
    try:
        return realm.identity.provider.verify_now(token)
    except InvalidIdToken:
        return None


async def refused(realm: Realm, token: str) -> None:
    with pytest.raises(InvalidIdToken) as refusal:
        await realm.identity.provider.verify(token)
    assert "eyJ" not in str(refusal.value)
    assert proved_now(realm, token) is None


async def test_the_token_of_a_sign_in_counts(realm: Realm) -> None:
    provider = realm.identity.provider
    if not realm.signs_in:
        with pytest.raises(NotPermitted):
            await provider.sign_in()
        return
    first, second = await provider.sign_in(), await provider.sign_in()
    assert first.username != second.username
    users = [await provider.verify(signed_in.id_token) for signed_in in (first, first, second)]
    assert users[0] == users[1] != users[2]
    assert users == [provider.verify_now(signed_in.id_token) for signed_in in (first, first, second)]
    assert {user.issuer for user in users} == {realm.forger.claims["iss"]}


async def test_an_anonymous_user_stays_the_same_with_another_token(realm: Realm) -> None:
    provider = realm.identity.provider
    if not realm.signs_in:
        return
    first = await provider.sign_in()
    renewed = await provider.renew(first.id_token)
    assert renewed.username == first.username
    assert await provider.verify(renewed.id_token) == await provider.verify(first.id_token)
    assert (await provider.renew(renewed.id_token)).username == first.username


async def test_no_other_token_is_renewed(realm: Realm) -> None:
    with pytest.raises(NotPermitted):
        await realm.identity.provider.renew(realm.forger.token())
    with pytest.raises(InvalidIdToken):
        await realm.identity.provider.renew(other_key(realm.forger))


async def test_the_forgers_unchanged_token_counts(realm: Realm) -> None:
    user = await realm.identity.provider.verify(realm.forger.token())
    assert user == User(issuer=realm.forger.claims["iss"], subject="ann")
    assert user == realm.identity.provider.verify_now(realm.forger.token())


async def test_a_token_that_has_begun_to_count_counts(realm: Realm) -> None:
    await realm.identity.provider.verify(realm.forger.token(claims={"nbf": int(time.time())}))


def other_key(forger: Forger, number: int = 2) -> str:
    key = spare_key(forger.header["alg"], number)
    return forger.token(sign=lambda message: sign(key, message))


def own_key_in_the_header(forger: Forger) -> str:
    """The header brings the key that it wants to be verified with."""
    own = spare_key(forger.header["alg"], 2)
    return forger.token({"jwk": public_jwk(own, forger.kid)}, sign=lambda message: sign(own, message))


def key_of_the_other_kind(forger: Forger) -> str:
    """Signed well, in the other of the two algorithms, under the id of the issuer's key."""
    algorithm = "ES256" if forger.header["alg"] == "RS256" else "RS256"
    return forger.token({"alg": algorithm}, sign=lambda message: sign(spare_key(algorithm, 2), message))


def swapped_claims(forger: Forger) -> str:
    header, _, signature = forger.token().split(".")
    return f"{header}.{b64(json.dumps({**forger.claims, 'sub': 'root'}).encode())}.{signature}"


def public_der(forger: Forger) -> bytes:
    return forger.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


DEEP = b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}"

FORGERIES: dict[str, Callable[[Forger], str]] = {
    "alg none": lambda f: f.token({"alg": "none"}, sign=lambda _: b""),
    "alg none with a signature": lambda f: f.token({"alg": "none"}),
    "alg None": lambda f: f.token({"alg": "None"}),
    "alg none without a third part": lambda f: f.token({"alg": "none"}, sign=lambda _: b"").rstrip("."),
    "HS256 with the public key as PEM": lambda f: f.hs256(public_pem(f.key)),
    "HS256 with the public key as PEM without its last line end": lambda f: f.hs256(public_pem(f.key).strip()),
    "HS256 with the public key as DER": lambda f: f.hs256(public_der(f)),
    "HS256 with the public key as JWK": lambda f: f.hs256(json.dumps(public_jwk(f.key, f.kid)).encode()),
    "HS256 with nothing": lambda f: f.hs256(b""),
    "another algorithm with the issuer's key": lambda f: f.token({"alg": "ES384"}),
    "RS512 with the issuer's key": lambda f: f.token({"alg": "RS512"}),
    "the algorithm in small letters": lambda f: f.token({"alg": f.header["alg"].lower()}),
    "no alg": lambda f: f.token({"alg": ...}),
    "another kid": lambda f: f.token({"kid": "x" * 43}),
    "kid a number": lambda f: f.token({"kid": 1}),
    "an extension that we don't know": lambda f: f.token({"crit": ["b64"], "b64": False}),
    "another key": other_key,
    "a key of the other kind": key_of_the_other_kind,
    "its own key in the header": own_key_in_the_header,
    "claims exchanged": swapped_claims,
    "signature of zeros": lambda f: f.token(sign=lambda message: bytes(len(f.sign(message)))),
    "signature cut": lambda f: f.token()[:-4],
    "another audience": lambda f: f.token(claims={"aud": "other"}),
    "other audiences": lambda f: f.token(claims={"aud": ["other", "another"]}),
    "an audience that begins like ours": lambda f: f.token(claims={"aud": f.claims["aud"] + "x"}),
    "no audience": lambda f: f.token(claims={"aud": ...}),
    "no audience in a list": lambda f: f.token(claims={"aud": []}),
    "audience a number": lambda f: f.token(claims={"aud": 1}),
    "another issuer": lambda f: f.token(claims={"iss": "https://example.org"}),
    "an issuer that differs by a slash": lambda f: f.token(claims={"iss": f.claims["iss"] + "/"}),
    "no issuer": lambda f: f.token(claims={"iss": ...}),
    "issuer a list": lambda f: f.token(claims={"iss": [f.claims["iss"]]}),
    "expired": lambda f: f.token(claims={"exp": int(time.time()) - 1}),
    "expiring now": lambda f: f.token(claims={"exp": int(time.time())}),
    "no expiry": lambda f: f.token(claims={"exp": ...}),
    "expiry as text": lambda f: f.token(claims={"exp": str(int(time.time()) + 60)}),
    "expiry true": lambda f: f.token(claims={"exp": True}),
    "not valid yet": lambda f: f.token(claims={"nbf": int(time.time()) + 60}),
    "no subject": lambda f: f.token(claims={"sub": ...}),
    "empty subject": lambda f: f.token(claims={"sub": ""}),
    "subject a number": lambda f: f.token(claims={"sub": 7}),
    "claims no object": lambda f: f.raw_claims(b"[1]"),
    "claims no JSON": lambda f: f.raw_claims(b"nonsense"),
    "claims NaN": lambda f: f.raw_claims(json.dumps({**f.claims, "exp": float("nan")}).encode()),
    "claims not UTF-8": lambda f: f.raw_claims(b'{"sub":"\xff"}'),
    "claims too deep": lambda f: f.raw_claims(DEEP),
    "header no object": lambda f: f.raw_header(f'"{f.header["alg"]}"'.encode()),
    "header not UTF-8": lambda f: f.raw_header(b'{"alg":"\xff"}'),
    "header too deep": lambda f: f.raw_header(DEEP),
    "too long": lambda f: f.token(claims={"sub": "a" * MAX_TOKEN_CHARS}),
    "padding": lambda f: f.token() + "==",
    "white space": lambda f: f" {f.token()}",
    "line end": lambda f: f"{f.token()}\n",
    "four parts": lambda f: f.token() + ".x",
    "two parts": lambda f: f.token().rpartition(".")[0],
    "only dots": lambda _: "..",
    "nothing": lambda _: "",
    "not ASCII": lambda f: f.token() + "é",
    "impossible base64": lambda _: "a.a.a",
    "a word": lambda _: "token",
}


async def test_every_other_token_is_refused(realm: Realm, subtests: pytest.Subtests) -> None:
    await realm.identity.provider.verify(realm.forger.token())
    for name, forge in FORGERIES.items():
        with subtests.test(forgery=name):
            await refused(realm, forge(realm.forger))


async def test_an_issuer_believes_nothing_that_is_signed_in_anothers_name(realm: Realm) -> None:
    """Even if it was asked by mistake: all pools of a moto, and all realms of some servers, share a key."""
    [issuer] = realm.identity.provider._issuers.values()
    await issuer.verify(SignedToken.parse(realm.forger.token()))
    for name in ("https://example.org", realm.forger.claims["iss"] + "x", ...):
        with pytest.raises(InvalidIdToken):
            await issuer.verify(SignedToken.parse(realm.forger.token(claims={"iss": name})))


async def test_what_else_the_issuer_signs_is_no_id_token(realm: Realm, subtests: pytest.Subtests) -> None:
    for name, token in realm.other_tokens().items():
        with subtests.test(token=name):
            await refused(realm, token)


async def test_no_part_of_a_token_can_be_changed(realm: Realm) -> None:
    header, claims, signature = realm.forger.token().split(".")
    for part, others in ((header, (claims, signature)), (claims, (header, signature))):
        for place in range(0, len(part), 7):
            changed = part[:place] + ("A" if part[place] != "A" else "B") + part[place + 1 :]
            parts = (changed, *others) if part is header else (others[0], changed, others[1])
            await refused(realm, ".".join(parts))


async def test_a_new_key_counts_and_a_withdrawn_one_does_not(realm: Realm) -> None:
    before = realm.forger
    await realm.identity.provider.verify(before.token())
    realm.rotate()
    assert realm.forger.kid != before.kid
    await realm.identity.provider.verify(realm.forger.token())
    await refused(realm, before.token())
    await refused(realm, realm.forger.token(sign=before.sign))


async def test_only_an_issuer_of_our_own_publishes_keys_here(realm: Realm) -> None:
    keys = realm.identity.provider.jwks()["keys"]
    assert bool(keys) == (realm.forger.claims["iss"] == "heliograph")
