"""Membership and routing, without a session or a socket."""

import pytest

from heliograph_protocol import CloseCode, Envelope
from heliograph_server.errors import PeerIdTaken, RoomFull
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.forwarding import Refused, forward
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.member import Entrance, Member
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS

from .links import Clock, MemoryConnection

ANN = User(issuer="test", subject="ann")
BOB = User(issuer="test", subject="bob")


@pytest.fixture
def hub() -> Hub:
    clock = Clock()
    return Hub(timers=clock, wall_clock=clock, resume_window_s=30)


def join(
    hub: Hub,
    peer_id: str,
    user: User,
    *,
    room: str = "room",
    link: MemoryConnection | None = None,
    max_peers: int = 9,
    role: str = "peer",
) -> Member:
    entrance = Entrance(peer_id=peer_id, user=user, role=role, grants=ROOM_TOKEN_GRANTS)
    made = Room(room_id=room, token="t", owner=ANN, created_at=0, expires_at=2**40, max_peers=max_peers)
    return hub.join(made, entrance, link or MemoryConnection())


def offer(sender: Member, target: str) -> None:
    forward(sender, Envelope(type="offer", sender=sender.peer_id, target=target), b"x")


def test_a_stranger_cannot_take_a_peer_id(hub: Hub) -> None:
    ann = join(hub, "Worker-1", ANN)
    with pytest.raises(PeerIdTaken):
        join(hub, "Worker-1", BOB)
    assert hub.member("room", "Worker-1") is ann
    assert ann.link.connection is not None
    assert not ann.link.connection.closed


def test_the_same_user_takes_its_peer_id_over(hub: Hub) -> None:
    old_link, new_link = MemoryConnection(), MemoryConnection()
    join(hub, "Worker-1", ANN, link=old_link)
    new = join(hub, "Worker-1", ANN, link=new_link)
    assert old_link.close_code == CloseCode.REPLACED
    assert hub.member("room", "Worker-1") is new


def test_a_replaced_connection_that_ends_leaves_its_successor_alone(hub: Hub) -> None:
    old = join(hub, "Worker-1", ANN)
    new = join(hub, "Worker-1", ANN)
    hub.leave(old)
    assert hub.member("room", "Worker-1") is new
    hub.leave(new)
    assert not hub.occupied("room")


def test_a_full_room_refuses_newcomers_but_not_a_return(hub: Hub) -> None:
    join(hub, "a", ANN, max_peers=2)
    join(hub, "b", ANN, max_peers=2)
    with pytest.raises(RoomFull):
        join(hub, "c", ANN, max_peers=2)
    join(hub, "a", ANN, max_peers=2)
    assert len(list(hub)) == 2


def test_a_refused_join_of_an_empty_room_leaves_nothing_behind(hub: Hub) -> None:
    with pytest.raises(RoomFull):
        join(hub, "a", ANN, max_peers=0)
    assert hub.room_count() == 0


def test_frames_stay_in_their_room(hub: Hub) -> None:
    here, there = MemoryConnection(), MemoryConnection()
    sender = join(hub, "sender", ANN)
    join(hub, "target", BOB, link=here)
    join(hub, "target", BOB, room="other", link=there)
    offer(sender, "target")
    assert here.frames == [b"x"]
    assert there.frames == []


def test_nobody_took_a_frame_for_an_absent_or_closed_peer(hub: Hub) -> None:
    link = MemoryConnection()
    sender = join(hub, "sender", ANN)
    join(hub, "target", BOB, link=link)
    with pytest.raises(Refused, match="No peer nobody"):
        offer(sender, "nobody")
    link.close(4009, "slow")
    with pytest.raises(Refused, match="No peer target"):
        offer(sender, "target")


def test_removing_a_room_puts_everyone_out_and_nobody_else(hub: Hub) -> None:
    inside, outside = MemoryConnection(), MemoryConnection()
    member = join(hub, "a", ANN, link=inside)
    join(hub, "a", ANN, room="other", link=outside)
    assert hub.remove_room("room") == 1
    assert inside.close_code == CloseCode.REMOVED
    assert not outside.closed
    hub.leave(member)
    assert hub.occupied("other")
    assert not hub.occupied("room")
    assert hub.remove_room("room") == 0


def test_a_connection_of_a_removed_room_does_not_touch_its_successor(hub: Hub) -> None:
    old = join(hub, "a", ANN)
    hub.remove_room("room")
    new = join(hub, "a", ANN)
    hub.leave(old)
    assert hub.member("room", "a") is new
    with pytest.raises(Refused, match="No peer a"):
        offer(old, "a")


def test_removing_one_peer(hub: Hub) -> None:
    link = MemoryConnection()
    member = join(hub, "a", ANN, link=link)
    join(hub, "b", BOB)
    hub.remove_peer(member)
    assert link.close_code == CloseCode.REMOVED
    assert hub.member("room", "a") is None
    assert hub.occupied("room")


def test_a_peer_id_is_found_in_every_room(hub: Hub) -> None:
    first = join(hub, "a", ANN)
    second = join(hub, "a", BOB, room="other")
    join(hub, "b", BOB)
    assert hub.find("a") == [first, second]
    assert hub.find("nobody") == []


def test_peers_are_counted_by_role(hub: Hub) -> None:
    join(hub, "w", ANN, role="worker")
    join(hub, "c", ANN, role="client")
    join(hub, "d", ANN, role="client", room="other")
    assert hub.peers_by_role() == {"worker": 1, "client": 2}
