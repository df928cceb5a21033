"""Whatever happens in a room, what is written down of it is the room: a home that takes it over has the same.

This is the machine of level 2 on a node of a cluster. Its commits take their time, and at any moment the node may die:
then some of the commits under way have been written and the rest has not, all connections are lost, and another node
has the room as it was written down. All that holds on a single node holds then, too: a message that was answered
arrives exactly once, and one that was not has not happened.
"""

from math import inf
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from heliograph_protocol import Resume
from heliograph_server.cluster.bus import Fields

from .kept_node import ROOM, Loop, Node, SlowRegistry
from .links import Clock
from .test_level2_machine import NAMES, CrampedLevel2, Level2


class KeptLevel2(Level2):
    """See above."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.deaths = 0
        self.unheard: set[int] = set()
        """The serial numbers of messages that need no answer: a node may have died with them, or had its fill of the
        sender, whose connection is about to be closed."""
        self.registry = SlowRegistry(Clock())
        self.go_on_at(Clock())

    @property
    def node(self) -> Node:
        assert isinstance(self.world, Node)
        return self.world

    def go_on_at(self, clock: Clock) -> None:
        """Whatever comes next is at a new node."""
        invitations = self.world.door.invitations
        self.world = Node(f"node-{self.deaths}", self.registry, self.loop, clock)
        self.world.door.invitations = invitations
        for client in self.clients.values():
            client.world = self.world

    @rule(commits=st.integers(0, 2))
    def turn(self, commits: int) -> None:
        self.node.turn(commits)

    @rule(written=st.integers(0, 3), heard=st.lists(st.integers(0, 5), min_size=len(NAMES), max_size=len(NAMES)))
    def die(self, written: int, heard: list[int]) -> None:
        """The node is no more, and of what it has begun to write and to send some has come through."""
        for client, most in zip(self.clients.values(), heard, strict=True):
            if client.there:
                client.read(most)
            client.peer = None
        self.registry.die(written)
        self.node.die()
        before = dict(self.registry.logs.get(ROOM, {}))
        self.deaths += 1
        self.unheard.update(self.sent)
        self.go_on_at(Clock(self.world.clock.now))
        self.node.take_over()
        self.node.settle()
        assert _lasting(self.registry.logs.get(ROOM, {})) == _lasting(before)
        for client in self.clients.values():
            self._remember(client.name)

    def _remember(self, name: str) -> None:
        """What a client did last may not have happened."""
        client = self.clients[name]
        member = self.hub.member(ROOM, name)
        if member is None or member.key is None or client.session is None:
            return
        client.groups = member.groups
        client.grants = member.grants
        if member.key.fits(
            Resume(session_id=client.session["session_id"], secret=client.session["secret"], received=0)
        ):
            client.secret_ends = inf  # that the secret was void by now may not have been written down

    def _send(self, sender: str, *sending: Any) -> None:
        peer = self.clients[sender].peer
        closing = peer is not None and peer.session._connection.closed
        super()._send(sender, *sending)
        if closing:
            self.unheard.add(self.serial)

    @invariant()
    def what_is_written_down_is_the_room(self) -> None:
        if not self.registry.under_way and self.deaths % 2:
            return  # as often as not there is more to come
        self.node.settle()
        assert self.registry.logs.get(ROOM, {}) == self.node.written()
        assert (ROOM in self.registry.homes) == self.hub.occupied(ROOM)

    def _nothing_was_lost_in_silence(self) -> None:
        answered = {m.get("ref") for c in self.clients.values() for m in c.inbox if m["type"] in {"ack", "error"}}
        arrived = {m.get("payload", {}).get("serial") for c in self.clients.values() for m in c.inbox if "payload" in m}
        for serial in list(self.sent):
            source = self.clients[self.sent[serial].sender]
            there = source.life == self.sent[serial].sender_life and self.hub.member(ROOM, source.name) is not None
            if there and serial in self.unheard and serial not in answered:
                assert serial not in arrived, f"{serial} arrived, and nobody said so"
                del self.sent[serial]  # a client would send it again
        super()._nothing_was_lost_in_silence()

    def teardown(self) -> None:
        try:
            super().teardown()
            self.node.settle()
            assert self.registry.homes == {}
            assert self.registry.logs == {}
        finally:
            self.loop.close()


def _lasting(fields: Fields) -> dict[bytes, object]:
    """All but members, who are away after a death and have another window, and receipts of senders who have left."""
    return {
        name: msgspec.msgpack.decode(value)[:2] if name.startswith(b"f:") else value
        for name, value in fields.items()
        if not name.startswith(b"m:")
    } | {name: None for name in fields if name.startswith(b"m:")}


class CrampedKeptLevel2(CrampedLevel2, KeptLevel2):
    """The same where little fits into a mailbox."""


SETTINGS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],  # on a busy machine all is slow
)

TestKeptLevel2 = KeptLevel2.TestCase
TestKeptLevel2.settings = SETTINGS
TestCrampedKeptLevel2 = CrampedKeptLevel2.TestCase
TestCrampedKeptLevel2.settings = SETTINGS
