"""Any order of joining, losing connections, resuming, talking, regrouping, claiming and waiting at level 2, by peers
that are allowed different things.

No one hears what they may not; a message arrives exactly once and in order, or its sender is told; no peer is claimed
beyond its capacity; nothing is left behind when all have gone.
"""

import json
from math import inf
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from heliograph_server.rooms.invitations import Invitation
from heliograph_server.signaling import mailbox
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS

from .links import RESUME_WINDOW_S, Peer, World

NAMES = ("ann", "bob", "cat", "dan")
GROUPS = ("red", "blue", "green")
CRAMPED = 3
CAPACITY = {"ann": 1, "bob": 2, "cat": 0, "dan": 1}
GRANTS = {"t": ROOM_TOKEN_GRANTS} | {f"no {grant}": ROOM_TOKEN_GRANTS - {grant} for grant in sorted(ROOM_TOKEN_GRANTS)}
"""What each token allows."""
NEWS: Final = {"peer_joined", "peer_updated", "peer_away", "peer_back", "peer_left"}


class Sent(NamedTuple):
    """A message on its way."""

    sender: str
    sender_life: int
    to: dict[str, int]
    """Who may hear it: in which of its lives."""
    refusal: str | None
    """The code with which it has to be refused, if nobody may."""


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
        self.grants = ROOM_TOKEN_GRANTS
        self.met: set[tuple[int, str]] = set()
        """In which life whom this client has shared a group with."""
        self.cramped = False
        """So much may wait for this client that its session can't be resumed; so it confirms from the start."""
        self.secret_ends = inf
        """When the secret that this client has is void: it has not yet spoken over the connection that it made last."""

    def connect(self, groups: list[str], *, resume: bool, token: str = "t") -> None:
        welcome = self._register(groups, resume=resume, token=token)
        self.session = welcome["session"]
        self.secret_ends = inf
        assert set(welcome["grants"]) == self.grants
        assert not welcome["peers"] or "discover" in self.grants
        if not self.session["resumed"]:
            self.received = 0
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

    def _register(self, groups: list[str], *, resume: bool, token: str = "t") -> dict[str, Any]:
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
                    "token": token,
                    "id_token": f"user:{self.name}",
                    "protocol": 2,
                    "groups": groups,
                    "metadata": {"properties": {"max_claims": CAPACITY[self.name]}},
                }
                | fields
            ).encode()
        )
        run(pending)
        self.world.settle()
        welcome: dict[str, Any] = json.loads(self.peer.connection.frames.pop(0))
        assert welcome["type"] == "registered_auth"
        resumed: bool = welcome["session"]["resumed"]
        assert resumed is may_resume or (self.cramped and not resumed)
        if not resumed:
            self.life += 1
            self.groups = frozenset(groups)
            self.grants = GRANTS[token]
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
        self.world.settle()
        anything = bool(self.peer.connection.frames)
        self.read(10_000)
        return anything or comes_back or not self.there

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
        self.world.door.invitations = {
            token: Invitation(role=None, peer_id=None, groups=None, grants=grants) for token, grants in GRANTS.items()
        }
        self.clients = {name: Client(self.world, name) for name in NAMES}
        self.sent: dict[int, Sent] = {}
        """By serial number."""
        self.serial = 0

    @property
    def hub(self) -> Hub:
        return self.world.hub

    @rule(
        name=st.sampled_from(NAMES),
        groups=st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2),
        resume=st.booleans(),
        token=st.just("t") | st.sampled_from(sorted(GRANTS)),
    )
    def connect(self, name: str, groups: list[str], resume: bool, token: str) -> None:
        client = self.clients[name]
        if client.there:
            client.read(1000)
        client.connect(groups, resume=resume, token=token)

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

    @rule(
        sender=st.sampled_from(NAMES),
        to=st.sampled_from(NAMES),
        kind=st.sampled_from(["peer_message", "offer"]),
        times=st.integers(1, 3),
    )
    def send(self, sender: str, to: str, kind: str, times: int) -> None:
        for _ in range(times):
            if not self.clients[sender].there:
                return
            grant, address = ("message", "to_peer_id") if kind == "peer_message" else ("signal", "target")
            reached = self._reached_by(sender, {to} if self.hub.member("room", to) is not None else set())
            refusal = None if reached else "PEER_NOT_FOUND"
            self._send(sender, reached, grant, refusal, {"type": kind, address: to})

    @rule(sender=st.sampled_from(NAMES), group=st.sampled_from(GROUPS))
    def broadcast(self, sender: str, group: str) -> None:
        client = self.clients[sender]
        if client.there:
            present = {member.peer_id for member in self.hub if group in self.clients[member.peer_id].groups}
            refusal = None if group in client.groups else "NOT_PERMITTED"
            reached = self._reached_by(sender, present - {sender}) if refusal is None else {}
            self._send(sender, reached, "broadcast", refusal, {"type": "peer_message", "to_group": group})

    def _reached_by(self, sender: str, names: set[str]) -> dict[str, int]:
        groups = self.clients[sender].groups
        return {name: self.clients[name].life for name in names if groups & self.clients[name].groups}

    def _send(
        self, sender: str, reached: dict[str, int], grant: str, refusal: str | None, message: dict[str, Any]
    ) -> None:
        client = self.clients[sender]
        if grant not in client.grants:
            reached, refusal = {}, "NOT_PERMITTED"
        self.serial += 1
        self.sent[self.serial] = Sent(sender, client.life, reached, refusal)
        client.say(message | {"payload": {"serial": self.serial}, "ref": self.serial})

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
    def nobody_hears_of_those_whom_it_never_saw(self) -> None:
        present = {member.peer_id for member in self.hub}
        for client in self.clients.values():
            if client.name in present:
                client.met |= {(client.life, name) for name in self._reached_by(client.name, present)}
            for message in client.inbox:
                if message["type"] in NEWS:
                    assert (message["life"], message["peer"]["peer_id"]) in client.met
                    assert message["life"] != client.life or "discover" in client.grants
        for member in self.hub:
            client = self.clients[member.peer_id]
            assert not member.claims or "claim" in client.grants
            assert all((client.life, claim.claimed.peer_id) in client.met for claim in member.claims.values())

    @invariant()
    def each_message_arrives_once_in_order_and_only_where_it_may(self) -> None:
        for client in self.clients.values():
            seen: dict[tuple[str, int], list[int]] = {}
            for message in client.inbox:
                if message["type"] in {"peer_message", "offer"}:
                    serial = message["payload"]["serial"]
                    sent = self.sent[serial]
                    assert message.get("from_peer_id", message.get("sender")) == sent.sender
                    assert sent.to.get(client.name) == message["life"], f"{client.name} got {serial}, which is not its"
                    seen.setdefault((sent.sender, message["life"]), []).append(serial)
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
        for serial, sent in self.sent.items():
            source = self.clients[sent.sender]
            if source.life != sent.sender_life or self.hub.member("room", sent.sender) is None:
                continue  # nobody is left who could have been told
            answers = [m for m in source.inbox if m.get("ref") == serial and m["type"] in {"ack", "error"}]
            assert answers, f"{serial} was never answered"
            if sent.refusal is not None:
                assert [answer.get("code") for answer in answers] == [sent.refusal]
                continue
            told = any(m["type"] == "error" for m in answers)
            for to, life in sent.to.items():
                target = self.clients[to]
                arrived = sum(m.get("payload", {}).get("serial") == serial for m in target.inbox)
                if target.life == life and self.hub.member("room", to) is not None:
                    # Of a message to a group that was refused it is said who did not get it, and the others did.
                    told_of_this_one = told and (len(sent.to) == 1 or not arrived)
                    assert arrived == (0 if told_of_this_one else 1), f"{serial} arrived {arrived} times, told: {told}"
                elif answers[0].get("status") == "buffered" and len(sent.to) == 1 and not arrived:
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


SETTINGS = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)

TestLevel2 = Level2.TestCase
TestLevel2.settings = SETTINGS
TestCrampedLevel2 = CrampedLevel2.TestCase
TestCrampedLevel2.settings = SETTINGS
