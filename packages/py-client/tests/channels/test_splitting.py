"""Splitting and joining without a channel: every message comes out as it went in, hostile frames are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.channels import splitting as module
from heliograph.channels.splitting import Splitting
from heliograph_protocol.splitting import (
    FRAGMENT_HEADER_BYTES,
    MAX_JOINING_MESSAGES,
    MAX_SPLIT_MESSAGE_BYTES,
    MIN_FRAGMENT_BYTES,
    SPLIT_MAGIC,
    Abandoned,
    Fragment,
    Hello,
    InvalidFragment,
    SplitFrame,
    decode_split_frame,
    encode_split_frame,
)

LIMIT = FRAGMENT_HEADER_BYTES + MIN_FRAGMENT_BYTES
LARGE = st.builds(lambda piece, times: piece * times, st.text(min_size=1, max_size=40), st.integers(1, 300))
MESSAGES = LARGE | LARGE.map(str.encode) | st.binary(max_size=200).map(lambda content: SPLIT_MAGIC + content)


def frames_of(splitting: Splitting, message: str | bytes, limit: int = LIMIT) -> list[str | bytes]:
    size = len(message.encode() if isinstance(message, str) else message)
    if splitting.is_plain(message, size, limit):
        return [message]
    return list(splitting.frames(message, limit)[1])


def fragment(
    number: int = 0, size: int = 3000, offset: int = 0, content: bytes = b"x" * 1024, text: bool = False
) -> bytes:
    return encode_split_frame(Fragment(number, text, size, offset, content))


@given(st.lists(MESSAGES, max_size=5), st.integers(LIMIT, 3 * LIMIT))
def test_messages_come_out_as_they_went_in(messages: list[str | bytes], limit: int) -> None:
    sender, receiver = Splitting(reliable=True), Splitting(reliable=True)
    frames = [frame for message in messages for frame in frames_of(sender, message, limit)]
    assert all(len(frame.encode() if isinstance(frame, str) else frame) <= limit for frame in frames)
    joined = [message for frame in frames if (message := receiver.take(frame)) is not None]
    assert joined == messages
    assert receiver.joining_bytes == 0


@given(st.lists(MESSAGES, max_size=4), st.randoms(use_true_random=False))
def test_frames_may_arrive_in_any_order(messages: list[str | bytes], chance: object) -> None:
    sender, receiver = Splitting(reliable=True), Splitting(reliable=True)
    frames = [frame for message in messages for frame in frames_of(sender, message)]
    chance.shuffle(frames)  # type: ignore[attr-defined]
    joined = [message for frame in frames if (message := receiver.take(frame)) is not None]
    assert sorted(map(repr, joined)) == sorted(map(repr, messages))


@given(st.lists(MESSAGES, max_size=8), st.data())
def test_what_is_lost_takes_only_its_own_message_along(messages: list[str | bytes], data: st.DataObject) -> None:
    sender, receiver = Splitting(reliable=False), Splitting(reliable=False)
    whole: list[str | bytes] = []
    joined: list[str | bytes] = []
    for message in messages:
        frames = frames_of(sender, message)
        kept = [frame for frame in frames if data.draw(st.booleans())]
        whole += [message] * (kept == frames)
        joined += [arrived for frame in kept if (arrived := receiver.take(frame)) is not None]
    assert joined == whole
    assert receiver.joining_bytes <= module.MAX_JOINING_BYTES


@given(st.lists(st.binary(max_size=60).map(lambda rest: SPLIT_MAGIC + rest) | st.binary(max_size=60), max_size=20))
def test_nonsense_is_refused_or_a_message(frames: list[bytes]) -> None:
    receiver = Splitting(reliable=True)
    for frame in frames:
        try:
            message = receiver.take(frame)
        except InvalidFragment:
            return
        assert message is None or isinstance(message, str | bytes)


@given(
    st.builds(
        Fragment, st.integers(0, 2**32 - 1), st.booleans(), st.just(15), st.just(5), st.binary(min_size=10, max_size=10)
    )
    | st.builds(Abandoned, st.integers(0, 2**32 - 1))
    | st.just(Hello())
)
def test_frames_are_decoded_as_they_were_encoded(frame: SplitFrame) -> None:
    assert decode_split_frame(encode_split_frame(frame)) == frame


def raw(kind: int, size: int = 0, offset: int = 0, content: bytes = b"") -> bytes:
    numbers = b"".join(number.to_bytes(4, "big") for number in (7, size, offset))
    return SPLIT_MAGIC + bytes([kind]) + numbers + content


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([SPLIT_MAGIC], id="no header"),
        pytest.param([raw(0)[:-1]], id="half a header"),
        pytest.param([raw(4)], id="a kind of another version"),
        pytest.param([raw(0, content=b"x")], id="a hello with content"),
        pytest.param([raw(3, size=1)], id="a given-up message with a size"),
        pytest.param([raw(2, size=10)], id="an empty fragment"),
        pytest.param([raw(2, size=0, content=b"x")], id="more than the message"),
        pytest.param([raw(2, size=2**32 - 1, offset=2**32 - 1, content=b"xy")], id="beyond 4 GiB"),
        pytest.param([raw(2, size=MAX_SPLIT_MESSAGE_BYTES + 1, content=b"x" * 1024)], id="too large a message"),
        pytest.param([raw(2, size=3000, content=b"x" * 1023)], id="too small a fragment"),
        pytest.param([raw(1, size=1, content=b"\xff")], id="a text that is none"),
        pytest.param([fragment(), fragment()], id="the same twice"),
        pytest.param([fragment(), fragment(offset=1023)], id="an overlap with the one before"),
        pytest.param([fragment(offset=1024), fragment(offset=1)], id="an overlap with the one behind"),
        pytest.param([fragment(), fragment(offset=1024, size=2999)], id="two sizes"),
        pytest.param([fragment(), fragment(offset=1024, text=True)], id="text and bytes"),
        pytest.param([fragment(n) for n in range(MAX_JOINING_MESSAGES + 1)], id="too many at once"),
    ],
)
def test_hostile_frames_are_refused(frames: list[bytes]) -> None:
    receiver = Splitting(reliable=True)
    for frame in frames[:-1]:
        assert receiver.take(frame) is None
    with pytest.raises(InvalidFragment):
        receiver.take(frames[-1])


@pytest.mark.parametrize("reliable", [True, False])
def test_what_is_incomplete_has_a_bound_in_bytes(reliable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_JOINING_BYTES", 5000)
    receiver = Splitting(reliable=reliable)
    held = []
    try:
        for number in range(MAX_JOINING_MESSAGES):
            receiver.take(fragment(number, size=10_000, content=b"x" * 2000))
            held.append(receiver.joining_bytes)
    except InvalidFragment:
        assert reliable
    assert held == ([2000, 4000] if reliable else [2000, 4000, *[4000] * (MAX_JOINING_MESSAGES - 2)])


def test_a_message_that_was_given_up_is_forgotten() -> None:
    sender, receiver = Splitting(reliable=True), Splitting(reliable=True)
    number, frames = sender.frames(b"x" * 5000, LIMIT)
    receiver.take(next(frames))
    assert receiver.joining_bytes == MIN_FRAGMENT_BYTES
    receiver.take(sender.abandon(number))
    assert receiver.joining_bytes == 0


def test_splitting_is_on_when_the_other_side_says_so() -> None:
    opener = Splitting(reliable=True)
    assert not opener.greeted
    assert opener.take(Splitting.hello()) is None
    assert opener.greeted


def test_the_smallest_fragments_of_the_largest_message_stay_small() -> None:
    """A hostile sender makes the most of little: the receiver holds what came, and not much more."""
    receiver = Splitting(reliable=True)
    count = MAX_SPLIT_MESSAGE_BYTES // MIN_FRAGMENT_BYTES
    for index in reversed(range(1, count)):
        assert receiver.take(fragment(0, MAX_SPLIT_MESSAGE_BYTES, index * MIN_FRAGMENT_BYTES)) is None
    message = receiver.take(fragment(0, MAX_SPLIT_MESSAGE_BYTES, 0))
    assert message == b"x" * MAX_SPLIT_MESSAGE_BYTES
