"""The first message of a peer, read from whatever has arrived so far."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph_server.transport.connection import MESSAGE_BYTES
from heliograph_server.transport.first_message import NotPlain, first_message

from .wire import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame

PAYLOADS = st.one_of(
    st.binary(max_size=200), st.integers(0, MESSAGE_BYTES).map(lambda size: bytes(range(256)) * (size // 256 + 1))
).map(lambda payload: payload[:MESSAGE_BYTES])


@given(payload=PAYLOADS, mask=st.binary(min_size=4, max_size=4), rest=st.binary(max_size=20))
def test_it_is_what_the_peer_has_said(payload: bytes, mask: bytes, rest: bytes) -> None:
    if len(payload) < 1 << 16:
        assert first_message(frame(TEXT, payload, mask=mask) + rest) == payload


@given(payload=st.binary(max_size=400), data=st.data())
def test_nothing_is_said_before_it_is_whole(payload: bytes, data: st.DataObject) -> None:
    whole = frame(TEXT, payload)
    assert first_message(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(frame(TEXT, b"x", mask=None), id="no mask"),
        pytest.param(frame(TEXT, b"x", fin=False), id="the first of several parts"),
        pytest.param(frame(TEXT, b"x", rsv=4), id="a reserved bit"),
        pytest.param(frame(BINARY, b"x"), id="binary"),
        pytest.param(frame(CONTINUATION, b"x"), id="a part of nothing"),
        pytest.param(frame(PING), id="ping"),
        pytest.param(frame(CLOSE, b"\3\xe8"), id="close"),
        pytest.param(frame(TEXT, b"x" * (MESSAGE_BYTES + 1)), id="too large"),
        pytest.param(b"GET / HTTP/1.1", id="no frame at all"),
    ],
)
def test_anything_else_is_for_others_to_read(said: bytes) -> None:
    with pytest.raises(NotPlain):
        first_message(said)


@given(said=st.binary(max_size=300))
def test_no_bytes_are_a_surprise(said: bytes) -> None:
    try:
        first_message(said)
    except NotPlain:
        return
