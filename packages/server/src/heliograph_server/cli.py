"""The `heliograph-server` command.

Exit codes: 0 done, 1 could not do it, 2 asked wrongly (a bad setting or argument).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final

from heliograph_server.app import Application, room_problems
from heliograph_server.aws.calls import AwsUnusable
from heliograph_server.cluster.assembly import ClusterUnusable
from heliograph_server.cluster.fitness import cluster_notes, cluster_problems
from heliograph_server.demo import run_demo
from heliograph_server.errors import StoreUnavailable
from heliograph_server.identity.chosen import issuer_problems
from heliograph_server.identity.keyfile import KEY_FILE, KeyFileError, load_or_create_key
from heliograph_server.identity.local import LocalIdentity, MintError
from heliograph_server.ops.logging import configure_logging
from heliograph_server.serve import Listeners, PortTaken, run, serve
from heliograph_server.settings import HELP, HIDDEN, SECRET_FIELDS, Settings, SettingsError, load_settings, variable
from heliograph_server.transport.tls import Certificate, CertificateError
from heliograph_server.workers import run_workers

__all__ = ["main"]

DEFAULT_MINT_S: Final = 24 * 3600

_SETTINGS_HELP: Final = (
    "each also as HELIOGRAPH_<NAME> in the environment, Cognito's as COGNITO_<NAME>; the command line wins"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command: Callable[[Settings, argparse.Namespace], int] = options.command
    overrides = {field: getattr(options, field, None) for field in Settings.__struct_fields__}
    try:
        settings = load_settings(os.environ, overrides)
    except SettingsError as error:
        for problem in error.problems:
            _complain(problem)
        return 2
    try:
        return command(settings, options)
    except (AwsUnusable, ClusterUnusable, PortTaken, StoreUnavailable, OSError) as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="heliograph-server", description="The Heliograph signaling server.")
    parser.add_argument("--version", action="version", version=version("heliograph-server"))
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    group = shared.add_argument_group("settings", _SETTINGS_HELP)
    for field in Settings.__struct_fields__:
        if field in SECRET_FIELDS:
            continue  # other users of the machine can read a command line
        shown = _shown(getattr(Settings(), field))
        group.add_argument(
            "--" + field.replace("_", "-"),
            dest=field,
            metavar="VALUE",
            help=f"{HELP[field]} (default: {shown or 'none'})",
        )
    for name, command, text in (
        ("serve", _serve, "run the server"),
        ("demo", _demo, "run the server with a worker in a room, and print the link to it"),
        ("check-config", _check_config, "read the settings, say what they are or what is wrong with them"),
        ("mint-token", _mint_token, "print an id token of the embedded identity"),
    ):
        sub = commands.add_parser(name, parents=[shared], help=text, description=text.capitalize() + ".")
        sub.set_defaults(command=command)
        if name == "mint-token":
            sub.add_argument("--subject", required=True, help="who the token is for")
            sub.add_argument("--ttl", type=int, default=DEFAULT_MINT_S, metavar="SECONDS", help="default: %(default)s")
    return parser


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    if settings.workers > 1:
        return run_workers(settings)
    configure_logging(settings)
    listeners = Listeners.bind(settings)
    run(serve(Application(settings), listeners))
    return 0


def _demo(settings: Settings, _: argparse.Namespace) -> int:
    return run_demo(settings)


def _check_config(settings: Settings, _: argparse.Namespace) -> int:
    for field in Settings.__struct_fields__:
        value = getattr(settings, field)
        shown = HIDDEN if field in SECRET_FIELDS and value else _shown(value)
        sys.stdout.write(f"{variable(field)}={shown}\n")
    problems = run(_problems(settings))
    for note in cluster_notes(settings):
        _complain(f"note: {note}")
    for problem in problems:
        _complain(problem)
    return 1 if problems else 0


async def _problems(settings: Settings) -> list[str]:
    """What is wrong with the files that the settings name, and with what they reach elsewhere. Changes nothing."""
    problems = []
    try:
        if settings.tls_cert is not None and settings.tls_key is not None:
            Certificate(settings.tls_cert, settings.tls_key)
    except CertificateError as error:
        problems.append(str(error))
    try:
        if not settings.signing_key and (settings.data_dir / KEY_FILE).exists():
            load_or_create_key(settings.data_dir)
    except KeyFileError as error:
        problems.append(str(error))
    problems += await issuer_problems(settings)
    problems += await room_problems(settings)
    problems += await cluster_problems(settings)
    return problems


def _mint_token(settings: Settings, options: argparse.Namespace) -> int:
    if "local" not in settings.identity:
        _complain(f"{variable('identity')} does not list local: the token would not count")
        return 2
    identity = LocalIdentity(settings.data_dir, time.time, settings.signing_key)
    try:
        token = identity.mint(options.subject, ttl_s=options.ttl)
    except MintError as error:
        _complain(str(error))
        return 2
    sys.stdout.write(token + "\n")
    return 0


def _shown(value: object) -> str:
    """A setting's value as it would be written in the environment."""
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _complain(problem: str) -> None:
    sys.stderr.write(f"heliograph-server: {problem}\n")
