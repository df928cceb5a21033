"""Remote calls over real connections, between a worker and its clients."""

import asyncio
import functools
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

import heliograph
from heliograph.testing import connected, cut_path, pair


class Spec(msgspec.Struct):
    name: str
    steps: int = 1
    weights: bytes = b""


class Progress(msgspec.Struct):
    step: int
    loss: float


async def test_arguments_and_results_are_values_of_the_annotated_types(worker: heliograph.Worker) -> None:
    @worker.rpc("train")
    async def train(spec: Spec, /, *more: int, scale: float = 1.0, **tags: str) -> dict[str, object]:
        assert isinstance(spec, Spec)
        return {"spec": spec, "more": more, "scale": scale, "tags": tags}

    async with connected(worker) as connection:
        assert await connection.call("train", Spec("a", 2, b"\xff"), 1, 2, scale=3, colour="red") == {
            "spec": {"name": "a", "steps": 2, "weights": "/w=="},
            "more": [1, 2],
            "scale": 3.0,
            "tags": {"colour": "red"},
        }


async def test_a_result_can_be_typed_too(worker: heliograph.Worker) -> None:
    @worker.rpc("double")
    async def double(spec: Spec) -> Spec:
        return Spec(spec.name, spec.steps * 2, spec.weights * 2)

    large = b"x" * 400_000
    async with connected(worker) as connection:
        assert await connection.call("double", Spec("a", 2, large), returns=Spec) == Spec("a", 4, large * 2)
        with pytest.raises(heliograph.InvalidResult, match="double") as caught:
            await connection.call("double", Spec("a"), returns=Progress)
        assert caught.value.peer_id == "Worker-1"


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "missing a required argument: 'name'"),
        (("a", 1, 2), {}, "too many positional arguments"),
        (("a",), {"name": "b"}, "multiple values for argument 'name'"),
        (("a",), {"colour": "red"}, "unexpected keyword argument 'colour'"),
        ((1,), {}, "argument 'name': Expected `str`, got `int`"),
        (("a", "1"), {}, "argument 'steps': Expected `int`, got `str`"),
        (("a",), {"caller": "me"}, "unexpected keyword argument 'caller'"),
    ],
)
async def test_invalid_arguments(
    worker: heliograph.Worker, args: tuple[object, ...], kwargs: dict[str, Any], words: str
) -> None:
    @worker.rpc("train")
    async def train(name: str, caller: heliograph.Connection, steps: int = 1) -> None:
        pytest.fail("it must not run")

    async with connected(worker) as connection:
        with pytest.raises(heliograph.InvalidArguments, match=words) as caught:
            await connection.call("train", *args, **kwargs)
        assert caught.value.code == "INVALID_ARGUMENTS"


async def test_what_a_handler_raises(worker: heliograph.Worker, caplog: pytest.LogCaptureFixture) -> None:
    @worker.rpc("fail")
    async def fail(how: str, caller: heliograph.Connection) -> int:
        match how:
            case "code":
                raise heliograph.RpcError("no such model", code="NO_SUCH_MODEL")
            case "arguments":
                raise heliograph.InvalidArguments("steps has to be positive")
            case "bug":
                raise RuntimeError("secret")
            case "exit":
                sys.exit("usage: train [-h]")
            case "result":
                return "not a number"  # type: ignore[return-value]
            case "nothing that JSON knows":
                return object()  # type: ignore[return-value]
            case "nested":
                await caller.call("nowhere")
            case "cancelled":
                raise asyncio.CancelledError
            case _:
                return 1
        pytest.fail("the call to nowhere returned")

    expected = {
        "code": (heliograph.RpcError, "NO_SUCH_MODEL", "no such model"),
        "arguments": (heliograph.InvalidArguments, "INVALID_ARGUMENTS", "steps has to be positive"),
        "bug": (heliograph.HandlerFailed, "HANDLER_FAILED", "fail failed"),
        "exit": (heliograph.HandlerFailed, "HANDLER_FAILED", "fail failed"),
        "result": (heliograph.HandlerFailed, "HANDLER_FAILED", "fail failed"),
        "nothing that JSON knows": (heliograph.HandlerFailed, "HANDLER_FAILED", "fail failed"),
        "nested": (heliograph.HandlerFailed, "HANDLER_FAILED", "fail failed"),
        "cancelled": (heliograph.CallCancelled, "CALL_CANCELLED", "fail was cancelled"),
    }
    async with connected(worker) as connection:
        for how, (kind, code, message) in expected.items():
            with pytest.raises(heliograph.RpcError) as caught:
                await connection.call("fail", how)
            error = caught.value
            assert (type(error), error.code, str(error), error.peer_id) == (kind, code, message, "Worker-1")
        with pytest.raises(heliograph.MethodNotFound):
            await connection.call("no such method")
        assert await connection.call("fail", "not at all") == 1
    assert "RuntimeError: secret" in caplog.text


async def test_a_handler_that_exits_ends_its_call_alone(worker: heliograph.Worker) -> None:
    """As argparse does. In a thread, in a stream, and in the handler of a channel."""

    @worker.rpc("parse")
    def parse() -> None:
        sys.exit(2)

    @worker.rpc("stream")
    async def stream() -> AsyncIterator[int]:
        yield 1
        sys.exit(2)

    @worker.on_channel("jobs")
    async def work(channel: heliograph.Channel) -> None:
        sys.exit(str(await channel.receive()))

    async with connected(worker) as connection:
        with pytest.raises(heliograph.HandlerFailed):
            await connection.call("parse")
        parts = aiter(connection.stream("stream"))
        assert await anext(parts) == 1
        with pytest.raises(heliograph.HandlerFailed):
            await anext(parts)
        jobs = connection.channel("jobs")
        await jobs.send("2")
        with pytest.raises(heliograph.ChannelClosed):
            await jobs.receive()
        with pytest.raises(heliograph.HandlerFailed):
            await connection.call("parse")


async def test_both_sides_may_call_and_a_handler_may_call_back() -> None:
    async with pair() as (near, far):

        @near.rpc("name")
        async def name() -> str:
            return "near"

        @far.rpc("greet")
        async def greet(caller: heliograph.Connection) -> str:
            return f"hello {await caller.call('name', returns=str)}"

        assert await near.call("greet") == "hello near"
        assert await far.call("name") == "near"


async def test_plain_functions_run_in_threads_of_their_own(worker: heliograph.Worker) -> None:
    meeting = threading.Barrier(2, timeout=30)

    @worker.rpc("meet")
    def meet() -> str:
        meeting.wait()
        return threading.current_thread().name

    worker.rpc("add three")(functools.partial(lambda a, b: a + b, 3))

    async with connected(worker) as connection:
        names = await asyncio.gather(connection.call("meet"), connection.call("meet"))
        assert len(set(names)) == 2
        assert all(name.startswith("heliograph-rpc") for name in names)
        assert await connection.call("add three", 4) == 7


async def test_results_stream(worker: heliograph.Worker) -> None:
    @worker.rpc("train")
    async def train(spec: Spec) -> AsyncIterator[Progress]:
        for step in range(spec.steps):
            yield Progress(step, 1 / (step + 1))

    async with connected(worker) as connection:
        parts = [part async for part in connection.stream("train", Spec("a", 3), returns=Progress)]
        assert parts == [Progress(0, 1.0), Progress(1, 0.5), Progress(2, 1 / 3)]
        assert [part async for part in connection.stream("train", Spec("a", 0))] == []
        with pytest.raises(heliograph.WrongKind):
            await connection.call("train", Spec("a"))


async def test_a_stream_that_fails_gives_its_parts_first(worker: heliograph.Worker) -> None:
    @worker.rpc("train")
    async def train() -> AsyncIterator[int]:
        yield 1
        raise heliograph.RpcError("out of memory", code="OUT_OF_MEMORY")

    @worker.rpc("add")
    async def add(a: int, b: int) -> int:
        return a + b

    async with connected(worker) as connection:
        got = []
        with pytest.raises(heliograph.RpcError, match="out of memory"):  # noqa: PT012 - a loop is what is tested
            async for part in connection.stream("train"):
                got.append(part)  # noqa: PERF401 - what came before the error is the point
        assert got == [1]
        with pytest.raises(heliograph.WrongKind):
            await anext(aiter(connection.stream("add", 1, 2)))


@pytest.mark.parametrize("how", ["time-out", "cancelled", "loop left", "scope left"])
async def test_giving_up_reaches_the_handler(worker: heliograph.Worker, how: str) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    @worker.rpc("run")
    async def run() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    @worker.rpc("count")
    async def count() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with connected(worker) as connection:
        match how:
            case "time-out":
                with pytest.raises(heliograph.CallTimeout, match=r"Worker-1 did not answer run in 0\.3 s"):
                    await connection.call("run", timeout_s=0.3)
            case "cancelled":
                calling = asyncio.create_task(connection.call("run", timeout_s=None))
                await started.wait()
                calling.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await calling
            case "loop left":
                async for _ in connection.stream("count"):
                    break
            case _:
                async with connection.stream("count") as parts:
                    iterator = aiter(parts)
                    await anext(iterator)
        await stopped.wait()
        with pytest.raises(heliograph.MethodNotFound):  # and the channel is fine
            await connection.call("other")


async def test_a_stream_that_pauses_too_long(worker: heliograph.Worker) -> None:
    @worker.rpc("count")
    async def count() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async with connected(worker) as connection:
        parts = aiter(connection.stream("count", timeout_s=0.3))
        assert await anext(parts) == 1
        with pytest.raises(heliograph.CallTimeout):
            await anext(parts)


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_connection_that_closes_interrupts_calls_and_cancels_handlers(who: str) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()
    async with pair() as (near, far):

        @far.rpc("run")
        async def run() -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        calling = asyncio.create_task(near.call("run"))
        await started.wait()
        await (near if who == "caller" else far).close()
        with pytest.raises(heliograph.CallInterrupted) as caught:
            await calling
        assert caught.value.code == "CALL_INTERRUPTED"
        await stopped.wait()
        with pytest.raises(heliograph.ConnectionLost):
            await near.call("run")


async def test_an_interrupted_line_is_followed_by_another() -> None:
    """What a connection does that gets a new path: calls under way fail, the next ones go on."""
    started = asyncio.Event()
    async with pair() as (near, far):

        @far.rpc("run")
        async def run(wait: bool) -> str:
            if wait:
                started.set()
                await asyncio.Event().wait()
            return "done"

        calling = asyncio.create_task(near.call("run", True))
        await started.wait()
        near._rpc.interrupt(heliograph.ConnectionLost("gone"))
        with pytest.raises(heliograph.CallInterrupted, match="lost"):
            await calling
        assert await near.call("run", False) == "done"


async def test_a_cut_path_ends_in_a_time_out() -> None:
    async with pair() as (near, far):

        @far.rpc("ping")
        async def ping() -> str:
            return "pong"

        assert await near.call("ping") == "pong"
        with cut_path(near), pytest.raises(heliograph.CallTimeout):
            await near.call("ping", timeout_s=0.3)
        assert await near.call("ping") == "pong"
