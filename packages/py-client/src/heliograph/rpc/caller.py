"""The caller's half of a channel of calls, without I/O: what to send, and what becomes of what arrives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw

from heliograph.errors import ChannelFormatError
from heliograph.rpc.errors import TooManyCalls
from heliograph.unreadable import UNREADABLE
from heliograph_protocol.rpc import (
    RpcCall,
    RpcCalleeFrame,
    RpcCancel,
    RpcCredit,
    RpcEnd,
    RpcFailure,
    RpcPart,
    RpcResult,
)

__all__ = ["MAX_OPEN_CALLS", "STREAM_CREDIT_BYTES", "Answer", "Caller", "decode_frame", "encode_frame"]

MAX_OPEN_CALLS = 1024
"""Calls of one connection that wait for their answers."""
STREAM_CREDIT_BYTES = 1024 * 1024
"""How much of a stream may be on its way, or wait here to be read; one part may go beyond."""

F = TypeVar("F")
_decoder: msgspec.json.Decoder[RpcCalleeFrame] = msgspec.json.Decoder(RpcCalleeFrame)


@dataclass(frozen=True, slots=True)
class Answer:
    """What has arrived for one call. `size` is what its frame counts in credit, in bytes."""

    id: int
    frame: RpcCalleeFrame
    size: int

    @property
    def is_last(self) -> bool:
        """Whether nothing more will come for this call."""
        return not isinstance(self.frame, RpcPart)


@dataclass(slots=True)
class _Open:
    """A call without its last answer. Credits are in bytes, None without a stream."""

    credit: int | None
    read: int = 0


class Caller:
    """Numbers calls, and knows which of them may get which answers."""

    def __init__(self) -> None:
        self._next_id = 0
        self._open: dict[int, _Open] = {}

    def call(
        self, method: str, args: Iterable[Any], kwargs: Mapping[str, Any], *, stream: bool = False
    ) -> tuple[int, str]:
        """Begin a call: its id, and the frame to send. Raises `TooManyCalls`, or `TypeError` for what is no JSON."""
        if len(self._open) >= MAX_OPEN_CALLS:
            raise TooManyCalls(f"{MAX_OPEN_CALLS} calls wait for their answers on this connection already")
        encode = msgspec.json.encode
        frame = RpcCall(
            id=self._next_id,
            method=method,
            args=[Raw(encode(arg)) for arg in args],
            kwargs={name: Raw(encode(arg)) for name, arg in kwargs.items()},
            credit=STREAM_CREDIT_BYTES if stream else UNSET,
        )
        self._open[frame.id] = _Open(STREAM_CREDIT_BYTES if stream else None)
        self._next_id += 1
        return frame.id, encode_frame(frame)

    def cancel(self, call_id: int) -> str | None:
        """Nobody waits for the call any more: the frame to send, None if it is over anyway."""
        return None if self._open.pop(call_id, None) is None else encode_frame(RpcCancel(id=call_id))

    def read(self, call_id: int, size: int) -> str | None:
        """A part of this size has been read: the frame that gives credit for it and others before, if it is time."""
        call = self._open.get(call_id)
        if call is None or call.credit is None:
            return None
        call.read += size
        if call.read < STREAM_CREDIT_BYTES // 2:
            return None
        call.credit += call.read
        returned, call.read = call.read, 0
        return encode_frame(RpcCredit(id=call_id, credit=returned))

    def receive(self, message: str | bytes) -> Answer | None:
        """A frame has arrived. None if nobody waits for it any more. Raises `ChannelFormatError`."""
        frame = decode_frame(_decoder, message)
        if frame.id >= self._next_id:
            raise ChannelFormatError(f"an answer to call {frame.id}, which was not made")
        call = self._open.get(frame.id)
        if call is None:
            return None
        answer = Answer(frame.id, frame, len(message.encode()) if isinstance(message, str) else len(message))
        match frame:
            case RpcPart() if call.credit is not None:
                if call.credit <= 0:
                    raise ChannelFormatError("a part of a stream without credit for it")
                call.credit -= answer.size
            case RpcFailure():
                del self._open[frame.id]
            case RpcEnd() if call.credit is not None:
                del self._open[frame.id]
            case RpcResult() if call.credit is None:
                del self._open[frame.id]
            case _:
                raise ChannelFormatError("a stream's answer to a call, or the other way round")
        return answer


def encode_frame(frame: msgspec.Struct) -> str:
    """A frame as the text that is sent."""
    return msgspec.json.encode(frame).decode()


def decode_frame(decoder: msgspec.json.Decoder[F], message: str | bytes) -> F:
    """A text as the frame that it is. Raises `ChannelFormatError`."""
    if isinstance(message, bytes):
        raise ChannelFormatError("a binary message where only texts are sent")
    try:
        return decoder.decode(message)
    except UNREADABLE as error:
        raise ChannelFormatError(str(error)) from error
