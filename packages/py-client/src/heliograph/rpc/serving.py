"""Answers the calls that come in on one channel."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import UNSET, Raw

from heliograph.channels.channel import Channel
from heliograph.errors import ChannelFormatError, HeliographError
from heliograph.rpc.callee import Callee, Resume, Run, Send, Stop
from heliograph.rpc.caller import encode_frame
from heliograph.rpc.errors import CallCancelled, HandlerFailed, RpcError, WrongKind
from heliograph.rpc.methods import Method, Methods
from heliograph_protocol.rpc import RpcCall, RpcEnd, RpcFailure, RpcResult

__all__ = ["serve_calls"]

log = logging.getLogger(__name__)

MAX_THREADS = 32
"""Handlers that are plain functions and run at once in this process; others wait."""
MAX_CODE_LENGTH = 128
MAX_MESSAGE_LENGTH = 4096
"""Of a failure: what is longer is cut."""

STOP_TIMEOUT_S = 5.0
"""How long handlers that are cancelled may clean up before the channel is closed all the same."""

_threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="heliograph-rpc")


async def serve_calls(channel: Channel, methods: Methods, connection: Any) -> None:
    """Answer calls until the channel closes, which cancels the handlers that still run.

    Handlers that want it get `connection`. A caller that breaks the format is disconnected from this channel.
    """
    serving = _Serving(channel, methods, connection)
    try:
        await serving.run()
    except HeliographError as error:
        log.info("rpc.channel_ended peer=%s reason=%s", channel.peer_id, error)
    finally:
        await channel.close()


class _Serving:
    def __init__(self, channel: Channel, methods: Methods, connection: Any) -> None:
        self._channel = channel
        self._methods = methods
        self._connection = connection
        self._callee = Callee()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._credit: dict[int, asyncio.Event] = {}
        self._over = False

    async def run(self) -> None:
        try:
            async for message in self._channel:
                match self._callee.receive(message):
                    case Run() as run:
                        self._start(run)
                    case Stop(call_id):
                        self._tasks[call_id].cancel()
                    case Resume(call_id):
                        self._credit[call_id].set()
                    case Send(frame):
                        await self._channel.send(frame)
                    case None:
                        pass
        except ChannelFormatError as error:
            log.warning("rpc.format_broken peer=%s reason=%s", self._channel.peer_id, error)
        finally:
            self._over = True
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            if tasks:
                _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
                if late:
                    log.warning("rpc.handlers_left peer=%s count=%d", self._channel.peer_id, len(late))

    def _start(self, run: Run) -> None:
        call = run.call
        name = f"{call.method} of {self._channel.peer_id}"
        self._credit[call.id] = asyncio.Event()
        self._tasks[call.id] = asyncio.create_task(self._answer(call), name=name)
        self._tasks[call.id].add_done_callback(functools.partial(self._finished, call.id))

    def _finished(self, call_id: int, task: asyncio.Task[None]) -> None:
        del self._tasks[call_id], self._credit[call_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("rpc.answer_failed peer=%s", self._channel.peer_id, exc_info=error)
        if (run := self._callee.finished(call_id)) is not None and not self._over:
            self._start(run)

    async def _answer(self, call: RpcCall) -> None:
        try:
            frame = await self._outcome(call)
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            frame = _failure(call, CallCancelled(f"{call.method} was cancelled"))
        except RpcError as error:
            # That of a call that the handler made itself is nothing that its caller knows of.
            frame = _failure(call, error) if error.peer_id is None else self._handler_failed(call, error)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises, SystemExit included, ends the call alone
            frame = self._handler_failed(call, error)
        if self._callee.is_wanted(call.id):
            try:
                await self._channel.send(frame)
            except HeliographError as error:  # too large a result, or the channel is gone
                log.info("rpc.answer_not_sent peer=%s method=%s reason=%s", self._channel.peer_id, call.method, error)
                if self._channel.is_open:
                    await self._channel.send(_failure(call, HandlerFailed(f"The answer cannot be sent: {error}")))

    async def _outcome(self, call: RpcCall) -> str:
        """Run the handler: the last frame of the answer."""
        method = self._methods.find(call.method)
        if method.streams is (call.credit is UNSET):
            words = "streams its results, so it cannot be called" if method.streams else "does not stream its results"
            raise WrongKind(f"{call.method} {words}")
        bound = method.bind(call.args, call.kwargs, self._connection)
        if method.streams:
            await self._stream(call, method, bound)
            return encode_frame(RpcEnd(id=call.id))
        if method.is_coroutine:
            value = await method.handler(*bound.args, **bound.kwargs)
        else:
            value = await _in_thread(functools.partial(method.handler, *bound.args, **bound.kwargs))
        return encode_frame(RpcResult(id=call.id, value=Raw(method.encode_result(value))))

    async def _stream(self, call: RpcCall, method: Method, bound: inspect.BoundArguments) -> None:
        parts = method.handler(*bound.args, **bound.kwargs)
        if inspect.isawaitable(parts):
            parts = await parts
        try:
            async for value in parts:
                encoded = method.encode_result(value)
                credit = self._credit[call.id]
                while not self._callee.may_send_part(call.id):
                    credit.clear()
                    await credit.wait()
                await self._channel.send(self._callee.part(call.id, encoded))
        finally:
            if hasattr(parts, "aclose"):
                await parts.aclose()

    def _handler_failed(self, call: RpcCall, error: BaseException) -> str:
        log.error("rpc.handler_failed peer=%s method=%s", self._channel.peer_id, call.method, exc_info=error)
        return _failure(call, HandlerFailed(f"{call.method} failed"))


def _failure(call: RpcCall, error: RpcError) -> str:
    code = error.code[:MAX_CODE_LENGTH] or RpcError.CODE
    return encode_frame(RpcFailure(id=call.id, code=code, message=str(error)[:MAX_MESSAGE_LENGTH]))


def _is_cancelled() -> bool:
    """Whether it is this task that is being cancelled, and not something that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Run in a thread of the handlers' own, so that long ones do not hold up the files and names of others."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: context.run(function))
