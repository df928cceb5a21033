"""What is remembered of peers and their signals, and how much."""

from typing import Any

import pytest
from msgspec import UNSET

from heliograph_protocol import TimelineEntry
from heliograph_server.inspection import chronicle as limits
from heliograph_server.inspection.trails import PAIR_ENTRIES, PAIRS_OPENED, PEER_ENTRIES
from heliograph_server.transport.connection import Ending

from .links import RESUME_WINDOW_S, World

SDP = "v=0\r\na=candidate:1 1 udp 1 192.0.2.7 9 typ host\r\na=candidate:2 1 udp 1 198.51.100.4 9 typ srflx\r\n"
CANDIDATE = "candidate:1 1 TCP 2130706431 192.0.2.7 9 typ relay raddr 0.0.0.0 rport 0"


@pytest.fixture
def world() -> World:
    return World()


def between(world: World, one: str, other: str) -> list[TimelineEntry]:
    pair = world.hub.chronicle.rooms["room"].between(one, other)
    return [] if pair is None else pair.entries


def of(world: World, peer_id: str) -> list[TimelineEntry]:
    return world.hub.chronicle.rooms["room"].peers[peer_id].entries


def offer(target: str, **fields: Any) -> dict[str, Any]:
    return {"type": "offer", "target": target, "sdp": SDP} | fields


def test_of_signals_the_kind_the_size_and_the_types_of_candidates_are_kept(world: World) -> None:
    a, b = world.peer("a"), world.peer("b")
    a.say(offer("b"))
    b.say({"type": "answer", "target": "a", "sdp": "v=0"})
    a.say({"type": "candidate", "target": "b", "candidate": {"candidate": CANDIDATE}})
    a.say({"type": "candidate", "target": "b", "candidate": "gibberish"})
    a.say({"type": "candidate", "target": "b", "candidate": None})
    b.say({"type": "candidate", "target": "a", "candidate": {"candidate": "", "sdpMid": "0"}})
    b.say({"type": "error", "target": "a", "reason": "worker_busy"})
    b.say({"type": "error", "target": "a", "reason": "my own words"})
    seen = [(entry.event, entry.peer, entry.candidates, entry.end) for entry in between(world, "b", "a")]
    assert seen == [
        ("offer", "a", ("host", "srflx"), False),
        ("answer", "b", (), False),
        ("candidate", "a", ("relay",), False),
        ("candidate", "a", ("unknown",), False),
        ("candidate", "a", (), True),
        ("candidate", "b", (), True),
        ("error", "b", (), False),
        ("error", "b", (), False),
    ]
    first, _, relayed, *_, busy, other = between(world, "a", "b")
    assert (first.size > len(SDP), first.outcome, relayed.transport) == (True, "delivered", "tcp")
    assert [busy.reason, other.reason] == ["worker_busy", type(other)(at=0, event="offer", peer="").reason]


def test_connections_of_two_peers_are_told_apart(world: World) -> None:
    a, b = world.peer("a"), world.peer("b")
    a.say(offer("b", connection_id="x"))
    b.say(offer("a", connection_id="y"))  # both at once: one of them is taken
    b.say({"type": "answer", "target": "a", "sdp": "", "connection_id": "x"})
    a.say(offer("b", connection_id="x"))
    a.say({"type": "candidate", "target": "b", "candidate": None, "connection_id": "y"})
    a.say({"type": "candidate", "target": "b", "candidate": None, "connection_id": "unheard of"})
    seen = [(entry.event, entry.attempt, entry.restart) for entry in between(world, "a", "b")]
    assert seen == [
        ("offer", 1, False),
        ("offer", 2, False),
        ("answer", 1, False),
        ("offer", 1, True),
        ("candidate", 2, False),
        ("candidate", 2, False),
    ]


def test_without_names_each_offer_is_a_connection_but_for_those_that_cross(world: World) -> None:
    a, b = world.peer("a"), world.peer("b")
    a.say(offer("b"))
    b.say(offer("a"))
    a.say({"type": "answer", "target": "b", "sdp": ""})
    a.say(offer("b"))
    a.say(offer("b"))
    assert [entry.attempt for entry in between(world, "a", "b")] == [1, 1, 1, 2, 3]


def test_comings_and_goings(world: World) -> None:
    world.peer("a", protocol=2, role="worker").drop()
    world.clock.advance(RESUME_WINDOW_S + 1)
    again = world.peer("a")
    world.peer("a")
    again.session.disconnected()
    world.clock.advance(1)
    seen = [(entry.event, entry.reason, entry.level) for entry in of(world, "a")]
    unset = of(world, "a")[1].reason
    assert seen == [
        ("registered", unset, 2),
        ("away", unset, unset),
        ("left", "timed_out", unset),
        ("registered", unset, 1),
        ("replaced", unset, unset),
        ("registered", unset, 1),
    ]
    assert of(world, "a")[0].role == "worker"


def test_how_connections_ended(world: World) -> None:
    for number, ending in enumerate((Ending("peer", 1001), Ending("server", 4009), Ending("network", None), None)):
        peer = world.peer(f"p{number}", protocol=2)
        peer.connection.ending = ending
        peer.session.disconnected()
        [_, away] = of(world, f"p{number}")
        expected = (UNSET, UNSET) if ending is None else (ending.by, UNSET if ending.code is None else ending.code)
        assert (away.closed_by, away.close_code) == expected
    world.peer("a")
    world.peer("a")
    world.hub.remove_room("room")
    ends = [
        (entry.event, entry.closed_by, entry.close_code) for entry in of(world, "a") if entry.closed_by is not UNSET
    ]
    assert ends == [("replaced", "server", 4001), ("left", "server", 4003)]


def test_a_peer_that_comes_back_and_what_waited_for_it(world: World) -> None:
    a, b = world.peer("a", protocol=2), world.peer("b", protocol=2)
    b.drop()
    a.say(offer("b", ref=1))
    proof = b.welcome["session"]
    back = world.connect()
    back.register("b", user="b", protocol=2, resume={"session_id": proof["session_id"], "secret": proof["secret"]})
    assert [entry.event for entry in of(world, "b")] == ["registered", "away", "back"]
    assert [entry.outcome for entry in between(world, "a", "b")] == ["buffered"]


def test_what_waited_for_one_who_never_came_back(world: World) -> None:
    a, b = world.peer("a", protocol=2), world.peer("b", protocol=2)
    b.drop()
    a.say(offer("b", ref=1))
    world.clock.advance(RESUME_WINDOW_S + 1)
    assert [entry.event for entry in between(world, "a", "b")] == ["offer", "undelivered"]


def test_claims(world: World) -> None:
    a = world.peer("a")
    world.peer("w", role="worker")
    (claimed,) = a.say({"type": "claim_peer", "filters": {"role": "worker"}})
    a.say({"type": "claim_peer", "filters": {"role": "worker"}, "wait_s": 5})
    a.say({"type": "release_claim", "claim_id": claimed["claim_id"]})
    seen = [(entry.event, entry.to) for entry in of(world, "a")[1:]]
    assert seen[:2] == [("claimed", "w"), ("claim_waits", of(world, "a")[2].to)]
    assert seen[2:] == [("claim_ended", "w"), ("claimed", "w")]


def test_refusals_are_counted_and_belong_to_the_pair_where_there_is_one(world: World) -> None:
    a = world.peer("a")
    a.say(offer("nobody"))
    a.say(offer("no name of a peer\n"))
    a.say({"type": "offer", "sender": "b", "target": "c", "sdp": ""})
    for _ in range(3):
        a.say(b"not json")
    a.say({"type": "made up"})
    room = world.hub.chronicle.rooms["room"]
    assert [(entry.code, entry.said) for entry in between(world, "a", "nobody")] == [("PEER_NOT_FOUND", "offer")]
    assert room.refusals == {
        "PEER_NOT_FOUND": 2,
        "SENDER_MISMATCH": 1,
        "INVALID_JSON": 3,
        "UNKNOWN_MESSAGE_TYPE": 1,
    }
    assert [(entry.code, entry.count) for entry in of(world, "a")[1:]] == [
        ("PEER_NOT_FOUND", 1),
        ("INVALID_JSON", 3),
        ("UNKNOWN_MESSAGE_TYPE", 1),
    ]
    assert set(room.pairs) == {("a", "nobody"), ("a", "c")}


def test_those_who_were_not_let_in(world: World) -> None:
    world.peer("a")
    world.connect().register("b", user="b", room_id="elsewhere", protocol=0)
    stranger = world.connect()
    stranger.say({"type": "register", "peer_id": "a", "room_id": "room", "token": "t", "id_token": "forged"})
    world.connect().register("a", user="another")
    world.connect().register("a", user="another")
    seen = [(entry.event, entry.code, entry.count) for entry in of(world, "a")[1:]]
    assert seen == [("turned_away", "INVALID_ID_TOKEN", 1), ("turned_away", "PEER_ID_TAKEN", 2)]
    assert not world.hub.chronicle.rooms["room"].peers["a"].gone
    assert "elsewhere" not in world.hub.chronicle.rooms


def test_a_report_counts_only_between_those_who_signalled(world: World) -> None:
    a = world.peer("a", protocol=2)
    world.peer("b")
    told = {"type": "report", "peer_id": "b", "state": "connected", "local": "host", "remote": "relay", "took_ms": 5}
    a.heard()
    assert a.say(told) == []
    assert between(world, "a", "b") == []
    a.say(offer("b"))
    a.say(told)
    last = between(world, "a", "b")[-1]
    assert (last.event, last.local, last.remote, last.took_ms) == ("connected", "host", "relay", 5)
    assert [answer["code"] for answer in a.say(told | {"local": "made up"})] == ["INVALID_MESSAGE"]


def test_whoever_sends_much_is_recorded_for_a_while_and_then_no_more_until_the_next_window(world: World) -> None:
    a = world.peer("a")
    world.peer("b")
    for _ in range(2 * limits.SIGNALS_PER_SENDER):
        a.say({"type": "candidate", "target": "b", "candidate": None})
    pair = world.hub.chronicle.rooms["room"].between("a", "b")
    assert pair is not None
    assert pair.sent == limits.SIGNALS_PER_SENDER
    assert [entry.event for entry in of(world, "a")] == ["registered", "not_recorded"]
    world.clock.advance(limits.WINDOW_S)
    a.say(offer("b"))
    assert pair.entries[-1].event == "offer"
    assert len(pair.entries) <= PAIR_ENTRIES


def test_all_together_are_bounded_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIGNALS_IN_ALL", 10)
    a, b = world.peer("a"), world.peer("b")
    for _ in range(8):
        a.say(offer("b"))
        b.say(offer("a"))
    assert len(world.hub.chronicle) == 10


def test_what_is_remembered_of_a_pair_is_bounded_and_candidates_go_first(world: World) -> None:
    a = world.peer("a")
    world.peer("b")
    a.say(offer("b"))
    for _ in range(200):
        a.say({"type": "candidate", "target": "b", "candidate": None})
    entries = between(world, "a", "b")
    assert len(entries) <= PAIR_ENTRIES
    assert entries[0].event == "offer"
    assert len(world.hub.chronicle) == len(entries)


def test_what_is_remembered_of_a_peer_is_bounded(world: World) -> None:
    a = world.peer("a")
    for number in range(3 * PEER_ENTRIES):
        a.say(b"no json" if number % 2 else {"type": "made up"})
    assert len(of(world, "a")) <= PEER_ENTRIES
    assert world.hub.chronicle.rooms["room"].peers["a"].refusals == 3 * PEER_ENTRIES


def test_a_peer_can_only_push_its_own_pairs_out(world: World) -> None:
    flood, a = world.peer("flood"), world.peer("a")
    a.say(offer("flood"))
    for number in range(2 * PAIRS_OPENED):
        flood.say(offer(f"nobody-{number}"))
    room = world.hub.chronicle.rooms["room"]
    assert len(room.pairs) == PAIRS_OPENED + 1
    assert room.between("a", "flood") is not None
    assert room.between("flood", "nobody-0") is None
    assert len(world.hub.chronicle) == PAIRS_OPENED + 1


def test_the_quietest_pairs_are_forgotten_when_there_are_too_many_entries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAIR_ENTRIES_IN_ALL", 5)
    a = world.peer("a")
    for name in "bcd":
        world.peer(name)
        a.say(offer(name))
        a.say(offer(name))
    assert len(world.hub.chronicle) == 4
    assert set(world.hub.chronicle.rooms["room"].pairs) == {("a", "c"), ("a", "d")}


def test_those_who_left_are_remembered_for_some_minutes_and_then_nothing_of_them(world: World) -> None:
    a, b = world.peer("a"), world.peer("b")
    a.say(offer("b"))
    a.say({"type": "leave"})
    world.clock.advance(limits.KEEP_S - 1)
    world.hub.chronicle.prune()
    assert [entry.event for entry in of(world, "a")] == ["registered", "left"]
    assert between(world, "a", "b") != []
    world.clock.advance(2)
    world.hub.chronicle.prune()
    assert set(world.hub.chronicle.rooms["room"].peers) == {"b"}
    assert len(world.hub.chronicle) == 0
    b.say({"type": "leave"})
    world.clock.advance(limits.KEEP_S + 1)
    world.hub.chronicle.prune()
    assert world.hub.chronicle.rooms == {}


def test_those_who_left_are_not_remembered_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GONE_PEERS_IN_ROOM", 3)
    monkeypatch.setattr(limits, "GONE_PEERS", 4)
    for room in ("one", "two"):
        world.peer("stays", room_id=room)
        for number in range(6):
            world.peer(f"p{number}", room_id=room).say({"type": "leave"})
    peers = {name: set(room.peers) for name, room in world.hub.chronicle.rooms.items()}
    assert peers == {"one": {"stays", "p5"}, "two": {"stays", "p3", "p4", "p5"}}


def test_a_room_that_is_removed_is_remembered_too(world: World) -> None:
    world.peer("a")
    world.hub.remove_room("room")
    assert [(entry.event, entry.reason) for entry in of(world, "a")][-1] == ("left", "room_closed")
