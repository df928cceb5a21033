"""Who counts as gone for good: neither a peer that may come back, nor one that another connection took over."""

import pytest

from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.member import Entrance, Member
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS

from .links import Clock, MemoryConnection

ANN, BOB = (User(issuer="test", subject=name) for name in ("ann", "bob"))
ROOM = Room(room_id="room", token="t", owner=ANN, created_at=0, expires_at=2**40, max_peers=9)
WINDOW_S = 30


class Place:
    """A hub, its clock, and whom it said to be gone."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.gone: list[User] = []
        self.hub = Hub(timers=self.clock, wall_clock=self.clock, resume_window_s=WINDOW_S, gone=self.gone.append)

    def join(self, peer_id: str, user: User, *, resumable: bool = False) -> tuple[Member, MemoryConnection]:
        connection = MemoryConnection()
        entrance = Entrance(peer_id=peer_id, user=user, grants=ROOM_TOKEN_GRANTS, resumable=resumable)
        return self.hub.join(ROOM, entrance, connection), connection


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_level_1_peer_is_gone_with_its_connection(place: Place) -> None:
    member, connection = place.join("a", ANN)
    place.hub.disconnected(member, connection)
    assert place.gone == [ANN]


def test_a_level_2_peer_is_gone_when_its_time_to_come_back_is_over(place: Place) -> None:
    member, connection = place.join("a", ANN, resumable=True)
    place.hub.disconnected(member, connection)
    assert place.gone == []
    place.clock.advance(WINDOW_S)
    assert place.gone == [ANN]


def test_who_takes_its_own_peer_over_is_not_gone(place: Place) -> None:
    member, connection = place.join("a", ANN)
    place.join("a", ANN)
    place.hub.disconnected(member, connection)
    assert place.gone == []


def test_who_leaves_twice_is_gone_once(place: Place) -> None:
    member, connection = place.join("a", ANN)
    place.join("b", BOB)
    place.hub.leave(member)
    place.hub.disconnected(member, connection)
    assert place.gone == [ANN]


def test_everyone_in_a_room_that_is_removed_is_gone_and_its_owner(place: Place) -> None:
    place.join("a", ANN)
    place.join("b", BOB, resumable=True)
    owner = User(issuer="test", subject="owner")
    place.hub.remove_room("room", owner=owner)
    assert place.gone == [owner, ANN, BOB]
    place.clock.advance(WINDOW_S)
    assert len(place.gone) == 3
