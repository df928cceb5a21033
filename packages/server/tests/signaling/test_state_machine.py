"""Any order of registering, forwarding and closing, by several connections of several users.

Whatever happens, no message arrives under another's name, nobody puts a stranger out, and nothing is left behind.
"""

import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from .links import Peer, World

USERS = ("ann", "bob")
PEER_IDS = ("p", "q", "r")
ROOMS = ("x", "y")


class Signaling(RuleBasedStateMachine):
    """A model that knows who holds which place, beside the real hub."""

    connections: Bundle[Peer] = Bundle("connections")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(max_peers=2)
        self.holders: dict[tuple[str, str], tuple[str, Peer]] = {}
        self.places: dict[int, tuple[str, str]] = {}
        self.serial = 0

    @rule(target=connections)
    def connect(self) -> Peer:
        return self.world.connect()

    @rule(peer=connections, user=st.sampled_from(USERS), peer_id=st.sampled_from(PEER_IDS), room=st.sampled_from(ROOMS))
    def register(self, peer: Peer, user: str, peer_id: str, room: str) -> None:
        was_closed, was_registered = peer.connection.closed, peer.session.registered
        heard = peer.register(peer_id, user=user, room_id=room)
        if was_closed:
            assert heard == []
            return
        kind = heard[0].get("code", heard[0]["type"])
        holder = self.holders.get((room, peer_id))
        others = sum(1 for place in self.holders if place[0] == room)
        if was_registered:
            assert kind == "INVALID_MESSAGE"
        elif holder is not None and holder[0] != user:
            assert kind == "PEER_ID_TAKEN"
        elif holder is None and others >= 2:
            assert kind == "ROOM_FULL"
        else:
            assert kind == "registered_auth"
            if holder is not None:
                assert holder[1].connection.close_code == 4001
                del self.places[id(holder[1])]
            self.holders[room, peer_id] = (user, peer)
            self.places[id(peer)] = (room, peer_id)

    @rule(
        peer=connections,
        claimed=st.sampled_from([*PEER_IDS, None, ...]),
        to=st.sampled_from(PEER_IDS),
        kind=st.sampled_from(["offer", "answer", "candidate", "quit", "error"]),
    )
    def forward(self, peer: Peer, claimed: object, to: str, kind: str) -> None:
        for _, holder in self.holders.values():
            holder.connection.take()
        self.serial += 1
        message = {"type": kind, "target": to, "serial": self.serial}
        heard = peer.say(message if claimed is ... else message | {"sender": claimed})
        place = self.places.get(id(peer))
        delivered = {
            where: [m for m in [*(heard if holder is peer else []), *holder.connection.take()] if "serial" in m]
            for where, (_, holder) in self.holders.items()
        }
        arrived = {where: messages for where, messages in delivered.items() if messages}
        honest = place is not None and claimed in (place[1], None, ...)
        if place is not None and honest and (place[0], to) in self.holders:
            assert arrived == {(place[0], to): [message | {"sender": place[1]}]}
        else:
            assert arrived == {}

    @rule(peer=consumes(connections))
    def close(self, peer: Peer) -> None:
        peer.connection.close(1000, "")
        peer.session.disconnected()
        place = self.places.pop(id(peer), None)
        if place is not None:
            del self.holders[place]

    @rule(room=st.sampled_from(ROOMS))
    def remove_room(self, room: str) -> None:
        self.world.hub.remove_room(room)
        for place in [place for place in self.holders if place[0] == room]:
            _, peer = self.holders.pop(place)
            assert peer.connection.close_code == 4003
            del self.places[id(peer)]

    @invariant()
    def the_hub_holds_just_those_who_are_in(self) -> None:
        assert {(member.room_id, member.peer_id) for member in self.world.hub} == set(self.holders)
        assert self.world.hub.room_count() == len({room for room, _ in self.holders})
        for room, peer_id in self.holders:
            assert not self.holders[room, peer_id][1].connection.closed

    def teardown(self) -> None:
        for _, peer in list(self.holders.values()):
            peer.session.disconnected()
        assert self.world.hub.room_count() == 0
        assert json.dumps(list(self.world.hub.peers_by_role())) == "[]"


TestSignaling = Signaling.TestCase
TestSignaling.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
