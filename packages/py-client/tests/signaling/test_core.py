"""The conversation with the server, without a server."""

from typing import Any

import msgspec
import pytest

import heliograph
from heliograph.errors import DeliveryUnknown
from heliograph.events import Registered, ServerComplaint, SignalRefused, Undelivered
from heliograph.signaling.core import (
    CoreEvent,
    Credentials,
    RegistrationRefused,
    Replied,
    RequestRefused,
    SignalingCore,
)
from heliograph.signaling.tally import CONFIRM_AFTER_S, CONFIRM_MESSAGES
from heliograph_protocol import (
    Ack,
    AvailablePeers,
    Candidate,
    ClaimPeer,
    DiscoverPeers,
    ErrorCode,
    ErrorMessage,
    Metadata,
    Offer,
    PeerClaimed,
    PeerJoined,
    PeerMessage,
    Ping,
    Pong,
    Query,
    Quit,
    SetGroups,
    UpdateMetadata,
)

from .clock import Clock

CREDENTIALS = Credentials(room_id="abc12345", token="room-token", peer_id="Client-1", role="client")
LEVEL_1 = {"type": "registered_auth", "room_id": "abc12345", "token": "room-token", "peer_id": "Client-1"}
PEER = {
    "peer_id": "Worker-1",
    "role": "worker",
    "metadata": {"tags": ["gpu"], "properties": {}},
    "groups": ["default"],
    "connected_at": 1,
    "state": "online",
}


def frame(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


def welcome(*, resumed: bool = False, secret: str = "s1", peers: list[Any] | None = None) -> bytes:
    session = {"session_id": "session", "secret": secret, "resume_window_s": 30, "resumed": resumed}
    limits = {"message_bytes": 65536, "messages_per_s": 1000}
    return frame(
        **LEVEL_1, role="client", grants=["signal"], expires_at=9, session=session, peers=peers or [], limits=limits
    )


def sent(core: SignalingCore) -> list[dict[str, Any]]:
    """What goes out now."""
    return [msgspec.json.decode(frame) for frame in iter(core.take, None)]


def only(events: list[CoreEvent]) -> Any:
    """The one event that a frame made."""
    [event] = events
    return event


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def core(clock: Clock) -> SignalingCore:
    """Registered with a server of level 2."""
    core = SignalingCore(CREDENTIALS, clock)
    core.register("id-token")
    core.receive(welcome(peers=[PEER]))
    return core


@pytest.fixture
def old(clock: Clock) -> SignalingCore:
    """Registered with a server of level 1, which echoes no refs."""
    core = SignalingCore(CREDENTIALS, clock)
    core.register("id-token")
    core.receive(frame(**LEVEL_1))
    return core


class TestRegistering:
    def test_says_who_where_and_the_proofs(self, clock: Clock) -> None:
        assert msgspec.json.decode(SignalingCore(CREDENTIALS, clock).register("id-token")) == {
            "type": "register",
            "peer_id": "Client-1",
            "room_id": "abc12345",
            "token": "room-token",
            "id_token": "id-token",
            "role": "client",
            "protocol": 2,
        }

    def test_says_what_the_peer_is(self, clock: Clock) -> None:
        metadata = Metadata(tags=["gpu"], properties={"gpu_memory_mb": 16384})
        credentials = Credentials("abc12345", "t", "W", "worker", metadata, ("training",))
        registered = msgspec.json.decode(SignalingCore(credentials, clock).register("id-token"))
        assert registered["metadata"] == {"tags": ["gpu"], "properties": {"gpu_memory_mb": 16384}}
        assert registered["groups"] == ["training"]

    def test_the_reply_says_who_is_there(self, clock: Clock) -> None:
        core = SignalingCore(CREDENTIALS, clock)
        event = only(core.receive(welcome(peers=[PEER])))
        assert isinstance(event, Registered)
        assert (event.room_id, event.peer_id, event.resumed) == ("abc12345", "Client-1", False)
        assert [peer.peer_id for peer in event.peers] == list(core.roster) == ["Worker-1"]
        assert core.online
        assert core.level == 2
        assert core.registered is not None
        assert core.registered.grants == ["signal"]

    def test_an_old_server_is_understood(self, old: SignalingCore) -> None:
        assert old.online
        assert old.level == 1
        assert not old.roster

    @pytest.mark.parametrize("code", list(ErrorCode))
    def test_every_code_of_the_protocol_has_a_typed_error(self, clock: Clock, code: ErrorCode) -> None:
        core = SignalingCore(CREDENTIALS, clock)
        event = only(core.receive(frame(type="error", code=code, message="No", reason="Original words")))
        assert isinstance(event, RegistrationRefused)
        assert type(event.error) is not heliograph.Refused
        assert (event.error.code, event.error.reason, str(event.error)) == (code, "Original words", "No")

    def test_a_code_of_a_later_version_is_a_plain_refusal(self, clock: Clock) -> None:
        core = SignalingCore(CREDENTIALS, clock)
        event = only(core.receive(frame(type="error", code="MOON_PHASE", message="Not today")))
        assert type(event.error) is heliograph.Refused


class TestSessions:
    def test_the_next_registration_asks_for_the_session_back(self, core: SignalingCore) -> None:
        for _ in range(3):
            core.receive(frame(type="peer_message", from_peer_id="W", payload=1))
        core.receive(b"not even json")
        core.disconnected()
        assert msgspec.json.decode(core.register("id-token"))["resume"] == {
            "session_id": "session",
            "secret": "s1",
            "received": 4,
        }
        assert only(core.receive(welcome(resumed=True, secret="s2"))).resumed is True
        core.receive(frame(type="peer_message", from_peer_id="W", payload=1))
        core.disconnected()
        assert msgspec.json.decode(core.register("id-token"))["resume"] == {
            "session_id": "session",
            "secret": "s2",
            "received": 5,
        }

    def test_another_user_does_not(self, core: SignalingCore) -> None:
        core.disconnected()
        core.new_identity()
        assert "resume" not in msgspec.json.decode(core.register("another id-token"))

    def test_it_registers_as_what_it_has_become(self, core: SignalingCore) -> None:
        update = core.put(UpdateMetadata(metadata=Metadata(properties={"status": "busy"})))
        groups = core.put(SetGroups(groups=["a", "b"]))
        metadata = {"tags": ["gpu"], "properties": {"status": "busy"}}
        core.take(), core.take()
        core.receive(frame(type="metadata_updated", peer_id="Client-1", metadata=metadata, ref=update))
        core.receive(frame(type="groups_updated", groups=["a", "b"], ref=groups))
        core.disconnected()
        registered = msgspec.json.decode(core.register("id-token"))
        assert (registered["metadata"], registered["groups"]) == (metadata, ["a", "b"])

    def test_a_lost_session_is_told_with_everything_that_hangs_on_it(self, core: SignalingCore) -> None:
        offer = core.put(Offer(target="W", sdp="v=0", connection_id="c1"))
        message = core.put(PeerMessage(to_peer_id="W", payload=1))
        question = core.put(Query())
        assert [fields["ref"] for fields in sent(core)] == [offer, message, question]
        core.disconnected()
        registered, refused, unknown = core.receive(welcome(secret="s2", peers=[{**PEER, "peer_id": "Other"}]))
        assert isinstance(registered, Registered)
        assert registered.resumed is False
        assert list(core.roster) == ["Other"]
        assert isinstance(refused, SignalRefused)
        assert (refused.target, refused.connection_id) == ("W", "c1")
        assert isinstance(unknown, RequestRefused)
        assert (unknown.ref, type(unknown.error)) == (message, DeliveryUnknown)
        assert isinstance(unknown.event, Undelivered)
        assert (unknown.event.to, unknown.event.message.payload) == ("W", 1)
        assert [fields["type"] for fields in sent(core)] == ["query"]

    def test_it_confirms_what_it_has(self, core: SignalingCore, clock: Clock) -> None:
        for _ in range(CONFIRM_MESSAGES):
            assert sent(core) == []
            core.receive(frame(type="peer_message", from_peer_id="W", payload=1))
        assert core.delay_s() == 0
        assert sent(core) == [{"type": "received", "count": CONFIRM_MESSAGES}]
        core.receive(frame(type="peer_message", from_peer_id="W", payload=1))
        assert core.delay_s() == CONFIRM_AFTER_S
        clock.now += CONFIRM_AFTER_S
        assert sent(core) == [{"type": "received", "count": CONFIRM_MESSAGES + 1}]

    def test_a_server_of_level_1_is_sent_no_confirmations(self, old: SignalingCore, clock: Clock) -> None:
        for _ in range(CONFIRM_MESSAGES):
            old.receive(frame(type="offer", sender="W", target="Client-1", sdp="v=0"))
        clock.now += 60
        assert sent(old) == []
        assert old.delay_s() is None


class TestSignals:
    def test_say_who_sends_them(self, core: SignalingCore) -> None:
        core.put(Offer(target="Worker-1", sdp="v=0", connection_id="c1"))
        [offer] = sent(core)
        assert offer["sender"] == "Client-1"
        assert (offer["type"], offer["target"], offer["sdp"], offer["connection_id"]) == (
            "offer",
            "Worker-1",
            "v=0",
            "c1",
        )

    def test_a_refused_one_is_told_apart_by_its_ref(self, core: SignalingCore) -> None:
        core.put(Offer(target="Worker-1", sdp="v=0", connection_id="c1"))
        second = core.put(Offer(target="Worker-2", sdp="v=0", connection_id="c2"))
        sent(core)
        event = only(core.receive(frame(type="error", code="PEER_NOT_FOUND", message="Gone", ref=second)))
        assert isinstance(event, SignalRefused)
        assert (event.target, event.connection_id) == ("Worker-2", "c2")
        assert isinstance(event.error, heliograph.PeerNotFound)

    def test_those_of_others_come_through_as_they_are(self, core: SignalingCore) -> None:
        candidate = only(core.receive(frame(type="candidate", sender="W", target="Client-1", candidate=None)))
        assert isinstance(candidate, Candidate)
        assert candidate.candidate is None
        quitting = only(core.receive(frame(type="quit", sender="W", target="Client-1", connection_id="c1")))
        assert isinstance(quitting, Quit)
        refusal = only(core.receive(frame(type="error", sender="W", target="Client-1", reason="worker_busy")))
        assert isinstance(refusal, ErrorMessage)

    @pytest.mark.parametrize(
        "received",
        [
            frame(type="moon_phase", phase="full"),
            frame(type="peer_joined", peer={"peer_id": "X"}),
            frame(type="offer", target="Client-1", sdp="no sender"),
            frame(type="offer", sender="W", target="Client-1", sdp=17),
            frame(type="ack", ref=17, status="delivered"),
            frame(type="ack", ref="not one of ours", status="delivered"),
            frame(type="claim_queued", position=1, ref="not one of ours")[:-1],
            b"not json",
            b'["array"]',
            b"\xff\xfe",
            "[" * 100_000,
        ],
    )
    def test_what_cannot_be_used_is_ignored(self, core: SignalingCore, received: bytes | str) -> None:
        assert core.receive(received) == []
        assert core.online


class TestQuestions:
    def test_replies_find_them_by_ref(self, core: SignalingCore) -> None:
        first, second, ping = core.put(Query()), core.put(Query()), core.put(Ping())
        sent(core)
        available = frame(type="available_peers", peers=["b"], ref=second)
        assert only(core.receive(available)) == Replied(second, AvailablePeers(peers=["b"], ref=second))
        assert core.receive(available) == [], "an answer counts once"
        assert only(core.receive(frame(type="pong", time=7, ref=ping))) == Replied(ping, Pong(time=7, ref=ping))
        assert only(core.receive(frame(type="available_peers", peers=[], ref=first))).ref == first

    def test_a_server_that_echoes_no_ref_answers_in_order(self, old: SignalingCore) -> None:
        ping, first, second = old.put(Ping()), old.put(Query()), old.put(Query())
        sent(old)
        assert only(old.receive(frame(type="available_peers", peers=["a"]))) == Replied(
            first, AvailablePeers(peers=["a"])
        )
        assert only(old.receive(frame(type="available_peers", peers=["b"]))).ref == second
        assert only(old.receive(frame(type="pong", time=7))).ref == ping
        assert old.receive(frame(type="pong", time=7)) == []

    def test_a_refused_one(self, core: SignalingCore) -> None:
        ref = core.put(DiscoverPeers())
        sent(core)
        event = only(core.receive(frame(type="error", code="NOT_PERMITTED", message="No", ref=ref)))
        assert isinstance(event, RequestRefused)
        assert event.ref == ref
        assert isinstance(event.error, heliograph.NotPermitted)
        assert event.event is None

    def test_an_error_about_nothing_known_is_a_complaint(self, core: SignalingCore) -> None:
        assert isinstance(only(core.receive(frame(type="error", code="INTERNAL", message="Oops"))), ServerComplaint)

    def test_a_claim_that_comes_too_late_is_still_told(self, core: SignalingCore) -> None:
        ref = core.put(ClaimPeer(wait_s=1))
        sent(core)
        core.withdraw(ref)
        claimed = frame(type="peer_claimed", claim_id="c", peer=PEER, expires_at=9, ref=ref)
        assert isinstance(only(core.receive(claimed)).reply, PeerClaimed)
        assert isinstance(only(core.receive(claimed)).reply, PeerClaimed), "somebody has to give it back"


class TestMessages:
    def test_an_ack_answers_one(self, core: SignalingCore) -> None:
        ref = core.put(PeerMessage(to_peer_id="W", payload={"any": ["json", None]}))
        assert sent(core)[0]["payload"] == {"any": ["json", None]}
        ack = frame(type="ack", ref=ref, status="delivered")
        assert only(core.receive(ack)) == Replied(ref, Ack(ref=ref, status="delivered"))
        assert core.receive(ack) == []

    @pytest.mark.parametrize("to", [{"to_peer_id": "W"}, {"to_group": "training"}])
    def test_a_refused_one_comes_back(self, core: SignalingCore, to: dict[str, str]) -> None:
        ref = core.put(PeerMessage(payload=1, **to))
        sent(core)
        event = only(core.receive(frame(type="error", code="PEER_NOT_FOUND", message="Gone", ref=ref)))
        assert isinstance(event.event, Undelivered)
        assert event.event.to == next(iter(to.values()))

    def test_a_buffered_one_may_yet_come_back(self, core: SignalingCore) -> None:
        ref = core.put(PeerMessage(to_peer_id="W", payload=1))
        sent(core)
        core.receive(frame(type="ack", ref=ref, status="buffered"))
        gone = frame(type="error", code="PEER_NOT_FOUND", message="Gone", ref=ref)
        event = only(core.receive(gone))
        assert isinstance(event, RequestRefused)
        assert event.event is not None
        assert isinstance(only(core.receive(gone)), ServerComplaint), "but only once"

    def test_news_keep_the_roster(self, core: SignalingCore) -> None:
        joined = only(core.receive(frame(type="peer_joined", peer={**PEER, "peer_id": "Worker-2"})))
        assert isinstance(joined, PeerJoined)
        assert set(core.roster) == {"Worker-1", "Worker-2"}
        core.receive(frame(type="peer_left", peer=PEER, reason="left"))
        assert set(core.roster) == {"Worker-2"}

    def test_rate_limited_messages_are_sent_again(self, core: SignalingCore, clock: Clock) -> None:
        ref = core.put(PeerMessage(to_peer_id="W", payload=1))
        sent(core)
        assert isinstance(
            only(core.receive(frame(type="error", code="RATE_LIMITED", message="Slower"))), ServerComplaint
        )
        assert sent(core) == []
        delay_s = core.delay_s()
        assert delay_s is not None
        clock.now += delay_s
        [ping] = sent(core)
        core.receive(frame(type="pong", time=7, ref=ping["ref"]))
        assert [fields["ref"] for fields in sent(core)] == [ref]
