"""Signed tokens: compact JWS (RFC 7515), verified with one key and the one algorithm that goes with that key.

This module and its neighbours are the only ones that know python-jose.
"""

import base64
import re
from typing import Any, Final, TypeVar

import msgspec
from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError
from msgspec import Struct

__all__ = ["MAX_SIGNED_CHARS", "Header", "InvalidSignature", "VerificationKey", "read_header", "read_issuer"]

MAX_SIGNED_CHARS: Final = 16_384

T = TypeVar("T")

_COMPACT_JWS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


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

    def verify(self, token: str) -> bytes:
        """What a token signed with this key says, as JSON. Raises `InvalidSignature`."""
        header = read_header(token)
        if header.alg != self.algorithm or header.crit is not None:
            raise InvalidSignature("not signed in the way that the key demands")
        signed, _, signature = token.rpartition(".")
        # The key itself is asked: `jws.verify` would read the header once more, with another parser than ours.
        try:
            genuine = self._key.verify(signed.encode("ascii"), _base64url(signature))
        except (JOSEError, ValueError, TypeError, KeyError) as error:
            raise InvalidSignature("not signed with that key") from error
        if not genuine:
            raise InvalidSignature("not signed with that key")
        return _base64url(signed.partition(".")[2])


def read_header(token: str) -> Header:
    """What the token says of itself. Raises `InvalidSignature` if it has not the form of one."""
    return _part(token, 1, Header)


def read_issuer(token: str) -> str:
    """Who has issued the token, in its own words. Raises `InvalidSignature` if it does not say."""
    return _part(token, 2, _Issued).iss


def _part(token: str, number: int, kind: type[T]) -> T:
    """The header is part 1 and the claims are part 2. Malformed tokens provoke all sorts of errors."""
    if len(token) > MAX_SIGNED_CHARS:
        raise InvalidSignature("too long")
    parts = _COMPACT_JWS.fullmatch(token)
    if parts is None:
        raise InvalidSignature("not a compact JWS")
    try:
        return msgspec.json.decode(_base64url(parts[number]), type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidSignature("not a compact JWS of JSON objects") from error


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
