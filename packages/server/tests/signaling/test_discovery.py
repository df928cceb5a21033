"""Roles, metadata, discovery and groups: who is there, what they say of themselves, who sees whom."""

from typing import Any

import msgspec
import pytest

from heliograph_server.signaling.claims import CLAIMS_PER_ROOM
from heliograph_server.signaling.live_room import ROOM_METADATA_BYTES
from heliograph_server.transport.connection import OUTGOING_BYTES

from .links import World


@pytest.fixture
def world() -> World:
    return World()


def ids(message: dict[str, Any]) -> list[str]:
    assert message["type"] == "peer_list"
    assert message["count"] == len(message["peers"])
    return [peer["peer_id"] for peer in message["peers"]]


def test_a_peer_is_shown_with_all_that_it_said_of_itself_and_never_to_itself(world: World) -> None:
    asker = world.peer("asker")
    world.peer(
        "w", role="worker", metadata={"tags": ["gpu", "gpu"], "properties": {"gpu_memory_mb": 16384, "no": None}}
    )
    (heard,) = asker.say({"type": "discover_peers", "ref": 4})
    assert heard == {
        "type": "peer_list",
        "ref": 4,
        "to_peer_id": "asker",
        "count": 1,
        "peers": [
            {
                "peer_id": "w",
                "role": "worker",
                "metadata": {"tags": ["gpu"], "properties": {"gpu_memory_mb": 16384}},
                "groups": ["default"],
                "connected_at": 1000,
                "state": "online",
            }
        ],
    }


def test_what_was_not_said_has_defaults(world: World) -> None:
    asker = world.peer("asker")
    world.peer("plain")
    (peer,) = asker.say({"type": "discover_peers"})[0]["peers"]
    assert (peer["role"], peer["metadata"], peer["groups"]) == ("peer", {"tags": [], "properties": {}}, ["default"])


def test_filters_pick_and_an_unknown_operator_is_named(world: World) -> None:
    asker = world.peer("asker")
    world.peer("small", role="worker", metadata={"properties": {"gpu_memory_mb": 4096}})
    world.peer("large", role="worker", metadata={"properties": {"gpu_memory_mb": 16384}})
    world.peer("text", role="worker", metadata={"properties": {"gpu_memory_mb": "16384"}})
    wanted = {"role": "worker", "properties": {"gpu_memory_mb": {"$gte": 8192}}}
    assert ids(asker.say({"type": "discover_peers", "filters": wanted})[0]) == ["large"]
    (heard,) = asker.say({"type": "discover_peers", "filters": {"properties": {"x": {"$near": 1}}}, "ref": "r"})
    assert (heard["code"], heard["ref"]) == ("INVALID_MESSAGE", "r")
    assert "$near" in heard["message"]


@pytest.mark.parametrize("field", ["from_peer_id", "peer_id"])
@pytest.mark.parametrize("message", [{"type": "discover_peers"}, {"type": "update_metadata", "metadata": {}}])
def test_a_named_sender_is_tolerated_if_it_is_the_sender(world: World, message: dict[str, Any], field: str) -> None:
    peer = world.peer("a")
    assert peer.say(message | {field: "a"})[0]["type"] in {"peer_list", "metadata_updated"}
    assert peer.say(message | {field: "b"})[0]["code"] == "SENDER_MISMATCH"


def test_metadata_tags_are_united_properties_merged_and_null_removes(world: World) -> None:
    peer = world.peer("a", metadata={"tags": ["x"], "properties": {"keep": 1, "change": 1, "drop": 1}})
    (heard,) = peer.say(
        {
            "type": "update_metadata",
            "ref": 1,
            "metadata": {"tags": ["y", "x"], "properties": {"change": [2], "drop": None, "never": None}},
        }
    )
    assert heard == {
        "type": "metadata_updated",
        "ref": 1,
        "peer_id": "a",
        "metadata": {"tags": ["x", "y"], "properties": {"keep": 1, "change": [2]}},
    }


def test_metadata_has_at_most_16_kib_however_it_grew(world: World) -> None:
    (heard,) = world.connect().register("a", user="a", metadata={"properties": {"x": "y" * 16_384}})
    assert heard["code"] == "INVALID_MESSAGE"
    peer = world.peer("b", metadata={"properties": {"x": "y" * 9_000}})
    assert peer.say({"type": "update_metadata", "metadata": {"properties": {"z": "y" * 9_000}}})[0]["code"] == (
        "INVALID_MESSAGE"
    )
    assert peer.say({"type": "update_metadata", "metadata": {"properties": {"x": "small"}}})[0]["metadata"] == {
        "tags": [],
        "properties": {"x": "small"},
    }


def test_metadata_that_nests_too_deeply_for_others_is_refused(world: World) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert world.connect().register("a", user="a", metadata={"properties": {"x": deep}})[0]["code"] == "INVALID_MESSAGE"


def test_all_peers_of_a_room_together_say_so_much_of_themselves_and_no_more(world: World) -> None:
    large = {"properties": {"x": "y" * 16_000}}
    room_for = ROOM_METADATA_BYTES // 16_100
    for number in range(room_for):
        world.peer(f"large-{number}", user="a", metadata=large)
    (refusal,) = world.connect().register("one-more", user="a", metadata=large)
    assert (refusal["code"], refusal["reason"]) == ("ROOM_FULL", "Room full")
    plain, again = world.peer("plain"), world.peer("large-0", user="a", metadata=large)
    (refusal,) = plain.say({"type": "update_metadata", "metadata": large, "ref": 1})
    assert (refusal["code"], refusal["ref"]) == ("INVALID_MESSAGE", 1)
    assert plain.say({"type": "discover_peers", "filters": {"role": "peer"}})[0]["count"] == room_for
    again.say({"type": "update_metadata", "metadata": {"properties": {"x": "y"}}})
    assert plain.say({"type": "update_metadata", "metadata": large})[0]["type"] == "metadata_updated"
    assert again.say({"type": "update_metadata", "metadata": large})[0]["code"] == "INVALID_MESSAGE"
    plain.say({"type": "leave"})
    assert again.say({"type": "update_metadata", "metadata": large})[0]["type"] == "metadata_updated"


def test_groups_count_as_what_a_peer_says_of_itself(world: World) -> None:
    groups = [f"{number:02}" + "é" * 62 for number in range(32)]
    peers = [world.peer(str(number)) for number in range(ROOM_METADATA_BYTES // 4_000)]
    answers = [peer.say({"type": "set_groups", "groups": groups})[0] for peer in peers]
    assert (answers[0]["type"], answers[-1]["type"], answers[-1].get("code")) == (
        "groups_updated",
        "error",
        "INVALID_MESSAGE",
    )
    assert peers[-1].say({"type": "query"})[0]["peers"] == [
        str(number) for number, answer in enumerate(answers) if answer["type"] == "error"
    ]
    assert peers[0].say({"type": "set_groups", "groups": ["g"]})[0]["type"] == "groups_updated"
    assert peers[-1].say({"type": "set_groups", "groups": groups})[0]["type"] == "groups_updated"


def test_the_list_of_any_room_is_a_message_that_a_connection_takes(world: World) -> None:
    """Else whoever fills a room with long names could keep everybody out who wants to know who is there."""
    claimer, *crowd = [world.peer(f"{number:0128}", user="a") for number in range(999)]
    large = {"properties": {"x": "y" * 16_000}}
    for peer in crowd[: ROOM_METADATA_BYTES // 16_100]:
        assert peer.say({"type": "update_metadata", "metadata": large})[0]["type"] == "metadata_updated"
    claimer.say({"type": "set_groups", "groups": ["claims"]})
    for peer in crowd[-64:]:
        peer.say({"type": "set_groups", "groups": ["default", "claims"]})
        peer.say({"type": "update_metadata", "metadata": {"properties": {"max_claims": CLAIMS_PER_ROOM // 64}}})
    for _ in range(CLAIMS_PER_ROOM):
        assert claimer.say({"type": "claim_peer"})[0]["type"] == "peer_claimed"
    asker = world.peer("asker", protocol=2)
    listed = asker.say({"type": "discover_peers"})[0]
    assert (len(asker.welcome["peers"]), listed["count"]) == (998, 998)
    for message in (asker.welcome, listed):
        assert OUTGOING_BYTES - 64 * 1024 < len(msgspec.json.encode(message)) < OUTGOING_BYTES


def test_groups_decide_who_sees_and_reaches_whom(world: World) -> None:
    red, both, blue = (
        world.peer("red", groups=["red"]),
        world.peer("both", groups=["red", "blue"]),
        world.peer("blue", groups=["blue"]),
    )
    assert ids(red.say({"type": "discover_peers"})[0]) == ["both"]
    assert red.say({"type": "query"})[0]["peers"] == ["red", "both"]
    assert ids(both.say({"type": "discover_peers"})[0]) == ["red", "blue"]
    for message in (
        {"type": "offer", "target": "blue", "sdp": ""},
        {"type": "error", "target": "blue"},
        {"type": "peer_message", "to_peer_id": "blue", "payload": 1},
    ):
        assert red.say(message)[0]["code"] == "PEER_NOT_FOUND"
    assert blue.heard() == []
    assert red.say({"type": "offer", "target": "both", "sdp": ""}) == []
    assert both.heard()[0]["sender"] == "red"


def test_a_peer_in_no_group_sees_and_is_seen_by_nobody(world: World) -> None:
    hermit, other = world.peer("hermit", groups=[]), world.peer("other")
    assert hermit.say({"type": "query"})[0]["peers"] == ["hermit"]
    assert other.say({"type": "query"})[0]["peers"] == ["other"]
    assert other.say({"type": "offer", "target": "hermit", "sdp": "v=0"})[0]["code"] == "PEER_NOT_FOUND"


def test_set_groups_replaces_and_says_so(world: World) -> None:
    peer, other = world.peer("a"), world.peer("b")
    assert peer.say({"type": "set_groups", "groups": ["y", "x", "x"], "ref": 2}) == [
        {"type": "groups_updated", "ref": 2, "groups": ["x", "y"]}
    ]
    assert other.say({"type": "offer", "target": "a", "sdp": ""})[0]["code"] == "PEER_NOT_FOUND"
    assert peer.say({"type": "set_groups", "groups": [""]})[0]["code"] == "INVALID_MESSAGE"


def test_a_message_to_a_group_reaches_everyone_else_in_it(world: World) -> None:
    sender, inside, outside = (
        world.peer("s", groups=["g", "h"]),
        world.peer("in", groups=["g"]),
        world.peer("out", groups=["h"]),
    )
    assert sender.say({"type": "peer_message", "to_group": "g", "payload": [1]}) == []
    assert inside.heard() == [{"type": "peer_message", "to_group": "g", "payload": [1], "from_peer_id": "s"}]
    assert outside.heard() == []
    assert inside.say({"type": "peer_message", "to_group": "h", "payload": 1})[0]["code"] == "NOT_PERMITTED"


@pytest.mark.parametrize("payload", [None, 0, False, "text", [1, {"a": None}], {"deep": {"er": [1.5]}}])
def test_a_payload_is_any_json_and_untouched(world: World, payload: Any) -> None:
    sender, receiver = world.peer("s"), world.peer("r")
    sender.say({"type": "peer_message", "to_peer_id": "r", "payload": payload, "ref": 9, "extra": "kept"})
    assert receiver.heard() == [
        {
            "type": "peer_message",
            "to_peer_id": "r",
            "payload": payload,
            "ref": 9,
            "extra": "kept",
            "from_peer_id": "s",
        }
    ]


def test_a_peer_message_that_names_its_sender_right_is_forwarded_byte_for_byte(world: World) -> None:
    sender, receiver = world.peer("s"), world.peer("r")
    frame = b'{"type": "peer_message","to_peer_id":"r",  "from_peer_id":"s","payload":1.0e0}'
    sender.say(frame)
    assert receiver.connection.frames == [frame]


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type":"peer_message","to_peer_id":"r","from_peer_id":"x","payload":1}',
        b'{"type":"peer_message","to_peer_id":"r","from_peer_id":"","payload":1}',
        b'{"type":"peer_message","to_peer_id":"r","sender":"x","payload":1}',
        b'{"type":"peer_message","to_peer_id":"r","from_peer_id":"s","payload":1,"from_peer_id":"x"}',
        b'{"type":"peer_message","to_peer_id":"r","fr\\u006fm_peer_id":"x","payload":1}',
        b'{"type":"offer","target":"r","from_peer_id":"x","sdp":""}',
    ],
)
def test_nobody_speaks_for_another_in_a_peer_message(world: World, frame: bytes) -> None:
    sender, receiver = world.peer("s"), world.peer("r")
    assert sender.say(frame)[0]["code"] in {"SENDER_MISMATCH", "INVALID_JSON"}
    assert receiver.connection.frames == []


def test_a_peer_message_needs_just_one_address(world: World) -> None:
    sender = world.peer("s")
    world.peer("r")
    assert sender.say({"type": "peer_message", "payload": 1})[0]["code"] == "INVALID_MESSAGE"
    both = {"type": "peer_message", "payload": 1, "to_peer_id": "r", "to_group": "default"}
    assert sender.say(both)[0]["code"] == "INVALID_MESSAGE"
