"""The verdict of a failed connection."""

from dataclasses import replace

import pytest

from heliograph.peer.report import ConnectReport, Stage, count_candidates

REPORT = ConnectReport(
    peer_id="Worker-1",
    stage=Stage.CHECKING,
    elapsed_s=15.0,
    ice_state="checking",
    local_candidates={"host": 2},
    remote_candidates={"host": 1},
    remote_ended=True,
    ice_servers=(),
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stage": Stage.GATHERING, "ice_servers": ("stun:slow",)}, "may not answer (stun:slow)"),
        ({"stage": Stage.WAITING}, "sent no answer"),
        ({"local_candidates": {}}, "no network address besides loopback"),
        ({"remote_candidates": {}}, "Worker-1 sent no candidates"),
        ({"remote_candidates": {"mdns": 2}}, "mDNS"),
        ({}, "configure a STUN server"),
        ({"local_candidates": {"srflx": 1}, "remote_candidates": {"srflx": 1}}, "TURN server would help"),
        ({"remote_candidates": {"relay": 1}}, "not even over the relay"),
        ({"stage": Stage.SECURING}, "DTLS handshake"),
        ({"stage": Stage.OPENING}, "no data channel"),
    ],
)
def test_the_verdict_names_what_would_help(changes: dict[str, object], words: str) -> None:
    assert words in replace(REPORT, **changes).verdict  # type: ignore[arg-type]


def test_the_whole_report_says_what_was_tried() -> None:
    text = str(
        replace(REPORT, remote_ended=False, dropped_ice_servers=(("stuns:x", "STUN over TLS is not supported"),))
    )
    assert "checking candidate pairs (ICE) after 15.0 s" in text
    assert "our candidates: 2 host" in text
    assert "theirs: 1 host, end not signalled" in text
    assert "not used: stuns:x (STUN over TLS is not supported)" in text


def test_mdns_names_are_counted_apart() -> None:
    counted = count_candidates([("host", "192.0.2.7"), ("host", "a-b-c.local"), ("srflx", "203.0.113.5")])
    assert counted == {"host": 1, "mdns": 1, "srflx": 1}
