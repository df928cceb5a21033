"""What becomes of what a room says when its commits are refused, fail, or are too slow: the edges of the room log."""

from collections.abc import Iterator

import pytest

from heliograph_server.cluster.bus import BusUnavailable, Home
from heliograph_server.transport.connection import OUTGOING_BYTES

from .kept_node import ROOM, Loop, Node, SlowRegistry
from .links import Clock, Peer, finish

RESTARTING, TOO_SLOW = 1012, 4009


@pytest.fixture
def node() -> Iterator[Node]:
    loop = Loop()
    clock = Clock()
    yield Node("here", SlowRegistry(clock), loop, clock)
    loop.close()


def joined(node: Node, name: str) -> Peer:
    """A peer of level 2 that has had its welcome."""
    peer = node.connect()
    assert peer.register(name, user=name, protocol=2) == []  # nothing is said before it is written down
    node.settle()
    [welcome] = peer.heard()
    assert welcome["type"] == "registered_auth"
    return peer


def message(to: str, payload: object = 1) -> dict[str, object]:
    return {"type": "peer_message", "to_peer_id": to, "payload": payload, "ref": 1}


def kinds(peer: Peer) -> list[str]:
    return [heard["type"] for heard in peer.heard()]


def test_nothing_is_heard_before_it_is_written_down(node: Node) -> None:
    a, b = joined(node, "a"), joined(node, "b")
    assert kinds(a) == ["peer_joined"]
    assert a.say(message("b")) == b.heard() == []
    node.turn(0)
    assert a.heard() == b.heard() == []
    node.turn(1)
    assert (kinds(a), kinds(b)) == (["ack"], ["peer_message"])


def test_what_is_said_while_a_commit_is_under_way_waits_for_the_next(node: Node) -> None:
    a, b = joined(node, "a"), joined(node, "b")
    a.heard()
    a.say(message("b", "first"))
    node.turn(0)
    a.say(message("b", "second"))
    node.turn(1)
    assert [heard["payload"] for heard in b.heard()] == ["first"]
    node.turn(0)
    node.turn(1)
    assert [heard["payload"] for heard in b.heard()] == ["second"]


def test_what_a_refused_commit_was_to_write_has_not_happened(node: Node) -> None:
    a, b = joined(node, "a"), joined(node, "b")
    a.heard()
    a.say(message("b"))
    node.turn(0)
    a.say(message("b"))  # this one is held while the commit of the other is refused
    registry = node.registry
    registry.homes[ROOM] = Home("there", registry.homes[ROOM].epoch + 1)
    before = dict(registry.logs[ROOM])
    node.settle()
    for peer in (a, b):
        assert peer.heard() == []
        assert peer.connection.close_code == RESTARTING
    assert not node.hub.occupied(ROOM)
    assert ROOM not in node.homes.here
    assert registry.logs[ROOM] == before
    assert node.scribe.lost_rooms == 1


def test_who_has_left_in_a_refused_commit_has_not_left(node: Node) -> None:
    a, b = joined(node, "a"), joined(node, "b")
    a.heard()
    a.say({"type": "leave"})
    node.turn(0)
    node.registry.homes[ROOM] = Home("there", node.registry.homes[ROOM].epoch + 1)
    node.settle()
    for peer in (a, b):
        assert peer.heard() == []
        assert peer.connection.close_code == RESTARTING


def test_what_can_not_be_written_down_is_said_all_the_same_and_written_when_the_bus_is_back(node: Node) -> None:
    a, b = joined(node, "a"), joined(node, "b")
    a.heard()
    a.say(message("b", "under way"))
    node.turn(0)
    a.say(message("b", "held"))
    node.registry.fail(BusUnavailable("lost"))
    node.scribe.bus_lost()
    node.turn(0)
    assert [heard["payload"] for heard in b.heard()] == ["under way", "held"]
    assert kinds(a) == ["ack", "ack"]
    [ack] = a.say(message("b", "during the outage"))  # at once
    assert ack["type"] == "ack"
    assert [heard["payload"] for heard in b.heard()] == ["during the outage"]
    assert node.registry.logs[ROOM] != node.written()
    node.scribe.bus_back()
    assert a.say({"type": "ping"}) == []
    node.settle()
    assert kinds(a) == ["pong"]
    assert node.registry.logs[ROOM] == node.written()


def test_a_room_that_another_node_took_during_an_outage_is_let_go(node: Node) -> None:
    a = joined(node, "a")
    node.scribe.bus_lost()
    node.registry.homes[ROOM] = Home("there", node.registry.homes[ROOM].epoch + 10)
    node.scribe.bus_back()
    a.say({"type": "ping"})
    node.settle()
    assert a.connection.close_code == RESTARTING
    assert a.heard() == []
    assert not node.hub.occupied(ROOM)


def test_a_peer_for_whom_too_much_is_held_is_closed_and_the_others_go_on(node: Node) -> None:
    a, b = joined(node, "a"), joined(node, "b")
    a.heard()
    text = "x" * 60_000
    for _ in range(OUTGOING_BYTES // len(text) + 2):
        a.say(message("b", text))
    node.settle()
    assert b.connection.close_code == TOO_SLOW
    assert a.connection.close_code is None
    a.heard()
    a.say({"type": "ping"})
    node.settle()
    assert "pong" in kinds(a)


def test_a_room_that_is_handed_over_is_written_down_to_the_last_word(node: Node) -> None:
    a, b = joined(node, "a"), joined(node, "b")
    a.heard()
    a.say(message("b", "last words"))
    handing = node.scribe.hand_over(ROOM)
    with pytest.raises(AssertionError, match="it waits for something"):
        finish(handing)
    node.registry.do(len(node.registry.under_way))
    finish(handing)
    assert [heard["payload"] for heard in b.heard()] == ["last words"]
    assert a.connection.close_code == b.connection.close_code == RESTARTING
    assert ROOM not in node.registry.homes
    assert any(b"last words" in value for value in node.registry.logs[ROOM].values())
