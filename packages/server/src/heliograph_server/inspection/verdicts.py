"""The diagnoses, each with a name for programs and words for people: what happened, and what to try."""

from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

from heliograph_protocol import Diagnosis, ErrorCode, TimelineEntry

__all__ = [
    "Hint",
    "connected",
    "connecting",
    "declined",
    "ended",
    "exchanged",
    "failed_unanswered",
    "given_up",
    "gone",
    "left_before_answer",
    "left_too_early",
    "never_delivered",
    "never_there",
    "no_answer",
    "no_candidates",
    "no_common_group",
    "no_offer",
    "no_path",
    "nothing_said",
    "offer_waits",
    "refused",
    "turned_away",
    "waits_for_answer",
    "was_connected",
]

Mood = Literal["good", "waiting", "trouble", "unknown"]

_TURNED_AWAY: Final = {
    "INVALID_ROOM_TOKEN": "Its token is not the room's, or is for another role or name: give it the link again.",
    "INVALID_ID_TOKEN": "Its sign-in is not valid any more: it has to sign in again.",
    "ROOM_EXPIRED": "The room's time is over: its creator can extend it, or open another one.",
    "ROOM_FULL": "The room is full: its creator can let more peers in, or one has to leave.",
    "PEER_ID_TAKEN": "Another user has this name here: it has to choose another one.",
    "STORE_UNAVAILABLE": "The server could not reach its room store: look at the server's log.",
}

_LEFT: Final = {
    "left": "It said good-bye.",
    "timed_out": "It lost its connection to the server and did not come back in time.",
    "removed": "It was put out of the room.",
    "room_closed": "The room was closed.",
    "moved": "Its room is at another node of the cluster now: look there.",
}

_TRY_TURN: Final = (
    "Try a TURN relay: set HELIOGRAPH_TURN_URLS and HELIOGRAPH_TURN_SECRET on the server, "
    "and see with the command heliograph doctor whether it can be reached."
)


class Hint(Struct, frozen=True):
    """What the candidates say about a path that did not come up. `peer_id` is the one whose they lack."""

    kind: Literal["only_host", "one_side_host", "no_relay", "relay_tried"]
    peer_id: str = ""

    @property
    def words(self) -> str:
        """What to try."""
        match self.kind:
            case "only_host":
                return (
                    "Both know only the addresses of their own networks, which is enough on one network alone. "
                    f"A STUN server (HELIOGRAPH_STUN_URLS) tells them the others. {_TRY_TURN}"
                )
            case "one_side_host":
                return (
                    f"{self.peer_id} knows only the addresses of its own network: "
                    f"its STUN server did not answer, or it has none. {_TRY_TURN}"
                )
            case "no_relay":
                return f"Both know their public addresses, and there is no relay: a strict NAT needs one. {_TRY_TURN}"
            case "relay_tried":
                return (
                    "There was a relay among their candidates. Look whether a firewall stops UDP to it, "
                    "and whether its credentials were good: the command heliograph doctor tries both."
                )


def connected(local: str | None, remote: str | None, took_ms: int | None) -> Diagnosis:
    """A peer has reported it."""
    words = []
    if local is not None and remote is not None:
        words.append("Through a relay." if "relay" in (local, remote) else f"Directly, {local} to {remote}.")
    if took_ms is not None:
        words.append(f"It took {took_ms / 1000:.2f} s.")
    return _verdict("connected", "good", "They are connected", " ".join(words) or "Data flows between them.")


def connecting() -> Diagnosis:
    """Not yet time to worry."""
    return _verdict("connecting", "waiting", "They are looking for a path", "That takes up to 15 seconds.")


def was_connected(peer_id: str, reason: str) -> Diagnosis:
    """Over, without a failure."""
    return _verdict("peer_left", "unknown", f"{peer_id} has left since", _because(reason))


def ended(peer_id: str) -> Diagnosis:
    """One side has hung up."""
    return _verdict("ended", "unknown", f"{peer_id} ended the connection", "Either side can connect again.")


def exchanged(hint: Hint) -> Diagnosis:
    """All is said; nobody has reported what came of it."""
    return _verdict(
        "exchanged",
        "unknown",
        "The server's part is done: offer, answer and candidates got through",
        f"Neither has said whether a path came up. If none did, it is the network. {hint.words}",
    )


def no_path(hint: Hint) -> Diagnosis:
    """A peer has reported that it failed after both had said everything."""
    return _verdict(f"no_path_{hint.kind}", "trouble", "They found no path to each other", hint.words)


def no_candidates(peer_id: str) -> Diagnosis:
    """Nothing to connect to."""
    return _verdict(
        "no_candidates",
        "trouble",
        f"{peer_id} told no address at all",
        "Its candidates were not sent, or it found none: look at its network interfaces, at a firewall on its machine, "
        "and whether it may use relays only and has none.",
    )


def waits_for_answer(peer_id: str) -> Diagnosis:
    """Not yet time to worry."""
    return _verdict("waits_for_answer", "waiting", f"{peer_id} has the offer", "It has not answered yet.")


def no_answer(caller: str, callee: str) -> Diagnosis:
    """The offer was handed over, and that was it."""
    return _verdict(
        "no_answer",
        "trouble",
        f"{callee} got the offer of {caller} and never answered",
        f"Look at what {callee} logs: its program may hang, accept no connections, or not understand the offer.",
    )


def failed_unanswered(caller: str, callee: str) -> Diagnosis:
    """As `no_answer`, and the caller has given up."""
    return _verdict(
        "no_answer",
        "trouble",
        f"{caller} gave up: nothing came back from {callee}",
        f"Look at what {callee} logs: its program may hang, accept no connections, or not understand the offer.",
    )


def given_up(caller: str, callee: str) -> Diagnosis:
    """The caller has hung up before there was an answer."""
    return _verdict(
        "given_up",
        "trouble",
        f"{caller} gave up before {callee} answered",
        f"It was cancelled, or waited in vain: then look at what {callee} logs.",
    )


def offer_waits(peer_id: str) -> Diagnosis:
    """The mailbox has it."""
    return _verdict(
        "offer_waits",
        "waiting",
        f"{peer_id} is away; the offer waits for it",
        "It lost its connection to the server. If it comes back within its resume window, it gets the offer.",
    )


def never_delivered(peer_id: str) -> Diagnosis:
    """The mailbox ended with it."""
    return _verdict(
        "never_delivered",
        "trouble",
        f"{peer_id} never got the offer",
        "It was away, and did not come back in time. Look at its network, and whether its program runs.",
    )


def left_before_answer(peer_id: str, reason: str) -> Diagnosis:
    """One of the two is not there any more."""
    return _verdict("left_before_answer", "trouble", f"{peer_id} left before there was an answer", _because(reason))


def left_too_early(peer_id: str, reason: str) -> Diagnosis:
    """Gone while the path was looked for."""
    return _verdict("left_too_early", "trouble", f"{peer_id} left while they were looking for a path", _because(reason))


def no_offer(one: str, other: str) -> Diagnosis:
    """Something was said, but not that."""
    return _verdict(
        "no_offer",
        "unknown",
        f"There is no offer between {one} and {other}",
        "It came too long ago to be remembered, or their program sends signals out of order.",
    )


def nothing_said(one: str, other: str) -> Diagnosis:
    """Both are there, and that is all."""
    return _verdict(
        "nothing_said",
        "unknown",
        "Neither has signalled the other",
        f"Both are here. Whoever is to begin has to connect: {one} to {other}, or the other way round.",
    )


def no_common_group(one: str, other: str) -> Diagnosis:
    """They can't see each other."""
    return _verdict(
        "no_common_group",
        "trouble",
        f"{one} and {other} share no group",
        "Peers see and reach only those with whom they share one: put them into the same group.",
    )


def never_there(peer_id: str) -> Diagnosis:
    """Nobody of that name."""
    return _verdict(
        "never_there",
        "trouble",
        f"{peer_id} is not in this room",
        "Look whether it runs, whether it uses this server and this room, and how its name is spelled.",
    )


def gone(peer_id: str, reason: str) -> Diagnosis:
    """Was there, is not."""
    return _verdict("gone", "trouble", f"{peer_id} has left", _because(reason))


def turned_away(peer_id: str, code: str) -> Diagnosis:
    """Wanted in."""
    return _verdict(
        "turned_away", "trouble", f"{peer_id} was not let in ({code})", _TURNED_AWAY.get(code, "Look at what it logs.")
    )


def declined(peer_id: str, other: str | UnsetType, reason: str | UnsetType) -> Diagnosis:
    """An `error` of one peer to the other."""
    match reason:
        case "worker_busy":
            return _verdict(
                "worker_busy",
                "trouble",
                f"{peer_id} is busy",
                "It serves as many as it wants. Claim a free one.",
            )
        case "not_accepting":
            return _verdict(
                "not_accepting",
                "trouble",
                f"{peer_id} accepts no connections",
                "Its program only connects to others: turn it round, and let it begin.",
            )
        case "connection_closed":
            return ended(peer_id)
        case _:
            whom = "the other" if other is UNSET else other
            return _verdict("declined", "trouble", f"{peer_id} refused {whom}", f"Look at what {peer_id} logs.")


def refused(entry: TimelineEntry, status: str, *, share_group: bool) -> Diagnosis:
    """The server did not pass a signal on. `status` is that of the one whom it was for."""
    sender, target, code = entry.peer, str(entry.to), str(entry.code)
    match code:
        case ErrorCode.PEER_NOT_FOUND if status in ("online", "away") and not share_group:
            return no_common_group(sender, target)
        case ErrorCode.PEER_NOT_FOUND if status in ("online", "away"):
            return _verdict(
                "too_early",
                "trouble",
                f"{sender} called before {target} was there",
                f"{target} has come since: connect again.",
            )
        case ErrorCode.PEER_NOT_FOUND if status == "gone":
            return _verdict("gone", "trouble", f"{target} had left when {sender} called", "Connect when it is back.")
        case ErrorCode.PEER_NOT_FOUND:
            return never_there(target)
        case ErrorCode.NOT_PERMITTED:
            return _verdict(
                "not_permitted",
                "trouble",
                f"{sender} may not signal {target}",
                "Its token does not grant signal, or the room's policy keeps its role from that of the other.",
            )
        case ErrorCode.PEER_AWAY_BUFFER_FULL:
            return _verdict(
                "buffer_full",
                "trouble",
                f"Too much waits for {target} already",
                "It is away, or does not read what it is sent. Look at its network and what it logs.",
            )
        case _:
            return _verdict(
                "refused",
                "trouble",
                f"The server refused what {sender} said ({code})",
                "The program of the sender makes a mistake: the error that it was sent says which.",
            )


def _because(reason: str) -> str:
    return _LEFT.get(reason, "Nothing is known of why.")


def _verdict(verdict: str, mood: Mood, title: str, advice: str) -> Diagnosis:
    return Diagnosis(verdict=verdict, mood=mood, title=title, advice=advice)
