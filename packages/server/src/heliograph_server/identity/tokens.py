"""Signed tokens: compact JWS (RFC 7515), verified with one key and the one algorithm that goes with that key.

This module and its neighbours are the only ones that know python-jose.
"""

import binascii
import re
from collections.abc import Callable
from typing import Any, Final

import cryptography.exceptions
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError
from msgspec import Struct

__all__ = ["MAX_SIGNED_CHARS", "Header", "InvalidSignature", "SignedToken", "VerificationKey"]

MAX_SIGNED_CHARS: Final = 16_384

ES256_BYTES: Final = 64
"""Of a signature: two numbers of 32 bytes each, the most significant first."""

_COMPACT_JWS: Final = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


class InvalidSignature(ValueError):
    """Not a token that this key signed."""


class Header(Struct, frozen=True):
    """RFC 7515 section 4.1, as the token says of itself: nothing of it is proved."""

    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: Any = None
    """Lists extensions that must be understood: there are none that we do."""


class _Issued(Struct):
    iss: str


_read_header = msgspec.json.Decoder(Header).decode
_read_issued = msgspec.json.Decoder(_Issued).decode


class SignedToken(Struct, frozen=True, gc=False):
    """A token, taken apart once for all who look at it. Only what a `VerificationKey` gives of it is proved."""

    header: Header
    claims: bytes
    """As JSON."""
    signed: bytes
    """What the signature is of."""
    signature: bytes

    @classmethod
    def parse(cls, token: str) -> "SignedToken":
        """Raises `InvalidSignature` if that has not the form of one. Malformed tokens provoke all sorts of errors."""
        if len(token) > MAX_SIGNED_CHARS:
            raise InvalidSignature("too long")
        try:
            parts = _COMPACT_JWS.fullmatch(token.encode("ascii"))
            if parts is None:
                raise InvalidSignature("not a compact JWS")
            header, claims, signature = parts.groups()
            return cls(
                header=_read_header(_base64url(header)),
                claims=_base64url(claims),
                signed=parts.string[: parts.end(2)],
                signature=_base64url(signature),
            )
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise InvalidSignature("not a compact JWS of JSON objects") from error

    @property
    def issuer(self) -> str:
        """Who has issued it, in its own words. Raises `InvalidSignature` if it does not say."""
        try:
            return _read_issued(self.claims).iss
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise InvalidSignature("not a JWT that names its issuer") from error


class VerificationKey:
    """A public key, and the algorithm that its type demands: what a token says of itself has no part in the choice.

    `public` is a JWK (RFC 7517), PEM or python-jose's own key. Raises `ValueError` if it is none.
    """

    def __init__(self, public: Key | dict[str, Any] | str, algorithm: str) -> None:
        try:
            self._key = public if isinstance(public, Key) else jwk.construct(public, algorithm)
        except (JOSEError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"not a public key for {algorithm}") from error
        self.algorithm = algorithm
        prepared = getattr(self._key, "prepared_key", None)
        if algorithm == "ES256" and isinstance(prepared, ec.EllipticCurvePublicKey):
            self._genuine = _es256(prepared)
        else:
            self._genuine = self._key.verify

    def verify(self, token: SignedToken) -> bytes:
        """What a token signed with this key says, as JSON. Raises `InvalidSignature`."""
        if token.header.alg != self.algorithm or token.header.crit is not None:
            raise InvalidSignature("not signed in the way that the key demands")
        # The key itself is asked: `jws.verify` would read the header once more, with another parser than ours.
        try:
            genuine = self._genuine(token.signed, token.signature)
        except (JOSEError, ValueError, TypeError, KeyError) as error:
            raise InvalidSignature("not signed with that key") from error
        if not genuine:
            raise InvalidSignature("not signed with that key")
        return token.claims


def _es256(key: ec.EllipticCurvePublicKey) -> Callable[[bytes, bytes], bool]:
    """What python-jose does to verify (RFC 7518 section 3.4), with what is the same each time made once."""
    algorithm = ec.ECDSA(hashes.SHA256())

    def verify(message: bytes, signature: bytes) -> bool:
        if len(signature) != ES256_BYTES:
            return False
        r, s = signature[: ES256_BYTES // 2], signature[ES256_BYTES // 2 :]
        try:
            key.verify(encode_dss_signature(int.from_bytes(r), int.from_bytes(s)), message, algorithm)
        except cryptography.exceptions.InvalidSignature:
            return False
        return True

    return verify


def _base64url(text: bytes) -> bytes:
    """RFC 7515 section 2. What the decoder would pass over, the form of a token has ruled out."""
    return binascii.a2b_base64(text.translate(_URL_SAFE) + b"=" * (-len(text) % 4))
