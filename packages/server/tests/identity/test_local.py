"""The embedded issuer: whose token counts, and whose does not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jose import jwk, jwt

from heliograph_server.errors import InvalidIdToken
from heliograph_server.identity.keyfile import KEY_FILE
from heliograph_server.identity.local import MAX_TOKEN_CHARS, TOKEN_LIFE_S, LocalIdentity, MintError
from heliograph_server.identity.verifier import User

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


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Forger:
    """Makes tokens by hand, with the real key or without: nothing is left to a library's good manners."""

    def __init__(self, data_dir: Path, identity: LocalIdentity) -> None:
        key = serialization.load_pem_private_key((data_dir / KEY_FILE).read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key
        self.public_pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.kid = identity.jwks()["keys"][0]["kid"]
        self.header = {"alg": "ES256", "typ": "JWT", "kid": self.kid}
        self.claims = {"iss": "heliograph", "aud": "heliograph", "sub": "anon-x", "iat": NOW, "exp": NOW + 60}

    def token(
        self,
        header: dict[str, Any] | None = None,
        claims: dict[str, Any] | None = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """A token with these changes; a value of `...` takes the field away."""
        return self.raw(
            json.dumps(_changed(self.header, header)).encode(), json.dumps(_changed(self.claims, claims)).encode(), sign
        )

    def raw(self, header: bytes, claims: bytes, sign: Callable[[bytes], bytes] | None = None) -> str:
        signed = f"{b64(header)}.{b64(claims)}"
        return f"{signed}.{b64((sign or self.sign)(signed.encode()))}"

    def sign(self, message: bytes) -> bytes:
        return sign_es256(self.key, message)


def sign_es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _changed(fields: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **(changes or {})}.items() if value is not ...}


@pytest.fixture
def forger(tmp_path: Path, identity: LocalIdentity) -> Forger:
    return Forger(tmp_path, identity)


async def test_sign_in_makes_a_new_user_each_time(identity: LocalIdentity) -> None:
    first, second = await identity.sign_in(), await identity.sign_in()
    assert first.username != second.username
    assert first.username.startswith("anon-")
    assert len(first.username) == len("anon-") + 22
    assert await identity.verify(first.id_token) == User(issuer="heliograph", subject=first.username)


async def test_a_restart_keeps_the_key(tmp_path: Path, clock: Clock, identity: LocalIdentity) -> None:
    signed_in = await identity.sign_in()
    again = LocalIdentity(tmp_path, clock)
    assert again.jwks() == identity.jwks()
    assert (await again.verify(signed_in.id_token)).subject == signed_in.username


async def test_a_token_lives_to_the_second(identity: LocalIdentity, clock: Clock) -> None:
    token = (await identity.sign_in()).id_token
    clock.now += TOKEN_LIFE_S - 0.01
    await identity.verify(token)
    clock.now = NOW + TOKEN_LIFE_S
    with pytest.raises(InvalidIdToken, match="expired"):
        await identity.verify(token)


async def test_a_minted_token_is_for_its_subject_and_time(identity: LocalIdentity, clock: Clock) -> None:
    token = identity.mint("ann", ttl_s=10)
    assert await identity.verify(token) == User(issuer="heliograph", subject="ann")
    clock.now += 10
    with pytest.raises(InvalidIdToken):
        await identity.verify(token)


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
    assert (await identity.verify(forger.token())).subject == "anon-x"


def _hs256(forger: Forger) -> str:
    return forger.token({"alg": "HS256"}, sign=lambda message: hmac.digest(forger.public_pem, message, "sha256"))


def _another_key(forger: Forger) -> str:
    return forger.token(sign=lambda message: sign_es256(ec.generate_private_key(ec.SECP256R1()), message))


def _another_key_of_its_own(forger: Forger) -> str:
    """The header brings the key that it wants to be verified with."""
    own = ec.generate_private_key(ec.SECP256R1())
    public = own.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    embedded = jwk.construct(public, "ES256").to_dict()
    return forger.token({"jwk": embedded}, sign=lambda message: sign_es256(own, message))


def _swapped_claims(forger: Forger) -> str:
    header, _, signature = forger.token().split(".")
    return f"{header}.{b64(json.dumps({**forger.claims, 'sub': 'root'}).encode())}.{signature}"


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "alg none": lambda f: f.token({"alg": "none"}, sign=lambda _: b""),
    "alg none with a signature": lambda f: f.token({"alg": "none"}),
    "alg None": lambda f: f.token({"alg": "None"}),
    "HS256 with the public key": _hs256,
    "another algorithm with our key": lambda f: f.token({"alg": "ES384"}),
    "no alg": lambda f: f.token({"alg": ...}),
    "alg in lower case": lambda f: f.token({"alg": "es256"}),
    "alg list": lambda f: f.token({"alg": ["ES256"]}),
    "another kid": lambda f: f.token({"kid": "x" * 43}),
    "no kid": lambda f: f.token({"kid": ...}),
    "kid a number": lambda f: f.token({"kid": 1}),
    "an extension that we don't know": lambda f: f.token({"crit": ["b64"], "b64": False}),
    "another key": _another_key,
    "its own key in the header": _another_key_of_its_own,
    "claims exchanged": _swapped_claims,
    "signature of zeros": lambda f: f.token(sign=lambda _: bytes(64)),
    "signature cut": lambda f: f.token()[:-4],
    "signature in DER": lambda f: f.token(sign=lambda message: f.key.sign(message, ec.ECDSA(hashes.SHA256()))),
    "another audience": lambda f: f.token(claims={"aud": "other"}),
    "audience list": lambda f: f.token(claims={"aud": ["heliograph"]}),
    "no audience": lambda f: f.token(claims={"aud": ...}),
    "another issuer": lambda f: f.token(claims={"iss": "https://example.org"}),
    "no issuer": lambda f: f.token(claims={"iss": ...}),
    "expired": lambda f: f.token(claims={"exp": NOW - 1}),
    "expiring now": lambda f: f.token(claims={"exp": NOW}),
    "no expiry": lambda f: f.token(claims={"exp": ...}),
    "expiry as text": lambda f: f.token(claims={"exp": str(NOW + 60)}),
    "expiry true": lambda f: f.token(claims={"exp": True}),
    "not valid yet": lambda f: f.token(claims={"nbf": NOW + 1}),
    "no subject": lambda f: f.token(claims={"sub": ...}),
    "empty subject": lambda f: f.token(claims={"sub": ""}),
    "subject a number": lambda f: f.token(claims={"sub": 7}),
    "claims no object": lambda f: f.raw(json.dumps(f.header).encode(), b"[1]"),
    "claims no JSON": lambda f: f.raw(json.dumps(f.header).encode(), b"nonsense"),
    "claims NaN": lambda f: f.raw(
        json.dumps(f.header).encode(), json.dumps({**f.claims, "exp": float("nan")}).encode()
    ),
    "claims not UTF-8": lambda f: f.raw(json.dumps(f.header).encode(), b'{"sub":"\xff"}'),
    "claims too deep": lambda f: f.raw(json.dumps(f.header).encode(), b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    "header no object": lambda f: f.raw(b'"ES256"', json.dumps(f.claims).encode()),
    "header not UTF-8": lambda f: f.raw(b'{"alg":"\xff"}', json.dumps(f.claims).encode()),
    "header too deep": lambda f: f.raw(b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}", json.dumps(f.claims).encode()),
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


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_every_other_token_is_refused(identity: LocalIdentity, forger: Forger, forgery: str) -> None:
    with pytest.raises(InvalidIdToken) as refused:
        await identity.verify(FORGERIES[forgery](forger))
    assert "eyJ" not in str(refused.value)


async def test_no_byte_of_a_token_can_be_changed(identity: LocalIdentity, forger: Forger) -> None:
    header, claims, signature = forger.token().split(".")
    for part, others in ((header, (claims, signature)), (claims, (header, signature))):
        for place in range(0, len(part), 7):
            changed = part[:place] + ("A" if part[place] != "A" else "B") + part[place + 1 :]
            parts = (changed, *others) if part is header else (others[0], changed, others[1])
            with pytest.raises(InvalidIdToken):
                await identity.verify(".".join(parts))


async def test_the_servers_of_two_directories_do_not_accept_each_others_tokens(tmp_path: Path, clock: Clock) -> None:
    one, other = LocalIdentity(tmp_path / "a", clock), LocalIdentity(tmp_path / "b", clock)
    with pytest.raises(InvalidIdToken):
        await other.verify((await one.sign_in()).id_token)
