"""Who is in sight."""

from heliograph.signaling.roster import Roster
from heliograph_protocol import Metadata, Peer, PeerAway, PeerBack, PeerJoined, PeerLeft, PeerState, PeerUpdated


def peer(peer_id: str, *, status: str = "idle", state: PeerState = "online") -> Peer:
    metadata = Metadata(properties={"status": status})
    return Peer(peer_id=peer_id, role="worker", metadata=metadata, groups=["default"], connected_at=1, state=state)


def test_news_change_what_the_registration_said() -> None:
    roster = Roster()
    roster.replace([peer("A"), peer("B")])
    roster.take(PeerJoined(peer=peer("C")))
    roster.take(PeerUpdated(peer=peer("A", status="busy")))
    roster.take(PeerAway(peer=peer("B", state="away")))
    assert set(roster) == {"A", "B", "C"}
    assert roster["A"].metadata.properties == {"status": "busy"}
    assert roster["B"].state == "away"
    roster.take(PeerBack(peer=peer("B")))
    roster.take(PeerLeft(peer=peer("C"), reason="left"))
    assert (roster["B"].state, "C" in roster, len(roster)) == ("online", False, 2)


def test_old_news_of_an_unknown_peer_do_no_harm() -> None:
    roster = Roster()
    roster.take(PeerLeft(peer=peer("X"), reason="timed_out"))
    assert dict(roster) == {}
    assert repr(roster) == "Roster([])"


def test_it_may_change_while_somebody_goes_through_it() -> None:
    roster = Roster()
    roster.replace([peer("A"), peer("B")])
    for peer_id in roster:
        roster.take(PeerLeft(peer=roster[peer_id], reason="left"))
    assert not roster
