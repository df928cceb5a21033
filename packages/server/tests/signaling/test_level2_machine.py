"""Any order of joining, losing connections, resuming, talking, regrouping, claiming and waiting, at level 2.

No one hears what they may not; a message arrives exactly once and in order, or its sender is told; no peer is claimed
beyond its capacity; nothing is left behind when all have gone.
"""

import json
from math import inf
from typing import Any
from unittest.mock import patch

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from heliograph_server.signaling import mailbox
from heliograph_server.signaling.hub import Hub

from .links import RESUME_WINDOW_S, Peer, World

NAMES = ("ann", "bob", "cat", "dan")
GROUPS = ("red", "blue")
CRAMPED = 3
CAPACITY = {"ann": 1, "bob": 2, "cat": 0, "dan": 1}


class Client:
    """One program, with what it knows: it may lose its connection, and whatever was on the way with it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.peer: Peer | None = None
        self.session: dict[str, Any] | None = None
        self.received = 0
        self.inbox: list[dict[str, Any]] = []
        self.life = 0
        """Counts the sessions: a message sent to one does not arrive in another."""
        self.groups = frozenset(GROUPS[:1])
        self.cramped = False
        """So much may wait for this client that its session can't be resumed; so it confirms from the start."""
        self.secret_ends = inf
        """When the secret that this client has is void: it has not yet spoken over the connection that it made last."""

    def connect(self, groups: list[str], *, resume: bool) -> None:
        welcome = self._register(groups, resume=resume)
        self.session = welcome["session"]
        self.secret_ends = inf
        if not self.session["resumed"]:
            self.received = 0
            self.groups = frozenset(groups)
        if self.cramped:
            self.confirm()

    def confirm(self) -> None:
        self.say({"type": "received", "count": self.received})

    def connect_in_vain(self, *, noticed: bool) -> None:
        """Come back, and lose the connection before the reply arrives. What this client knows is what it knew."""
        self._register(["red"], resume=True)
        self.secret_ends = self.world.clock() + RESUME_WINDOW_S
        if noticed:
            self.drop()
        self.peer = None

    def _register(self, groups: list[str], *, resume: bool) -> dict[str, Any]:
        """The reply, as the server sent it."""
        fields: dict[str, Any] = {}
        may_resume = False
        if resume and self.session is not None:
            proof = {"session_id": self.session["session_id"], "secret": self.session["secret"]}
            fields["resume"] = proof | {"received": self.received}
            member = self.world.hub.member("room", self.name)
            key = None if member is None else member.key
            known = key is not None and key.session_id == self.session["session_id"]
            may_resume = known and self.world.clock() < self.secret_ends
        self.peer = self.world.connect()
        pending = self.peer.session.receive(
            json.dumps(
                {
                    "type": "register",
                    "peer_id": self.name,
                    "room_id": "room",
                    "token": "t",
                    "id_token": f"user:{self.name}",
                    "protocol": 2,
                    "groups": groups,
                    "metadata": {"properties": {"max_claims": CAPACITY[self.name]}},
                }
                | fields
            ).encode()
        )
        run(pending)
        welcome: dict[str, Any] = json.loads(self.peer.connection.frames.pop(0))
        assert welcome["type"] == "registered_auth"
        resumed: bool = welcome["session"]["resumed"]
        assert resumed is may_resume or (self.cramped and not resumed)
        if not resumed:
            self.life += 1
        return welcome

    def read(self, most: int) -> None:
        assert self.peer is not None
        taken, self.peer.connection.frames[:most] = self.peer.connection.frames[:most], []
        self.received += len(taken)
        self.inbox += [json.loads(frame) | {"life": self.life} for frame in taken]

    def say(self, message: dict[str, Any]) -> None:
        assert self.peer is not None
        run(self.peer.session.receive(json.dumps(message).encode()))

    def drop(self) -> None:
        assert self.peer is not None
        self.peer.drop()
        self.peer = None

    def catch_up(self) -> bool:
        """Come back if there is something to come back to, confirm and read; whether any of it was news to anybody."""
        comes_back = not self.there and self.world.hub.member("room", self.name) is not None
        if comes_back:
            self.connect(["red"], resume=True)
        if not self.there or self.peer is None:
            return False
        self.confirm()
        anything = bool(self.peer.connection.frames)
        self.read(10_000)
        return anything or comes_back

    @property
    def there(self) -> bool:
        return self.peer is not None and not self.peer.connection.closed


def run(pending: Any) -> None:
    if pending is not None:
        try:
            pending.send(None)
        except StopIteration:
            return
        raise AssertionError("it waits for something")


class Level2(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.clients = {name: Client(self.world, name) for name in NAMES}
        self.sent: dict[int, tuple[str, int, str, int]] = {}
        """Serial: sender, its life, receiver, its life."""
        self.serial = 0

    @property
    def hub(self) -> Hub:
        return self.world.hub

    @rule(
        name=st.sampled_from(NAMES),
        groups=st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2),
        resume=st.booleans(),
    )
    def connect(self, name: str, groups: list[str], resume: bool) -> None:
        client = self.clients[name]
        if client.there:
            client.read(1000)
        client.connect(groups, resume=resume)

    @rule(name=st.sampled_from(NAMES), noticed=st.booleans())
    def lose_the_reply(self, name: str, noticed: bool) -> None:
        client = self.clients[name]
        if client.session is not None and not client.there:
            client.connect_in_vain(noticed=noticed)

    @rule(name=st.sampled_from(NAMES), most=st.integers(1, 5))
    def read(self, name: str, most: int) -> None:
        if self.clients[name].there:
            self.clients[name].read(most)

    @rule(name=st.sampled_from(NAMES))
    def confirm(self, name: str) -> None:
        client = self.clients[name]
        if client.there:
            client.confirm()

    @rule(name=st.sampled_from(NAMES), most=st.integers(0, 3))
    def lose_the_connection(self, name: str, most: int) -> None:
        client = self.clients[name]
        if client.peer is not None:  # which the server may have closed
            client.read(most)
            client.drop()

    @rule(name=st.sampled_from(NAMES))
    def leave(self, name: str) -> None:
        client = self.clients[name]
        if client.there:
            client.say({"type": "leave"})
            client.read(1000)
            client.drop()

    @rule(sender=st.sampled_from(NAMES), to=st.sampled_from(NAMES), times=st.integers(1, 3))
    def send(self, sender: str, to: str, times: int) -> None:
        for _ in range(times):
            if self.clients[sender].there:
                self._send(sender, to)

    def _send(self, sender: str, to: str) -> None:
        self.serial += 1
        receiver = self.hub.member("room", to)
        life = self.clients[to].life if receiver is not None else -1
        self.sent[self.serial] = (sender, self.clients[sender].life, to, life)
        self.clients[sender].say(
            {
                "type": "peer_message",
                "to_peer_id": to,
                "payload": {"serial": self.serial, "from": sender},
                "ref": self.serial,
            }
        )

    @rule(name=st.sampled_from(NAMES), groups=st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2))
    def regroup(self, name: str, groups: list[str]) -> None:
        client = self.clients[name]
        if client.there:
            client.say({"type": "set_groups", "groups": groups})
            client.groups = frozenset(groups)

    @rule(name=st.sampled_from(NAMES), wait_s=st.sampled_from([0, 20]), ttl_s=st.sampled_from([5, 60]))
    def claim(self, name: str, wait_s: int, ttl_s: int) -> None:
        if self.clients[name].there:
            self.clients[name].say({"type": "claim_peer", "wait_s": wait_s, "ttl_s": ttl_s})

    @rule(name=st.sampled_from(NAMES))
    def release(self, name: str) -> None:
        client = self.clients[name]
        member = self.hub.member("room", name)
        if client.there and member is not None and member.claims:
            client.say({"type": "release_claim", "claim_id": next(iter(member.claims))})

    @precondition(lambda self: self.serial > 0)
    @rule(seconds=st.sampled_from([1, RESUME_WINDOW_S, 70]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @invariant()
    def claims_agree_and_stay_within_capacity(self) -> None:
        members = {member.peer_id: member for member in self.hub}
        for member in members.values():
            assert len(member.claimed) <= CAPACITY[member.peer_id]
            for claim in [*member.claims.values(), *member.claimed.values()]:
                assert members[claim.claimer.peer_id].claims[claim.claim_id] is claim
                assert members[claim.claimed.peer_id].claimed[claim.claim_id] is claim

    @invariant()
    def each_message_arrives_once_in_order_and_only_where_it_was_sent(self) -> None:
        for client in self.clients.values():
            seen: dict[tuple[str, int], list[int]] = {}
            for message in client.inbox:
                if message["type"] == "peer_message":
                    serial = message["payload"]["serial"]
                    sender, _, to, life = self.sent[serial]
                    assert (message["from_peer_id"], to, life) == (sender, client.name, message["life"])
                    seen.setdefault((sender, life), []).append(serial)
            for serials in seen.values():
                assert serials == sorted(set(serials))

    def teardown(self) -> None:
        while any(client.catch_up() for client in self.clients.values()):
            pass  # what one does makes the server tell others
        self._nothing_was_lost_in_silence()
        for client in self.clients.values():
            if client.there:
                client.say({"type": "leave"})
            elif client.peer is not None:  # the server has closed its connection, and hears of the end
                client.drop()
        self.world.clock.advance(4000)
        assert self.hub.room_count() == 0
        assert self.world.clock.pending() == 0

    def _nothing_was_lost_in_silence(self) -> None:
        for serial, (sender, sender_life, to, life) in self.sent.items():
            source, target = self.clients[sender], self.clients[to]
            if source.life != sender_life or self.hub.member("room", sender) is None:
                continue  # nobody is left who could have been told
            answers = [m for m in source.inbox if m.get("ref") == serial and m["type"] in {"ack", "error"}]
            arrived = sum(m["type"] == "peer_message" and m["payload"]["serial"] == serial for m in target.inbox)
            told = any(m["type"] == "error" for m in answers)
            still_there = target.life == life and self.hub.member("room", to) is not None
            assert answers, f"{serial} was never answered"
            if still_there:
                assert arrived == (0 if told else 1), f"{serial} arrived {arrived} times, told: {told}"
            elif answers[0].get("status") == "buffered" and not arrived:
                assert told, f"{serial} was buffered, never arrived, and nobody said so"


class CrampedLevel2(Level2):
    """The same where little fits into a mailbox: peers are too slow, and sessions are given up."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds = patch.multiple(mailbox, MAILBOX_FRAMES=CRAMPED, NOTICE_FRAMES=2 * CRAMPED)
        self.bounds.start()
        for client in self.clients.values():
            client.cramped = True

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.bounds.stop()


SETTINGS = settings(max_examples=200, stateful_step_count=50, deadline=None, phases=[Phase.generate, Phase.shrink])

TestLevel2 = Level2.TestCase
TestLevel2.settings = SETTINGS
TestCrampedLevel2 = CrampedLevel2.TestCase
TestCrampedLevel2.settings = SETTINGS
