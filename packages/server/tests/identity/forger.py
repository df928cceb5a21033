"""Tokens made by hand, with the issuer's key or without: nothing is left to a library's good manners."""

import base64
import functools
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

__all__ = ["Forger", "PrivateKey", "algorithm_of", "b64", "public_pem", "sign", "spare_key"]

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Forger:
    """Whoever has an issuer's key can say anything. `claims` are those of a token that counts."""

    def __init__(self, key: PrivateKey, kid: str, claims: dict[str, Any]) -> None:
        self.key = key
        self.kid = kid
        self.claims = claims
        self.header = {"alg": algorithm_of(key), "typ": "JWT", "kid": kid}

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
        """A token of these bytes."""
        signed = f"{b64(header)}.{b64(claims)}"
        return f"{signed}.{b64((sign or self.sign)(signed.encode()))}"

    def raw_claims(self, claims: bytes) -> str:
        """A token that says this."""
        return self.raw(json.dumps(self.header).encode(), claims)

    def raw_header(self, header: bytes) -> str:
        """A token that says this of itself."""
        return self.raw(header, json.dumps(self.claims).encode())

    def sign(self, message: bytes) -> bytes:
        """The signature of the issuer's key."""
        return sign(self.key, message)

    def hs256(self, secret: bytes) -> str:
        """A token with a symmetric signature, made with what everybody knows."""
        return self.token({"alg": "HS256"}, sign=lambda message: hmac.digest(secret, message, "sha256"))


def algorithm_of(key: PrivateKey) -> str:
    """What tokens are signed with by that key."""
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"


def sign(key: PrivateKey, message: bytes) -> bytes:
    """A signature as RFC 7518 has it."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


@functools.cache
def spare_key(algorithm: str, number: int = 0) -> PrivateKey:
    """A key that no issuer has unless a test gives it to one; RSA keys take their time, so they are made once."""
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: PrivateKey) -> bytes:
    """What everybody may know of a key."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def b64(data: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _changed(fields: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **(changes or {})}.items() if value is not ...}
