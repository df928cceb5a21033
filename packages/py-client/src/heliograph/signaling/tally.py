"""The session that a client may resume: its proof, and the count of what arrived in it."""

from __future__ import annotations

from collections.abc import Callable

from heliograph_protocol import Received, Resume, SessionInfo

__all__ = ["CONFIRM_AFTER_S", "CONFIRM_BYTES", "CONFIRM_MESSAGES", "Tally"]

CONFIRM_MESSAGES = 64
CONFIRM_BYTES = 256 * 1024
"""A quarter of what a server keeps unconfirmed: it never has to stop sending to a client that keeps up."""
CONFIRM_AFTER_S = 4.0
"""How long a message may go unconfirmed; the protocol says 5 s."""


class Tally:
    """Counts every frame after `registered_auth`, over all connections of a session. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._session: SessionInfo | None = None
        self._count = 0
        self._confirmed = 0
        self._bytes = 0
        self._due_at: float | None = None

    @property
    def proof(self) -> Resume | None:
        """What gets the session back; None without one."""
        if self._session is None:
            return None
        return Resume(session_id=self._session.session_id, secret=self._session.secret, received=self._count)

    def begin(self, session: SessionInfo) -> None:
        """The server has registered this client: in its old session or a new one."""
        if not session.resumed:
            self._count = 0
        self._session = session
        self._settle()  # the proof of a resume confirmed what it counted

    def forget(self) -> None:
        """There is no session to resume."""
        self._session = None
        self._count = 0
        self._settle()

    def add(self, frame_bytes: int) -> None:
        """A frame of that size has arrived."""
        self._count += 1
        self._bytes += frame_bytes
        if self._due_at is None:
            self._due_at = self._clock() + CONFIRM_AFTER_S

    def delay_s(self) -> float | None:
        """Seconds until a confirmation is due, 0 if it is; None if all is confirmed, or nobody asks for it."""
        if self._session is None or self._due_at is None:
            return None
        if self._count - self._confirmed >= CONFIRM_MESSAGES or self._bytes >= CONFIRM_BYTES:
            return 0.0
        return max(0.0, self._due_at - self._clock())

    def confirm(self) -> Received:
        """The confirmation of all that has arrived."""
        self._settle()
        return Received(count=self._count)

    def _settle(self) -> None:
        self._confirmed = self._count
        self._bytes = 0
        self._due_at = None
