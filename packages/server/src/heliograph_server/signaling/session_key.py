"""What a peer shows to get its session back."""

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

    __slots__ = ("_former", "secret", "session_id")

    def __init__(self) -> None:
        self.session_id = secrets.token_urlsafe(SESSION_ID_BYTES)
        self.secret = self._former = secrets.token_urlsafe(SECRET_BYTES)

    def fits(self, proof: Resume) -> bool:
        """Whether the proof is of this session. That takes as long whatever is wrong with it."""
        session = _same(self.session_id, proof.session_id)
        current, former = _same(self.secret, proof.secret), _same(self._former, proof.secret)
        return session & (current | former)

    def renew(self, proof: Resume) -> None:
        """Make a new secret for the peer that came with this proof, which fits."""
        self._former, self.secret = proof.secret, secrets.token_urlsafe(SECRET_BYTES)

    def arrived(self) -> None:
        """The peer has the secret: none before it fits any more."""
        self._former = self.secret


def _same(known: str, shown: str) -> bool:
    return hmac.compare_digest(known.encode(), shown.encode())
