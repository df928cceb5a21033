"""Cores that talk through the real server, in any order of sending, reading, cuts, pauses and restarts of the server.

A message arrives once at most, and in order; what becomes of it is told once; none is lost in silence; and whatever
has happened, once everybody is connected again nothing is left that waits for anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final
from unittest.mock import patch

import pytest
import structlog
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from heliograph.errors import DeliveryUnknown, RateLimited, SendQueueFull, SignalingError
from heliograph.events import Registered, ServerComplaint, SignalRefused
from heliograph.signaling import outbox, tally
from heliograph.signaling.core import CoreEvent, Replied, RequestRefused
from heliograph_protocol import Ack, AvailablePeers, Offer, PeerMessage, Query
from heliograph_server.signaling import mailbox

from .wires import RESUME_WINDOW_S, Node, Program, TurnedClock, Wire

NAMES: Final = ("ann", "bob", "cat")
UNLIMITED: Final = 1_000_000
SETTLING_S: Final = 200
"""After this long everything has been said: it is 50 of the confirmations that time alone calls for."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The server's log is not of interest here."""
    with structlog.testing.capture_logs():
        yield


@dataclass
class Sent:
    """A message or an offer, and what its sender was told of it."""

    sender: str
    to: str
    ref: int
    receiver_life: int
    fates: list[str | SignalingError] = field(default_factory=list)
    arrivals: int = 0
    withdrawn: bool = False


class Exchange(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = TurnedClock()
        self.rate_per_s = UNLIMITED
        self.node = Node(self.clock, self.rate_per_s)
        self.programs = {name: Program(name, self.clock) for name in NAMES}
        self.lives = dict.fromkeys(NAMES, 0)
        """Sessions that a program has begun; what was on its way to one need not arrive in the next."""
        self.sent: list[Sent] = []
        self.by_ref: dict[tuple[str, int], Sent] = {}
        self.asked: set[tuple[str, int]] = set()
        self.dropped_by_rate = False
        """The server has dropped messages; those that went again may come after newer ones."""
        self.abandoned: list[Wire] = []

    @initialize(rate_per_s=st.sampled_from([UNLIMITED, 5]))
    def start(self, rate_per_s: int) -> None:
        self.rate_per_s = rate_per_s
        self.node = Node(self.clock, rate_per_s)
        for name, program in self.programs.items():
            program.connect(self.node)
            self._exchange(name)

    @rule(name=st.sampled_from(NAMES), to=st.sampled_from(NAMES), times=st.integers(1, 4), offer=st.booleans())
    def put(self, name: str, to: str, times: int, offer: bool) -> None:
        for _ in range(times):
            serial = len(self.sent)
            message = (
                Offer(target=to, sdp="v=0", connection_id=str(serial))
                if offer
                else PeerMessage(to_peer_id=to, payload=serial)
            )
            try:
                ref = self.programs[name].core.put(message)
            except SendQueueFull:
                return
            sent = self.by_ref[name, ref] = Sent(name, to, ref, self.lives[to])
            self.sent.append(sent)

    @rule(name=st.sampled_from(NAMES))
    def ask(self, name: str) -> None:
        core = self.programs[name].core
        if core.has_room:
            self.asked.add((name, core.put(Query())))

    @rule(index=st.integers(0, 10))
    def withdraw_a_late_one(self, index: int) -> None:
        if index < len(self.sent):
            sent = self.sent[-1 - index]
            sent.withdrawn = True
            self.programs[sent.sender].core.withdraw(sent.ref)

    @rule(name=st.sampled_from(NAMES))
    def send(self, name: str) -> None:
        self.programs[name].sends()

    @rule(name=st.sampled_from(NAMES), most=st.integers(1, 6))
    def server_reads(self, name: str, most: int) -> None:
        if wire := self.programs[name].wire:
            wire.server_reads(most)

    @rule(name=st.sampled_from(NAMES), most=st.integers(1, 6))
    def read(self, name: str, most: int) -> None:
        self._read(name, most)

    @rule(name=st.sampled_from(NAMES), to=st.sampled_from(NAMES), count=st.integers(4, 20), arriving=st.integers(0, 40))
    def the_network_holds_up_what_is_sent(self, name: str, to: str, count: int, arriving: int) -> None:
        """So that it comes faster than the server takes it. What comes back is not held up."""
        for number in range(count):
            self.put(name, to, 1, number % 2 == 0)
            self.programs[name].sends()
            self._read(name, 100)
            self.clock.advance(0.5)
        self.server_reads(name, arriving)

    @rule(name=st.sampled_from(NAMES))
    def everything_flows(self, name: str) -> None:
        self._exchange(name)

    @rule(name=st.sampled_from(NAMES), arriving=st.integers(0, 6), coming_back=st.integers(0, 6), noticed=st.booleans())
    def cut(self, name: str, arriving: int, coming_back: int, noticed: bool) -> None:
        """Some of what is under way arrives, the rest is lost. The server may notice much later than the client."""
        program = self.programs[name]
        if (wire := program.wire) is None:
            return
        wire.server_reads(arriving)
        self._read(name, coming_back)
        program.lose_wire()
        wire.closed = noticed
        wire.server_notices()
        if not noticed:
            self.abandoned.append(wire)

    @rule()
    def the_server_notices(self) -> None:
        for wire in self.abandoned:
            wire.closed = True
            wire.server_notices()
        self.abandoned.clear()

    @rule(name=st.sampled_from(NAMES))
    def connect(self, name: str) -> None:
        if self.programs[name].wire is None:
            self.programs[name].connect(self.node)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 4.0, RESUME_WINDOW_S / 2, RESUME_WINDOW_S + 1]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for program in self.programs.values():
            if program.wire is not None:
                program.wire.server_notices()

    @rule(reads=st.integers(0, 6))
    def restart_the_server(self, reads: int) -> None:
        self.node = Node(self.clock, self.rate_per_s)
        for name, program in self.programs.items():
            self._read(name, reads)
            program.lose_wire()
        self.abandoned.clear()

    @invariant()
    def a_wait_of_no_time_is_over(self) -> None:
        for program in self.programs.values():
            if program.core.delay_s() == 0:
                assert program.sends() > 0, "the writer would turn without sending anything"

    def teardown(self) -> None:
        self.the_server_notices()
        self._settle()
        for sent in self.sent:
            self._check(sent)
        assert not self.asked, "each question is answered in the end"

    def _settle(self) -> None:
        end = self.clock() + SETTLING_S
        while self.clock() < end:
            for name, program in self.programs.items():
                if program.wire is None:
                    program.connect(self.node)
                self._exchange(name)
            delays_s = [program.core.delay_s() for program in self.programs.values()]
            wait_s = min((delay_s for delay_s in delays_s if delay_s is not None), default=inf)
            self.clock.advance(max(0.01, min(wait_s, 5.0)))
        for program in self.programs.values():
            own = program.core._outbox
            assert (own._queue, own._in_flight, own._doubtful, own._waiting) == (type(own._queue)(), {}, {}, {})
            assert not own._withdrawn
            assert own._queued_bytes == 0
            assert own.is_empty
            assert program.core.delay_s() is None, "all is confirmed"

    def _exchange(self, name: str) -> None:
        program = self.programs[name]
        while (wire := program.wire) is not None:
            program.sends()
            if not wire.to_server and not wire.to_client and not wire.closed:
                return
            wire.server_reads(1000)
            self._read(name, 1000)

    def _read(self, name: str, most: int) -> None:
        for event in self.programs[name].reads(most):
            self._take(name, event)

    def _take(self, name: str, event: CoreEvent) -> None:
        match event:
            case Registered(resumed=False):
                self.lives[name] += 1
            case PeerMessage(payload=int(serial)):
                self._arrived(name, str(event.from_peer_id), serial)
            case Offer():
                self._arrived(name, str(event.sender), int(str(event.connection_id)))
            case Replied(ref=ref, reply=Ack(status=status)):
                self.by_ref[name, ref].fates.append(status)
            case Replied(ref=ref, reply=AvailablePeers()):
                self.asked.remove((name, ref))
            case RequestRefused(ref=ref):
                self.by_ref[name, ref].fates.append(event.error)
            case SignalRefused(connection_id=str(connection_id)):
                self.sent[int(connection_id)].fates.append(event.error)
            case ServerComplaint():
                assert isinstance(event.error, RateLimited), event
                self.dropped_by_rate = True
            case _:
                pass

    def _arrived(self, name: str, sender: str, serial: int) -> None:
        sent = self.sent[serial]
        assert (sent.sender, sent.to) == (sender, name)
        sent.arrivals += 1
        assert sent.arrivals == 1, f"{serial} comes twice"
        if not self.dropped_by_rate:
            later = [other.arrivals for other in self.sent[serial + 1 :] if (other.sender, other.to) == (sender, name)]
            assert not any(later), f"{serial} comes after a later one"

    def _check(self, sent: Sent) -> None:
        if sent.withdrawn:
            return
        assert sent.fates, f"{sent} was never answered"
        first, *rest = sent.fates
        assert not rest or (first == "buffered" and len(rest) == 1), f"{sent} was answered more than once"
        if isinstance(first, SignalingError):
            assert not sent.arrivals or isinstance(first, DeliveryUnknown), f"{sent} was refused, and arrived"
        elif not sent.arrivals and not rest:
            assert self.lives[sent.to] > sent.receiver_life, f"{sent} is lost"


class CrampedExchange(Exchange):
    """The same where every queue on both sides is short: windows close, mailboxes overflow, sessions are given up."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds = [
            patch.object(mailbox, "MAILBOX_FRAMES", 8),
            patch.object(mailbox, "NOTICE_FRAMES", 16),
            patch.object(tally, "CONFIRM_MESSAGES", 2),
            patch.object(outbox, "IN_FLIGHT", 12),
            patch.object(outbox, "QUEUED_MESSAGES", 24),
        ]
        for bound in self.bounds:
            bound.start()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            for bound in self.bounds:
                bound.stop()


SETTINGS = settings(max_examples=100, stateful_step_count=50, deadline=None, phases=[Phase.generate, Phase.shrink])

TestExchange = Exchange.TestCase
TestExchange.settings = SETTINGS
TestCrampedExchange = CrampedExchange.TestCase
TestCrampedExchange.settings = SETTINGS
