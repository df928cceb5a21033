"""The server answers as `heliograph_protocol.conversation` says that it does."""

from typing import Any, get_args

import pytest

from heliograph_protocol import ClientMessage
from heliograph_protocol.conversation import LEVEL_1, REPLIES

from .links import World

SAID: list[dict[str, Any]] = [
    {"type": "offer", "target": "b", "sdp": ""},
    {"type": "answer", "target": "b", "sdp": ""},
    {"type": "candidate", "target": "b", "candidate": None},
    {"type": "quit", "target": "b"},
    {"type": "error", "target": "b"},
    {"type": "peer_message", "to_peer_id": "b", "payload": 1},
    {"type": "query"},
    {"type": "ping"},
    {"type": "discover_peers"},
    {"type": "update_metadata", "metadata": {"tags": ["x"]}},
    {"type": "set_groups", "groups": ["default", "other"]},
    {"type": "claim_peer"},
    {"type": "claim_peer", "filters": {"role": "nobody"}, "wait_s": 5},
    {"type": "release_claim"},
    {"type": "received", "count": 0},
    {"type": "report", "peer_id": "b", "state": "connected"},
    {"type": "inspect"},
    {"type": "inspect_stop"},
    {"type": "leave"},
]
ANSWERS = {
    kind.__struct_config__.tag: {answer.__struct_config__.tag for answer in answers}
    for kind, answers in REPLIES.items()
}
LEVEL_1_TYPES = {kind.__struct_config__.tag for kind in LEVEL_1}


def test_everything_that_a_client_may_say_is_tried() -> None:
    said = {message["type"] for message in SAID} | {"register"}
    assert said == {kind.__struct_config__.tag for kind in get_args(ClientMessage)}


@pytest.mark.parametrize("message", SAID, ids=lambda message: message["type"])
@pytest.mark.parametrize("protocol", [1, 2])
def test_what_is_answered(message: dict[str, Any], protocol: int) -> None:
    world = World()
    world.peer("b")
    peer = world.connect()
    (welcome,) = peer.register("a", user="owner", protocol=protocol)
    assert {welcome["type"]} == ANSWERS["register"]
    if message["type"] == "release_claim":
        (claimed,) = peer.say({"type": "claim_peer"})
        message = message | {"claim_id": claimed["claim_id"]}
    answers = peer.say(message | {"ref": 1})
    acked = ANSWERS[message["type"]] == {"ack"}
    if message["type"] in {"received", "inspect"} and protocol == 1:
        assert [answer["type"] for answer in answers] == ["error"]
    elif (acked and protocol == 1) or not ANSWERS[message["type"]]:
        assert answers == []
    else:
        (answer,) = answers
        assert answer["type"] in ANSWERS[message["type"]]
        assert answer["ref"] == 1


@pytest.mark.parametrize("message", SAID, ids=lambda message: message["type"])
def test_an_error_may_take_the_place_of_any_answer(message: dict[str, Any]) -> None:
    world = World(rate_per_s=1)
    peer = world.peer("a", protocol=2)
    peer.say({"type": "ping"})
    (answer,) = peer.say(message)
    assert (answer["type"], answer["code"]) == ("error", "RATE_LIMITED")


def test_nothing_of_level_2_is_pushed_at_level_1() -> None:
    world = World()
    old = world.peer("old")
    other = world.peer("other", protocol=2)
    for message in [
        {"type": "update_metadata", "metadata": {"tags": ["x"]}},
        {"type": "set_groups", "groups": ["default", "more"]},
        {"type": "claim_peer"},
        {"type": "offer", "target": "old", "sdp": ""},
        {"type": "error", "target": "old"},
    ]:
        other.say(message)
    other.drop()
    world.clock.advance(10_000)
    world.hub.announce_drain(5)
    assert {message["type"] for message in old.heard()} == {"offer", "error"} <= LEVEL_1_TYPES
