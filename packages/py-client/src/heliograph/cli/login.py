"""`heliograph login` and `heliograph logout`."""

from __future__ import annotations

from typing import TextIO

import click

from heliograph.api import Api
from heliograph.cli.group import Command
from heliograph.cli.identities import Identities, StoredIdentity, claims_of
from heliograph.cli.output import Output
from heliograph.cli.run import CommandFailed, run
from heliograph.cli.times import until
from heliograph.cli.where import Where, output_options, server_options
from heliograph.errors import ApiError

__all__ = ["login", "logout"]

REFUSED = 4
MAX_TOKEN_CHARS = 64 * 1024


@click.command(cls=Command)
@server_options
@click.option(
    "--id-token-file",
    type=click.File("r", encoding="utf-8"),
    help="A file with an id token for this server, from its issuer or yours (OpenID Connect); - is standard input. "
    "Without it the server signs you in as somebody new.",
)
@click.option("--again", is_flag=True, help="Even if there is an identity that still counts.")
@output_options
def login(*, where: Where, id_token_file: TextIO | None, again: bool, out: Output) -> None:
    """Get an identity for a server, and store it.

    Rooms belong to who created them: with an identity you can list, show and close them later. It is stored in a file
    that only you can read, is never shown, and is used by every command from then on, until it expires.
    """
    token = None if id_token_file is None else id_token_file.read(MAX_TOKEN_CHARS).strip()
    run(lambda: _login(where, token, again=again, out=out), out=out, until_stopped=False)


@click.command(cls=Command)
@server_options
@output_options
def logout(*, where: Where, out: Output) -> None:
    """Forget the identity that is stored for a server."""

    async def forget() -> None:
        was_there = Identities().remove(where.url)
        words = f"Logged out of {where.url}." if was_there else f"Nobody was logged in at {where.url}."
        out.event("logged_out", words, url=where.url, was_logged_in=was_there)

    run(forget, out=out, until_stopped=False)


async def _login(where: Where, token: str | None, *, again: bool, out: Output) -> None:
    identities = Identities()
    known = identities.get(where.url)
    if token is None and known is not None and not known.has_expired() and not again:
        await _check(where, known.id_token)
        out.note("An identity that still counts is stored already; --again gets another one.")
        _tell(where, known, out)
        return
    if token is None:
        identity = await _signed_in(where)
    else:
        username, expires_at = claims_of(token)
        identity = StoredIdentity(id_token=token, username=username, expires_at=expires_at)
        await _check(where, token)
    identities.put(where.url, identity)
    _tell(where, identity, out)


async def _signed_in(where: Where) -> StoredIdentity:
    async with Api(where.url) as api:
        try:
            signed_in = await api.sign_in()
        except ApiError as error:
            if error.status not in {403, 404}:
                raise
            raise CommandFailed(
                REFUSED,
                f"{where.url} signs nobody in by itself: {error.detail}",
                hint="Give an id token of its issuer: heliograph login --id-token-file FILE",
                kind="ApiError",
            ) from error
    return StoredIdentity.of(signed_in)


async def _check(where: Where, token: str) -> None:
    """Ask the server for something that only somebody known gets. Raises `ApiError`."""
    async with Api(where.url) as api:
        async for _ in api.rooms(id_token=token):
            break


def _tell(where: Where, identity: StoredIdentity, out: Output) -> None:
    ends = "" if identity.expires_at is None else f"; that ends {until(identity.expires_at)}"
    out.event(
        "logged_in",
        f"Logged in at {where.url} as {identity.username}{ends}.",
        url=where.url,
        username=identity.username,
        expires_at=identity.expires_at,
    )
