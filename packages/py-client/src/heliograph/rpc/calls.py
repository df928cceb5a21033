"""Makes calls over one channel at a time, opening another when the last one is gone."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

import msgspec
from msgspec import Raw

from heliograph.channels.channel import Channel
from heliograph.errors import ChannelClosed, ChannelFormatError, ConnectionLost, HeliographError
from heliograph.rpc.caller import Answer, Caller
from heliograph.rpc.errors import CallInterrupted, CallTimeout, InvalidResult, call_failure
from heliograph_protocol.rpc import RpcEnd, RpcFailure, RpcPart, RpcResult

__all__ = ["CALL_TIMEOUT_S", "Calls", "RpcStream"]

log = logging.getLogger(__name__)
T = TypeVar("T")

CALL_TIMEOUT_S = 60.0


class Calls:
    """The calls that this side makes. `open_channel` waits until there is a path, and opens a channel for calls."""

    def __init__(self, open_channel: Callable[[], Awaitable[Channel]], *, peer_id: str) -> None:
        self._open_channel = open_channel
        self._peer_id = peer_id
        self._line: _Line | None = None
        self._opening = asyncio.Lock()

    async def call(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, returns: Any, timeout_s: float | None
    ) -> Any:
        """Call, and wait for the result."""
        decoder = _decoder(returns)
        try:
            async with asyncio.timeout(timeout_s):
                async with (await self._connected()).call(method, args, kwargs, stream=False) as answers:
                    frame = (await answers.next()).frame
        except TimeoutError as error:
            raise self._timeout(method, timeout_s) from error
        if isinstance(frame, RpcFailure):
            raise call_failure(frame, self._peer_id)
        if not isinstance(frame, RpcResult):
            raise AssertionError("`Caller` lets nothing else through")  # noqa: TRY004 - a bug of this module
        return self._decode(method, decoder, frame.value)

    def stream(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, returns: Any, timeout_s: float | None
    ) -> RpcStream[Any]:
        """The results of a call that streams; it is made when they are first asked for."""
        return RpcStream(lambda: self._parts(method, args, kwargs, _decoder(returns), timeout_s))

    async def _parts(
        self,
        method: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        decoder: msgspec.json.Decoder[Any],
        timeout_s: float | None,
    ) -> AsyncIterator[Any]:
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._connected()
            async with line.call(method, args, kwargs, stream=True) as answers:
                while True:
                    async with asyncio.timeout(timeout_s):
                        answer = await answers.next()
                    match answer.frame:
                        case RpcPart(value=value):
                            yield self._decode(method, decoder, value)
                            await answers.read(answer)
                        case RpcEnd():
                            return
                        case RpcFailure() as failure:
                            raise call_failure(failure, self._peer_id)
                        case RpcResult():
                            raise AssertionError("`Caller` lets no result of a stream through")
        except TimeoutError as error:
            raise self._timeout(method, timeout_s) from error

    def interrupt(self, failure: HeliographError | None) -> None:
        """The path is gone: calls without an answer fail with `CallInterrupted`; the next one opens a new channel."""
        if self._line is not None:
            self._line.end(failure)

    async def close(self) -> None:
        """Fail what is under way."""
        if self._line is not None:
            await self._line.close()

    async def _connected(self) -> _Line:
        async with self._opening:
            if self._line is None or self._line.is_over:
                self._line = _Line(await self._open_channel(), self._peer_id)
            return self._line

    def _decode(self, method: str, decoder: msgspec.json.Decoder[Any], value: Raw) -> Any:
        try:
            return decoder.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidResult(f"The result of {method}: {error}", peer_id=self._peer_id) from error

    def _timeout(self, method: str, timeout_s: float | None) -> CallTimeout:
        return CallTimeout(f"{self._peer_id} did not answer {method} in {timeout_s:g} s", peer_id=self._peer_id)


class RpcStream(Generic[T]):
    """The results of one call as they come: `async for part in connection.stream("train", spec)`.

    The call is made when the first result is asked for. Leaving the loop early cancels the method at the other side: at
    once in `async with connection.stream(…) as parts`, otherwise when Python drops the loop's iterator.
    """

    def __init__(self, start: Callable[[], AsyncIterator[T]]) -> None:
        self._start = start
        self._iterators: list[Any] = []
        self._is_scoped = False

    def __aiter__(self) -> AsyncIterator[T]:
        iterator = self._start()
        if self._is_scoped:
            self._iterators.append(iterator)
        return iterator

    async def __aenter__(self) -> Self:
        self._is_scoped = True
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._iterators:
            await self._iterators.pop().aclose()


class _Line:
    """One channel of calls, and whoever waits for answers on it."""

    def __init__(self, channel: Channel, peer_id: str) -> None:
        self._channel = channel
        self._peer_id = peer_id
        self.caller = Caller()
        self._answers: dict[int, _Answers] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self.is_over = False
        self._reading = asyncio.create_task(self._read(), name=f"answers of {peer_id}")

    def call(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, stream: bool) -> _Answers:
        """Number a call. It is sent when the answers are entered, and cancelled if they are left too early."""
        call_id, frame = self.caller.call(method, args, kwargs, stream=stream)
        answers = self._answers[call_id] = _Answers(self, call_id, frame)
        return answers

    async def send(self, frame: str) -> None:
        try:
            await self._channel.send(frame)
        except (ChannelClosed, ConnectionLost) as error:
            raise self.interrupted(error) from error

    def forget(self, call_id: int) -> None:
        """Nobody waits for this call any more. If it is not over, tell the other side."""
        del self._answers[call_id]
        cancel = self.caller.cancel(call_id)
        if cancel is not None and not self.is_over:
            sending = asyncio.create_task(self._send_cancel(cancel), name=f"cancel a call to {self._peer_id}")
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    def end(self, failure: HeliographError | None) -> None:
        """Nothing will come any more."""
        if not self.is_over:
            self.is_over = True
            for answers in self._answers.values():
                answers.interrupt(self.interrupted(failure))
            if asyncio.current_task() is not self._reading:
                self._reading.cancel()

    async def close(self) -> None:
        self.end(None)
        for task in self._sending:
            task.cancel()
        await asyncio.wait([self._reading, *self._sending])

    def interrupted(self, failure: HeliographError | None) -> CallInterrupted:
        words = f"The connection to {self._peer_id} was {'lost' if isinstance(failure, ConnectionLost) else 'closed'}"
        error = CallInterrupted(f"{words} before the answer came", peer_id=self._peer_id)
        error.__cause__ = failure
        return error

    async def _send_cancel(self, frame: str) -> None:
        try:
            await self._channel.send(frame)
        except HeliographError as error:  # the end of the channel cancels it too
            log.debug("rpc.cancel_not_sent peer=%s reason=%s", self._peer_id, error)

    async def _read(self) -> None:
        failure: HeliographError | None = None
        try:
            async for message in self._channel:
                answer = self.caller.receive(message)
                if answer is not None:
                    self._answers[answer.id].put(answer)
        except HeliographError as error:
            failure = error
            if isinstance(error, ChannelFormatError):
                log.warning("rpc.format_broken peer=%s reason=%s", self._peer_id, error)
        finally:
            self.end(failure)
        await self._channel.close()


class _Answers:
    """What comes back for one call. Its bound is the call's credit."""

    def __init__(self, line: _Line, call_id: int, frame: str) -> None:
        self._line = line
        self._id = call_id
        self._frame = frame
        self._arrived = asyncio.Event()
        self._queue: deque[Answer] = deque()
        self._failure: CallInterrupted | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._line.send(self._frame)
        except BaseException:
            self._line.forget(self._id)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._line.forget(self._id)

    async def next(self) -> Answer:
        """The next answer. Raises `CallInterrupted`."""
        while not self._queue:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()

    async def read(self, answer: Answer) -> None:
        """The program has taken this answer in: more may come."""
        if (credit := self._line.caller.read(self._id, answer.size)) is not None:
            await self._line.send(credit)

    def put(self, answer: Answer) -> None:
        self._queue.append(answer)
        self._arrived.set()

    def interrupt(self, failure: CallInterrupted) -> None:
        self._failure = failure
        self._arrived.set()


def _decoder(returns: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(returns)
