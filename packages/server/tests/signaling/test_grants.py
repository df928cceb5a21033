"""Grants, join tokens and the room's policy: a refusal is NOT_PERMITTED, and nothing is delivered."""

from typing import Any

import pytest

from heliograph_server.rooms.invitations import Invitation
from heliograph_server.rooms.model import Policy
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS, may_signal

from .links import Peer, World


@pytest.fixture
def world() -> World:
    return World()


def invite(world: World, token: str, **pinned: Any) -> None:
    fields = {"role": None, "peer_id": None, "groups": None, "grants": ROOM_TOKEN_GRANTS} | pinned
    world.door.invitations[token] = Invitation(**fields)


def refused(heard: list[dict[str, Any]]) -> bool:
    return [message.get("code") for message in heard] == ["NOT_PERMITTED"]


NEEDED: dict[str, list[dict[str, Any]]] = {
    "discover": [{"type": "query"}, {"type": "discover_peers"}],
    "signal": [{"type": kind, "target": "b"} for kind in ("offer", "answer", "candidate", "quit", "error")],
    "message": [{"type": "peer_message", "to_peer_id": "b", "payload": 1}],
    "broadcast": [{"type": "peer_message", "to_group": "default", "payload": 1}],
    "claim": [{"type": "claim_peer"}],
}


@pytest.mark.parametrize("grant", NEEDED)
def test_each_grant_allows_its_own_and_nothing_else(world: World, grant: str) -> None:
    invite(world, "only", grants=frozenset({grant}))
    peer = world.peer("a", token="only", protocol=2)
    other = world.peer("b")
    assert peer.welcome["grants"] == [grant]
    for needed, messages in NEEDED.items():
        for message in messages:
            peer.heard()
            other.heard()
            heard = peer.say(message)
            if needed == grant:
                assert not any(m.get("code") == "NOT_PERMITTED" for m in heard)
            else:
                assert refused(heard)
                assert other.heard() == []


def test_without_discover_there_are_no_peers_and_no_news(world: World) -> None:
    invite(world, "blind", grants=frozenset({"signal"}))
    world.peer("first")
    blind = world.peer("blind", token="blind", protocol=2)
    assert blind.welcome["peers"] == []
    second = world.peer("second")
    blind.say({"type": "set_groups", "groups": ["default", "x"]})
    second.drop()
    assert blind.heard() == []


def test_the_creator_manages(world: World) -> None:
    creator, other = world.peer("c", user="owner", protocol=2), world.peer("o", protocol=2)
    assert "manage" in creator.welcome["grants"]
    assert "manage" not in other.welcome["grants"]
    assert any("manage" in member.grants for member in world.hub.members("room") if member.user == world.door.owner)


def test_a_join_token_pins_role_peer_id_and_groups(world: World) -> None:
    invite(world, "pinned", role="worker", peer_id="w", groups=("a", "b"))
    for fields in ({"peer_id": "x"}, {"role": "client"}, {"groups": ["a"]}, {"groups": ["c"]}):
        (heard,) = world.connect().register(**({"peer_id": "w", "user": "u", "token": "pinned"} | fields))
        assert (heard["code"], heard["reason"]) == ("INVALID_ROOM_TOKEN", "Invalid token")
    assert not world.hub.occupied("room")
    peer = world.peer("w", token="pinned", protocol=2)
    assert peer.welcome["role"] == "worker"
    member = world.hub.member("room", "w")
    assert member is not None
    assert member.groups == {"a", "b"}
    assert refused(peer.say({"type": "set_groups", "groups": ["a"]}))
    assert peer.say({"type": "set_groups", "groups": ["b", "a"]})[0]["type"] == "groups_updated"
    same = world.peer("w", token="pinned", role="worker", groups=["b", "a"])
    assert same.welcome["peer_id"] == "w"


POLICY = Policy(signal={"client": ["worker"], "worker": ["client", "worker"]})


@pytest.mark.parametrize(
    ("kind", "sender", "target", "allowed"),
    [
        ("offer", "client", "worker", True),
        ("offer", "worker", "client", True),
        ("offer", "worker", "worker", True),
        ("offer", "client", "client", False),
        ("answer", "client", "client", False),
        ("offer", "stranger", "worker", False),
        ("offer", "client", "stranger", False),
        ("candidate", "stranger", "worker", False),
        ("quit", "client", "worker", True),
        ("error", "stranger", "worker", True),
    ],
)
def test_policy(kind: str, sender: str, target: str, allowed: bool) -> None:
    assert may_signal(POLICY, kind, sender, target) is allowed
    assert may_signal(None, kind, sender, target)
    assert may_signal(Policy(), kind, sender, target)


@pytest.mark.parametrize("kind", ["answer", "candidate", "quit"])
def test_who_may_be_offered_something_may_answer(kind: str) -> None:
    one_way = Policy(signal={"client": ["worker"]})
    assert may_signal(one_way, kind, "worker", "client")
    assert not may_signal(one_way, "offer", "worker", "client")


def test_a_policy_holds_in_the_room_and_follows_its_changes(world: World) -> None:
    world.door.policy = POLICY
    first, second = world.peer("a", role="client"), world.peer("b", role="client")
    message = {"type": "offer", "target": "b", "sdp": ""}
    assert refused(first.say(message))
    assert second.heard() == []
    assert first.say({"type": "peer_message", "to_peer_id": "b", "payload": 1}) == []
    world.door.policy = None
    world.hub.room_changed(world.door.room("room"))
    second.heard()
    assert first.say(message) == []
    assert len(second.heard()) == 1


def test_a_smaller_room_refuses_newcomers(world: World) -> None:
    world.peer("a")
    world.door.max_peers = 1
    world.hub.room_changed(world.door.room("room"))
    heard = Peer(world).register("b", user="b")
    assert heard[0]["code"] == "ROOM_FULL"
