"""`heliograph worker`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from heliograph.channels.channel import Channel
from heliograph.cli.filters import json_or_text
from heliograph.cli.group import Command
from heliograph.cli.output import Output
from heliograph.cli.room import given_or_made_room
from heliograph.cli.run import run
from heliograph.cli.serving.commands import command_handler, split_command
from heliograph.cli.serving.functions import as_job, find_function
from heliograph.cli.serving.jobs import Jobs
from heliograph.cli.taking import name_of, taking_options, tell_not_arrived
from heliograph.cli.where import Where, output_options, room_options
from heliograph.errors import ConfigurationError, TransferError
from heliograph.files.offer import FileOffer
from heliograph.files.receive import receive_file
from heliograph.files.slots import Slots
from heliograph.worker import MAX_CLIENTS, Worker
from heliograph_protocol.datachannel import CHAT_LABEL, FILE_LABEL

__all__ = ["worker"]

COMMAND_METHOD = "run"
"""What the method of a command is called that was given no name."""
_NAMED = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)=(?P<what>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What the worker command was asked for."""

    where: Where
    peer_id: str | None
    name: str | None
    into: Path | None
    existing: Literal["rename", "replace", "refuse"]
    max_bytes: int | None
    max_clients: int
    keep_room: bool
    jobs: int
    tags: tuple[str, ...]
    properties: dict[str, Any]
    functions: dict[str, Callable[..., Any]]
    commands: dict[str, tuple[str, ...]]

    @property
    def methods(self) -> list[str]:
        """What can be called."""
        return [*self.functions, *self.commands]


@click.command(cls=Command, short_help="Serve Python functions and commands.")
@click.argument("functions", metavar="[[NAME=]MODULE:FUNCTION]...", nargs=-1)
@click.option(
    "--exec",
    "commands",
    metavar="[NAME=]COMMAND",
    multiple=True,
    help="Serve a command: it is run once a call, without a shell, and its output streamed to the caller. The call's "
    f"arguments are a JSON object on its standard input. Repeatable; without NAME the method is `{COMMAND_METHOD}`.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many jobs run at once; so many clients can claim this worker, too.",
)
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="A tag that clients find it by. Repeatable.")
@click.option(
    "--property",
    "properties",
    metavar="NAME=VALUE",
    multiple=True,
    help="A property that clients find it by: gpu_memory_mb=16384. VALUE is JSON or else a text. Repeatable.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Save received files in this directory. Without it they are hashed and forgotten.",
)
@taking_options
@click.option("--peer-id", metavar="ID", help="This worker's id in the room.  [default: Worker-…]")
@click.option("--name", help="What it calls itself in its own output.  [default: the peer id]")
@click.option(
    "--max-clients",
    type=click.IntRange(min=1),
    default=MAX_CLIENTS,
    show_default=True,
    help="How many clients may be connected; more are told that it is busy.",
)
@click.option(
    "--keep-room",
    is_flag=True,
    help="Keep the room from ending as long as this worker runs. It has to be yours: `heliograph login` comes first.",
)
@room_options
@output_options
def worker(
    *,
    functions: tuple[str, ...],
    commands: tuple[str, ...],
    properties: tuple[str, ...],
    out: Output,
    **others: Any,
) -> None:
    """Serve Python functions and commands to the peers of a room, until interrupted.

    A function is a method of its own name: it gets its arguments checked by its annotations, and an async generator
    streams its results. Modules are searched for in the working directory too. `heliograph call` calls it.

    Without anything to serve it is a worker to try things with: it echoes chat messages and answers files with their
    SHA-256. Without a room it creates one and prints the link to it.

    \b
    Examples:
      heliograph worker jobs:train jobs:evaluate --tag gpu --property gpu_memory_mb=16384
      heliograph worker --exec 'python render.py' --jobs 4
    """
    served = _each(functions, _function_name, find_function, "MODULE:FUNCTION")
    executed = _each(commands, lambda _: COMMAND_METHOD, split_command, "--exec")
    if twice := served.keys() & executed.keys():
        raise click.UsageError(f"The method {min(twice)!r} is there twice: give one another name, NAME=…")
    options = WorkerOptions(properties=_properties(properties), functions=served, commands=executed, **others)
    run(lambda: _serve(options, out), out=out, until_stopped=True)


async def _serve(options: WorkerOptions, output: Output) -> None:
    """Serve until cancelled. The first line of output says that the worker is registered."""
    where = options.where
    if options.keep_room:
        _ = where.identity  # raises if there is none
    room, token, link = await given_or_made_room(where)
    worker = Worker(
        where.url,
        room=room,
        token=token,
        id_token=where.lasting_identity,
        keep_room=options.keep_room,
        peer_id=options.peer_id,
        tags=options.tags,
        properties={"max_claims": options.jobs, **options.properties} if options.methods else options.properties,
        ice_servers=where.ice_servers,
        max_clients=options.max_clients,
    )
    jobs = Jobs(options.jobs, output)
    for method, function in options.functions.items():
        worker.rpc(method)(as_job(method, function, jobs))
    for method, words in options.commands.items():
        worker.rpc(method)(command_handler(method, words, jobs))
    if not options.methods:
        _echo_chats(worker, output)
    if options.into is not None or not options.methods:
        _take_files(worker, options, output)

    async with worker:
        name = options.name or worker.peer_id
        lines = [f"ready {name} in room {worker.room_id} at {where.url}"]
        lines += [f"serves {', '.join(options.methods)}"] if options.methods else []
        lines += [f"link  {link}"] if link is not None else []
        output.event(
            "ready",
            "\n".join(lines),
            peer_id=worker.peer_id,
            name=name,
            room_id=worker.room_id,
            url=where.url,
            link=link,
            methods=options.methods,
        )
        await worker.wait_closed()


def _echo_chats(worker: Worker, output: Output) -> None:
    @worker.on_channel(CHAT_LABEL)
    async def echo(channel: Channel) -> None:
        output.event("connected", f"{channel.peer_id} connected", peer_id=channel.peer_id)
        async for message in channel:
            await channel.send(message)
        output.event("disconnected", f"{channel.peer_id} left", peer_id=channel.peer_id)


def _take_files(worker: Worker, options: WorkerOptions, output: Output) -> None:
    slots = Slots()

    @worker.on_channel(FILE_LABEL)
    async def take(channel: Channel) -> None:
        name: str | None = None

        def offered(offer: FileOffer) -> bool:
            nonlocal name
            name = name_of(offer)
            return True

        try:
            async with slots.of(channel.peer_id):
                file = await receive_file(
                    channel, into=options.into, existing=options.existing, max_bytes=options.max_bytes, accept=offered
                )
        except TransferError as error:
            tell_not_arrived(output, channel.peer_id, name, error)
            return
        output.event(
            "file_received",
            f"{channel.peer_id} sent {file.name}, {file.size:,} bytes, SHA-256 {file.sha256}",
            peer_id=channel.peer_id,
            name=file.name,
            size=file.size,
            sha256=file.sha256,
            path=str(file.path) if file.path else None,
        )


def _each(
    given: tuple[str, ...], default_name: Callable[[str], str], find: Callable[[str], Any], option: str
) -> dict[str, Any]:
    """What is served, by the names of the methods."""
    found: dict[str, Any] = {}
    for text in given:
        named = _NAMED.fullmatch(text)
        name, what = (named["name"], named["what"]) if named else (default_name(text), text)
        if name in found:
            raise click.BadParameter(
                f"the method {name!r} is there twice: give one another name, NAME=…", param_hint=option
            )
        try:
            found[name] = find(what)
        except ConfigurationError as error:
            raise click.BadParameter(str(error), param_hint=option) from error
    return found


def _function_name(reference: str) -> str:
    return reference.rpartition(":")[2].rpartition(".")[2]


def _properties(given: tuple[str, ...]) -> dict[str, Any]:
    properties = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{text!r} is no NAME=VALUE", param_hint="--property")
        properties[name] = json_or_text(value)
    return properties
