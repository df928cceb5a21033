"""Running a command's coroutine: the event loop, signals, errors to exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click

from heliograph.errors import (
    ApiError,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    HeliographError,
    PeerNotFound,
    PeerRefused,
    ServerUnreachable,
    SignalingError,
    TransferError,
)

__all__ = ["EXIT_CODES", "exit_code", "run"]

STOP_GRACE_S = 0.8
"""How long a signal leaves for saying good-bye to peers and server."""

EXIT_CODES = """\
\b
Exit codes:
  0    done
  1    something unforeseen
  2    wrong usage or configuration
  3    the server cannot be reached
  4    the server refused: room, token, peer id
  5    no such peer, or it refused
  6    no connection to the peer, or it was lost
  7    the file did not arrive
  130  interrupted (143: terminated) before it was done
"""


def exit_code(error: HeliographError) -> int:
    """The documented exit code for an error."""
    match error:
        case ConfigurationError():
            return 2
        case ServerUnreachable():
            return 3
        case PeerNotFound() | PeerRefused():
            return 5
        case ApiError() | SignalingError():
            return 4
        case ConnectError() | ConnectionLost():
            return 6
        case TransferError():
            return 7
        case _:
            return 1


def run(command: Callable[[], Coroutine[Any, Any, None]], *, until_stopped: bool, verbose: bool) -> None:
    """Run a command and exit with its code. With `until_stopped`, an interrupt is its regular end and means 0."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    if verbose:
        for chatty in ("httpx", "aioice", "aiortc"):  # they log every pair, and addresses
            logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            stopped_by = runner.run(_until_stopped(command))
    except HeliographError as error:
        click.echo(f"heliograph: {error}", err=True)
        sys.exit(exit_code(error))
    except OSError as error:
        click.echo(f"heliograph: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:  # where the loop cannot take signals
        stopped_by = signal.SIGINT
    if stopped_by is not None and not until_stopped:
        sys.exit(128 + stopped_by)


async def _until_stopped(command: Callable[[], Coroutine[Any, Any, None]]) -> int | None:
    """Run until the command ends or a signal comes; returns the signal's number then."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[int] = loop.create_future()

    def on_signal(number: int) -> None:
        if not stop.done():
            stop.set_result(number)

    for caught in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(caught, on_signal, int(caught))
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
