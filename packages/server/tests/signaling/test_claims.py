"""Claims: one worker for one client, in the order of asking, until given back, over, or gone."""

from typing import Any

import pytest

from heliograph_server.signaling.claims import CLAIMS_PER_ROOM, WAITING_PER_PEER

from .links import RESUME_WINDOW_S, Peer, World

CLAIM = {"type": "claim_peer", "filters": {"role": "worker"}}


@pytest.fixture
def world() -> World:
    return World()


def worker(world: World, peer_id: str = "w", **fields: Any) -> Peer:
    return world.peer(peer_id, role="worker", protocol=2, **fields)


def client(world: World, peer_id: str, **fields: Any) -> Peer:
    peer = world.peer(peer_id, role="client", protocol=2, **fields)
    peer.heard()
    return peer


def of_claims(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m for m in messages if m["type"] in {"peer_claimed", "claim_queued", "claim_released", "claimed", "error"}]


def heard_claims(peer: Peer) -> list[dict[str, Any]]:
    return of_claims(peer.heard())


def claim(peer: Peer, **fields: Any) -> dict[str, Any]:
    (heard,) = of_claims(peer.say(CLAIM | fields))
    return heard


def test_a_claim_holds_a_worker_and_tells_it(world: World) -> None:
    held, ann, bob = worker(world), client(world, "ann"), client(world, "bob")
    made = claim(ann, ref=1, ttl_s=90)
    assert (made["type"], made["ref"], made["peer"]["peer_id"]) == ("peer_claimed", 1, "w")
    assert made["peer"]["claimed_by"] == ["ann"]
    assert made["expires_at"] == world.clock() + 90
    assert heard_claims(held) == [{"type": "claimed", "claim_id": made["claim_id"], "by": "ann"}]
    assert claim(bob, ref=2)["code"] == "NO_PEER_AVAILABLE"
    (listed,) = [p for p in bob.say({"type": "discover_peers"})[0]["peers"] if p["peer_id"] == "w"]
    assert listed["claimed_by"] == ["ann"]


def test_release_answers_tells_and_frees(world: World) -> None:
    held, ann, bob = worker(world), client(world, "ann"), client(world, "bob")
    claim_id = claim(ann)["claim_id"]
    held.heard()
    (heard,) = bob.say({"type": "release_claim", "claim_id": claim_id})
    assert heard["code"] == "INVALID_MESSAGE"
    assert ann.say({"type": "release_claim", "claim_id": claim_id, "ref": 4}) == [
        {"type": "claim_released", "ref": 4, "claim_id": claim_id}
    ]
    assert heard_claims(held) == [{"type": "claim_released", "claim_id": claim_id, "reason": "released"}]
    assert ann.say({"type": "release_claim", "claim_id": claim_id})[0]["code"] == "INVALID_MESSAGE"
    assert claim(bob)["type"] == "peer_claimed"


def test_a_claim_expires_after_60_seconds_unless_it_says_otherwise(world: World) -> None:
    held, ann = worker(world), client(world, "ann")
    claim_id = claim(ann)["claim_id"]
    held.heard()
    world.clock.advance(59)
    assert heard_claims(held) == []
    world.clock.advance(1)
    expired = [{"type": "claim_released", "claim_id": claim_id, "reason": "expired"}]
    assert (heard_claims(held), heard_claims(ann)) == (expired, expired)
    assert claim(ann)["type"] == "peer_claimed"


@pytest.mark.parametrize(("field", "value"), [("ttl_s", 3601), ("ttl_s", 0), ("wait_s", -1), ("wait_s", 3601)])
def test_times_have_bounds(world: World, field: str, value: int) -> None:
    assert claim(client(world, "ann"), **{field: value})["code"] == "INVALID_MESSAGE"


def test_claims_of_level_1_are_answered_and_nothing_else_is_said(world: World) -> None:
    world.peer("w", role="worker")
    old = world.peer("old")
    made = claim(old)
    assert made["type"] == "peer_claimed"
    world.clock.advance(60)
    assert old.heard() == []


@pytest.mark.parametrize("goes", ["leave", "window", "removed"])
def test_a_claimed_peer_that_goes_for_good_ends_the_claim(world: World, goes: str) -> None:
    held, ann = worker(world), client(world, "ann")
    claim_id = claim(ann, ttl_s=600)["claim_id"]
    if goes == "leave":
        held.say({"type": "leave"})
    elif goes == "window":
        held.drop()
        assert heard_claims(ann) == []
        world.clock.advance(RESUME_WINDOW_S)
    else:
        member = world.hub.member("room", "w")
        assert member is not None
        world.hub.remove_peer(member)
    assert heard_claims(ann) == [{"type": "claim_released", "claim_id": claim_id, "reason": "left"}]


def test_a_claimer_that_goes_for_good_frees_its_worker_for_the_next(world: World) -> None:
    held, ann, bob = worker(world), client(world, "ann"), client(world, "bob")
    claim(ann, ttl_s=600)
    assert claim(bob, wait_s=100) == {"type": "claim_queued", "position": 1}
    held.heard()
    ann.drop()
    assert heard_claims(bob) == []
    world.clock.advance(RESUME_WINDOW_S)
    assert heard_claims(bob)[0]["type"] == "peer_claimed"
    assert [m["type"] for m in heard_claims(held)] == ["claim_released", "claimed"]


def test_first_come_first_served_and_positions_are_told(world: World) -> None:
    worker(world)
    holder, *line = [client(world, f"c{number}") for number in range(5)]
    first_claim = claim(holder)
    for position, waiting in enumerate(line, start=1):
        assert claim(waiting, wait_s=100, ref=position) == {
            "type": "claim_queued",
            "ref": position,
            "position": position,
        }
    holder.say({"type": "release_claim", "claim_id": first_claim["claim_id"]})
    (made,) = heard_claims(line[0])
    assert (made["type"], made["ref"]) == ("peer_claimed", 1)
    for position, waiting in enumerate(line[1:], start=1):
        assert heard_claims(waiting) == [{"type": "claim_queued", "ref": position + 1, "position": position}]
    line[1].say({"type": "leave"})
    assert heard_claims(line[2]) == [{"type": "claim_queued", "ref": 3, "position": 1}]


def test_waiting_in_vain_ends_with_an_error(world: World) -> None:
    ann = client(world, "ann")
    assert claim(ann, wait_s=30, ref="w")["type"] == "claim_queued"
    world.clock.advance(29.9)
    assert heard_claims(ann) == []
    world.clock.advance(0.1)
    (heard,) = heard_claims(ann)
    assert (heard["code"], heard["ref"]) == ("NO_PEER_AVAILABLE", "w")
    worker(world)
    assert heard_claims(ann) == []


def test_who_waits_for_something_else_does_not_hold_up_the_line(world: World) -> None:
    held, picky, easy = worker(world), client(world, "picky"), client(world, "easy")
    wanted = {"role": "worker", "properties": {"gpu": True}}
    assert claim(picky, filters=wanted, wait_s=100)["position"] == 1
    assert claim(easy)["type"] == "peer_claimed"
    held.say({"type": "update_metadata", "metadata": {"properties": {"max_claims": 2}}})
    assert heard_claims(picky) == []
    held.say({"type": "update_metadata", "metadata": {"properties": {"gpu": True}}})
    assert heard_claims(picky)[0]["type"] == "peer_claimed"


def test_a_new_worker_is_told_of_a_claim_only_after_it_is_registered(world: World) -> None:
    ann = client(world, "ann")
    claim(ann, wait_s=100)
    new = world.connect()
    kinds = [m["type"] for m in new.register("w", user="w", role="worker", protocol=2)]
    assert kinds == ["registered_auth", "claimed"]
    assert heard_claims(ann)[0]["type"] == "peer_claimed"


def test_away_peers_are_claimed_when_they_are_back(world: World) -> None:
    lost, ann = worker(world), client(world, "ann")
    lost.drop()
    assert claim(ann)["code"] == "NO_PEER_AVAILABLE"
    assert claim(ann, wait_s=100)["type"] == "claim_queued"
    session = lost.welcome["session"]
    resume = {"session_id": session["session_id"], "secret": session["secret"], "received": 1}
    kinds = [m["type"] for m in world.connect().register("w", user="w", protocol=2, resume=resume)]
    assert kinds[0] == "registered_auth"
    assert kinds[-1] == "claimed"
    assert heard_claims(ann)[-1]["type"] == "peer_claimed"


def test_one_does_not_claim_oneself_nor_across_groups(world: World) -> None:
    assert claim(worker(world))["code"] == "NO_PEER_AVAILABLE"
    assert claim(client(world, "ann", groups=["elsewhere"]))["code"] == "NO_PEER_AVAILABLE"


def test_sight_gained_through_groups_serves_who_waits(world: World) -> None:
    worker(world, groups=["g"])
    ann = client(world, "ann")
    assert claim(ann, wait_s=100)["type"] == "claim_queued"
    heard = ann.say({"type": "set_groups", "groups": ["g"]})
    assert [m["type"] for m in of_claims(heard)] == ["peer_claimed"]


@pytest.mark.parametrize(
    ("max_claims", "capacity"), [(1, 1), (3, 3), (0, 0), (-1, 1), (True, 1), (False, 1), ("3", 1), (1.5, 1), (None, 1)]
)
def test_a_worker_takes_as_many_claims_as_it_says(world: World, max_claims: Any, capacity: int) -> None:
    worker(world, metadata={"properties": {"max_claims": max_claims}})
    results = [claim(client(world, f"c{number}"))["type"] for number in range(4)]
    assert results == ["peer_claimed"] * capacity + ["error"] * (4 - capacity)


def test_claims_spread_over_the_workers(world: World) -> None:
    for number in range(3):
        worker(world, f"w{number}", metadata={"properties": {"max_claims": 10}})
    ann = client(world, "ann")
    made = [claim(ann) for _ in range(6)]
    counts = [sum(m["peer"]["peer_id"] == f"w{number}" for m in made) for number in range(3)]
    assert counts == [2, 2, 2]
    ids = [m["claim_id"] for m in made]
    for claim_id in ids[:5]:
        ann.say({"type": "release_claim", "claim_id": claim_id})
    used = {claim(ann)["peer"]["peer_id"] for _ in range(2)}
    assert len(used) == 2


def test_of_equally_free_workers_the_one_claimed_longest_ago_is_next(world: World) -> None:
    for number in range(3):
        worker(world, f"w{number}")
    ann = client(world, "ann")
    used = []
    for _ in range(6):
        made = claim(ann)
        used.append(made["peer"]["peer_id"])
        ann.say({"type": "release_claim", "claim_id": made["claim_id"]})
    assert used == ["w0", "w1", "w2"] * 2


def test_a_level_1_peer_in_line_is_told_where_it_starts_and_no_more(world: World) -> None:
    worker(world)
    holder, old = client(world, "holder"), world.peer("old")
    first_claim, second = claim(holder), claim(client(world, "ann"), wait_s=100)
    assert (second["position"], claim(old, wait_s=100)["position"]) == (1, 2)
    holder.say({"type": "release_claim", "claim_id": first_claim["claim_id"]})
    assert old.heard() == []


def test_one_peer_does_not_fill_the_line(world: World) -> None:
    greedy = client(world, "greedy")
    for _ in range(WAITING_PER_PEER):
        assert claim(greedy, wait_s=100)["type"] == "claim_queued"
    assert claim(greedy, wait_s=100)["code"] == "RATE_LIMITED"
    assert claim(client(world, "ann"), wait_s=100)["position"] == WAITING_PER_PEER + 1


def test_a_room_takes_so_many_claims_made_or_waiting(world: World) -> None:
    worker(world, metadata={"properties": {"max_claims": CLAIMS_PER_ROOM - 1}})
    greedy, ann = client(world, "greedy"), client(world, "ann")
    made = [claim(greedy)["claim_id"] for _ in range(CLAIMS_PER_ROOM - 1)]
    assert claim(ann, wait_s=100)["type"] == "claim_queued"
    for wait_s in (0, 100):
        assert claim(client(world, "bob"), wait_s=wait_s)["code"] == "NO_PEER_AVAILABLE"
    greedy.say({"type": "release_claim", "claim_id": made[0]})
    assert heard_claims(ann)[0]["type"] == "peer_claimed"
    assert claim(ann, wait_s=100)["type"] == "claim_queued"
    greedy.say({"type": "leave"})
    assert heard_claims(ann)[-1]["type"] == "peer_claimed"
    assert claim(ann)["type"] == "peer_claimed"


def test_of_several_claims_in_line_each_gets_a_peer_of_its_own(world: World) -> None:
    for number in range(3):
        worker(world, f"w{number}", groups=["g"])
    ann = client(world, "ann")
    assert [claim(ann, wait_s=100)["type"] for _ in range(2)] == ["claim_queued"] * 2
    heard = of_claims(ann.say({"type": "set_groups", "groups": ["g"]}))
    assert [message["type"] for message in heard] == ["peer_claimed"] * 2
    assert len({message["peer"]["peer_id"] for message in heard}) == 2


def test_a_bad_filter_is_told(world: World) -> None:
    heard = claim(client(world, "ann"), filters={"properties": {"x": {"$regex": "."}}})
    assert heard["code"] == "INVALID_MESSAGE"
    assert "$regex" in heard["message"]


def test_a_replaced_peer_loses_its_claims(world: World) -> None:
    worker(world)
    ann = client(world, "ann")
    claim(ann)
    again = client(world, "ann")
    assert claim(again)["type"] == "peer_claimed"


def test_who_leaves_while_it_waits_does_not_get_what_its_own_leaving_frees(world: World) -> None:
    worker(world)
    ann, bob = client(world, "ann"), client(world, "bob")
    claim(ann, ttl_s=600)
    claim(ann, wait_s=600)
    ann.say({"type": "leave"})
    assert claim(bob)["type"] == "peer_claimed"


def test_a_closed_room_leaves_no_timer(world: World) -> None:
    worker(world)
    ann, bob = client(world, "ann"), client(world, "bob")
    claim(ann, ttl_s=600)
    claim(bob, wait_s=600)
    world.hub.remove_room("room")
    assert world.clock.pending() == 0


def test_when_all_have_gone_no_timer_is_left(world: World) -> None:
    held = worker(world)
    ann, bob = client(world, "ann"), client(world, "bob")
    claim(ann, ttl_s=600)
    claim(bob, wait_s=600)
    for peer in (bob, ann, held):
        peer.say({"type": "leave"})
    assert world.clock.pending() == 0
