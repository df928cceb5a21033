"""The receiver's state machine against senders that do anything at all."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import heliograph
from heliograph.files.incoming import Chunk, Incoming, Start
from heliograph_protocol.datachannel import CHUNK_BYTES, FRAME_BYTES, FileHeader

from .pair import text

SHA = "0" * 64
HEADER: dict[str, Any] = {"type": "file", "name": "a", "size": 4}
START: dict[str, Any] = {"type": "checkpoint", "offset": 0, "sha256": SHA}
HUGE: dict[str, Any] = {**HEADER, "size": 10**9}
CODES = {"BAD_MESSAGE", "SIZE_MISMATCH"}
WINDOW = 2 * CHUNK_BYTES


def run(incoming: Incoming, frames: list[Any]) -> None:
    """Take the frames as the shell does, agreeing to everything."""
    for frame in frames:
        match incoming.take(json.dumps(frame) if isinstance(frame, dict) else frame):
            case FileHeader():
                incoming.accept(0)
            case Start():
                incoming.agree()
            case Chunk(offset=offset):
                incoming.confirm(offset)
            case None:
                pass


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (["no message"], "BAD_MESSAGE"),
        (["\ud800"], "BAD_MESSAGE"),
        ([b"binary"], "BAD_MESSAGE"),
        (["[" * 60_000], "BAD_MESSAGE"),
        (['{"type":"checking","extra":' + "[" * 30_000 + "]" * 30_000 + "}"], "BAD_MESSAGE"),
        (["x" * 100_000], "BAD_MESSAGE"),
        ([{"type": "teleport"}], "BAD_MESSAGE"),
        ([{**HEADER, "size": -1}], "BAD_MESSAGE"),
        ([{**HEADER, "size": 2**53}], "BAD_MESSAGE"),
        ([{**HEADER, "name": ""}], "BAD_MESSAGE"),
        ([{**HEADER, "name": "x" * 256}], "BAD_MESSAGE"),
        ([{**HEADER, "folder": ["x"] * 33}], "BAD_MESSAGE"),
        ([{**HEADER, "folder": "x"}], "BAD_MESSAGE"),
        ([{**HEADER, "modified_ms": 1e300}], "BAD_MESSAGE"),
        ([START], "BAD_MESSAGE"),
        ([HEADER, HEADER], "BAD_MESSAGE"),
        ([HEADER, b"four"], "BAD_MESSAGE"),
        ([HEADER, {**START, "offset": 4}], "BAD_MESSAGE"),
        ([HEADER, START, START], "SIZE_MISMATCH"),
        ([HEADER, START, b""], "BAD_MESSAGE"),
        ([HEADER, START, b"five!"], "SIZE_MISMATCH"),
        ([HEADER, START, b"fou", {**START, "offset": 3}], "SIZE_MISMATCH"),
        ([HEADER, START, b"fou", {**START, "offset": 4}], "SIZE_MISMATCH"),
        ([HEADER, START, b"four", {**START, "offset": 2}], "SIZE_MISMATCH"),
        ([HEADER, START, b"four", {**START, "offset": 4}, b"more"], "BAD_MESSAGE"),
        ([HEADER, START, b"four", {**START, "offset": 4}, {**START, "offset": 4}], "BAD_MESSAGE"),
        ([HUGE, START, bytes(FRAME_BYTES + 1)], "BAD_MESSAGE"),
        ([HUGE, START, *[bytes(FRAME_BYTES)] * 17], "BAD_MESSAGE"),
    ],
)
def test_a_sender_that_breaks_the_format_is_told_which_way(frames: list[Any], code: str) -> None:
    incoming = Incoming()
    run(incoming, frames[:-1])
    with pytest.raises(heliograph.TransferError) as caught:
        run(incoming, frames[-1:])
    assert caught.value.code == code


def test_no_more_is_taken_than_there_is_room_for() -> None:
    incoming = Incoming(window=CHUNK_BYTES)
    run(incoming, [HUGE, START])
    for _ in range(16):
        assert incoming.take(bytes(FRAME_BYTES)) is None
    chunk = incoming.take(json.dumps({**START, "offset": CHUNK_BYTES}))
    assert isinstance(chunk, Chunk)
    with pytest.raises(heliograph.TransferError, match="room"):
        incoming.take(b"x")


@pytest.mark.parametrize("frames", [[], [HEADER], [HEADER, START], [HEADER, START, b"fo"]])
def test_a_sender_may_give_up_at_any_time(frames: list[Any]) -> None:
    incoming = Incoming()
    run(incoming, frames)
    with pytest.raises(heliograph.TransferCancelled, match="no room"):
        incoming.take(json.dumps({"type": "cancelled", "message": "no room"}))


@given(
    st.binary(max_size=200)
    | st.text(max_size=200)
    | st.builds(
        json.dumps,
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["type", "name", "size", "offset", "sha256", "folder"]) | st.text(max_size=9), inner
                )
            ),
        ),
    )
)
def test_any_first_frame_is_a_header_or_refused(frame: str | bytes) -> None:
    try:
        code = "" if isinstance(Incoming().take(frame), FileHeader) else "taken"
    except heliograph.TransferError as error:
        code = error.code
    assert code in {"", "BAD_MESSAGE"}


class HostileSender(RuleBasedStateMachine):
    """Sends what fits and what does not; the receiver takes the former only, and never holds more than a chunk."""

    def __init__(self) -> None:
        super().__init__()
        self.incoming = Incoming(window=WINDOW)
        self.size = 0
        self.taken = bytearray()
        self.sent = hashlib.sha256()
        self.ended = False
        self.codes: set[str] = set()

    def give(self, frame: str | bytes) -> object:
        if self.ended:
            return None
        try:
            return self.incoming.take(frame)
        except heliograph.TransferError as error:
            self.ended = True
            self.codes.add(error.code)
        return None

    @rule(size=st.integers(0, 3 * CHUNK_BYTES))
    def offer(self, size: int) -> None:
        if isinstance(self.give(text(FileHeader(name="a", size=size))), FileHeader):
            self.size = size
            self.incoming.accept(0)

    @rule(honest=st.booleans(), offset=st.integers(0, 4 * CHUNK_BYTES))
    def checkpoint(self, honest: bool, offset: int) -> None:
        at = self.incoming.position if honest else offset
        match self.give(json.dumps({"type": "checkpoint", "offset": at, "sha256": SHA})):
            case Start(offset=start):
                assert start == 0
                self.incoming.agree()
            case Chunk(content=content, offset=end):
                self.taken += content
                assert len(self.taken) == end == at
                assert end % CHUNK_BYTES == 0 or end == self.size
                self.incoming.confirm(end)
            case _:
                pass

    @rule(frames=st.integers(1, 17), size=st.sampled_from([0, 1, 4096, FRAME_BYTES, FRAME_BYTES + 1]))
    def content(self, frames: int, size: int) -> None:
        for _ in range(frames):
            assert self.give(bytes(size)) is None

    @precondition(lambda self: self.size - self.incoming.position > 0)
    @rule()
    def fill_the_chunk(self) -> None:
        end = min(self.size, (self.incoming.position // CHUNK_BYTES + 1) * CHUNK_BYTES)
        while not self.ended and self.incoming.position < end:
            before = self.incoming.position
            self.give(bytes(min(FRAME_BYTES, end - before)))
            assert self.ended or self.incoming.position > before

    @rule(junk=st.sampled_from(['{"type":"checking"}', '{"type":"received","size":0,"sha256":"x"}', "null", "{}"]))
    def say(self, junk: str) -> None:
        assert self.give(junk) is None

    @invariant()
    def it_is_within_its_bounds(self) -> None:
        assert self.codes <= CODES
        assert self.incoming.position <= self.size
        assert len(self.taken) <= self.incoming.position
        assert self.incoming.position - len(self.taken) <= CHUNK_BYTES
        if self.incoming.complete:
            assert len(self.taken) == self.size


TestHostileSender = HostileSender.TestCase
