"""The server's own signature: compact JWS (RFC 7515), with one key and one algorithm, whatever a token says."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any, Final

import msgspec
from jose import jwk, jws
from jose.exceptions import JOSEError
from msgspec import Struct

from heliograph_server.identity.keyfile import load_or_create_key

__all__ = ["MAX_SIGNED_CHARS", "InvalidSignature", "SigningKey"]

ALGORITHM: Final = "ES256"
MAX_SIGNED_CHARS: Final = 16_384

_COMPACT_JWS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class InvalidSignature(ValueError):
    """Not a token that this key signed."""


class _Header(Struct):
    """RFC 7515 section 4.1. `crit` lists extensions that must be understood: there are none that we do."""

    alg: str
    kid: str
    crit: Any = None


class SigningKey:
    """A P-256 key. What a token is for is said in its claims, and checked by whoever reads it."""

    def __init__(self, pem: str) -> None:
        self._private_key = jwk.construct(pem, ALGORITHM)
        self._public_key = self._private_key.public_key()
        public = {name: str(value) for name, value in self._public_key.to_dict().items()}
        self._kid = _thumbprint(public)
        self._jwks = {"keys": [{**public, "kid": self._kid, "use": "sig"}]}

    @classmethod
    def load(cls, data_dir: Path) -> "SigningKey":
        """The key kept in that directory, made there if there is none. Raises `KeyFileError`."""
        return cls(load_or_create_key(data_dir))

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key, as a set of one (RFC 7517)."""
        return self._jwks

    def sign(self, claims: Any) -> str:
        """A token that says this. Raises `ValueError` if it would be longer than `MAX_SIGNED_CHARS`."""
        token = jws.sign(
            msgspec.json.encode(claims), self._private_key, headers={"kid": self._kid}, algorithm=ALGORITHM
        )
        if len(token) > MAX_SIGNED_CHARS:
            raise ValueError("too long for a token")
        return token

    def verify(self, token: str) -> bytes:
        """What a token signed by this key says, as JSON. Raises `InvalidSignature`."""
        try:
            return self._verified(token)
        except (JOSEError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidSignature("not signed by this server") from error

    def _verified(self, token: str) -> bytes:
        """Malformed tokens raise whatever their form provokes."""
        if len(token) > MAX_SIGNED_CHARS:
            raise ValueError("too long")
        parts = _COMPACT_JWS.fullmatch(token)
        if parts is None:
            raise ValueError("not a compact JWS")
        header = msgspec.json.decode(_base64url(parts[1]), type=_Header)
        # Before anything is verified: what the token says of itself must not choose how it is verified.
        if header.alg != ALGORITHM or header.kid != self._kid or header.crit is not None:
            raise ValueError("not signed in our way")
        return jws.verify(token, self._public_key, [ALGORITHM])


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _thumbprint(public_key: dict[str, str]) -> str:
    """RFC 7638: the hash of the members that make the key, in this order and form."""
    members = {name: public_key[name] for name in ("crv", "kty", "x", "y")}
    return base64.urlsafe_b64encode(hashlib.sha256(msgspec.json.encode(members)).digest()).rstrip(b"=").decode()
