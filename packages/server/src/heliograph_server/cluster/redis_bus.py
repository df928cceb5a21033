"""The bus and the registry on Redis or Valkey 7.

All commands of one turn of the event loop are one pipeline; what comes while it is under way makes up the next. Commits
of several rooms are one command there, unless the rooms may be on different shards. When the server does not answer
within `ANSWER_S`, everything that waits for it is told so at once, and the connections are made anew until one works.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, groupby
from typing import Any, Final

import structlog
from msgspec import Struct
from msgspec.structs import replace
from redis.exceptions import NoScriptError

from heliograph_server.cluster.bus import INTRODUCE_S, BusListener, BusUnavailable, Changes, Fields, Home, Lease, Taken
from heliograph_server.cluster.bus_url import BusUrl
from heliograph_server.cluster.connecting import FAILURES, Reader, connections
from heliograph_server.cluster.scripts import (
    COMMIT,
    NODES_KEY,
    RECLAIM,
    RELEASE,
    RENEW,
    SPEND,
    TAKE,
    Script,
    introduction_key,
)

__all__ = ["ANSWER_S", "KEPT_S", "RedisBus"]

ANSWER_S: Final = 2.0
"""How long the bus may take to answer."""

CONNECT_S: Final = 3.0
RETRY_S: Final = 0.25

BEAT_S: Final = 0.5
"""How often a node sends to itself, so that it notices when nothing comes any more."""

SILENCE_S: Final = 3.0
"""After that time without anything the subscription is taken for lost."""

PIPELINE_COMMANDS: Final = 1000
QUEUED_BYTES: Final = 64 * 1024 * 1024
"""What may wait for the bus; beyond it the bus counts as lost."""

KEPT_S: Final = 6 * 3600
"""How long what is kept of a room outlives its last commit."""

KEYS_KNOWN: Final = 4096
"""Of how many rooms it is remembered what their keys are called."""

_SCRIPTS: Final = (COMMIT, RECLAIM, RELEASE, RENEW, SPEND, TAKE)

_log = structlog.get_logger(__name__)


class _Command(Struct):
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Any] | None
    size: int
    node: str = ""
    """To whom a publication is."""


class _Commit(_Command):
    """The arguments are those of the room."""

    keys: tuple[str, str] = ("", "")
    known: bool = True
    """Whether the server knows the script, as far as is known."""


class RedisBus:
    """See `Bus` and `Registry`."""

    def __init__(self, url: BusUrl) -> None:
        self._connections = connections(url)
        self._queue: deque[_Command] = deque()
        self._queued = asyncio.Event()
        self._size = 0
        self.up = False
        """See `Bus.up`."""
        self.published = 0
        self.published_bytes = 0
        self.outages = 0
        self.answer_s = 0.0
        """How long the latest pipeline took."""

    def publish(self, node: str, batch: bytes) -> None:
        """See `Bus.publish`. While the bus is lost, so is the batch."""
        if self.up:
            self.published += 1
            self.published_bytes += len(batch)
            command = self._connections.publication(_channel(node), batch)
            self._put(_Command(command, None, len(batch), node))

    async def run(self, node: str, listener: BusListener) -> None:
        """See `Bus.run`."""
        lost = False
        while True:
            try:
                async with contextlib.AsyncExitStack() as stack:
                    reader = await self._open(stack, _channel(node))
                    _log.info("cluster.bus_found")
                    lost = False
                    self.up = True
                    listener.bus_back()
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._write(listener))
                        tasks.create_task(self._read(reader, listener))
                        tasks.create_task(self._beat(node))
            except* FAILURES as errors:
                if not lost:
                    lost = True
                    self.outages += 1
                    _log.error("cluster.bus_lost", cause=repr(errors.exceptions[0]))
            finally:
                was_up, self.up = self.up, False
                self._fail_all()
                if was_up:
                    listener.bus_lost()
            await asyncio.sleep(RETRY_S)

    async def renew(self, node: str, lease_s: float) -> Lease:
        """See `Registry.renew`."""
        known, nodes = await self._call(RENEW, [NODES_KEY], node, int(lease_s * 1000))
        return Lease(frozenset(name.decode() for name in nodes), not known)

    async def retire(self, node: str) -> None:
        """See `Registry.retire`."""
        await self._ask("ZREM", NODES_KEY, node)

    async def introduce(self, node: str, words: bytes) -> None:
        """See `Registry.introduce`."""
        await self._ask("SET", introduction_key(node), words, "PX", int(3 * INTRODUCE_S * 1000))

    async def introductions(self, nodes: Sequence[str]) -> list[bytes | None]:
        """See `Registry.introductions`."""
        asked = [self._ask("GET", introduction_key(node)) for node in nodes]
        answers: list[bytes | None] = await asyncio.gather(*asked)
        return answers

    async def home(self, room_id: str) -> Home | None:
        """See `Registry.home`."""
        found = await self._ask("GET", _keys(room_id)[0])
        return None if found is None else _home(found)

    async def take(self, room_id: str, node: str, instead_of: Home | None) -> Taken:
        """See `Registry.take`."""
        replaced = "" if instead_of is None else _text(instead_of)
        home, won, flat = await self._call(TAKE, _keys(room_id), node, replaced, KEPT_S * 1000)
        return Taken(_home(home), bool(won), dict(zip(flat[::2], flat[1::2], strict=True)))

    def commit(self, room_id: str, home: Home, changes: Changes) -> "asyncio.Future[bool]":
        """See `Registry.commit`."""
        fields = [*changes.removed, *chain.from_iterable(changes.written)]
        arguments = (_text(home), len(changes.removed), 2 * len(changes.written), *fields)
        return self._answer_to(_Commit(arguments, None, sum(map(len, fields)), keys=_keys(room_id)))

    def reclaim(self, room_id: str, home: Home, fields: Fields) -> "asyncio.Future[bool]":
        """See `Registry.reclaim`."""
        flat = [part for field in fields.items() for part in field]
        return self._call(RECLAIM, _keys(room_id), _text(home), KEPT_S * 1000, *flat)

    async def release(self, room_id: str, home: Home, *, forget: bool) -> None:
        """See `Registry.release`."""
        await self._call(RELEASE, _keys(room_id), _text(home), int(forget))

    async def spend(self, bucket: str, rate_per_s: float, burst: float) -> float:
        """Take a token from a bucket that all nodes share: 0, or the seconds until there is one. See `Tokens`."""
        return float(await self._call(SPEND, [f"hg:bucket:{bucket}"], rate_per_s, burst))

    def _call(self, script: Script, keys: Sequence[str], *arguments: str | float | bytes) -> "asyncio.Future[Any]":
        return self._ask("EVALSHA", script.sha, len(keys), *keys, *arguments)

    def _ask(self, *command: str | float | bytes) -> "asyncio.Future[Any]":
        size = sum(len(part) for part in command if isinstance(part, bytes))
        return self._answer_to(_Command(command, None, size))

    def _answer_to(self, command: _Command) -> "asyncio.Future[Any]":
        command.answer = answer = asyncio.get_running_loop().create_future()
        if self.up:
            self._put(command)
        else:
            answer.set_exception(BusUnavailable("The bus is lost"))
        return answer

    def _put(self, command: _Command) -> None:
        if not self._queue:
            self._queued.set()
        self._queue.append(command)
        self._size += command.size

    def _fail_all(self) -> None:
        queue, self._queue = self._queue, deque()
        self._size = 0
        for command in queue:
            _fail(command)

    async def _open(self, stack: contextlib.AsyncExitStack, channel: str) -> Reader:
        before = _cancellations()
        try:
            async with asyncio.timeout(CONNECT_S):
                reader = await stack.enter_async_context(self._connections.open(channel))
                for script in _SCRIPTS:  # one that had to be given again would come after what it was before
                    await self._connections.remember(script.text)
                return reader
        finally:
            if _cancellations() > before:  # a task group that has failed leaves one, in Python 3.11
                raise asyncio.CancelledError

    async def _write(self, listener: BusListener) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._queued.wait()
            await asyncio.sleep(0)  # until the rest of this turn has had its say: what goes together costs less
            if self._size > QUEUED_BYTES:
                raise TimeoutError("too much waits for the bus")
            commands = [self._queue.popleft() for _ in range(min(len(self._queue), PIPELINE_COMMANDS))]
            if not self._queue:
                self._queued.clear()
            self._size -= sum(command.size for command in commands)
            calls = list(_calls(commands, self._connections.rooms_at_once))
            began = loop.time()
            try:
                async with asyncio.timeout(ANSWER_S):
                    answers = await self._connections.execute([arguments for arguments, _ in calls])
            except BaseException:
                for command in commands:
                    _fail(command)
                raise
            self.answer_s = loop.time() - began
            for (_, asked), answer in zip(calls, answers, strict=True):
                self._settle(asked, answer, listener)
            _heed_cancellation()
            for answer in answers:
                if isinstance(answer, Exception) and not isinstance(answer, NoScriptError):
                    raise answer  # loading, read only: whoever this is, it is not the one to speak to

    def _settle(self, asked: list[_Command], answer: Any, listener: BusListener) -> None:
        each = answer if isinstance(asked[0], _Commit) and not isinstance(answer, Exception) else [answer] * len(asked)
        for command, its in zip(asked, each, strict=True):
            self._settle_one(command, its, listener)

    def _settle_one(self, command: _Command, answer: Any, listener: BusListener) -> None:
        if isinstance(answer, NoScriptError):
            self._put(_in_full(command))
        elif isinstance(answer, Exception):
            _fail(command, answer)
        elif command.answer is None:
            if answer == 0:
                listener.unheard(command.node)
        elif not command.answer.done():
            command.answer.set_result(answer)

    async def _read(self, reader: Reader, listener: BusListener) -> None:
        while True:
            async with asyncio.timeout(SILENCE_S):
                batch = await reader.next()
            _heed_cancellation()
            if batch:
                listener.received(batch)

    async def _beat(self, node: str) -> None:
        while True:
            self.publish(node, b"")
            await asyncio.sleep(BEAT_S)


def _heed_cancellation() -> None:
    """Whoever waits in the client library may be cancelled without noticing: it finishes what it does, and goes on."""
    if _cancellations():
        raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _fail(command: _Command, cause: Exception | None = None) -> None:
    if command.answer is not None and not command.answer.done():
        error = BusUnavailable("The bus did not answer")
        error.__cause__ = cause
        command.answer.set_exception(error)
        command.answer.exception()  # whoever asked may have gone


def _calls(commands: Sequence[_Command], rooms_at_once: int) -> Iterator[tuple[tuple[Any, ...], list[_Command]]]:
    """What is to be executed, and what each call is the answer to: commits that follow each other are one call."""
    for kind, run in groupby(commands, type):
        if kind is _Commit:
            commits = [commit for commit in run if isinstance(commit, _Commit)]
            for first in range(0, len(commits), rooms_at_once):
                part = commits[first : first + rooms_at_once]
                yield _commit_call(part), [*part]
        else:
            for command in run:
                yield command.arguments, [command]


def _commit_call(commits: list[_Commit]) -> tuple[Any, ...]:
    script = ("EVALSHA", COMMIT.sha) if all(commit.known for commit in commits) else ("EVAL", COMMIT.text)
    keys = [key for commit in commits for key in commit.keys]
    rooms = [argument for commit in commits for argument in commit.arguments]
    return (*script, len(keys), *keys, KEPT_S * 1000, *rooms)


def _in_full(command: _Command) -> _Command:
    """The same call, for a server that does not know the script yet."""
    if isinstance(command, _Commit):
        return replace(command, known=False)
    text = next(script.text for script in _SCRIPTS if script.sha == command.arguments[1])
    return replace(command, arguments=("EVAL", text, *command.arguments[2:]))


def _channel(node: str) -> str:
    return f"hg:node:{node}"


@lru_cache(maxsize=KEYS_KNOWN)
def _keys(room_id: str) -> tuple[str, str]:
    tag = room_id.encode().hex()  # a stranger chose it: no braces of its own
    return f"hg:{{{tag}}}:home", f"hg:{{{tag}}}:log"


def _text(home: Home) -> str:
    return f"{home.node} {home.epoch}"


def _home(text: bytes) -> Home:
    node, epoch = text.decode().split(" ")
    return Home(node, int(epoch))
