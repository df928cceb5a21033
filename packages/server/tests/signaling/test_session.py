"""What one connection may say, and what it hears: every rule of level 1, without a socket."""

import json
from typing import Any
from unittest.mock import patch

import pytest

from heliograph_protocol import REASONS, CloseCode, ErrorCode
from heliograph_server.errors import (
    InvalidIdToken,
    InvalidRoomToken,
    RoomExpired,
    RoomNotFound,
    StoreUnavailable,
)
from heliograph_server.signaling import mailbox
from heliograph_server.signaling.session import OVER_RATE_CLOSE_S, REGISTER_ATTEMPTS, REGISTER_TIMEOUT_S
from heliograph_server.transport.connection import MESSAGE_BYTES

from .links import World, finish

REGISTER = {"type": "register", "peer_id": "a", "room_id": "room", "token": "t", "id_token": "user:ann"}


@pytest.fixture(params=["at once", "later"])
def world(request: pytest.FixtureRequest) -> World:
    """One where users and rooms are known at once, and one where they have to be waited for."""
    made = World()
    made.door.near = request.param == "at once"
    return made


def code(heard: list[dict[str, Any]]) -> str:
    (message,) = heard
    assert message["type"] == "error"
    assert message["message"]
    return str(message["code"])


def test_the_reply_to_a_registration_is_exactly_the_originals(world: World) -> None:
    heard = world.connect().say(REGISTER)
    assert heard == [{"type": "registered_auth", "room_id": "room", "token": "t", "peer_id": "a"}]


@pytest.mark.parametrize("field", ["peer_id", "room_id", "token", "id_token"])
@pytest.mark.parametrize("value", ["", None, 7, ...], ids=["empty", "null", "number", "absent"])
def test_a_registration_without_a_required_field(world: World, field: str, value: Any) -> None:
    message = {key: held for key, held in REGISTER.items() if key != field} | ({} if value is ... else {field: value})
    (heard,) = world.connect().say(message)
    assert heard["code"] == "INVALID_MESSAGE"
    assert heard["reason"] == "Missing required fields during registration."
    assert not world.hub.occupied("room")


@pytest.mark.parametrize("peer_id", ["a b", "a/b", "ä", "x" * 129, "a\n", "<b>"])
def test_a_bad_peer_id_is_an_invalid_message(world: World, peer_id: str) -> None:
    assert code(world.connect().say(REGISTER | {"peer_id": peer_id})) == "INVALID_MESSAGE"


@pytest.mark.parametrize("peer_id", ["x" * 128, "Worker-3108", "a.b_c:d@e-f", "0"])
def test_a_good_peer_id_registers(world: World, peer_id: str) -> None:
    (heard,) = world.connect().say(REGISTER | {"peer_id": peer_id})
    assert heard["peer_id"] == peer_id


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (InvalidIdToken("no"), "Invalid token"),
        (RoomNotFound("no"), "Room not found"),
        (InvalidRoomToken("no"), "Invalid token"),
        (RoomExpired("no"), "Room expired"),
        (StoreUnavailable("no"), "DynamoDB error"),
    ],
)
def test_a_refused_registration_says_why_and_may_try_again(world: World, refusal: Any, reason: str) -> None:
    peer = world.connect()
    world.door.refuse_with = refusal
    (heard,) = peer.say(REGISTER)
    assert (heard["code"], heard["reason"]) == (refusal.code, reason)
    world.door.refuse_with = None
    assert peer.say(REGISTER)[0]["type"] == "registered_auth"


def test_a_full_room_and_a_taken_id_say_so(world: World) -> None:
    world.door.max_peers = 1
    world.peer("a", user="ann")
    (heard,) = world.connect().register("b", user="bob")
    assert (heard["code"], heard["reason"]) == ("ROOM_FULL", "Room full")
    (heard,) = world.connect().register("a", user="bob")
    assert (heard["code"], heard["reason"]) == ("PEER_ID_TAKEN", "Peer ID taken")


def test_a_bug_during_registration_is_told_without_its_details(world: World) -> None:
    world.door.refuse_with = RuntimeError("secret detail")
    (heard,) = world.connect().say(REGISTER)
    assert heard["code"] == "INTERNAL"
    assert "secret" not in json.dumps(heard)


def test_the_fifth_refusal_closes(world: World) -> None:
    peer = world.connect()
    tries: list[Any] = [b"{", {"type": "ping"}, {"type": "register"}, REGISTER | {"id_token": "stranger"}]
    for message in tries:
        code(peer.say(message))
        assert not peer.connection.closed
    assert len(tries) == REGISTER_ATTEMPTS - 1
    code(peer.say(REGISTER | {"id_token": "stranger"}))
    assert peer.connection.close_code == CloseCode.OVER_LIMIT
    assert peer.say(REGISTER) == []


def test_only_registering_is_possible_before_registering(world: World) -> None:
    other = world.peer("b")
    assert code(world.connect().say({"type": "offer", "target": "b", "sdp": "v=0"})) == "NOT_REGISTERED"
    assert other.connection.frames == []


def test_registering_twice_on_one_connection(world: World) -> None:
    peer = world.peer("a", user="ann")
    assert code(peer.say(REGISTER | {"peer_id": "b"})) == "INVALID_MESSAGE"
    assert [member.peer_id for member in world.hub] == ["a"]


def test_time_to_register_runs_out(world: World) -> None:
    late, in_time = world.connect(), world.peer("a")
    world.clock.advance(REGISTER_TIMEOUT_S)
    assert late.connection.close_code == CloseCode.NOT_THE_PROTOCOL
    assert not in_time.connection.closed


def test_a_connection_that_closes_while_it_registers_never_becomes_a_member(world: World) -> None:
    world.door.near = False
    peer = world.connect()
    pending = peer.session.receive(json.dumps(REGISTER).encode())
    peer.connection.close(1000, "")
    finish(pending)
    assert not world.hub.occupied("room")


@pytest.mark.parametrize("kind", ["offer", "answer", "candidate", "quit", "error"])
def test_signals_are_forwarded_as_they_came(world: World, kind: str) -> None:
    ann, bob = world.peer("a"), world.peer("b")
    frame = f'{{ "type":"{kind}", "x" : [1.0e0, "\\u00e4\\/"], "sender":"a","target":"b","ref":"r"}}'.encode()
    assert ann.say(frame) == []
    assert bob.connection.frames == [frame]
    assert world.metrics.messages[kind] == 1


@pytest.mark.parametrize("sender", [{}, {"sender": None}], ids=["absent", "null"])
def test_a_missing_sender_is_filled_in_and_the_rest_left_alone(world: World, sender: dict[str, Any]) -> None:
    ann, bob = world.peer("a"), world.peer("b")
    ann.say({"type": "candidate", "target": "b", "candidate": None, "x": {"sender": "z"}} | sender)
    (heard,) = bob.connection.messages()
    assert heard == {"type": "candidate", "target": "b", "candidate": None, "x": {"sender": "z"}, "sender": "a"}


FORGED = [
    b'{"type":"offer","sender":"b","target":"c","sdp":""}',
    b'{"type":"offer","sender":"","target":"c","sdp":""}',
    b'{"type":"offer","sender":"a","target":"c","sdp":"","sender":"b"}',
    b'{"type":"offer","sender":"b","target":"c","sdp":"","sender":"a"}',
    b'{"type":"offer","sender":"b","target":"c","sdp":"","s\\u0065nder":"a"}',
    b'{"type":"offer","s\\u0065nder":"b","target":"c","sdp":""}',
    b'{"type":"offer","target":"c","\\u0073ender":"b","sdp":"","sender":null}',
    b'{"type":"offer","sender":["a"],"target":"c","sdp":""}',
    b'{"type":"offer","sender":"A","target":"c","sdp":""}',
    b'{"type":"offer","sender":"a ","target":"c","sdp":""}',
    b'{"type":"offer","sender":"a\\u0000","target":"c","sdp":""}',
]


@pytest.mark.parametrize("frame", FORGED)
def test_nobody_speaks_for_another(world: World, frame: bytes) -> None:
    ann, _, carol = world.peer("a"), world.peer("b"), world.peer("c")
    assert code(ann.say(frame)) in {"SENDER_MISMATCH", "INVALID_JSON", "INVALID_MESSAGE"}
    assert carol.connection.frames == []


def test_an_absent_target_is_told_with_the_ref(world: World) -> None:
    (heard,) = world.peer("a").say({"type": "offer", "target": "nobody", "sdp": "v=0", "ref": 7})
    assert heard == {
        "type": "error",
        "ref": 7,
        "code": "PEER_NOT_FOUND",
        "message": "No peer nobody in this room",
        "reason": "Peer not found",
    }


@pytest.mark.parametrize("kind", ["offer", "answer", "candidate", "quit", "error"])
def test_a_signal_needs_a_target(world: World, kind: str) -> None:
    assert code(world.peer("a").say({"type": kind})) == "INVALID_MESSAGE"


def test_query_lists_everyone_in_the_room_oneself_included(world: World) -> None:
    ann = world.peer("a")
    world.peer("b")
    world.peer("elsewhere", room_id="other")
    assert ann.say({"type": "query"}) == [{"type": "available_peers", "peers": ["a", "b"]}]


def test_ping_is_answered_with_the_time_and_the_ref(world: World) -> None:
    assert world.peer("a").say({"type": "ping", "ref": "x"}) == [{"type": "pong", "ref": "x", "time": 1_000}]


BAD_JSON = [
    b"",
    b"{",
    b"nonsense",
    b'{"type":"ping"} x',
    b'{"type":"ping","x":NaN}',
    b'{"type":"ping","x":Infinity}',
    b'{"type":"ping","x":-Infinity}',
    b"{'type':'ping'}",
    b'{"type":"ping",}',
    b'{"type":"ping","type":"query"}',
    b'{"type":"ping","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"type":"ping","x":' + b'{"x":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
    b'\xef\xbb\xbf{"type":"ping"}',
]


@pytest.mark.parametrize("frame", BAD_JSON, ids=range(len(BAD_JSON)))
def test_what_is_not_json_is_refused_and_harms_nobody(world: World, frame: bytes) -> None:
    ann = world.peer("a")
    (heard,) = ann.say(frame)
    assert (heard["code"], heard["reason"]) == ("INVALID_JSON", REASONS[ErrorCode.INVALID_JSON])
    assert ann.say({"type": "ping"})[0]["type"] == "pong"


@pytest.mark.parametrize("frame", [b"[]", b'"ping"', b"1", b"null", b"{}", b'{"type":1}', b'{"type":null}'])
def test_json_that_is_no_message(world: World, frame: bytes) -> None:
    assert code(world.peer("a").say(frame)) == "INVALID_MESSAGE"


def test_an_unknown_type_is_named_with_its_ref(world: World) -> None:
    (heard,) = world.peer("a").say({"type": "teleport", "ref": 1})
    assert (heard["code"], heard["ref"]) == ("UNKNOWN_MESSAGE_TYPE", 1)
    assert "teleport" in heard["message"]


def test_an_invalid_message_keeps_its_ref(world: World) -> None:
    (heard,) = world.peer("a").say({"type": "offer", "target": 7, "ref": "r"})
    assert (heard["code"], heard["ref"]) == ("INVALID_MESSAGE", "r")


def test_an_oversized_message_closes(world: World) -> None:
    fits = world.peer("a")
    empty = json.dumps({"type": "ping", "x": ""}).encode()
    frame = json.dumps({"type": "ping", "x": "y" * (MESSAGE_BYTES - len(empty))}).encode()
    assert len(frame) == MESSAGE_BYTES
    assert fits.say(frame)[0]["type"] == "pong"
    assert fits.say(frame + b" ") == []
    assert fits.connection.close_code == CloseCode.MESSAGE_TOO_BIG


def test_errors_never_repeat_tokens(world: World) -> None:
    peer = world.connect()
    heard = peer.say(REGISTER | {"token": "s3cret-room", "id_token": "s3cret-id"})
    heard += peer.say(REGISTER | {"token": "s3cret-room", "id_token": "s3cret-id", "peer_id": 5})
    assert len(heard) == 2
    assert "s3cret" not in json.dumps(heard)


def test_a_burst_passes_and_what_is_over_the_rate_is_dropped_and_told_once_a_second() -> None:
    world = World(rate_per_s=10)
    ann, bob = world.peer("a"), world.peer("b")
    for _ in range(19):  # registering took one of the burst of twenty
        assert ann.say({"type": "quit", "target": "b"}) == []
    assert code(ann.say({"type": "quit", "target": "b"})) == "RATE_LIMITED"
    assert ann.say({"type": "quit", "target": "b"}) == []
    assert len(bob.connection.frames) == 19
    world.clock.advance(0.1)
    assert ann.say({"type": "quit", "target": "b"}) == []
    assert len(bob.connection.frames) == 20


def test_who_stays_over_the_rate_is_closed_and_who_pauses_is_not() -> None:
    world = World(rate_per_s=10)
    flood, pausing = world.peer("a"), world.peer("b")
    tenths = int(OVER_RATE_CLOSE_S * 10) + 20
    notices = 0
    for tenth in range(tenths):
        for _ in range(5):
            notices += sum(heard.get("code") == "RATE_LIMITED" for heard in flood.say({"type": "ping"}))
        if tenth % 40 == 0:
            for _ in range(30):
                pausing.say({"type": "ping"})
        world.clock.advance(0.1)
    assert flood.connection.close_code == CloseCode.OVER_LIMIT
    assert 4 <= notices <= OVER_RATE_CLOSE_S + 1
    assert not pausing.connection.closed


def test_a_confirmation_counts_even_over_the_rate() -> None:
    """Were it lost, nothing need follow that repeats it: all that waits for this peer would wait for good."""
    world = World(rate_per_s=10)
    with patch.object(mailbox, "MAILBOX_FRAMES", 8):
        other, peer = world.peer("other"), world.peer("peer", protocol=2)
        peer.say({"type": "received", "count": 0})
        for number in range(10):
            other.say({"type": "peer_message", "to_peer_id": "peer", "payload": number})
        assert [message["payload"] for message in peer.heard()] == list(range(8))
        for _ in range(18):  # beside the registration and the confirmation
            assert peer.say({"type": "quit", "target": "other"}) == []
        assert peer.say({"type": "ping"}) == [], "the word about the rate waits too"
        eight, nine, told = peer.say({"type": "received", "count": 8})
        assert (eight["payload"], nine["payload"], told["code"]) == (8, 9, "RATE_LIMITED")
        assert peer.say({"type": "received", "count": "8"}) == peer.say({"type": "leave"}) == []
        assert not peer.connection.closed, "only a confirmation does"


def test_a_replaced_connection_is_not_heard_any_more(world: World) -> None:
    old, bob = world.peer("a", user="ann"), world.peer("b")
    world.peer("a", user="ann")
    assert old.connection.close_code == CloseCode.REPLACED
    assert old.say({"type": "offer", "target": "b", "sdp": ""}) == []
    assert bob.connection.frames == []
    old.session.disconnected()
    assert world.hub.member("room", "a") is not None


def test_refusals_are_counted_by_code(world: World) -> None:
    world.peer("a").say({"type": "offer", "target": "nobody", "sdp": ""})
    assert world.metrics.refusals[ErrorCode.PEER_NOT_FOUND] == 1
