"""What a peer shows to get its session back."""

import hashlib
import hmac
import secrets
from typing import Final

from heliograph_protocol import Resume

__all__ = ["SessionKey"]

SESSION_ID_BYTES: Final = 12
SECRET_BYTES: Final = 24


class SessionKey:
    """The id and the secret of one session.

    Every resume makes the secret another one. Its peer has that once it has the reply, and the reply may be lost with
    the connection; so the secret that it came back with fits as well, until `arrived`.
    """

    __slots__ = ("digests", "secret", "session_id")

    def __init__(self, session_id: str = "", digests: tuple[bytes, bytes] | None = None) -> None:
        """A new one; or, with its digests, one of which the secret itself was not kept."""
        self.session_id = session_id or secrets.token_urlsafe(SESSION_ID_BYTES)
        self.secret = secrets.token_urlsafe(SECRET_BYTES)
        self.digests = digests or (_digest(self.secret), _digest(self.secret))
        """Of the secret, and of the one before it if that fits as well."""

    def fits(self, proof: Resume) -> bool:
        """Whether the proof is of this session. That takes as long whatever is wrong with it."""
        session = hmac.compare_digest(self.session_id.encode(), proof.session_id.encode())
        shown = _digest(proof.secret)
        current, former = (hmac.compare_digest(known, shown) for known in self.digests)
        return session & (current | former)

    def renew(self, proof: Resume) -> None:
        """Make a new secret for the peer that came with this proof, which fits."""
        self.secret = secrets.token_urlsafe(SECRET_BYTES)
        self.digests = (_digest(self.secret), _digest(proof.secret))

    def arrived(self) -> None:
        """The peer has the secret: none before it fits any more."""
        self.digests = (self.digests[0], self.digests[0])


def _digest(secret: str) -> bytes:
    """Of something with that many random bits, for which a fast hash is good enough."""
    return hashlib.sha256(secret.encode()).digest()
