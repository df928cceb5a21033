"""Checks of the signaling server: is it there, which version, does it let this machine in, what time is it there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from msgspec import UNSET, Struct

from heliograph.api import Api
from heliograph.cli.doctor.finding import Finding, Verdict
from heliograph.cli.failures import hint
from heliograph.cli.where import Where
from heliograph.config import random_peer_id
from heliograph.errors import ApiError, ConfigurationError, HeliographError, ServerUnreachable
from heliograph.http import HttpCalls
from heliograph.signaling.client import SignalingClient

__all__ = ["Guest", "admitted", "check_identity", "check_server", "check_signaling"]

TIMEOUT_S = 5.0
MAX_SKEW_S = 5.0
"""Tokens live for hours; what a wrong clock breaks first are other issuers' tokens and TLS certificates."""


class _Health(Struct, frozen=True):
    status: str
    version: str


@dataclass(frozen=True, slots=True)
class Guest:
    """A place in a room for the time of the checks."""

    room: str
    token: str = field(repr=False)
    id_token: str = field(repr=False)


async def check_server(where: Where) -> Finding:
    """Is it reachable, and which version?"""
    http = HttpCalls(where.address, timeout_s=TIMEOUT_S, transport=None)
    try:
        await http.call("GET", "/health", _Health)
        started = time.perf_counter()  # what it takes on a connection that stands
        health = await http.call("GET", "/health", _Health)
        took_ms = 1000 * (time.perf_counter() - started)
    except ApiError as error:
        words = f"{where.url} answers, but tells no version: {error}"
        return Finding("server", Verdict.WARNING, words, "It may be another program, or the original server.")
    except ServerUnreachable as error:
        return Finding("server", Verdict.FAILED, str(error), "Is it running? Is --url right, is a proxy in between?")
    finally:
        await http.close()
    ours = version("heliograph")
    words = f"{where.url} answers in {took_ms:.0f} ms: server {health.version}, this client {ours}"
    measured = {"server_version": health.version, "client_version": ours, "answered_in_ms": round(took_ms, 1)}
    if _series(health.version) != _series(ours):
        advice = "Bring both to the same version: what the older one does not know, it refuses."
        return Finding("server", Verdict.WARNING, words, advice, measured)
    return Finding("server", Verdict.OK, words, None, measured)


async def check_identity(where: Where) -> tuple[Finding, str | None]:
    """Does the server know this user, or sign strangers in? Gives the id token for the further checks."""
    async with Api(where.url, timeout_s=TIMEOUT_S) as api:
        try:
            if where.id_token is None:
                signed_in = await api.sign_in()
                old = f"the login of {where.expired} has expired; " if where.expired else ""
                verdict, advice = Verdict.OK, None
                if where.expired:
                    verdict, advice = Verdict.WARNING, "`heliograph login` gets another identity."
                words = f"{old}anonymous sign-in works; nobody is logged in"
                return Finding("identity", verdict, words, advice), signed_in.id_token
            async for _ in api.rooms(id_token=where.id_token):
                break
        except HeliographError as error:
            refused = isinstance(error, ApiError) and where.id_token is None
            advice = "`heliograph login --id-token-file FILE` with a token of its issuer." if refused else hint(error)
            return Finding("identity", Verdict.FAILED, str(error), advice), None
    source = where.chosen.sources.get("id_token", "heliograph login")
    return Finding("identity", Verdict.OK, f"the server accepts the identity (from {source})"), where.id_token


@asynccontextmanager
async def admitted(where: Where, id_token: str) -> AsyncIterator[Guest]:
    """A place in the room that the settings name, or else in a new one that is closed in the end."""
    if where.room is not None:
        try:
            room, token = await where.admission()
        except ConfigurationError:
            room = token = ""
        if token:
            yield Guest(room, token, id_token)
            return
    async with Api(where.url, timeout_s=TIMEOUT_S) as api:
        made = await api.create_room(id_token=id_token)
        try:
            yield Guest(made.room_id, made.token, id_token)
        finally:
            await api.close_room(made.room_id, id_token=id_token)


async def check_signaling(where: Where, guest: Guest) -> list[Finding]:
    """Does the WebSocket open, does the room let one in, how quick is an answer, and what time has the server?"""
    client = SignalingClient(
        where.url,
        room=guest.room,
        token=guest.token,
        id_token=guest.id_token,
        peer_id=random_peer_id("Doctor"),
        role="observer",
    )
    started = time.perf_counter()
    try:
        async with asyncio.timeout(2 * TIMEOUT_S), client:
            opened_ms = 1000 * (time.perf_counter() - started)
            asked_at, asked = time.time(), time.perf_counter()
            server_s = await client.ping()
            round_trip_s = time.perf_counter() - asked
            registered = client.registered
    except (HeliographError, TimeoutError) as error:
        words = str(error) or f"no registration within {2 * TIMEOUT_S:g} s"
        advice = "A proxy in between has to pass WebSockets on (Upgrade and Connection headers)."
        known = hint(error) if isinstance(error, HeliographError) and not isinstance(error, ServerUnreachable) else None
        return [
            Finding("websocket", Verdict.FAILED, f"{where.address.websocket_url}: {words}", known or advice),
            Finding("clock", Verdict.SKIPPED, "without a WebSocket there is nobody to ask"),
        ]
    level = 1 if registered is None or registered.grants is UNSET else 2
    measured = {"opened_in_ms": round(opened_ms, 1), "round_trip_ms": round(1000 * round_trip_s, 1), "level": level}
    words = f"registered in {opened_ms:.0f} ms, an answer takes {1000 * round_trip_s:.0f} ms, protocol level {level}"
    return [
        Finding(
            "websocket",
            Verdict.OK if level == 2 else Verdict.WARNING,
            words,
            None if level == 2 else "At level 1 there is no discovery, presence, resuming or claiming.",
            measured,
        ),
        _clock(server_s, asked_at + round_trip_s / 2),
    ]


def _clock(server_s: int, here_s: float) -> Finding:
    """The server tells whole seconds: within its second there is no difference to see."""
    skew_s = here_s - min(max(here_s, server_s), server_s + 1)
    measured = {"skew_s": round(skew_s, 1)}
    if abs(skew_s) <= MAX_SKEW_S:
        words = "this machine and the server agree" if skew_s == 0 else f"{abs(skew_s):.1f} s apart"
        return Finding("clock", Verdict.OK, words, None, measured)
    side = "ahead of" if skew_s > 0 else "behind"
    words = f"this machine is {abs(skew_s):.0f} s {side} the server"
    return Finding(
        "clock", Verdict.WARNING, words, "Set both clocks by NTP: tokens and certificates go by them.", measured
    )


def _series(text: str) -> list[str]:
    """What has to agree: before 1.0 that is the minor version too."""
    parts = text.split(".")
    return parts[:2] if parts[0] == "0" else parts[:1]
