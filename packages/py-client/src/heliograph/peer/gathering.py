"""Local candidates without waiting for slow servers: host candidates first, what servers add when they answer.

aiortc and aioice gather everything before anything can be offered, so that one STUN server that does not answer costs
5 s. Here an offer waits for the servers `GATHER_BUDGET_S` at most, and what they add later is trickled (RFC 8838).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aioice import Candidate, Connection, TransportPolicy, stun
from aioice.ice import StunProtocol, relayed_candidate, server_reflexive_candidate

from heliograph.peer.ice_servers import UsableIceServers

__all__ = ["GATHER_BUDGET_S", "SERVER_TIMEOUT_S", "Gathering"]

log = logging.getLogger(__name__)

GATHER_BUDGET_S = 0.2
"""How long a description waits for servers, if there are host candidates."""
SERVER_TIMEOUT_S = 8.0
"""How long a server may take to answer."""


class Gathering:
    """The candidates of one aioice connection. `answers` says of each server's URL what came of it."""

    def __init__(self, servers: UsableIceServers) -> None:
        self.answers: dict[str, str] = dict.fromkeys(servers.urls, "not asked yet")
        self.finished = asyncio.Event()
        self._later: asyncio.Queue[Candidate | None] = asyncio.Queue()
        self._early: list[Candidate] | None = []
        self._asking: set[asyncio.Task[None]] = set()
        self._ice: Connection | None = None
        self._opening: asyncio.Future[list[Candidate]] | None = None
        self._stopping = asyncio.Event()

    def take_over(self, ice: Connection) -> None:
        """Gather for this connection from now on, and until it is closed: aiortc does that, too, when the peer has."""
        close = ice.close

        async def stop_and_close() -> None:
            await self.stop()
            await close()

        self._ice = ice
        ice.get_component_candidates = self._gather  # type: ignore[method-assign]
        ice.close = stop_and_close  # type: ignore[method-assign]

    async def later(self) -> AsyncIterator[Candidate]:
        """The candidates that came too late for the description, until there will be no more."""
        while (candidate := await self._later.get()) is not None:
            yield candidate

    async def stop(self) -> None:
        """Ask no more, and open no more sockets. Those that are being opened are, when this returns."""
        self._stopping.set()
        if self._opening is not None:
            await asyncio.wait([self._opening])
        for task in self._asking:
            task.cancel()
        if self._asking:
            await asyncio.wait(self._asking)
        self._finish()

    async def _gather(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:  # noqa: ASYNC109
        ice = self._ice
        if ice is None:  # pragma: no cover - it is this object that was put in its place
            raise RuntimeError("gathering for nobody")
        if self._stopping.is_set():
            return []
        stun_server, turn_server = ice.stun_server, ice.turn_server
        ice.stun_server = ice.turn_server = None
        self._opening = asyncio.ensure_future(Connection.get_component_candidates(ice, component, addresses, timeout))
        try:
            hosts = await asyncio.shield(self._opening)
        finally:
            await asyncio.wait([self._opening])  # given up half-way, its sockets would belong to nobody
            ice.stun_server, ice.turn_server = stun_server, turn_server
        if self._stopping.is_set():
            return hosts
        stun_url, turn_url = self._url("stun"), self._url("turn")
        if stun_server is not None and stun_url is not None:
            for protocol in ice._protocols:  # noqa: SLF001 - aioice gives them out nowhere
                if ipaddress.ip_address(protocol.local_candidate.host).version == 4:
                    self._ask(stun_url, self._reflexive(protocol, stun_server))
        if turn_server is not None and turn_url is not None:
            self._ask(turn_url, self._relayed(ice, component, turn_server))
        found = await self._wait_a_little(bool(hosts))
        if not self._asking:
            self._finish()
        return [*hosts, *found]

    async def _wait_a_little(self, has_hosts: bool) -> list[Candidate]:
        """What the servers say in the time there is. Without any other candidate one of theirs is worth waiting for."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (GATHER_BUDGET_S if has_hosts else SERVER_TIMEOUT_S)
        while has_hosts or not self._early:
            waiting, left_s = [task for task in self._asking if not task.done()], deadline - loop.time()
            if not waiting or left_s <= 0:
                break
            await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        found, self._early = self._early or [], None
        return found

    def _ask(self, url: str, question: Coroutine[Any, Any, None]) -> None:
        if self.answers[url] == "not asked yet":
            self.answers[url] = "no answer"
        task = asyncio.create_task(self._within_time(url, question), name=f"ask {url.partition(':')[0]} server")
        self._asking.add(task)
        task.add_done_callback(self._asked)

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        if not self._asking and self._early is None:
            self._finish()

    def _finish(self) -> None:
        if not self.finished.is_set():
            self.finished.set()
            self._later.put_nowait(None)

    async def _within_time(self, url: str, question: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(SERVER_TIMEOUT_S):
                await question
        except (TimeoutError, stun.TransactionTimeout):
            return
        except stun.TransactionFailed as error:
            code, reason = error.response.attributes.get("ERROR-CODE", (0, ""))
            self._fail(url, f"refused with {code} {reason}".rstrip())
        except socket.gaierror:
            self._fail(url, "its name does not resolve")
        except (OSError, ValueError) as error:
            self._fail(url, f"cannot be reached ({type(error).__name__})")
        else:
            self.answers[url] = "allocated" if url.startswith("turn") else "answered"

    def _fail(self, url: str, words: str) -> None:
        log.info("ice.server_failed url=%s reason=%s", url, words)
        if self.answers[url] == "no answer":
            self.answers[url] = words

    async def _reflexive(self, protocol: StunProtocol, server: tuple[str, int]) -> None:
        candidate, _ = await server_reflexive_candidate(protocol, server)
        self._found(candidate)

    async def _relayed(self, ice: Connection, component: int, server: tuple[str, int]) -> None:
        candidate, protocol = await relayed_candidate(
            component=component,
            hide_related_address=ice._transport_policy is TransportPolicy.RELAY,  # noqa: SLF001
            protocol_factory=lambda: StunProtocol(ice),
            turn_server=server,
            turn_username=ice.turn_username,
            turn_password=ice.turn_password,
            turn_ssl=ice.turn_ssl,
            turn_transport=ice.turn_transport,
        )
        if ice._check_list_done or ice._closing:  # noqa: SLF001 - a path was found meanwhile: give the allocation back
            protocol.transport.close()
            return
        ice._protocols.append(protocol)  # noqa: SLF001
        known = set(map(id, ice._check_list))  # noqa: SLF001
        for remote in ice.remote_candidates:
            ice._pair_remote_candidate(remote)  # noqa: SLF001
        ice.sort_check_list()
        if ice._early_checks_done:  # noqa: SLF001 - before that, `connect` starts them
            for pair in [pair for pair in ice._check_list if id(pair) not in known]:  # noqa: SLF001
                ice.check_start_task(pair)
        self._found(candidate)

    def _found(self, candidate: Candidate) -> None:
        if self._early is not None:
            self._early.append(candidate)
        elif self._ice is not None:
            self._ice._local_candidates.append(candidate)  # noqa: SLF001
            self._later.put_nowait(candidate)

    def _url(self, scheme: str) -> str | None:
        return next((url for url in self.answers if url.startswith(scheme)), None)
