"""The published keys of an issuer: a JSON Web Key Set (RFC 7517), read into keys that tokens can be verified with."""

import base64
from typing import Any, Final

import msgspec
from msgspec import Struct

from heliograph_server.identity.tokens import VerificationKey

__all__ = ["ALGORITHMS", "InvalidKeySet", "KeySet"]

ALGORITHMS: Final = frozenset({"RS256", "ES256"})
"""What OpenID providers sign id tokens with: the one with RSA keys, the other with keys on P-256."""

MAX_KEYS: Final = 100
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""A longer key takes longer to verify with than a stranger's token is worth."""


class InvalidKeySet(ValueError):
    """Not a key set that tokens could be verified with. The text is one sentence for the operator."""


class _Jwk(Struct):
    """RFC 7517 section 4 and RFC 7518 section 6; members that are secret are not even read."""

    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    key_ops: list[str] | None = None
    crv: str | None = None
    n: str | None = None
    e: str | None = None
    x: str | None = None
    y: str | None = None


class _JwkSet(Struct):
    keys: list[Any]


class KeySet:
    """The usable keys of a set. Keys of other kinds, and those that are not for signatures, are left out.

    Raises `InvalidKeySet` if none is left.
    """

    def __init__(self, document: bytes, algorithms: frozenset[str] = ALGORITHMS) -> None:
        try:
            listed = msgspec.json.decode(document, type=_JwkSet).keys[:MAX_KEYS]
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise InvalidKeySet("it is no JSON Web Key Set") from error
        self._keys: dict[str | None, VerificationKey] = {}
        for entry in listed:
            try:
                public = msgspec.convert(entry, _Jwk)
                key = _verification_key(public, algorithms)
            except (msgspec.ValidationError, ValueError):
                continue  # of a kind that we don't know, which RFC 7517 section 5 says to ignore
            self._keys.setdefault(public.kid, key)
        if not self._keys:
            raise InvalidKeySet(f"none of its {len(listed)} keys is for {' or '.join(sorted(algorithms))} signatures")

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    def find(self, kid: str | None) -> VerificationKey | None:
        """The key of that id. A token that names none is meant for the only key (OpenID Connect Core 10.1)."""
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)


def _verification_key(public: _Jwk, algorithms: frozenset[str]) -> VerificationKey:
    """Raises `ValueError` if the key can't be used."""
    members: dict[str, Any]
    match public:
        case _Jwk(kty="RSA", n=str(n), e=str(e)):
            algorithm = "RS256"
            members = {"kty": "RSA", "n": n, "e": e}
            if not MIN_RSA_BITS <= int.from_bytes(base64.urlsafe_b64decode(n + "==")).bit_length() <= MAX_RSA_BITS:
                raise ValueError("too short or too long")
        case _Jwk(kty="EC", crv="P-256", x=str(x), y=str(y)):
            algorithm = "ES256"
            members = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        case _:
            raise ValueError("another kind of key")
    wanted = public.use in {None, "sig"} and public.alg in {None, algorithm}
    if not wanted or algorithm not in algorithms or "verify" not in (public.key_ops or ["verify"]):
        raise ValueError("for something else")
    return VerificationKey(members, algorithm)
