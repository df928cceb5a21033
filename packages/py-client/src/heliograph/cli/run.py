"""Running a command's coroutine: the event loop, signals, errors to words and exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from heliograph.cli.failures import exit_code, hint
from heliograph.cli.output import Output, discard_output
from heliograph.errors import HeliographError

__all__ = ["CommandFailed", "run"]

STOP_GRACE_S = 0.8
"""How long a signal leaves for saying good-bye to peers and server."""

log = logging.getLogger(__name__)


class CommandFailed(Exception):
    """Ends a command with this exit code and these words, or, without words, with what it has written already."""

    def __init__(self, code: int, words: str = "", *, hint: str | None = None, kind: str = "Failed") -> None:
        super().__init__(words)
        self.code = code
        self.hint = hint
        self.kind = kind


def run(command: Callable[[], Coroutine[Any, Any, None]], *, out: Output, until_stopped: bool) -> None:
    """Run a command and exit with its code. With `until_stopped`, SIGTERM is its regular end and means 0.

    Such a command goes on where nobody reads its output.
    """
    _start_logging(verbose=out.verbose)
    out.may_be_lost = until_stopped
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            stopped_by = runner.run(_until_stopped(command))
    except HeliographError as error:
        _fail(out, error, str(error), exit_code(error), hint(error))
    except CommandFailed as failed:
        if str(failed):
            out.failure(str(failed), hint=failed.hint, code=failed.code, kind=failed.kind)
        sys.exit(failed.code)
    except BrokenPipeError:  # who read the output has seen enough
        discard_output()
        sys.exit(1)
    except OSError as error:
        _fail(out, error, str(error), 1, None)
    except UnicodeEncodeError as error:  # bytes of the command line that are no text, where a text goes to others
        words = f"{error.object[:100]!a} cannot be written as {error.encoding}: {error.reason}"
        _fail(out, error, words, 2, None)
    except KeyboardInterrupt:  # where the loop cannot take signals, and the second Ctrl-C
        stopped_by = signal.SIGINT
    except Exception as error:  # noqa: BLE001 - a bug of ours, of which a user shall not get a traceback unasked
        words = f"Something unforeseen: {type(error).__name__}: {error}"
        _fail(out, error, words, 1, "With -v the log says where it happened.")
    if stopped_by == signal.SIGINT or (stopped_by is not None and not until_stopped):
        sys.exit(128 + stopped_by)


def _fail(out: Output, error: Exception, words: str, code: int, advice: str | None) -> None:
    log.info("command.failed", exc_info=error)
    reason = getattr(error, "code", None)
    out.failure(
        words, hint=advice, code=code, kind=type(error).__name__, reason=reason if isinstance(reason, str) else None
    )
    sys.exit(code)


def _start_logging(*, verbose: bool) -> None:
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    if verbose:
        for chatty in ("httpx", "aioice", "aiortc"):  # they log every pair, and addresses
            logging.getLogger(chatty).setLevel(logging.WARNING)


async def _until_stopped(command: Callable[[], Coroutine[Any, Any, None]]) -> int | None:
    """Run until the command ends or a signal comes; returns the signal's number then.

    The first signal cancels the command, which takes its leave; the second one ends the program where it is.
    """
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[int] = loop.create_future()
    caught = (signal.SIGINT, signal.SIGTERM)

    def on_signal(number: int) -> None:
        for each in caught:
            loop.remove_signal_handler(each)
        if not stop.done():
            stop.set_result(number)

    for each in caught:
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(each, on_signal, int(each))
    working = asyncio.create_task(command())
    working.add_done_callback(lambda _: stop.cancel())
    try:
        number = await stop
    except asyncio.CancelledError:
        working.cancel()
        await working
        return None
    working.cancel()
    await asyncio.wait([working], timeout=STOP_GRACE_S)
    return number


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: it doubles the throughput of a data channel."""
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
