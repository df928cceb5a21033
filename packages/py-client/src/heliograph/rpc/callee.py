"""The callee's half of a channel of calls, without I/O: which calls run, which wait, which are refused."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import assert_never

import msgspec
from msgspec import UNSET, Raw

from heliograph.errors import ChannelFormatError
from heliograph.rpc.caller import decode_frame, encode_frame
from heliograph.rpc.errors import TooManyCalls
from heliograph_protocol.rpc import (
    MAX_STREAM_CREDIT_BYTES,
    RpcCall,
    RpcCallerFrame,
    RpcCancel,
    RpcCredit,
    RpcFailure,
    RpcPart,
)

__all__ = [
    "MAX_RUNNING_CALLS",
    "MAX_WAITING_BYTES",
    "MAX_WAITING_CALLS",
    "Action",
    "Callee",
    "Resume",
    "Run",
    "Send",
    "Stop",
]

MAX_RUNNING_CALLS = 32
"""Handlers that run at once for one connection."""
MAX_WAITING_CALLS = 128
"""Calls that wait for a handler to come to its end; those beyond are refused with `TOO_MANY_CALLS`."""
MAX_WAITING_BYTES = 32 * 1024 * 1024
"""Frames of the calls that wait."""

_decoder: msgspec.json.Decoder[RpcCallerFrame] = msgspec.json.Decoder(RpcCallerFrame)


@dataclass(frozen=True, slots=True)
class Run:
    """Start the handler of this call, and say `finished` when it is over, whatever ended it."""

    call: RpcCall


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancel the handler: nobody waits for it."""

    id: int


@dataclass(frozen=True, slots=True)
class Resume:
    """There is credit for this stream again."""

    id: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame."""

    frame: str


Action = Run | Stop | Resume | Send


@dataclass(slots=True)
class _Running:
    """Credit in bytes, None without a stream."""

    credit: int | None
    is_wanted: bool = True


class Callee:
    """Decides about the calls of one channel."""

    def __init__(self) -> None:
        self._last_id = -1
        self._running: dict[int, _Running] = {}
        self._waiting: deque[tuple[RpcCall, int]] = deque()
        self._waiting_bytes = 0

    def receive(self, message: str | bytes) -> Action | None:
        """A frame has arrived: what to do now. Raises `ChannelFormatError`."""
        frame = decode_frame(_decoder, message)
        match frame:
            case RpcCall():
                return self._on_call(frame, len(message))
            case RpcCancel():
                return self._on_cancel(frame.id)
            case RpcCredit():
                return self._on_credit(frame)
            case _:
                assert_never(frame)

    def finished(self, call_id: int) -> Run | None:
        """A handler is over. The call whose turn it is now, if one waits."""
        del self._running[call_id]
        if not self._waiting:
            return None
        call, size = self._waiting.popleft()
        self._waiting_bytes -= size
        return self._run(call)

    def is_wanted(self, call_id: int) -> bool:
        """Whether the caller still waits for an answer."""
        return call_id in self._running and self._running[call_id].is_wanted

    def may_send_part(self, call_id: int) -> bool:
        """Whether there is credit for another part."""
        return (self._running[call_id].credit or 0) > 0

    def part(self, call_id: int, value: bytes) -> str:
        """The frame with the next part, a value as JSON. Costs credit."""
        frame = encode_frame(RpcPart(id=call_id, value=Raw(value)))
        running = self._running[call_id]
        running.credit = (running.credit or 0) - len(frame.encode())
        return frame

    def _on_call(self, call: RpcCall, size: int) -> Action | None:
        if call.id <= self._last_id:
            raise ChannelFormatError(f"call {call.id} after call {self._last_id}")
        self._last_id = call.id
        if len(self._running) < MAX_RUNNING_CALLS:
            return self._run(call)
        if len(self._waiting) < MAX_WAITING_CALLS and self._waiting_bytes + size <= MAX_WAITING_BYTES:
            self._waiting.append((call, size))
            self._waiting_bytes += size
            return None
        words = f"{len(self._running)} calls of this connection run and {len(self._waiting)} wait already"
        return Send(encode_frame(RpcFailure(id=call.id, code=TooManyCalls.CODE, message=words)))

    def _run(self, call: RpcCall) -> Run:
        self._running[call.id] = _Running(None if call.credit is UNSET else call.credit)
        return Run(call)

    def _on_cancel(self, call_id: int) -> Stop | None:
        """Calls that are not there are over already, or were given up before they were sent."""
        if (running := self._running.get(call_id)) is not None:
            running.is_wanted = False
            return Stop(call_id)
        for item in self._waiting:
            if item[0].id == call_id:
                self._waiting.remove(item)
                self._waiting_bytes -= item[1]
                break
        return None

    def _on_credit(self, frame: RpcCredit) -> Resume | None:
        running = self._running.get(frame.id)
        if running is None:
            for index, (call, size) in enumerate(self._waiting):
                if call.id == frame.id and call.credit is not UNSET:
                    credit = _bounded(call.credit + frame.credit)
                    self._waiting[index] = (msgspec.structs.replace(call, credit=credit), size)
            return None
        if running.credit is None:
            raise ChannelFormatError("credit for a call that has no stream")
        running.credit = _bounded(running.credit + frame.credit)
        return Resume(frame.id)


def _bounded(credit: int) -> int:
    if credit > MAX_STREAM_CREDIT_BYTES:
        raise ChannelFormatError(f"a credit of {credit:,} bytes is over the limit of {MAX_STREAM_CREDIT_BYTES:,}")
    return credit
