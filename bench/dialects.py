"""How each server is spoken to: its handshake, its registration, and a message of a given size to another peer."""

import json
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

__all__ = ["Dialect", "Kind", "Pass", "Session", "frame"]

Kind = Literal["heliograph", "peerserver", "baseline", "mirror"]

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
"""Any key does; the proof that comes back is not looked at."""

SDP: Final = (
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:4ZcD\r\n"
    "a=ice-options:trickle\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlxz\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
)
"""Messages are made of what offers are made of, lines that end with an escaped CR LF."""


class Pass(Struct, frozen=True):
    """What a peer needs to get in."""

    peer_id: str
    room_id: str
    token: str
    id_token: str


class Session(Struct, frozen=True):
    """What a peer needs to come back."""

    session_id: str
    secret: str
    received: int = 0
    """How many frames have come in it."""


class Dialect(Struct, frozen=True):
    """One server's way of speaking. `passes` has one entry for each peer that may connect."""

    kind: Kind
    level: int
    passes: list[Pass]

    def upgrade(self, number: int) -> bytes:
        """The request that opens a peer's WebSocket."""
        pass_ = self.passes[number]
        path = "/"
        if self.kind == "peerserver":
            path = f"/peerjs?key=peerjs&id={pass_.peer_id}&token={pass_.token}&version=1.5.4"
        elif self.kind == "mirror":
            path = f"/{number}"
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {KEY}",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def hello(self, number: int, session: Session | None = None) -> bytes | None:
        """What registers a peer, if anything has to be said; with a session, what resumes it."""
        if self.kind in {"peerserver", "mirror"}:
            return None
        fields: dict[str, Any] = {"type": "register", **msgspec.structs.asdict(self.passes[number])}
        if self.level > 1:
            fields["protocol"] = self.level
        if session is not None:
            fields["resume"] = msgspec.structs.asdict(session)
        return frame(compact(fields))

    @property
    def welcome(self) -> bytes:
        """What the answer to a registration contains."""
        return b'"OPEN"' if self.kind in {"peerserver", "mirror"} else b'"registered_auth"'

    def message(self, sender: int, target: int, size: int) -> bytes:
        """A message of `size` bytes."""
        names = self.passes[sender].peer_id, self.passes[target].peer_id
        if self.kind == "peerserver":
            fields = {"type": "OFFER", "src": names[0], "dst": names[1], "payload": ""}
            body = "payload"
        else:
            fields = {"type": "offer", "sender": names[0], "target": names[1], "sdp": ""}
            body = "sdp"
        text = SDP * (size // len(SDP) + 1)
        low, high = 0, size
        while low < high:  # as much of it as fits
            middle = (low + high + 1) // 2
            if len(compact(fields | {body: text[:middle]})) <= size:
                low = middle
            else:
                high = middle - 1
        filled = compact(fields | {body: text[:low]})
        return filled if len(filled) == size else compact(fields | {body: text[:low] + "x" * (size - len(filled))})

    def arrives_as(self, message: bytes) -> bytes:
        """The frame in which the server hands a message on: as it came, but the baseline writes its JSON anew."""
        return frame(json.dumps(json.loads(message)).encode() if self.kind == "baseline" else message, masked=False)


def frame(payload: bytes, *, masked: bool = True) -> bytes:
    """A text frame, a client's if it is masked. The key is zero, which costs the server as much as any other."""
    size, mask = len(payload), 0x80 if masked else 0
    head = bytes([0x81, mask | size]) if size < 126 else bytes([0x81, mask | 126]) + size.to_bytes(2, "big")
    return head + bytes(4 if masked else 0) + payload


def compact(value: Any) -> bytes:
    """JSON as browsers write it."""
    return json.dumps(value, separators=(",", ":")).encode()
