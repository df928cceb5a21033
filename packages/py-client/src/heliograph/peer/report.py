"""What was tried when a connection did not come about, and what that suggests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["ConnectReport", "Stage", "count_candidates"]


_GOOD_ANSWERS = frozenset({"answered", "allocated"})


class Stage(StrEnum):
    """How far a connection has come, in order."""

    GATHERING = "gathering local candidates"
    WAITING = "waiting for the answer"
    CHECKING = "checking candidate pairs (ICE)"
    SECURING = "DTLS handshake"
    OPENING = "opening the data channel"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectReport:
    """How far a connection to `peer_id` came in `elapsed_s` seconds, and what it was tried with.

    `stage` is what was waited for, `ice_state` that of the W3C's RTCIceConnectionState. `local_candidates` and
    `remote_candidates` are counted by type: `host`, `srflx`, `relay`, and `mdns` for an address behind a `.local` name;
    `remote_ended` says whether the other side had sent all of its own. `ice_servers` were used, and
    `dropped_ice_servers` could not be, each with the reason.
    `pairs` counts what was tried, by the types of both sides and what became of it: `host-relay failed`.
    `server_answers` has for each of `ice_servers` what came of it: `answered`, `allocated`, `no answer`, `refused with
    401 Unauthorized` and others.
    """

    peer_id: str
    stage: Stage
    elapsed_s: float
    ice_state: str
    local_candidates: dict[str, int]
    remote_candidates: dict[str, int]
    remote_ended: bool
    ice_servers: tuple[str, ...]
    pairs: dict[str, int] = field(default_factory=dict)
    server_answers: dict[str, str] = field(default_factory=dict)
    dropped_ice_servers: tuple[tuple[str, str], ...] = ()

    @property
    def verdict(self) -> str:
        """One sentence for a person: what is the likely reason, and what would help."""
        if self.stage is not Stage.GATHERING and not self.local_candidates:
            refused = [f"{url}: {answer}" for url, answer in self.server_answers.items() if answer not in _GOOD_ANSWERS]
            if refused:
                return f"There is no candidate to offer; the ICE servers gave none ({', '.join(refused)})."
            return "This machine has no network address besides loopback, so there is nothing to offer."
        match self.stage:
            case Stage.GATHERING:
                servers = ", ".join(self.ice_servers) or "none"
                return f"Gathering candidates did not finish; the ICE servers may not answer ({servers})."
            case Stage.WAITING:
                return f"{self.peer_id} got the offer but sent no answer; it may be busy, stuck, or not accept offers."
            case Stage.CHECKING:
                return self._no_path()
            case Stage.SECURING:
                return (
                    "A path was found but the DTLS handshake did not finish; something on it may drop larger packets."
                )
            case Stage.OPENING | Stage.OPEN:
                return "The connection stands but no data channel opened on it."

    def __str__(self) -> str:
        lines = [
            self.verdict,
            f"  reached: {self.stage} after {self.elapsed_s:.1f} s, ICE {self.ice_state}",
            f"  our candidates: {_counts(self.local_candidates)}",
            f"  theirs: {_counts(self.remote_candidates)}{'' if self.remote_ended else ', end not signalled'}",
            f"  pairs tried: {_counts(self.pairs)}",
            f"  ICE servers: {', '.join(map(self._server, self.ice_servers)) or 'none'}",
            *(f"  not used: {url} ({reason})" for url, reason in self.dropped_ice_servers),
        ]
        return "\n".join(lines)

    def _server(self, url: str) -> str:
        answer = self.server_answers.get(url)
        return url if answer is None else f"{url} ({answer})"

    def _no_path(self) -> str:
        local, remote = self.local_candidates, self.remote_candidates
        if not remote:
            return f"{self.peer_id} sent no candidates: its firewall, browser policy or ICE servers leave it none."
        if set(remote) == {"mdns"}:
            return (
                f"{self.peer_id} gave only mDNS names, which resolve on its own network alone; "
                "with a STUN server it would offer a public address too."
            )
        for url, answer in self.server_answers.items():
            if url.startswith("turn") and answer not in _GOOD_ANSWERS:
                return f"No direct pair worked, and the TURN server {url} gave no relay: {answer}."
        if "relay" in local or "relay" in remote:
            return "No pair worked, not even over the relay: check the TURN server's credentials and open ports."
        if "srflx" in local and "srflx" in remote:
            return (
                "Both public addresses are known but the NATs between do not let packets in; a TURN server would help."
            )
        return (
            "No address of one side reaches the other; if they are on different networks, "
            "configure a STUN server, or a TURN server to relay."
        )


def count_candidates(candidates: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Count (type, address) pairs by type."""
    return dict(Counter("mdns" if address.endswith(".local") else kind for kind, address in candidates))


def _counts(candidates: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(candidates.items())) or "none"
