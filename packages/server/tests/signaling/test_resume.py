"""Losing a connection and coming back: the same peer, nothing lost, nothing twice; and who may not."""

import hashlib
import hmac
from typing import Any
from unittest.mock import patch

import pytest

from heliograph_server.errors import RoomExpired, StoreUnavailable
from heliograph_server.signaling.mailbox import MAILBOX_FRAMES
from heliograph_server.signaling.session import REGISTER_ATTEMPTS

from .links import RESUME_WINDOW_S, Peer, World


@pytest.fixture
def world() -> World:
    return World()


def proof(peer: Peer, received: int) -> dict[str, Any]:
    session = peer.welcome["session"]
    return {"session_id": session["session_id"], "secret": session["secret"], "received": received}


def texts(messages: list[dict[str, Any]]) -> list[Any]:
    return [message["payload"] for message in messages if message["type"] == "peer_message"]


def message(payload: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "peer_message", "to_peer_id": "p", "payload": payload} | fields


def test_the_same_peer_comes_back_and_gets_what_it_missed(world: World) -> None:
    sender = world.peer("s", protocol=2)
    old = world.peer("p", protocol=2, role="worker", metadata={"tags": ["x"]}, groups=["default", "g"])
    sender.heard()
    for number in range(4):
        sender.say(message(number))
    assert texts(old.heard()) == [0, 1, 2, 3]
    old.drop()
    for number in range(4, 7):
        assert sender.say(message(number, ref=number)) != []
    new = world.connect()
    heard = new.register("p", user="p", protocol=2, resume=proof(old, 2))
    welcome = heard[0]
    assert welcome["session"]["resumed"]
    assert welcome["session"]["session_id"] == old.welcome["session"]["session_id"]
    assert welcome["session"]["secret"] != old.welcome["session"]["secret"]
    assert (welcome["role"], [peer["peer_id"] for peer in welcome["peers"]]) == ("worker", ["s"])
    assert texts(heard) == [2, 3, 4, 5, 6]
    member = world.hub.member("room", "p")
    assert member is not None
    assert (sorted(member.groups), member.metadata.tags, member.state) == (["default", "g"], ["x"], "online")
    kinds = [heard["type"] for heard in sender.heard()]
    assert kinds == ["peer_back"]
    world.clock.advance(RESUME_WINDOW_S + 1)
    assert world.hub.member("room", "p") is member


def test_a_close_without_leave_is_no_goodbye(world: World) -> None:
    peer = world.peer("p", protocol=2)
    peer.connection.close(1000, "")
    peer.session.disconnected()
    member = world.hub.member("room", "p")
    assert member is not None
    assert member.state == "away"


def test_a_resume_over_a_connection_that_the_server_thought_open(world: World) -> None:
    sender, old = world.peer("s"), world.peer("p", protocol=2)
    sender.say(message(1))
    new = world.connect()
    heard = new.register("p", user="p", protocol=2, resume=proof(old, 0))
    assert texts(heard) == [1]
    assert old.connection.close_code == 4001
    old.session.disconnected()
    sender.say(message(2))
    assert texts(new.heard()) == [2]


@pytest.mark.parametrize(
    "changed",
    [{"secret": "guess"}, {"session_id": "unknown"}, {"secret": ""}, {"received": 99}, {"secret": "ü"}],
)
def test_a_wrong_proof_of_the_same_user_is_a_fresh_peer_without_the_old_mail(
    world: World, changed: dict[str, Any]
) -> None:
    sender, old = world.peer("s", protocol=2), world.peer("p", protocol=2)
    old.drop()
    sender.say(message("secret", ref="r"))
    sender.heard()
    heard = world.connect().register("p", user="p", protocol=2, resume=proof(old, 0) | changed)
    assert [m["type"] for m in heard] == ["registered_auth"]
    assert heard[0]["session"]["resumed"] is False
    assert heard[0]["session"]["session_id"] != old.welcome["session"]["session_id"]
    told = [m for m in sender.heard() if m["type"] == "error"]
    assert [(m["code"], m["ref"]) for m in told] == [("PEER_NOT_FOUND", "r")]


@pytest.mark.parametrize("wrong", [{}, {"secret": "x"}, {"session_id": "x"}, {"session_id": "é", "secret": ""}])
def test_a_proof_is_compared_in_full_and_in_constant_time_whatever_is_wrong_with_it(
    world: World, wrong: dict[str, str]
) -> None:
    peer = world.peer("p", protocol=2)
    shown = proof(peer, 0) | wrong
    with patch("heliograph_server.signaling.session_key.hmac.compare_digest", wraps=hmac.compare_digest) as compare:
        (welcome, *_) = world.connect().register("p", user="p", protocol=2, resume=shown)
    assert welcome["session"]["resumed"] is not bool(wrong)
    assert [call.args[1] for call in compare.call_args_list] == [
        shown["session_id"].encode(),
        hashlib.sha256(shown["secret"].encode()).digest(),
        hashlib.sha256(shown["secret"].encode()).digest(),
    ]


def test_guesses_at_a_session_of_others_are_few(world: World) -> None:
    peer = world.peer("p", protocol=2)
    thief = world.connect()
    for _ in range(REGISTER_ATTEMPTS):
        assert thief.connection.close_code is None
        (heard,) = thief.register("p", user="thief", protocol=2, resume=proof(peer, 0) | {"secret": "guess"})
        assert heard["code"] == "PEER_ID_TAKEN"
    assert thief.connection.close_code == 4008


def test_another_user_gets_nothing_even_with_the_secret(world: World) -> None:
    old = world.peer("p", user="ann", protocol=2)
    old.drop()
    thief = world.connect()
    codes = [thief.register("p", user="bob", protocol=2, resume=proof(old, 0))[0]["code"] for _ in range(5)]
    assert codes == ["PEER_ID_TAKEN"] * 5
    assert thief.connection.close_code == 4008
    heard = world.connect().register("p", user="ann", protocol=2, resume=proof(old, 0))
    assert heard[0]["session"]["resumed"]


def resumes(world: World, with_proof: dict[str, Any]) -> bool:
    resumed: bool = world.peer("p", protocol=2, resume=with_proof).welcome["session"]["resumed"]
    return resumed


@pytest.mark.parametrize("first_words", [{"type": "ping"}, {"type": "received", "count": 0}, b"not JSON"])
def test_an_old_secret_is_worth_nothing_once_the_peer_was_heard_again(world: World, first_words: Any) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    new = world.peer("p", protocol=2, resume=proof(old, 0))
    new.say(first_words)
    new.drop()
    assert not resumes(world, proof(old, 0))


@pytest.mark.parametrize("noticed", [True, False], ids=["the cut is noticed", "the cut is not noticed"])
def test_replies_that_are_lost_cost_nothing(world: World, noticed: bool) -> None:
    sender, old = world.peer("s"), world.peer("p", protocol=2)
    sender.say(message(0))
    old.drop()
    for number in range(1, 10):
        lost = world.peer("p", protocol=2, resume=proof(old, 0))
        assert lost.welcome["session"]["resumed"]
        sender.say(message(number))
        if noticed:
            lost.drop()
            world.clock.advance(RESUME_WINDOW_S - 1)
    back = world.connect()
    heard = back.register("p", user="p", protocol=2, resume=proof(old, 0))
    assert heard[0]["session"]["resumed"]
    assert texts(heard) == list(range(10))
    assert back.connection.close_code is None


def test_a_lost_reply_does_not_make_the_server_forget_what_the_peer_still_needs(world: World) -> None:
    """Of a peer that has confirmed nothing yet, too: it had no time to."""
    sender, old = world.peer("s"), world.peer("p", protocol=2)
    for number in range(50):
        sender.say(message(number))
    old.drop()
    for number in range(50, 50 + MAILBOX_FRAMES):
        sender.say(message(number))
    for _ in range(3):
        world.peer("p", protocol=2, resume=proof(old, 0)).drop()
    back = world.connect()
    heard = back.register("p", user="p", protocol=2, resume=proof(old, 0))
    assert heard[0]["session"]["resumed"]
    heard += back.say({"type": "received", "count": len(heard) - 1})
    assert texts(heard) == list(range(50 + MAILBOX_FRAMES))


def test_the_new_secret_is_good_at_once(world: World) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    new = world.peer("p", protocol=2, resume=proof(old, 0))
    new.drop()
    newer = world.peer("p", protocol=2, resume=proof(new, 0))
    assert newer.welcome["session"]["resumed"]
    newer.drop()
    assert not resumes(world, proof(old, 0))


def test_a_secret_that_was_never_received_ends_with_the_next_resume(world: World) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    lost = world.peer("p", protocol=2, resume=proof(old, 0))
    lost.drop()
    world.peer("p", protocol=2, resume=proof(old, 0)).drop()
    assert not resumes(world, proof(lost, 0))


@pytest.mark.parametrize(("waited_s", "resumed"), [(RESUME_WINDOW_S - 1, True), (RESUME_WINDOW_S, False)])
def test_over_a_silent_connection_the_old_secret_is_good_for_a_window(
    world: World, waited_s: int, resumed: bool
) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    world.peer("p", protocol=2, resume=proof(old, 0))
    world.clock.advance(waited_s)
    assert resumes(world, proof(old, 0)) is resumed


def test_a_silent_peer_stays_and_keeps_its_new_secret(world: World) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    silent = world.peer("p", protocol=2, resume=proof(old, 0))
    world.clock.advance(10 * RESUME_WINDOW_S)
    assert silent.connection.close_code is None
    silent.drop()
    assert resumes(world, proof(silent, 0))


def test_after_a_lost_reply_the_window_ends_as_ever(world: World) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    world.peer("p", protocol=2, resume=proof(old, 0)).drop()
    world.clock.advance(RESUME_WINDOW_S)
    assert not world.hub.occupied("room")
    assert world.clock.pending() == 0


def test_after_the_window_the_session_is_gone(world: World) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    world.clock.advance(RESUME_WINDOW_S)
    assert not world.hub.occupied("room")
    assert not world.peer("p", protocol=2, resume=proof(old, 0)).welcome["session"]["resumed"]


def test_after_leave_there_is_nothing_to_resume(world: World) -> None:
    old = world.peer("p", protocol=2)
    old.say({"type": "leave"})
    old.session.disconnected()
    assert not world.hub.occupied("room")
    assert world.clock.pending() == 0
    assert not world.peer("p", protocol=2, resume=proof(old, 0)).welcome["session"]["resumed"]


def test_resuming_is_no_registration(world: World) -> None:
    """The room may have expired, and its store may be down."""
    for refusal in (RoomExpired("over"), StoreUnavailable("down")):
        world.door.refuse_with = None
        old = world.peer("p", protocol=2)
        old.drop()
        world.door.refuse_with = refusal
        again = world.peer("p", protocol=2, resume=proof(old, 0))
        assert again.welcome["session"]["resumed"]
        again.say({"type": "leave"})
        (heard,) = world.connect().register("p", user="p", protocol=2, resume=proof(old, 0))
        assert heard["code"] == refusal.code


def test_level_1_has_no_window(world: World) -> None:
    peer = world.peer("p")
    peer.drop()
    assert not world.hub.occupied("room")


def test_senders_are_told_of_mail_that_never_arrived(world: World) -> None:
    sender, gone = world.peer("s", protocol=2), world.peer("p", protocol=2)
    gone.drop()
    sender.heard()
    sender.say(message(1, ref="with"))
    sender.say(message(2))
    world.clock.advance(RESUME_WINDOW_S)
    heard = sender.heard()
    assert [(m["code"], m["ref"]) for m in heard if m["type"] == "error"] == [("PEER_NOT_FOUND", "with")]
    assert heard[-1]["type"] == "peer_left"


def test_confirmed_messages_are_not_sent_again(world: World) -> None:
    sender, old = world.peer("s"), world.peer("p", protocol=2)
    for number in range(5):
        sender.say(message(number))
    assert old.say({"type": "received", "count": 3})[-1]["payload"] == 4
    (heard,) = old.say({"type": "received", "count": 99, "ref": 1})
    assert (heard["code"], heard["ref"]) == ("INVALID_MESSAGE", 1)
    old.drop()
    again = world.connect().register("p", user="p", protocol=2, resume=proof(old, 5))
    assert [m["type"] for m in again] == ["registered_auth", "error"]


def test_level_1_has_nothing_to_confirm(world: World) -> None:
    assert world.peer("p").say({"type": "received", "count": 0})[0]["code"] == "INVALID_MESSAGE"


def test_news_missed_while_away_are_replayed_up_to_what_the_list_says(world: World) -> None:
    old = world.peer("p", protocol=2)
    old.drop()
    world.peer("stays")
    world.peer("goes").drop()
    heard = world.connect().register("p", user="p", protocol=2, resume=proof(old, 0))
    seen = {peer["peer_id"] for peer in heard[0]["peers"]}
    for news in heard[1:]:
        if news["type"] == "peer_joined":
            seen.add(news["peer"]["peer_id"])
        elif news["type"] == "peer_left":
            seen.discard(news["peer"]["peer_id"])
    assert seen == {"stays"}


def test_nothing_is_left_when_all_have_gone(world: World) -> None:
    for number in range(3):
        world.peer(f"p{number}", protocol=2).drop()
    world.clock.advance(RESUME_WINDOW_S)
    assert world.hub.room_count() == 0
    assert world.clock.pending() == 0
