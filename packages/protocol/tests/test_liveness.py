"""The session line in descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph_protocol.liveness import SessionLine, read_session, write_session

SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n"
LINES = st.builds(
    SessionLine,
    st.text("0123456789abcdef", min_size=16, max_size=64),
    st.integers(0, 999_999),
    st.sampled_from([None, True, False]),
)


@given(LINES)
def test_what_is_written_is_read(line: SessionLine) -> None:
    sdp = write_session(SDP, line)
    assert read_session(sdp) == line
    assert sdp.index("a=heliograph-session:") < sdp.index("m=")
    assert sdp.replace(sdp[sdp.index("a=heliograph") : sdp.index("m=")], "") == SDP


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        SDP,
        "a=heliograph-session:zz 0\r\n",
        "a=heliograph-session:0123456789abcdef\r\n",
        "a=heliograph-session:0123456789abcdef -1\r\n",
        "a=heliograph-session:0123456789abcdef 1 maybe\r\n",
        "a=heliograph-session:0123456789abcdef 1234567\r\n",
    ],
)
def test_what_is_none_is_not_read(sdp: str) -> None:
    assert read_session(sdp) is None
