"""Reading key sets: which keys are used, for what, and which are left out."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from heliograph_server.identity.jwks import MAX_KEYS, InvalidKeySet, KeySet
from heliograph_server.identity.tokens import InvalidSignature, SignedToken

from .forger import Forger, PrivateKey, b64, spare_key
from .realms import public_jwk

RSA, EC = spare_key("RS256"), spare_key("ES256")


def key_set(*keys: Any, algorithms: frozenset[str] | None = None) -> KeySet:
    document = json.dumps({"keys": keys}).encode()
    return KeySet(document) if algorithms is None else KeySet(document, algorithms)


@pytest.mark.parametrize("key", [RSA, EC], ids=["RSA", "EC"])
def test_the_type_of_a_key_decides_on_the_algorithm(key: PrivateKey) -> None:
    public = public_jwk(key, "k")
    del public["alg"]
    found = key_set(public).find("k")
    assert found is not None
    token = Forger(key, "k", {"sub": "ann"}).token()
    assert json.loads(found.verify(SignedToken.parse(token))) == {"sub": "ann"}
    other = Forger(spare_key("RS256" if key is EC else "ES256"), "k", {}).token()
    with pytest.raises(InvalidSignature):
        found.verify(SignedToken.parse(other))


UNUSABLE: dict[str, dict[str, Any]] = {
    "for encryption": public_jwk(RSA, "k", use="enc"),
    "for other operations": public_jwk(RSA, "k", key_ops=["encrypt"]),
    "RSA for RS512": public_jwk(RSA, "k", alg="RS512"),
    "RSA for PS256": public_jwk(RSA, "k", alg="PS256"),
    "RSA that says ES256": public_jwk(RSA, "k", alg="ES256"),
    "RSA that says HS256": public_jwk(RSA, "k", alg="HS256"),
    "EC that says RS256": public_jwk(EC, "k", alg="RS256"),
    "a secret": {"kty": "oct", "k": b64(b"secret" * 8), "kid": "k"},
    "another curve": {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA", "kid": "k"},
    "a point off the curve": public_jwk(EC, "k", x=b64(b"x" * 32)),
    "Edwards": {"kty": "OKP", "crv": "Ed25519", "x": b64(b"x" * 32), "kid": "k"},
    "a short RSA key": public_jwk(rsa.generate_private_key(65537, 1024), "k"),
    "an endless RSA key": public_jwk(RSA, "k", n=b64(b"\xff" * 2048)),
    "RSA without a modulus": public_jwk(RSA, "k", n=None),
    "RSA with an even exponent": public_jwk(RSA, "k", e=b64(b"\x02")),
    "a modulus that is no base64": public_jwk(RSA, "k", n="?"),
    "kid a number": public_jwk(RSA, None) | {"kid": 1},
    "no type": public_jwk(RSA, "k", kty=None),
}


@pytest.mark.parametrize("unusable", UNUSABLE)
def test_a_key_of_another_kind_is_left_out_and_the_others_are_used(unusable: str) -> None:
    keys = key_set(UNUSABLE[unusable], "no object", None, public_jwk(EC, "good"))
    assert len(keys) == 1
    assert keys.find("k") is None
    assert keys.find("good") is not None
    with pytest.raises(InvalidKeySet, match="none of its 1 keys"):
        key_set(UNUSABLE[unusable])


def test_only_the_algorithms_that_are_wanted_count() -> None:
    keys = key_set(public_jwk(RSA, "rsa"), public_jwk(EC, "ec"), algorithms=frozenset({"RS256"}))
    assert keys.find("rsa") is not None
    assert keys.find("ec") is None


def test_a_token_without_a_kid_is_for_the_only_key() -> None:
    one = key_set(public_jwk(RSA, "a"))
    assert one.find(None) is one.find("a")
    unnamed = key_set(public_jwk(RSA, None))
    assert unnamed.find(None) is not None
    assert unnamed.find("a") is None
    assert key_set(public_jwk(RSA, "a"), public_jwk(EC, "b")).find(None) is None


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    found = key_set(public_jwk(RSA, "k"), public_jwk(EC, "k")).find("k")
    assert found is not None
    assert found.algorithm == "RS256"


def test_a_set_is_not_read_without_end() -> None:
    assert len(key_set(*(public_jwk(EC, f"k{number}") for number in range(MAX_KEYS + 5)))) == MAX_KEYS


@pytest.mark.parametrize(
    "document",
    [b"", b"nonsense", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b"\xff", b'{"keys":' + b"[" * 100_000],
)
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidKeySet):
        KeySet(document)


def test_a_private_key_in_the_set_is_used_as_the_public_one() -> None:
    assert isinstance(EC, ec.EllipticCurvePrivateKey)
    secret = b64(EC.private_numbers().private_value.to_bytes(32))
    found = key_set(public_jwk(EC, "k", d=secret)).find("k")
    assert found is not None
    assert found.verify(SignedToken.parse(Forger(EC, "k", {}).token())) == b"{}"
