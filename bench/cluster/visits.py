"""A load of clients that visit workers: who is where, who comes and goes. The same seed makes the same load."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

__all__ = ["Profile", "Scene", "Visit"]


class Profile(Struct, frozen=True):
    """How many there are, and what they do."""

    nodes: int
    rooms: int
    room_size: int
    """A worker, which stays, and clients, of which one that goes makes room for another one."""
    level: int
    stay_s: float
    """How long a client stays."""
    messages: int
    """What a client and its worker send each other, together."""
    message_bytes: int
    changes_per_s: float = 0.0
    """How often one worker changes what it says of itself (level 2)."""
    together: bool = False
    """Whether the load balancer brings the peers of a room to the same node; otherwise to any."""

    @property
    def peers(self) -> int:
        """Connected at any time."""
        return self.rooms * self.room_size

    @property
    def visits_per_s(self) -> float:
        """How many clients come a second, and as many go."""
        return self.rooms * (self.room_size - 1) / self.stay_s


class Visit(NamedTuple):
    """A client goes, and the one that takes its place comes to a node."""

    room: int
    place: int
    """In the room, from 1: the worker has 0."""
    node: int


class Scene:
    """Who is where at the beginning, and the load of one second after the other."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._profile = profile
        self._rng = random.Random(seed)
        self.homes = [self._rng.randrange(profile.nodes) for _ in range(profile.rooms)]
        """The node of each room's worker, which is the room's home."""
        self.clients = [[self._node(home) for _ in range(profile.room_size - 1)] for home in self.homes]
        """The nodes of each room's clients as they are now."""

    def seconds(self) -> Iterator[tuple[list[Visit], list[int]]]:
        """The visits of a second, no two at the same place, and the rooms whose workers change.

        By the time of the next second, the visits have taken place.
        """
        profile, rng = self._profile, self._rng
        while True:
            visits = []
            count = min(self._count(profile.visits_per_s), profile.rooms * (profile.room_size - 1))
            for number in rng.sample(range(profile.rooms * (profile.room_size - 1)), count):
                room, place = divmod(number, profile.room_size - 1)
                visits.append(Visit(room, place + 1, self._node(self.homes[room])))
            changes = [rng.randrange(profile.rooms) for _ in range(self._count(profile.rooms * profile.changes_per_s))]
            yield visits, changes
            for visit in visits:
                self.clients[visit.room][visit.place - 1] = visit.node

    def _node(self, home: int) -> int:
        return home if self._profile.together else self._rng.randrange(self._profile.nodes)

    def _count(self, mean: float) -> int:
        """How many there are this time: the mean, and now and then one more, so that there is no other chance in it."""
        whole = int(mean)
        return whole + (self._rng.random() < mean - whole)
