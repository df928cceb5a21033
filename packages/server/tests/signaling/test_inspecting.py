"""Who may inspect what, and what they are shown."""

from typing import Any

import pytest

from heliograph_server.inspection import inspectors as limits
from heliograph_server.inspection.room_view import LISTED_PAIRS
from heliograph_server.inspection.trails import PAIRS_OPENED

from .links import Peer, World

OWNER = "owner"


@pytest.fixture
def world() -> World:
    return World()


def watcher(world: World, **fields: Any) -> Peer:
    return world.peer("watcher", user=OWNER, protocol=2, **fields)


def updates(world: World, peer: Peer) -> list[dict[str, Any]]:
    """What is pushed at the next turn."""
    world.inspectors.push()
    return [message for message in peer.heard() if message["type"] in {"inspection", "inspection_update"}]


def test_the_creator_sees_who_is_there_and_what_they_said(world: World) -> None:
    a = world.peer("a", protocol=2, role="client", groups=["one", "two"])
    world.peer("b", groups=["one"])
    world.clock.advance(1)
    a.say({"type": "offer", "target": "b", "sdp": "v=0"})
    world.clock.advance(1)
    (view,) = watcher(world).say({"type": "inspect", "ref": 7})
    room = view["room"]
    assert (view["type"], view["ref"], room["room_id"], room["open"]) == ("inspection", 7, "room", True)
    peers = {peer["peer_id"]: peer for peer in room["peers"]}
    assert set(peers) == {"a", "b", "watcher"}
    assert (peers["a"]["status"], peers["a"]["role"], peers["a"]["groups"]) == ("online", "client", ["one", "two"])
    assert "manage" in peers["watcher"]["grants"]
    (pair,) = room["pairs"]
    assert (pair["a"], pair["b"], pair["sent"], pair["received"]) == ("a", "b", 1, 0)
    assert pair["diagnosis"]["verdict"] == "waits_for_answer"
    assert [entry["event"] for entry in room["timeline"]] == ["registered", "registered", "offer", "registered"]


@pytest.mark.parametrize("protocol", [1, 2])
def test_nobody_else_may(world: World, protocol: int) -> None:
    peer = world.peer("a", protocol=protocol)
    (answer,) = peer.say({"type": "inspect", "ref": 1})
    assert (answer["code"], answer["ref"]) == ("NOT_PERMITTED", 1)
    world.peer("b")
    assert updates(world, peer) == []


def test_not_at_level_1(world: World) -> None:
    peer = world.peer("a", user=OWNER)
    (answer,) = peer.say({"type": "inspect"})
    assert answer["code"] == "INVALID_MESSAGE"
    world.peer("b")
    world.inspectors.push()
    assert peer.heard() == []


def test_the_creator_of_a_room_sees_no_other_one(world: World) -> None:
    peer = watcher(world)
    world.peer("a", room_id="other")
    (answer,) = peer.say({"type": "inspect", "room_id": "other"})
    assert answer["code"] == "NOT_PERMITTED"
    (answer,) = peer.say({"type": "inspect", "operator_token": world.operator_token})
    assert answer["code"] == "INVALID_MESSAGE"


def test_changes_are_pushed_and_only_they(world: World) -> None:
    a, _ = world.peer("a"), world.peer("b")
    peer = watcher(world)
    peer.say({"type": "inspect"})
    assert updates(world, peer) == []
    a.say({"type": "offer", "target": "b", "sdp": "v=0"})
    world.clock.advance(1)
    a.say({"type": "offer", "target": "nobody", "sdp": "v=0"})
    (update,) = updates(world, peer)
    room = update["room"]
    assert [entry["event"] for entry in room["timeline"]] == ["offer", "refused"]
    assert [(pair["b"], pair["diagnosis"]["verdict"]) for pair in room["pairs"]] == [
        ("nobody", "never_there"),
        ("b", "waits_for_answer"),
    ]
    assert [(row["peer_id"], row["refusals"]) for row in room["peers"]] == [("a", 1)]
    assert room["refusals"] == {"PEER_NOT_FOUND": 1}
    assert updates(world, peer) == []


def test_pairs_that_are_reported_no_longer_are_named(world: World) -> None:
    a, b = world.peer("a"), world.peer("b")
    peer = watcher(world)
    peer.say({"type": "inspect"})
    shown: set[tuple[str, str]] = set()
    b.say({"type": "offer", "target": "a", "sdp": ""})
    flood = [a, *(world.peer(f"flood-{number}") for number in range(LISTED_PAIRS // PAIRS_OPENED))]
    for number in range(2 * PAIRS_OPENED):
        world.clock.advance(0.1)
        for one in flood:
            one.say({"type": "offer", "target": f"nobody-{number}", "sdp": ""})
        for update in updates(world, peer) if number % 20 == 19 else ():
            shown -= {(one, other) for one, other in update["room"].get("forgotten_pairs", [])}
            shown |= {(pair["a"], pair["b"]) for pair in update["room"].get("pairs", [])}
        assert len(shown) <= LISTED_PAIRS
    (view,) = peer.say({"type": "inspect"})
    assert shown == {(pair["a"], pair["b"]) for pair in view["room"]["pairs"]}
    assert ("a", "b") not in shown
    assert ("a", "nobody-0") not in shown
    assert ("a", f"nobody-{2 * PAIRS_OPENED - 1}") in shown


def test_those_whose_signals_are_forgotten_are_no_pair_any_more(world: World) -> None:
    a, b = world.peer("a"), world.peer("b")
    a.say({"type": "offer", "target": "b", "sdp": ""})
    peer = watcher(world)
    peer.say({"type": "inspect"})
    a.say({"type": "leave"})
    assert "forgotten_pairs" not in updates(world, peer)[0]["room"]
    world.clock.advance(3600)
    world.hub.chronicle.prune()
    room = updates(world, peer)[0]["room"]
    assert (room["forgotten"], room["forgotten_pairs"], room["pair_count"]) == (["a"], [["a", "b"]], 0)
    b.say({"type": "offer", "target": "a", "sdp": ""})
    (update,) = updates(world, peer)
    assert [(pair["a"], pair["b"]) for pair in update["room"]["pairs"]] == [("a", "b")]


def test_time_alone_changes_a_diagnosis(world: World) -> None:
    a, _ = world.peer("a"), world.peer("b")
    a.say({"type": "offer", "target": "b", "sdp": "v=0"})
    peer = watcher(world)
    peer.say({"type": "inspect"})
    world.clock.advance(20)
    (update,) = updates(world, peer)
    assert update["room"]["pairs"][0]["diagnosis"]["verdict"] == "no_answer"


def test_those_who_leave_stay_in_sight(world: World) -> None:
    world.peer("a", role="worker").say({"type": "leave"})
    peer = watcher(world)
    (view,) = peer.say({"type": "inspect"})
    gone = next(row for row in view["room"]["peers"] if row["peer_id"] == "a")
    assert (gone["status"], gone["role"]) == ("gone", "worker")
    assert view["room"]["peer_count"] == 1


def test_two_peers_on_one_screen(world: World) -> None:
    a, b, c = (world.peer(name) for name in "abc")
    a.say({"type": "offer", "target": "b", "sdp": ""})
    a.say({"type": "offer", "target": "c", "sdp": ""})
    c.say({"type": "offer", "target": "b", "sdp": ""})
    peer = watcher(world)
    (view,) = peer.say({"type": "inspect", "peers": ["b", "a"]})
    seen = [(entry["event"], entry["peer"], entry.get("to")) for entry in view["room"]["timeline"]]
    assert seen == [("registered", "a", None), ("registered", "b", None), ("offer", "a", "b")]
    assert (view["room"]["focus"], view["room"]["diagnosis"]["mood"]) == (["a", "b"], "waiting")
    c.say({"type": "quit", "target": "b"})
    b.say({"type": "error", "target": "a", "reason": "worker_busy"})
    (update,) = updates(world, peer)
    assert [entry["event"] for entry in update["room"]["timeline"]] == ["error"]
    assert update["room"]["diagnosis"]["verdict"] == "worker_busy"


def test_one_peer(world: World) -> None:
    a, _, c = (world.peer(name) for name in "abc")
    c.say({"type": "offer", "target": "b", "sdp": ""})
    peer = watcher(world)
    peer.say({"type": "inspect", "peers": ["c"]})
    a.say({"type": "offer", "target": "c", "sdp": ""})
    a.say({"type": "offer", "target": "b", "sdp": ""})
    (update,) = updates(world, peer)
    assert [(entry["peer"], entry["to"]) for entry in update["room"]["timeline"]] == [("a", "c")]


def test_all_who_look_at_the_same_get_the_same(world: World) -> None:
    first, second = watcher(world), world.peer("second", user=OWNER, protocol=2)
    first.say({"type": "inspect"})
    world.peer("a")
    (view, *_) = [message for message in second.say({"type": "inspect"}) if message["type"] == "inspection"]
    assert {row["peer_id"] for row in view["room"]["peers"]} == {"watcher", "second", "a"}
    (late,) = [message for message in first.heard() if message["type"] == "inspection_update"]
    assert "a" in {row["peer_id"] for row in late["room"]["peers"]}
    second.heard()
    world.peer("b")
    world.inspectors.push()
    pushed = [[frame for frame in peer.connection.frames if b"inspection_update" in frame] for peer in (first, second)]
    assert pushed[0] == pushed[1]
    assert len(pushed[0]) == 1
    assert pushed[0][0] is pushed[1][0], "encoded once"


def test_one_who_does_not_keep_up_misses_changes_and_then_gets_the_whole(world: World) -> None:
    peer = watcher(world)
    peer.say({"type": "inspect"})
    peer.connection.buffered = 1024 * 1024
    for name in "abc":
        world.peer(name)
        assert updates(world, peer) == []
    peer.connection.buffered = 0
    world.peer("d")
    (view,) = updates(world, peer)
    assert view["type"] == "inspection"
    assert {row["peer_id"] for row in view["room"]["peers"]} == {"watcher", "a", "b", "c", "d"}
    world.peer("e")
    (update,) = updates(world, peer)
    assert update["type"] == "inspection_update"


def test_it_ends_on_request_and_with_the_connection(world: World) -> None:
    peer = watcher(world)
    peer.say({"type": "inspect"})
    assert peer.say({"type": "inspect_stop", "ref": 3}) == [{"type": "inspect_stopped", "ref": 3}]
    assert peer.say({"type": "inspect_stop", "ref": 4}) == [{"type": "inspect_stopped", "ref": 4}]
    world.peer("a")
    assert updates(world, peer) == []
    peer.say({"type": "inspect"})
    assert len(world.inspectors) == 1
    peer.drop()
    assert len(world.inspectors) == 0
    assert world.hub.chronicle.rooms["room"].listeners == ()


def test_a_session_that_is_resumed_before_its_loss_is_noticed_goes_on_inspecting(world: World) -> None:
    peer = watcher(world)
    peer.say({"type": "inspect"})
    proof = peer.welcome["session"]
    back = world.connect()
    resume = {"session_id": proof["session_id"], "secret": proof["secret"], "received": 1}
    back.register("watcher", user=OWNER, protocol=2, resume=resume)
    back.say({"type": "inspect"})
    peer.session.disconnected()
    assert len(world.inspectors) == 1
    world.peer("a")
    assert [update["type"] for update in updates(world, back)] == ["inspection_update"]


def test_views_cost_and_are_limited(world: World) -> None:
    peer = watcher(world)
    answers = [peer.say({"type": "inspect"})[0] for _ in range(20)]
    refused = [answer["code"] for answer in answers if answer["type"] == "error"]
    assert refused == ["RATE_LIMITED"] * (20 - int(limits.VIEWS_BURST))
    assert len(world.inspectors) == 1
    world.clock.advance(2)
    assert peer.say({"type": "inspect"})[0]["type"] == "inspection"


def test_stopping_in_between_makes_no_new_views(world: World) -> None:
    peer = watcher(world)
    answers = []
    for _ in range(20):
        answers += peer.say({"type": "inspect"})
        peer.say({"type": "inspect_stop"})
    assert [answer["type"] for answer in answers].count("inspection") == int(limits.VIEWS_BURST)


def test_those_who_inspect_are_limited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WATCHERS", 1)
    watcher(world).say({"type": "inspect"})
    (answer,) = world.peer("second", user=OWNER, protocol=2).say({"type": "inspect"})
    assert answer["code"] == "RATE_LIMITED"


def test_an_operator_sees_all_rooms(world: World) -> None:
    a, _ = world.peer("a", room_id="one"), world.peer("b", room_id="one")
    world.peer("c", room_id="two", protocol=2).drop()
    a.say({"type": "offer", "target": "nobody", "sdp": ""})
    operator = world.connect()
    (view,) = operator.say({"type": "inspect", "operator_token": world.operator_token, "ref": "x"})
    server = view["server"]
    assert (view["ref"], server["room_count"], server["peer_count"]) == ("x", 2, 3)
    assert server["refusals"] == {"PEER_NOT_FOUND": 1}
    rooms = {row["room_id"]: row for row in server["rooms"]}
    assert (rooms["one"]["peers"], rooms["one"]["refusals"], rooms["one"]["troubled"]) == (2, 1, 1)
    assert rooms["two"]["away"] == 1
    assert server["node"]["memory_bytes"] > 1_000_000
    world.clock.advance(11)  # it is not asked to register
    assert not operator.connection.closed
    assert operator.say({"type": "ping", "ref": 1}) == [{"type": "pong", "time": int(world.clock()), "ref": 1}]


def test_an_operator_goes_from_all_rooms_to_one_and_back(world: World) -> None:
    world.peer("a", room_id="one")
    operator = world.connect()
    operator.say({"type": "inspect", "operator_token": world.operator_token})
    (view,) = operator.say({"type": "inspect", "room_id": "one", "peers": ["a"]})
    assert [entry["event"] for entry in view["room"]["timeline"]] == ["registered"]
    world.peer("b", room_id="one")
    (update,) = updates(world, operator)
    assert [row["peer_id"] for row in update["room"]["peers"]] == ["b"]
    (nowhere,) = operator.say({"type": "inspect", "room_id": "nowhere"})
    assert nowhere["room"]["open"] is False
    (view,) = operator.say({"type": "inspect"})
    assert view["server"]["room_count"] == 1
    world.peer("c", room_id="two")
    (update,) = updates(world, operator)
    assert [row["room_id"] for row in update["server"]["rooms"]] == ["two"]
    assert operator.say({"type": "inspect_stop"}) == [{"type": "inspect_stopped"}]
    operator.say({"type": "inspect"})
    operator.drop()
    assert len(world.inspectors) == 0


def test_a_room_that_ends_and_begins_again_is_still_looked_at(world: World) -> None:
    operator = world.connect()
    operator.say({"type": "inspect", "operator_token": world.operator_token, "room_id": "room"})
    world.peer("a").say({"type": "leave"})
    assert [row["status"] for row in updates(world, operator)[0]["room"]["peers"]] == ["gone"]
    world.clock.advance(3600)
    world.hub.chronicle.prune()
    (update,) = updates(world, operator)
    assert update["room"]["forgotten"] == ["a"]
    world.peer("b")
    (update,) = updates(world, operator)
    assert [row["peer_id"] for row in update["room"]["peers"]] == ["b"]
    world.peer("c")
    (update,) = updates(world, operator)
    assert [entry["peer"] for entry in update["room"]["timeline"]] == ["c"]


@pytest.mark.parametrize("token", ["wrong", "", "the-operator's-token-of-this-serve", None])
def test_a_wrong_operator_token_is_refused_and_guesses_are_limited(world: World, token: str | None) -> None:
    stranger = world.connect()
    wish = {"type": "inspect"} | ({} if token is None else {"operator_token": token})
    for _ in range(5):
        (answer,) = stranger.say(wish)
        assert answer["code"] == "NOT_PERMITTED"
    assert stranger.connection.close_code == 4008
    assert len(world.inspectors) == 0


def test_without_a_token_in_the_settings_nobody_inspects_the_server() -> None:
    world = World(operator_token="")
    (answer,) = world.connect().say({"type": "inspect", "operator_token": ""})
    assert answer["code"] == "NOT_PERMITTED"


def test_an_operator_can_do_nothing_else(world: World) -> None:
    world.peer("a")
    operator = world.connect()
    operator.say({"type": "inspect", "operator_token": world.operator_token, "room_id": "room"})
    for message in (
        {"type": "register", "peer_id": "x", "room_id": "room", "token": "t", "id_token": "user:x"},
        {"type": "offer", "target": "a", "sdp": ""},
        {"type": "query"},
    ):
        (answer,) = operator.say(message)
        assert answer["code"] == "NOT_REGISTERED"
    (answer,) = operator.say({"type": "inspect", "peers": ["a"]})
    assert answer["code"] == "INVALID_MESSAGE"
    assert operator.say({"type": "inspect", "peers": "a"})[0]["code"] == "INVALID_MESSAGE"
    assert not operator.connection.closed


def test_reports_of_a_large_room_stay_within_what_may_be_sent(world: World) -> None:
    name = "x" * 120
    groups = [f"{number:02}" + "g" * 62 for number in range(12)]
    peers = [world.peer(f"{name}{number}", role="r" * 64, groups=groups) for number in range(400)]
    for peer in peers:
        peer.say({"type": "offer", "target": f"{name}0", "sdp": ""})
    peer = watcher(world)
    peer.session.receive(b'{"type":"inspect"}')
    (frame,) = peer.connection.frames
    assert len(frame) < 1024 * 1024
