"""The conversation with the server, without a server."""

import json
from typing import Any

import pytest

import heliograph
from heliograph.events import Registered, ServerComplaint, SignalRefused
from heliograph.signaling.core import Credentials, RegistrationRefused, Replied, RequestRefused, SignalingCore
from heliograph_protocol import Candidate, ErrorCode, ErrorMessage, Offer, Quit

CREDENTIALS = Credentials(room_id="abc12345", token="room-token", peer_id="Client-1", role="client")
REGISTERED = {"type": "registered_auth", "room_id": "abc12345", "token": "room-token", "peer_id": "Client-1"}


def frame(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.fixture
def core() -> SignalingCore:
    core = SignalingCore(CREDENTIALS)
    core.register("id-token")
    core.receive(frame(**REGISTERED))
    return core


def test_registering_sends_who_where_and_the_proofs() -> None:
    assert json.loads(SignalingCore(CREDENTIALS).register("id-token")) == {
        "type": "register",
        "peer_id": "Client-1",
        "room_id": "abc12345",
        "token": "room-token",
        "id_token": "id-token",
        "role": "client",
    }


def test_the_reply_makes_it_registered() -> None:
    core = SignalingCore(CREDENTIALS)
    assert not core.registered
    assert core.receive(frame(**REGISTERED)) == Registered(room_id="abc12345", peer_id="Client-1")
    assert core.registered


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_of_the_protocol_has_a_typed_error(code: ErrorCode) -> None:
    event = SignalingCore(CREDENTIALS).receive(frame(type="error", code=code, message="No", reason="Original words"))
    assert isinstance(event, RegistrationRefused)
    assert type(event.error) is not heliograph.Refused
    assert (event.error.code, event.error.reason, str(event.error)) == (code, "Original words", "No")


def test_a_code_of_a_later_version_is_a_plain_refusal() -> None:
    event = SignalingCore(CREDENTIALS).receive(frame(type="error", code="MOON_PHASE", message="Not today"))
    assert isinstance(event, RegistrationRefused)
    assert type(event.error) is heliograph.Refused


def test_a_signal_says_who_sends_it(core: SignalingCore) -> None:
    sent = json.loads(core.signal(Offer(target="Worker-1", sdp="v=0", connection_id="c1")))
    assert sent["sender"] == "Client-1"
    assert (sent["type"], sent["target"], sent["sdp"], sent["connection_id"]) == ("offer", "Worker-1", "v=0", "c1")


def test_a_refused_signal_is_told_apart_by_its_ref(core: SignalingCore) -> None:
    core.signal(Offer(target="Worker-1", sdp="v=0", connection_id="c1"))
    second = json.loads(core.signal(Offer(target="Worker-2", sdp="v=0", connection_id="c2")))
    event = core.receive(frame(type="error", code="PEER_NOT_FOUND", message="Gone", ref=second["ref"]))
    assert isinstance(event, SignalRefused)
    assert (event.target, event.connection_id) == ("Worker-2", "c2")
    assert isinstance(event.error, heliograph.PeerNotFound)


def test_replies_find_their_questions_by_ref(core: SignalingCore) -> None:
    first, _ = core.query()
    second, _ = core.query()
    pong, _ = core.ping()
    assert core.receive(frame(type="available_peers", peers=["b"], ref=second)) == Replied(second, ["b"])
    assert core.receive(frame(type="pong", time=7, ref=pong)) == Replied(pong, 7)
    assert core.receive(frame(type="available_peers", peers=["a"], ref=first)) == Replied(first, ["a"])


def test_a_server_that_echoes_no_ref_answers_in_order(core: SignalingCore) -> None:
    ping, _ = core.ping()
    first, _ = core.query()
    second, _ = core.query()
    assert core.receive(frame(type="available_peers", peers=["a"])) == Replied(first, ["a"])
    assert core.receive(frame(type="available_peers", peers=["b"])) == Replied(second, ["b"])
    assert core.receive(frame(type="pong", time=7)) == Replied(ping, 7)


def test_a_late_reply_to_a_forgotten_question_is_nothing(core: SignalingCore) -> None:
    ref, _ = core.query()
    core.forget(ref)
    assert core.receive(frame(type="available_peers", peers=[], ref=ref)) is None


def test_a_refused_question(core: SignalingCore) -> None:
    ref, _ = core.query()
    event = core.receive(frame(type="error", code="RATE_LIMITED", message="Slower", ref=ref))
    assert isinstance(event, RequestRefused)
    assert event.ref == ref
    assert isinstance(event.error, heliograph.RateLimited)


def test_an_error_about_nothing_known_is_a_complaint(core: SignalingCore) -> None:
    assert isinstance(core.receive(frame(type="error", code="INTERNAL", message="Oops")), ServerComplaint)


def test_signals_of_others_come_through_as_they_are(core: SignalingCore) -> None:
    candidate = core.receive(frame(type="candidate", sender="W", target="Client-1", candidate=None))
    assert isinstance(candidate, Candidate)
    assert candidate.candidate is None
    quitting = core.receive(frame(type="quit", sender="W", target="Client-1", connection_id="c1"))
    assert isinstance(quitting, Quit)
    refusal = core.receive(frame(type="error", sender="W", target="Client-1", reason="worker_busy"))
    assert isinstance(refusal, ErrorMessage)


@pytest.mark.parametrize(
    "received",
    [
        frame(type="peer_joined", peer={"peer_id": "X"}),
        frame(type="offer", target="Client-1", sdp="no sender"),
        frame(type="offer", sender="W", target="Client-1", sdp=17),
        b"not json",
        b'["array"]',
        b"\xff\xfe",
        "[" * 100_000,
    ],
    ids=["unknown type", "no sender", "wrong type", "no json", "array", "no utf-8", "deep nesting"],
)
def test_what_cannot_be_used_is_ignored(core: SignalingCore, received: bytes | str) -> None:
    assert core.receive(received) is None
    assert core.registered
