"""How two SDKs notice that the path between them is lost, and make another one for the same connection.

**Announcing.** The SDP of an offer has the session-level line `a=heliograph-session:<session> <number>`: a random name
for the connection, made by the side that dials, and the number of this attempt at a path for it, 0 for the first. A
side that knows this puts the same line into its answer, followed by ` new` or ` kept`: whether the connection is new to
it. Other programs ignore the line, as SDP asks (RFC 8866 section 5.13), and get nothing of what follows.

**Pings.** Both sides then have the channel `LIVENESS_LABEL`, negotiated beforehand with the stream id `LIVENESS_STREAM`
(W3C WebRTC section 6.2), so that nobody opens it. It carries a `LivenessPing` or a `LivenessPong`, each a text frame in
JSON. A side that has received nothing at all for a second sends a ping; the other one answers. Whatever arrives
is a sign of life. Nothing for 4 s means that the path is lost. A DTLS close or `quit` is no loss: it ends the
connection.

**Redialling.** The side that dialled offers again, with the same session and a higher number, under a new
`connection_id`. The other side drops the old path, if it has not noticed itself, and answers. An offer for a session
that it has ended itself is refused with the code `CONNECTION_CLOSED`; one for a session that is not known to it, after
a restart say, is a new connection for it. After the answer `kept`, each side opens again the channels that it had
opened, with the stream ids that they had: that is how the other side tells which is which. A browser lets nobody
choose them, so where the stream id is another, the first channel of that label is meant that has not come back yet. One
that was closed meanwhile is opened and closed, or just closed by the side that did not open it. After `new`, the
channels of the other side are over, and the dialling side opens its own anew.

**What may be lost.** On each channel, what the sender handed over before the cut may not have arrived. What did arrive
of an ordered, reliable channel is all that was sent up to some message. Nothing arrives twice.
"""

import re
from typing import Annotated, Final, NamedTuple

from msgspec import Meta, Struct

__all__ = [
    "LIVENESS_LABEL",
    "LIVENESS_STREAM",
    "LivenessMessage",
    "LivenessPing",
    "LivenessPong",
    "SessionLine",
    "read_session",
    "write_session",
]

LIVENESS_LABEL: Final = "heliograph-liveness"
LIVENESS_STREAM: Final = 1000
MAX_ATTEMPTS: Final = 999_999

_LINE: Final = re.compile(r"^a=heliograph-session:([0-9a-f]{16,64}) (\d{1,6})(?: (new|kept))?[ \t]*\r?$", re.MULTILINE)

Count = Annotated[int, Meta(ge=0, description="Counts this side's pings on this path")]


class LivenessPing(Struct, frozen=True, kw_only=True, tag_field="type", tag="ping"):
    """Nothing has come for a while: is anybody there?"""

    count: Count


class LivenessPong(Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    """The answer to the ping of that count."""

    count: Count


LivenessMessage = LivenessPing | LivenessPong


class SessionLine(NamedTuple):
    """`kept` is None in an offer."""

    session: str
    number: int
    kept: bool | None = None


def read_session(sdp: str) -> SessionLine | None:
    """The session line of a description; None if it has none that can be read."""
    found = _LINE.search(sdp)
    if found is None:
        return None
    return SessionLine(found[1], int(found[2]), None if found[3] is None else found[3] == "kept")


def write_session(sdp: str, line: SessionLine) -> str:
    """The description with that line, before its first media section (RFC 8866 section 5)."""
    word = {None: "", True: " kept", False: " new"}[line.kept]
    head, media, rest = sdp.partition("m=")
    return f"{head}a=heliograph-session:{line.session} {line.number}{word}\r\n{media}{rest}"
