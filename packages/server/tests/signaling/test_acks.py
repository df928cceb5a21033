"""`ref` and `ack`: one answer a message that asked for it, and none for those that did not."""

import pytest

from heliograph_server.signaling.mailbox import MAILBOX_FRAMES

from .links import World


@pytest.fixture
def world() -> World:
    return World()


MESSAGES = [
    {"type": "offer", "target": "b", "sdp": ""},
    {"type": "error", "target": "b"},
    {"type": "peer_message", "to_peer_id": "b", "payload": 1},
    {"type": "peer_message", "to_group": "default", "payload": 1},
]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("ref", [7, "seven", 0, ""])
def test_a_forwarded_message_with_a_ref_is_acknowledged_once(world: World, message: dict, ref: object) -> None:  # type: ignore[type-arg]
    sender, receiver = world.peer("a", protocol=2), world.peer("b")
    sender.heard()
    assert sender.say(message) == []
    assert sender.say(message | {"ref": ref}) == [{"type": "ack", "ref": ref, "status": "delivered"}]
    assert receiver.heard()[1]["ref"] == ref


@pytest.mark.parametrize("message", MESSAGES)
def test_level_1_gets_no_ack(world: World, message: dict) -> None:  # type: ignore[type-arg]
    sender = world.peer("a")
    world.peer("b")
    assert sender.say(message | {"ref": 1}) == []


@pytest.mark.parametrize("message", MESSAGES)
def test_what_waits_for_an_away_peer_is_buffered_and_beyond_the_bound_refused(world: World, message: dict) -> None:  # type: ignore[type-arg]
    sender, receiver = world.peer("a", protocol=2), world.peer("b", protocol=2)
    receiver.drop()
    sender.heard()
    for _ in range(MAILBOX_FRAMES):
        assert sender.say(message | {"ref": 1}) == [{"type": "ack", "ref": 1, "status": "buffered"}]
    (heard,) = sender.say(message | {"ref": 2})
    assert (heard["type"], heard["code"], heard["ref"]) == ("error", "PEER_AWAY_BUFFER_FULL", 2)
    (heard,) = sender.say(message)
    assert heard["code"] == "PEER_AWAY_BUFFER_FULL"


def test_the_bound_is_in_bytes_too(world: World) -> None:
    sender, receiver = world.peer("a", protocol=2), world.peer("b", protocol=2)
    receiver.drop()
    sender.heard()
    message = {"type": "offer", "target": "b", "sdp": "x" * 60_000, "ref": 1}
    answers = [sender.say(message)[0] for _ in range(20)]
    taken = [answer.get("status") for answer in answers].index(None)
    assert 16 <= taken <= 17
    assert answers[taken]["code"] == "PEER_AWAY_BUFFER_FULL"


def test_one_full_mailbox_of_a_group_is_told_and_the_others_get_the_message(world: World) -> None:
    sender, full, reader = world.peer("a", protocol=2), world.peer("full", protocol=2), world.peer("r")
    full.drop()
    for _ in range(MAILBOX_FRAMES):
        sender.say({"type": "peer_message", "to_peer_id": "full", "payload": 1})
    sender.heard()
    (heard,) = sender.say({"type": "peer_message", "to_group": "default", "payload": 2, "ref": 3})
    assert (heard["code"], heard["ref"]) == ("PEER_AWAY_BUFFER_FULL", 3)
    assert "full" in heard["message"]
    assert reader.heard()[0]["payload"] == 2


def test_the_ack_that_no_longer_fits_is_there_after_the_resume_and_nothing_is_forwarded_without_one(
    world: World,
) -> None:
    sender, receiver = world.peer("a", protocol=2), world.peer("b")
    sender.heard()
    sender.say({"type": "received", "count": 1})
    for _ in range(2 * MAILBOX_FRAMES):
        sender.say({"type": "ping"})
    receiver.heard()
    message = {"type": "peer_message", "to_peer_id": "b", "payload": 1}
    heard = sender.say(message | {"ref": "forwarded"})
    assert (heard, sender.connection.close_code) == ([], 4009)
    sender.say(message | {"ref": "not taken"})
    assert [m["ref"] for m in receiver.heard()] == ["forwarded"]
    sender.session.disconnected()

    again = world.connect()
    session = sender.welcome["session"]
    proof = {"session_id": session["session_id"], "secret": session["secret"], "received": 1 + MAILBOX_FRAMES}
    heard = again.register("a", user="a", protocol=2, resume=proof)
    assert heard[0]["session"]["resumed"]
    heard += again.say({"type": "received", "count": 1 + 2 * MAILBOX_FRAMES})
    assert [m for m in heard if "ref" in m] == [{"type": "ack", "ref": "forwarded", "status": "delivered"}]
