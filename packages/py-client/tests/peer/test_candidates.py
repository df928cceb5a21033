"""Reading, keeping and ending remote candidates."""

import pytest

from heliograph.peer.candidates import MAX_CANDIDATES, RemoteCandidates, parse_candidate, take_candidates
from heliograph_protocol import IceCandidateInit

HOST = "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host generation 0 ufrag abcd network-id 1"
SRFLX = "candidate:2 1 udp 1694498815 203.0.113.5 50001 typ srflx raddr 192.0.2.7 rport 50000"


def init(candidate: str = HOST, *, mid: str | None = "0", index: int | None = 0) -> IceCandidateInit:
    return IceCandidateInit(candidate=candidate, sdp_mid=mid, sdp_m_line_index=index)


def test_a_browsers_candidate_is_parsed() -> None:
    candidate = parse_candidate(init(SRFLX))
    assert candidate is not None
    assert (candidate.type, candidate.ip, candidate.port) == ("srflx", "203.0.113.5", 50001)
    assert (candidate.relatedAddress, candidate.relatedPort) == ("192.0.2.7", 50000)
    assert (candidate.sdpMid, candidate.sdpMLineIndex) == ("0", 0)


@pytest.mark.parametrize("value", [HOST, f"a={HOST}", HOST.removeprefix("candidate:"), init(mid=None, index=None)])
def test_bare_forms_belong_to_the_first_line(value: IceCandidateInit | str) -> None:
    candidate = parse_candidate(value)
    assert candidate is not None
    assert (candidate.ip, candidate.sdpMLineIndex) == ("192.0.2.7", 0)


@pytest.mark.parametrize("value", [None, "", "  ", init("")])
def test_the_end_of_candidates(value: IceCandidateInit | str | None) -> None:
    assert parse_candidate(value) is None


@pytest.mark.parametrize("value", ["nonsense", "candidate:1 1 udp x 192.0.2.7 y typ host"])
def test_what_is_no_candidate_is_a_value_error(value: str) -> None:
    with pytest.raises(ValueError, match="not an ICE candidate"):
        parse_candidate(value)


def test_early_candidates_are_kept_until_the_description() -> None:
    remote = RemoteCandidates()
    assert remote.add(init(HOST)) == []
    assert remote.add(init(SRFLX)) == []
    assert [candidate and candidate.type for candidate in remote.describe()] == ["host", "srflx"]
    assert remote.describe() == []


def test_later_ones_are_handed_on_at_once() -> None:
    remote = RemoteCandidates()
    remote.describe()
    assert [candidate and candidate.type for candidate in remote.add(init(SRFLX))] == ["srflx"]
    assert remote.add(None) == [None]


def test_an_early_end_comes_last() -> None:
    remote = RemoteCandidates()
    remote.add(init(SRFLX))
    remote.add(None)
    kinds = [candidate and candidate.type for candidate in remote.describe([init(HOST)])]
    assert kinds == ["host", "srflx", None]
    assert remote.ended


def test_an_end_in_the_description_waits_for_the_early_ones() -> None:
    remote = RemoteCandidates()
    remote.add(init(SRFLX))
    kinds = [candidate and candidate.type for candidate in remote.describe([init(HOST), None])]
    assert kinds == ["host", "srflx", None]


def test_nothing_is_handed_on_after_the_end() -> None:
    remote = RemoteCandidates()
    remote.describe()
    remote.add(None)
    assert remote.add(init(HOST)) == []
    assert remote.add(None) == []
    assert remote.dropped == 2


def test_their_number_is_bounded_early_and_late() -> None:
    remote = RemoteCandidates()
    for _ in range(MAX_CANDIDATES + 10):
        remote.add(init(HOST))
    assert len(remote.describe()) == MAX_CANDIDATES
    assert remote.add(init(HOST)) == []
    assert remote.dropped == 11
    assert remote.add(None) == [None]


def test_an_unreadable_one_does_not_stop_the_others() -> None:
    remote = RemoteCandidates()
    remote.describe()
    assert remote.add("nonsense") == []
    assert len(remote.add(init(HOST))) == 1


def test_candidates_are_taken_out_of_a_description() -> None:
    sdp = f"v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na={HOST}\r\na=mid:0\r\na=end-of-candidates\r\n"
    bare, candidates = take_candidates(sdp)
    assert bare == "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n"
    assert len(candidates) == 2
    assert candidates[0] is not None
    assert candidates[0].sdp_m_line_index == 0
    assert candidates[1] is None


def test_a_description_without_candidates_stays_as_it_is() -> None:
    sdp = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n"
    assert take_candidates(sdp) == (sdp, [])
