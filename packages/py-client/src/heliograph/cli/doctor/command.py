"""The command: its checks in order, and how findings are shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import click
from rich.table import Table
from rich.text import Text

from heliograph.api import Api
from heliograph.cli.doctor.finding import Finding, Verdict
from heliograph.cli.doctor.ice import check_stun, check_turn, check_udp, ice_urls
from heliograph.cli.doctor.loopback import check_loopback
from heliograph.cli.doctor.server import admitted, check_identity, check_server, check_signaling
from heliograph.cli.group import Command
from heliograph.cli.output import Output, console, harmless, screen
from heliograph.cli.run import CommandFailed, run
from heliograph.cli.where import Where, output_options, room_options
from heliograph.errors import HeliographError
from heliograph.peer.ice_servers import IceServer

__all__ = ["doctor"]

UNHEALTHY = 9
CHECK_COLUMNS = 9

MARKS = {
    Verdict.OK: ("✓", "green"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.FAILED: ("✗", "red"),
    Verdict.SKIPPED: ("-", "dim"),
}


@click.command(cls=Command, short_help="Check what stands between here, the server and peers.")
@room_options
@output_options
def doctor(*, where: Where, out: Output) -> None:
    """Check what stands between this machine, its server and its peers.

    Settings, server and versions, identity, WebSocket, clock, STUN and the public address, TURN, whether UDP gets out,
    and a peer connection within this machine. Each gets a verdict and, where needed, a hint. Without a room it makes
    one for the time of the check.
    """
    run(lambda: _examine(where, out), out=out, until_stopped=False)


async def _examine(where: Where, out: Output) -> None:
    verdicts = []
    async for finding in _findings(where):
        verdicts.append(finding.verdict)
        _show(finding, out)
    failed, warnings = verdicts.count(Verdict.FAILED), verdicts.count(Verdict.WARNING)
    words = "All is well." if not failed else f"{failed} of {len(verdicts)} checks failed."
    if warnings and not failed:
        words = f"It works, with {warnings} warning{'s' if warnings > 1 else ''}."
    out.event("summary", words, failed=failed, warnings=warnings, checks=len(verdicts))
    if failed:
        raise CommandFailed(UNHEALTHY)


async def _findings(where: Where) -> AsyncIterator[Finding]:
    yield _settings(where)
    servers = where.ice_servers
    there = await check_server(where)
    yield there
    if there.verdict is Verdict.FAILED:
        for name in ("identity", "websocket", "clock"):
            yield Finding(name, Verdict.SKIPPED, "the server cannot be reached")
    else:
        identity, id_token = await check_identity(where)
        yield identity
        if id_token is None:
            for name in ("websocket", "clock"):
                yield Finding(name, Verdict.SKIPPED, "without an identity nobody gets in")
        else:
            async with AsyncExitStack() as stack:
                for finding in await _in_room(where, id_token, stack):
                    yield finding
            if servers is None:
                servers = await _servers_of(where, id_token)
    urls, findings = ice_urls(servers or ())
    for finding in findings:
        yield finding
    stun_findings, stun_answered = await check_stun(urls)
    for finding in stun_findings:
        yield finding
    turn_findings, turn_answered = await check_turn(urls)
    for finding in turn_findings:
        yield finding
    yield await check_udp(urls, answered=stun_answered or turn_answered)
    yield await check_loopback()


async def _in_room(where: Where, id_token: str, stack: AsyncExitStack) -> list[Finding]:
    try:
        guest = await stack.enter_async_context(admitted(where, id_token))
    except HeliographError as error:
        return [
            Finding("websocket", Verdict.FAILED, f"no room to try it in: {error}", "Give one with --room and a token."),
            Finding("clock", Verdict.SKIPPED, "without a WebSocket there is nobody to ask"),
        ]
    return await check_signaling(where, guest)


async def _servers_of(where: Where, id_token: str) -> tuple[IceServer, ...]:
    """What the server names; one that speaks level 1 only names none."""
    async with Api(where.url) as api:
        try:
            named = await api.ice_servers(id_token=id_token)
        except HeliographError:
            return ()
    return tuple(IceServer.of(server) for server in named.ice_servers)


def _settings(where: Where) -> Finding:
    sources = where.chosen.sources
    words = ", ".join(f"{name} from {source}" for name, source in sources.items())
    return Finding(
        "settings", Verdict.OK, words, None, {"url": where.url, "room": where.room, "sources": dict(sources)}
    )


def _show(finding: Finding, out: Output) -> None:
    if out.as_json:
        fields = {
            "check": finding.check,
            "verdict": str(finding.verdict),
            "message": finding.words,
            "hint": finding.hint,
        }
        out.event("finding", "", **fields, **finding.measured)
        return
    mark, color = MARKS[finding.verdict]
    words = Text(harmless(finding.words))
    if finding.hint is not None:
        words.append(f"\n{finding.hint}", style="yellow")
    if console.is_terminal:  # wrapped between words, below the others
        line = Table.grid(padding=(0, 1))
        line.add_column()
        line.add_column(min_width=CHECK_COLUMNS)
        line.add_column(overflow="fold")
        line.add_row(Text(mark, style=color), Text(finding.check, style="bold"), words)
        screen.print(line)
        return
    indented = words.plain.replace("\n", "\n" + " " * (CHECK_COLUMNS + 3))
    console.print(Text(f"{mark} {finding.check:<{CHECK_COLUMNS}} {indented}"))
    console.file.flush()
