"""`heliograph call`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import click

from heliograph.cli.call_arguments import call_arguments, document_arguments
from heliograph.cli.connected import connected, enter
from heliograph.cli.filters import PeerFilter, filter_options
from heliograph.cli.group import Command
from heliograph.cli.output import Output
from heliograph.cli.results import Results
from heliograph.cli.run import run
from heliograph.cli.where import Where, output_options, room_options
from heliograph.peer.connection import Connection
from heliograph.rpc.errors import WrongKind

__all__ = ["call"]

WORKER = "worker"
CLAIM_TTL_S = 3600
"""As long as there is: the end of the call gives the worker back, and so does the end of this program."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What is to be called, and how long to wait for each answer."""

    method: str
    args: list[Any]
    kwargs: dict[str, Any]
    timeout_s: float | None


@click.command(cls=Command, short_help="Call a method of a worker, and print its results.")
@click.argument("method")
@click.argument("arguments", metavar="[ARGUMENT]...", nargs=-1)
@click.option("--peer", metavar="ID", help="Whom to call.  [default: a free worker, claimed for the time of the call]")
@filter_options
@click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.IntRange(min=0),
    default=0,
    help="How long to wait for a free worker, or for the peer to come.  [default: not at all]",
)
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Give up, and stop the method, when no answer has come for so long.  [default: never]",
)
@click.option("--input", "document", metavar="FILE", type=click.File("rb"), help="The arguments as JSON; - is stdin.")
@room_options
@output_options
def call(
    *,
    method: str,
    arguments: tuple[str, ...],
    document: BinaryIO | None,
    where: Where,
    peer: str | None,
    filters: PeerFilter,
    wait_s: int,
    timeout_s: float | None,
    out: Output,
) -> None:
    """Call a method of a worker and print its result, or its results as they come.

    \b
    ARGUMENT is one of
      name=text     a text; name=@FILE has the content of a file
      name:=JSON    a number, true, false, null, list or object; name:=@FILE
      value         a positional argument: JSON, or else a text

    Texts are printed as they are, everything else as JSON; what a command writes goes to the same stream here. Ctrl-C
    stops the method.

    \b
    Examples:
      heliograph call train name=run-7 steps:=1000 --where 'gpu_memory_mb>=8192' --wait 60
      heliograph call add 1 2 --peer Worker-1
      heliograph call run --input job.json
    """
    if document is not None and arguments:
        raise click.UsageError("Arguments come from the command line or from --input, not from both")
    if peer is not None and filters:
        raise click.UsageError("--peer names one, so --role, --tag and --where have nothing to choose from")
    args, kwargs = call_arguments(arguments) if document is None else document_arguments(document)

    async def work() -> None:
        reached = connected(where, peer, wait_s=wait_s, out=out) if peer else _claimed(where, filters, wait_s, out)
        async with reached as connection:
            await _call(connection, _Call(method, args, kwargs, timeout_s), out)

    run(work, out=out, until_stopped=False)


@asynccontextmanager
async def _claimed(where: Where, filters: PeerFilter, wait_s: int, out: Output) -> AsyncIterator[Connection]:
    wanted = {"role": WORKER, **filters.arguments}
    async with enter(where) as session:
        with out.status("Waiting for a free worker…" if wait_s else "Claiming a worker…"):
            claim = await session.claim(**wanted, wait_s=wait_s, ttl_s=CLAIM_TTL_S)
        try:
            with out.status(f"Connecting to {claim.peer_id}…"):
                connection = await session.connect(claim.peer_id)
            async with connection:
                yield connection
        finally:
            await claim.release()


async def _call(connection: Connection, wanted: _Call, out: Output) -> None:
    out.quiet_event("connected", peer_id=connection.peer_id)
    results = Results(out)
    calls = connection._rpc.calls  # noqa: SLF001 - arguments may have the names of options of `Connection.call`
    try:
        results.whole(
            await calls.call(wanted.method, wanted.args, wanted.kwargs, returns=Any, timeout_s=wanted.timeout_s)
        )
    except WrongKind:  # it streams, and has not been started
        parts = calls.stream(wanted.method, wanted.args, wanted.kwargs, returns=Any, timeout_s=wanted.timeout_s)
        async with parts:
            async for part in parts:
                results.part(part)
        results.end()
