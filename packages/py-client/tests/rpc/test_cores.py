"""Both halves of a channel of calls without I/O: every rule of the format, and hostile frames."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import heliograph
from heliograph.rpc import callee as callee_module
from heliograph.rpc import caller as caller_module
from heliograph.rpc.callee import Callee, Resume, Run, Send, Stop
from heliograph.rpc.caller import STREAM_CREDIT_BYTES, Caller
from heliograph_protocol.rpc import MAX_STREAM_CREDIT_BYTES, RpcCall, RpcPart

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {"type": st.sampled_from(["call", "cancel", "credit", "result", "part", "end", "failure", "other"])},
    optional={
        "id": st.integers(-1, 5) | JSON,
        "method": st.text(max_size=5) | JSON,
        "args": st.lists(JSON, max_size=2) | JSON,
        "kwargs": JSON,
        "credit": st.integers(-1, 2**31) | JSON,
        "value": JSON,
        "code": st.text(max_size=5) | JSON,
    },
)
FRAMES = FIELDS.map(json.dumps) | st.text(max_size=40) | st.binary(max_size=10)


def call(number: int, **fields: Any) -> str:
    return json.dumps({"type": "call", "id": number, "method": "m", **fields})


@given(st.lists(FRAMES, max_size=30))
def test_whatever_a_caller_sends_the_callee_stays_within_its_bounds(frames: list[str | bytes]) -> None:
    callee = Callee()
    for frame in frames:
        try:
            action = callee.receive(frame)
        except heliograph.ChannelFormatError:
            continue
        assert action is None or isinstance(action, Run | Stop | Resume | Send)
        assert len(callee._running) <= callee_module.MAX_RUNNING_CALLS


@given(st.lists(FRAMES, max_size=30), st.booleans())
def test_whatever_a_callee_sends_the_caller_takes_only_what_was_asked_for(
    frames: list[str | bytes], stream: bool
) -> None:
    caller = Caller()
    ids = {caller.call("m", [], {}, stream=stream)[0] for _ in range(3)}
    ended: set[int] = set()
    for frame in frames:
        try:
            answer = caller.receive(frame)
        except heliograph.ChannelFormatError:
            continue
        if answer is not None:
            assert answer.id in ids - ended
            assert stream or not isinstance(answer.frame, RpcPart)
            ended |= {answer.id} if answer.is_last else set()


@given(st.lists(JSON, max_size=3), st.dictionaries(st.text(max_size=5), JSON, max_size=3), JSON)
def test_a_call_and_its_result_arrive_as_they_were(args: list[Any], kwargs: dict[str, Any], value: Any) -> None:
    caller, callee = Caller(), Callee()
    call_id, frame = caller.call("m", args, kwargs)
    run = callee.receive(frame)
    assert isinstance(run, Run)
    assert [json.loads(bytes(arg)) for arg in run.call.args] == args
    assert {name: json.loads(bytes(arg)) for name, arg in run.call.kwargs.items()} == kwargs
    answer = caller.receive(json.dumps({"type": "result", "id": call_id, "value": value}))
    assert answer is not None
    assert json.loads(bytes(answer.frame.value)) == value  # type: ignore[union-attr]
    assert caller.cancel(call_id) is None


@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_credit_never_lets_more_through_than_the_window_and_one_part(sizes: list[int], chance: Any) -> None:
    """However the reader lags behind, the stream neither overruns it nor stops for good."""
    caller, callee = Caller(), Callee()
    call_id, frame = caller.call("m", [], {}, stream=True)
    callee.receive(frame)
    unread: list[int] = []
    for size in sizes:
        while not callee.may_send_part(call_id):
            credit = caller.read(call_id, unread.pop(0))  # an IndexError would be a deadlock
            if credit is not None:
                assert callee.receive(credit) == Resume(call_id)
        assert sum(unread) <= STREAM_CREDIT_BYTES + STREAM_CREDIT_BYTES // 2
        answer = caller.receive(callee.part(call_id, b'"%s"' % (b"x" * size)))
        assert answer is not None
        unread.append(answer.size)
        while unread and chance.random() < 0.5:
            if (credit := caller.read(call_id, unread.pop(0))) is not None:
                callee.receive(credit)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([call(0), call(0)], id="an id twice"),
        pytest.param([call(5), call(4)], id="an id that is smaller"),
        pytest.param([call(-1)], id="a negative id"),
        pytest.param([call(2**53)], id="an id that a browser cannot count to"),
        pytest.param([call(0, method="")], id="no method"),
        pytest.param([call(0, method="m" * 129)], id="a long method"),
        pytest.param([call(0, args={})], id="args that are no array"),
        pytest.param([call(0, credit=MAX_STREAM_CREDIT_BYTES + 1)], id="too much credit at once"),
        pytest.param(
            [call(0, credit=1), json.dumps({"type": "credit", "id": 0, "credit": MAX_STREAM_CREDIT_BYTES})],
            id="too much credit in all",
        ),
        pytest.param([call(0), '{"type":"credit","id":0,"credit":1}'], id="credit without a stream"),
        pytest.param(['{"type":"result","id":0,"value":1}'], id="an answer from the caller"),
        pytest.param([b"{}"], id="bytes"),
        pytest.param(["["], id="no JSON"),
        pytest.param(["[" * 200_000], id="deeply nested"),
        pytest.param(["\ud800"], id="half a character"),
    ],
)
def test_frames_of_a_caller_that_break_the_format(frames: list[str | bytes]) -> None:
    callee = Callee()
    for frame in frames[:-1]:
        callee.receive(frame)
    with pytest.raises(heliograph.ChannelFormatError):
        callee.receive(frames[-1])


@pytest.mark.parametrize(
    ("stream", "frame"),
    [
        (False, '{"type":"result","id":1,"value":1}'),
        (False, '{"type":"part","id":0,"value":1}'),
        (False, '{"type":"end","id":0}'),
        (False, '{"type":"failure","id":0,"code":""}'),
        (False, '{"type":"result","id":0}'),
        (True, '{"type":"result","id":0,"value":1}'),
        (True, '{"type":"call","id":0,"method":"m"}'),
    ],
)
def test_frames_of_a_callee_that_break_the_format(stream: bool, frame: str) -> None:
    caller = Caller()
    caller.call("m", [], {}, stream=stream)
    with pytest.raises(heliograph.ChannelFormatError):
        caller.receive(frame)


def test_a_callee_that_ignores_credit_is_found_out() -> None:
    caller = Caller()
    call_id, _ = caller.call("m", [], {}, stream=True)
    part = json.dumps({"type": "part", "id": call_id, "value": "x" * STREAM_CREDIT_BYTES})
    assert caller.receive(part) is not None
    with pytest.raises(heliograph.ChannelFormatError, match="credit"):
        caller.receive(part)


def test_what_crosses_a_cancel_is_ignored() -> None:
    caller, callee = Caller(), Callee()
    call_id, frame = caller.call("m", [], {})
    callee.receive(frame)
    cancel = caller.cancel(call_id)
    assert cancel is not None
    assert caller.receive(json.dumps({"type": "result", "id": call_id, "value": 1})) is None
    assert callee.receive(cancel) == Stop(call_id)
    assert not callee.is_wanted(call_id)
    assert callee.finished(call_id) is None
    assert callee.receive(cancel) is None


def test_a_handler_that_is_cancelled_keeps_its_place_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callee_module, "MAX_RUNNING_CALLS", 1)
    callee = Callee()
    callee.receive(call(0))
    assert callee.receive('{"type":"cancel","id":0}') == Stop(0)
    assert callee.receive(call(1)) is None
    assert callee.receive(call(2)) is None
    assert callee.receive('{"type":"cancel","id":1}') is None
    run = callee.finished(0)
    assert isinstance(run, Run)
    assert run.call.id == 2


def test_credit_for_a_call_that_waits_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callee_module, "MAX_RUNNING_CALLS", 1)
    callee = Callee()
    callee.receive(call(0))
    callee.receive(call(1, credit=0))
    callee.receive('{"type":"credit","id":1,"credit":7}')
    assert callee.finished(0) == Run(RpcCall(id=1, method="m", credit=7))
    assert callee.may_send_part(1)


@pytest.mark.parametrize(("name", "limit"), [("MAX_WAITING_CALLS", 1), ("MAX_WAITING_BYTES", 60)])
def test_calls_beyond_the_bounds_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, limit: int) -> None:
    monkeypatch.setattr(callee_module, "MAX_RUNNING_CALLS", 1)
    monkeypatch.setattr(callee_module, name, limit)
    callee = Callee()
    assert isinstance(callee.receive(call(0)), Run)
    assert callee.receive(call(1)) is None
    refusal = callee.receive(call(2))
    assert isinstance(refusal, Send)
    assert json.loads(refusal.frame)["code"] == "TOO_MANY_CALLS"


def test_a_caller_has_a_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_module, "MAX_OPEN_CALLS", 1)
    caller = Caller()
    call_id, _ = caller.call("m", [], {})
    with pytest.raises(heliograph.TooManyCalls):
        caller.call("m", [], {})
    caller.cancel(call_id)
    caller.call("m", [], {})
