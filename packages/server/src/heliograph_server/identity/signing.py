"""The server's own signature: with one key and one algorithm, whatever a token says."""

import base64
import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
from jose import jwk, jws

from heliograph_server.identity.keyfile import load_or_create_key
from heliograph_server.identity.tokens import MAX_SIGNED_CHARS, InvalidSignature, SignedToken, VerificationKey

__all__ = ["SigningKey"]

ALGORITHM: Final = "ES256"


class SigningKey:
    """A P-256 key. What a token is for is said in its claims, and checked by whoever reads it."""

    def __init__(self, pem: str) -> None:
        self._private_key = jwk.construct(pem, ALGORITHM)
        public_key = self._private_key.public_key()
        public = {name: str(value) for name, value in public_key.to_dict().items()}
        self._verification_key = VerificationKey(public_key, ALGORITHM)
        self.kid = _thumbprint(public)
        """Which key it is; no secret."""
        self._jwks = {"keys": [{**public, "kid": self.kid, "use": "sig"}]}

    @classmethod
    def load(cls, data_dir: Path, given: str = "") -> "SigningKey":
        """The given key (PEM), else the one kept in that directory, made there if need be. Raises `KeyFileError`."""
        return cls(given or load_or_create_key(data_dir))

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key, as a set of one (RFC 7517)."""
        return self._jwks

    def sign(self, claims: Any) -> str:
        """A token that says this. Raises `ValueError` if it would be longer than `MAX_SIGNED_CHARS`."""
        token = jws.sign(msgspec.json.encode(claims), self._private_key, headers={"kid": self.kid}, algorithm=ALGORITHM)
        if len(token) > MAX_SIGNED_CHARS:
            raise ValueError("too long for a token")
        return token

    def verify(self, token: SignedToken) -> bytes:
        """What a token signed by this key says, as JSON. Raises `InvalidSignature`."""
        if token.header.kid != self.kid:
            raise InvalidSignature("not signed by this server")
        return self._verification_key.verify(token)


def _thumbprint(public_key: dict[str, str]) -> str:
    """RFC 7638: the hash of the members that make the key, in this order and form."""
    members = {name: public_key[name] for name in ("crv", "kty", "x", "y")}
    return base64.urlsafe_b64encode(hashlib.sha256(msgspec.json.encode(members)).digest()).rstrip(b"=").decode()
