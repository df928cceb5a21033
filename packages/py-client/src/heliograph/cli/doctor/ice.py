"""Checks of the ICE servers: what STUN says, whether TURN allocates, and whether UDP gets out at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from aiortc.rtcicetransport import parse_stun_turn_uri

from heliograph.cli.doctor.finding import Finding, Verdict
from heliograph.cli.doctor.stun import Mapped, StunSocket, StunUnanswered
from heliograph.cli.doctor.turn import TurnRefused, allocate
from heliograph.peer.ice_servers import IceServer

__all__ = ["IceUrl", "check_stun", "check_turn", "check_udp", "ice_urls"]

TURN_TIMEOUT_S = 5.0
TCP_TIMEOUT_S = 3.0
MAX_SERVERS = 4
"""Of each kind; peers use one."""
UNAUTHORIZED = 401
_IS_IT_UP = "Is it running, and is its port open?"


@dataclass(frozen=True, slots=True)
class IceUrl:
    """One URL of an ICE server, taken apart."""

    url: str
    scheme: str
    host: str
    port: int
    transport: str
    server: IceServer

    @property
    def is_turn(self) -> bool:
        """Whether it relays."""
        return self.scheme.startswith("turn")


def ice_urls(servers: Iterable[IceServer]) -> tuple[list[IceUrl], list[Finding]]:
    """The URLs taken apart, and a finding for each that cannot be."""
    urls, findings = [], []
    for server in servers:
        for url in server.urls:
            try:
                parts = parse_stun_turn_uri(url)
            except ValueError:
                findings.append(Finding("ice", Verdict.WARNING, f"{url} is no STUN or TURN URL", "Correct the list."))
                continue
            transport = parts.get("transport") or "udp"
            urls.append(IceUrl(url, parts["scheme"], parts["host"], parts["port"], transport, server))
    return urls, findings


async def check_stun(urls: list[IceUrl]) -> tuple[list[Finding], bool]:
    """What STUN servers see of this machine; and whether any answered."""
    asked = [url for url in urls if url.scheme == "stun"][:MAX_SERVERS]
    if not asked:
        hint = "Peers on other networks need one: HELIOGRAPH_STUN_URLS at the server, or --ice-server here."
        return [Finding("stun", Verdict.SKIPPED, "no STUN server is configured", hint)], False
    socket = await StunSocket.open()
    try:
        answers = await asyncio.gather(*(socket.ask(url.host, url.port) for url in asked), return_exceptions=True)
    finally:
        socket.close()
    findings, seen = [], []
    for url, answer in zip(asked, answers, strict=True):
        match answer:
            case Mapped():
                seen.append(answer)
                findings.append(_stun_finding(url, answer))
            case StunUnanswered() | OSError():
                hint = "Is it running? A server that does not answer makes connecting slower by seconds."
                findings.append(Finding("stun", Verdict.FAILED, f"{url.url}: {answer}", hint))
            case BaseException():
                raise answer
    if len({mapped.public for mapped in seen}) > 1:
        findings.append(
            Finding(
                "nat",
                Verdict.WARNING,
                "the NAT gives each destination another address or port (it is symmetric)",
                "Direct connections to other such networks will fail: configure a TURN server.",
            )
        )
    return findings, bool(seen)


async def check_turn(urls: list[IceUrl]) -> tuple[list[Finding], bool]:
    """Whether each TURN server relays for this user; and whether any answered by UDP."""
    asked = [url for url in urls if url.is_turn][: 2 * MAX_SERVERS]
    if not asked:
        hint = "Without one, two peers behind strict NATs cannot meet: HELIOGRAPH_TURN_URLS at the server."
        return [Finding("turn", Verdict.SKIPPED, "no TURN server is configured", hint)], False
    findings = await asyncio.gather(*(_allocate(url) for url in asked))
    by_udp = any(
        url.transport == "udp" and finding.measured.get("answered")
        for url, finding in zip(asked, findings, strict=True)
    )
    return list(findings), by_udp


async def check_udp(urls: list[IceUrl], *, answered: bool) -> Finding:
    """Does UDP get out? If no server answered by UDP, one that takes TCP connections tells blocked from down."""
    if answered:
        return Finding("udp", Verdict.OK, "gets out and back")
    if not urls:
        return Finding("udp", Verdict.SKIPPED, "there is no STUN or TURN server to tell by")
    for host, port in dict.fromkeys((url.host, url.port) for url in urls):
        if await _takes_tcp(host, port):
            words = f"{host}:{port} answers by TCP and nothing answers by UDP: a firewall seems to block UDP"
            hint = "Open outgoing UDP, or offer a TURN server by TCP or TLS: turns:host:443?transport=tcp."
            return Finding("udp", Verdict.FAILED, words, hint)
    words = "no server answers, neither by UDP nor by TCP"
    return Finding("udp", Verdict.WARNING, words, "Either they are down, or this network lets nothing out.")


def _stun_finding(url: IceUrl, mapped: Mapped) -> Finding:
    measured = {
        "url": url.url,
        "public_address": mapped.public[0],
        "public_port": mapped.public[1],
        "local_address": mapped.local[0],
    }
    where = "no NAT" if mapped.public == mapped.local else f"behind a NAT, here it is {mapped.local[0]}"
    return Finding("stun", Verdict.OK, f"{url.url} sees {mapped.public[0]} ({where})", None, measured)


async def _allocate(url: IceUrl) -> Finding:
    if not (url.server.username and url.server.credential):
        hint = (
            "The server makes some with HELIOGRAPH_TURN_SECRET; --ice-server takes JSON with username and credential."
        )
        return Finding("turn", Verdict.FAILED, f"{url.url} comes without username and credential", hint)
    measured: dict[str, object] = {"url": url.url, "answered": False}
    try:
        async with asyncio.timeout(TURN_TIMEOUT_S):
            relay, _ = await allocate(
                url.host,
                url.port,
                transport=url.transport,
                tls=url.scheme == "turns",
                username=url.server.username,
                password=url.server.credential,
            )
    except TurnRefused as error:
        measured["answered"] = True
        hint = "Its log says why."
        if error.code == UNAUTHORIZED:
            hint = "Does its secret match HELIOGRAPH_TURN_SECRET, and do the clocks agree?"
        return Finding("turn", Verdict.FAILED, f"{url.url} refuses: {error}", hint, measured)
    except TimeoutError:
        words = f"{url.url} does not answer"
        return Finding("turn", Verdict.FAILED, words, _IS_IT_UP, measured)
    except (OSError, UnicodeError, StunUnanswered) as error:
        return Finding("turn", Verdict.FAILED, f"{url.url}: {_reason(error)}", _IS_IT_UP, measured)
    measured |= {"answered": True, "relay_address": relay}
    return Finding("turn", Verdict.OK, f"{url.url} relays at {relay}", None, measured)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


async def _takes_tcp(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(TCP_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, UnicodeError, TimeoutError):
        return False
    writer.close()
    return True
