"""News of others: pushed to those who opted in with level 2, and to nobody else."""

from typing import Any
from unittest.mock import patch

import pytest

from heliograph_protocol import encode as encode_message
from heliograph_server.signaling import live_room

from .links import RESUME_WINDOW_S, World


@pytest.fixture
def world() -> World:
    return World()


def news(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(message["type"], message["peer"]["peer_id"]) for message in messages]


def test_the_reply_to_a_level_2_registration(world: World) -> None:
    world.peer("w", role="worker")
    welcome = world.peer("a", protocol=2, role="client", groups=["default", "x"], ref=5).welcome
    session = welcome.pop("session")
    (peer,) = welcome.pop("peers")
    assert peer["peer_id"] == "w"
    assert welcome == {
        "type": "registered_auth",
        "ref": 5,
        "room_id": "room",
        "token": "t",
        "peer_id": "a",
        "role": "client",
        "grants": ["broadcast", "claim", "discover", "message", "signal"],
        "expires_at": 8200,
        "ice_servers": [{"urls": ["stun:stun.example"]}],
        "limits": {"message_bytes": 65536, "messages_per_s": 1_000_000},
    }
    assert len(session.pop("secret")) >= 22
    assert len(session.pop("session_id")) >= 16
    assert session == {"resume_window_s": RESUME_WINDOW_S, "resumed": False}


def test_level_1_hears_nothing_that_it_did_not_ask_for(world: World) -> None:
    old = world.peer("old")
    other = world.peer("other", protocol=2)
    other.say({"type": "update_metadata", "metadata": {"tags": ["x"]}})
    other.say({"type": "set_groups", "groups": ["x", "default"]})
    other.say({"type": "claim_peer"})
    other.drop()
    world.clock.advance(RESUME_WINDOW_S)
    world.door.ttl_s = 400
    world.clock.advance(8000)
    world.hub.announce_drain(5)
    assert old.heard() == []
    assert old.say({"type": "offer", "target": "old", "sdp": "", "ref": 1}) == [
        {"type": "offer", "target": "old", "sdp": "", "ref": 1, "sender": "old"}
    ]
    world.hub.remove_room("room")
    assert old.heard() == []


def test_coming_changing_and_going_is_told_to_level_2(world: World) -> None:
    watcher = world.peer("watcher", protocol=2)
    peer = world.peer("p", role="worker")
    (joined,) = watcher.heard()
    assert (joined["type"], joined["peer"]["role"]) == ("peer_joined", "worker")
    peer.say({"type": "update_metadata", "metadata": {"properties": {"status": "busy"}}})
    (updated,) = watcher.heard()
    assert updated["type"] == "peer_updated"
    assert updated["peer"]["metadata"]["properties"] == {"status": "busy"}
    peer.drop()
    (left,) = watcher.heard()
    assert (left["type"], left["reason"], left["peer"]["peer_id"]) == ("peer_left", "left", "p")


def test_a_lost_level_2_peer_is_away_then_back_or_gone(world: World) -> None:
    watcher = world.peer("watcher", protocol=2)
    peer = world.peer("p", protocol=2)
    watcher.heard()
    peer.drop()
    (away,) = watcher.heard()
    assert (away["type"], away["peer"]["state"]) == ("peer_away", "away")
    assert watcher.say({"type": "discover_peers", "filters": {"state": "away"}})[0]["count"] == 1
    world.clock.advance(RESUME_WINDOW_S - 0.1)
    assert watcher.heard() == []
    world.clock.advance(0.2)
    (left,) = watcher.heard()
    assert (left["type"], left["reason"]) == ("peer_left", "timed_out")


def test_leave_has_no_window(world: World) -> None:
    watcher, peer = world.peer("watcher", protocol=2), world.peer("p", protocol=2)
    watcher.heard()
    peer.say({"type": "leave"})
    assert peer.connection.close_code == 1000
    (left,) = watcher.heard()
    assert (left["type"], left["reason"]) == ("peer_left", "left")
    peer.session.disconnected()
    assert watcher.heard() == []
    assert world.clock.pending() == 1  # the room's own end


def test_a_removed_peer_is_told_of(world: World) -> None:
    watcher, peer = world.peer("watcher", protocol=2), world.peer("p", protocol=2)
    watcher.heard()
    member = world.hub.member("room", "p")
    assert member is not None
    world.hub.remove_peer(member)
    assert watcher.heard()[0]["reason"] == "removed"
    peer.session.disconnected()
    assert watcher.heard() == []


def test_news_stay_in_the_group_and_with_those_who_may_discover(world: World) -> None:
    stranger = world.peer("stranger", protocol=2, groups=["other"])
    world.peer("p").drop()
    assert stranger.heard() == []


def test_gaining_and_losing_sight_through_groups(world: World) -> None:
    red = world.peer("red", protocol=2, groups=["red"])
    blue = world.peer("blue", protocol=2, groups=["blue"])
    mover = world.peer("mover", protocol=2, groups=["red"])
    red.heard()
    heard = mover.say({"type": "set_groups", "groups": ["blue"]})
    assert sorted(news([message for message in heard if "peer" in message])) == [
        ("peer_joined", "blue"),
        ("peer_left", "red"),
    ]
    assert news(red.heard()) == [("peer_left", "mover")]
    (joined,) = blue.heard()
    assert (joined["type"], joined["peer"]["groups"]) == ("peer_joined", ["blue"])
    mover.say({"type": "set_groups", "groups": ["blue", "red"]})
    assert news(blue.heard()) == [("peer_updated", "mover")]
    assert news(red.heard()) == [("peer_joined", "mover")]


def test_a_takeover_pushes_nothing(world: World) -> None:
    world.peer("p", user="ann")
    watcher = world.peer("watcher", protocol=2)
    again = world.peer("p", user="ann")
    assert watcher.heard() == []
    world.peer("p", user="ann", protocol=2)
    assert again.connection.close_code == 4001
    again.session.disconnected()
    assert watcher.heard() == []


def test_a_takeover_by_a_peer_of_other_groups_is_seen_by_those_concerned(world: World) -> None:
    world.peer("p", user="ann")
    watcher = world.peer("watcher", protocol=2)
    world.peer("p", user="ann", groups=["elsewhere"])
    assert news(watcher.heard()) == [("peer_left", "p")]


def test_a_takeover_of_a_peer_that_was_away_or_is_another_now_is_news(world: World) -> None:
    lost = world.peer("p", user="ann", protocol=2)
    watcher = world.peer("watcher", protocol=2)
    lost.drop()
    world.peer("p", user="ann", protocol=2)
    assert news(watcher.heard()) == [("peer_away", "p"), ("peer_back", "p")]
    world.peer("p", user="ann", protocol=2, metadata={"tags": ["gpu"]})
    assert news(watcher.heard()) == [("peer_updated", "p")]
    world.peer("p", user="ann", protocol=2, metadata={"tags": ["gpu"]}, role="worker")
    assert news(watcher.heard()) == [("peer_updated", "p")]


def test_a_join_is_encoded_once_however_many_hear_of_it(world: World) -> None:
    watchers = [world.peer(f"w{number}", protocol=2) for number in range(200)]
    for watcher in watchers:
        watcher.heard()
    with patch("heliograph_server.signaling.live_room.encode", wraps=encode_message) as encode:
        world.peer("newcomer")
    assert encode.call_count == 1
    assert all(news(watcher.heard()) == [("peer_joined", "newcomer")] for watcher in watchers)


def test_the_end_of_a_room_is_announced_and_can_be_put_off(world: World) -> None:
    peer = world.peer("p", protocol=2)
    world.clock.advance(7200 - live_room.EXPIRY_NOTICE_S - 1)
    assert peer.heard() == []
    world.hub.room_changed(world.door.room("room"))
    world.clock.advance(7200 - live_room.EXPIRY_NOTICE_S - 1)
    assert peer.heard() == []
    world.clock.advance(1)
    (expiring,) = peer.heard()
    assert expiring["type"] == "room_expiring"
    assert expiring["expires_at"] == world.clock() + live_room.EXPIRY_NOTICE_S
    world.clock.advance(3600)
    assert peer.heard() == []
    assert peer.say({"type": "ping"})[0]["type"] == "pong"


def test_a_closed_room_says_so_before_it_closes_the_sockets(world: World) -> None:
    peer, away = world.peer("p", protocol=2), world.peer("away", protocol=2)
    peer.heard()
    away.drop()
    peer.heard()
    assert world.hub.remove_room("room", "closed by its creator") == 2
    assert peer.heard() == [{"type": "room_closed", "reason": "closed by its creator"}]
    assert peer.connection.close_code == 4003
    assert world.clock.pending() == 0


def test_a_drain_is_announced(world: World) -> None:
    peer = world.peer("p", protocol=2)
    world.hub.announce_drain(7)
    assert peer.heard() == [{"type": "server_draining", "reconnect_within_s": 7}]
