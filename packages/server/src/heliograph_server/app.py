"""The composition root: every part of the server is made here, once, and handed to those who need it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import structlog
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Message, Scope

from heliograph_server.cluster.assembly import cluster_node
from heliograph_server.cluster.metrics import cluster_metrics
from heliograph_server.cluster.siblings import Siblings
from heliograph_server.errors import StoreUnavailable, Unavailable
from heliograph_server.ice.controllers import IceApi
from heliograph_server.ice.servers import IceServers
from heliograph_server.identity.chosen import Identity, original_issuer
from heliograph_server.identity.controllers import IdentityController
from heliograph_server.identity.signing import SigningKey
from heliograph_server.inspection.chronicle import Chronicle
from heliograph_server.inspection.inspectors import Inspectors
from heliograph_server.inspection.node_meter import NodeMeter
from heliograph_server.ops.health import OpsController, Readiness
from heliograph_server.ops.limits import AddressLimiter
from heliograph_server.ops.metrics import SignalingMetrics
from heliograph_server.ops.signin_limit import SignInLimiter
from heliograph_server.problems import EXCEPTION_HANDLERS, MAX_BODY_BYTES
from heliograph_server.requests import JsonRequest
from heliograph_server.rooms.census import Census, LocalCensus
from heliograph_server.rooms.controllers import RoomsController
from heliograph_server.rooms.dynamodb import DynamoRoomStore
from heliograph_server.rooms.dynamodb_item import Defaults
from heliograph_server.rooms.invitations import JoinTokens
from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.peer_api import RoomPeerApi
from heliograph_server.rooms.room_api import RoomApi
from heliograph_server.rooms.service import RoomService
from heliograph_server.rooms.sqlite import SqliteRoomStore
from heliograph_server.rooms.store import RoomStore
from heliograph_server.rooms.token_api import RoomTokenApi
from heliograph_server.settings import Settings
from heliograph_server.signaling.endpoint import Endpoint
from heliograph_server.signaling.homes import ALONE
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.journal import NO_JOURNAL
from heliograph_server.signaling.registration import Registration
from heliograph_server.signaling.requests import Requests
from heliograph_server.signaling.session import Session, SessionContext
from heliograph_server.signaling.timers import LoopTimers
from heliograph_server.transport.connection import Connection
from heliograph_server.transport.handshake import Doorway
from heliograph_server.web.controllers import page_handlers
from heliograph_server.web.inspector import inspector_handlers
from heliograph_server.web.qr import QR_CODES_PER_MINUTE, QrController

__all__ = ["Application", "create_app", "room_problems"]

SWEEP_INTERVAL_S: Final = 60.0

_log = structlog.get_logger(__name__)


class Application:
    """The parts that whoever runs the server may need to reach, beside the ASGI application itself.

    `siblings` are the other processes of this machine that are nodes of the same cluster. Raises `AwsUnusable`,
    `ClusterUnusable`.
    """

    def __init__(self, settings: Settings, siblings: Siblings | None = None) -> None:
        self.settings = settings
        self._identity = Identity(settings, here=lambda: (member.user for member in self.hub))
        self.identity = self._identity.provider
        self.store = _room_store(settings)
        key = SigningKey.load(settings.data_dir, settings.signing_key)
        self.rooms = RoomService(
            self.store,
            clock=time.time,
            max_peers=settings.max_peers,
            join_tokens=JoinTokens(key, clock=time.time),
        )
        self.ice_servers = IceServers(settings, clock=time.time)
        timers = LoopTimers()
        self.cluster = cluster_node(settings, key.kid)
        self.chronicle = Chronicle(time.time)
        self.hub = Hub(
            timers=timers,
            wall_clock=time.time,
            resume_window_s=settings.resume_window_s,
            gone=self._identity.left,
            ended=(lambda _: None) if self.cluster is None else self.cluster.room_ended,
            journal=(lambda _: NO_JOURNAL) if self.cluster is None else self.cluster.scribe.journal,
            chronicle=self.chronicle,
        )
        self.metrics = SignalingMetrics()
        self.readiness = Readiness(
            self.store,
            self._identity,
            version("heliograph-server"),
            joined=lambda: self.cluster is None or self.cluster.joined,
        )
        self.inspectors = Inspectors(
            self.hub,
            self.metrics,
            NodeMeter(self.metrics, self.readiness.version, tasks=lambda: len(asyncio.all_tasks())),
            clock=time.time,
            monotonic=time.monotonic,
            operator_token=settings.operator_token,
        )
        self.limiter = SignInLimiter(
            AddressLimiter(settings.signin_limit, clock=time.monotonic, trusted_proxies=settings.trusted_proxies),
            None if self.cluster is None else self.cluster.tokens,
        )
        self._qr_limiter = AddressLimiter(
            QR_CODES_PER_MINUTE, clock=time.monotonic, trusted_proxies=settings.trusted_proxies, calls="QR codes"
        )
        self.sessions = SessionContext(
            hub=self.hub,
            registration=Registration(
                self.identity,
                self.rooms,
                self.hub,
                self.ice_servers,
                settings.rate_limit,
                homes=ALONE if self.cluster is None else self.cluster.homes,
            ),
            requests=Requests(self.hub, time.time, self.inspectors),
            inspectors=self.inspectors,
            metrics=self.metrics,
            monotonic=time.perf_counter,
            timers=timers,
            rate_per_s=settings.rate_limit,
        )
        self.census: Census = LocalCensus(self.hub)
        find_place = None
        if self.cluster is not None:
            self.cluster.furnish(self.sessions)
            self.metrics.more = partial(cluster_metrics, self.cluster)
            self.metrics.piped = self._piped
            self.cluster.siblings = siblings
            find_place = None if siblings is None else self.cluster.find_place
            self.census = self.cluster.census
        self.http = self._litestar()
        self.converse = self._converse if self.cluster is None else self.cluster.converse
        """Begins the conversation of a peer that has connected."""
        self.asgi = Doorway(self.http, Endpoint(self.converse, settings.allowed_origins, find_place).decide)
        """The whole."""

    def _converse(self, connection: Connection) -> Session:
        return Session(connection, self.sessions)

    def _litestar(self) -> Litestar:
        settings = self.settings
        parts: dict[str, Any] = {
            "settings": settings,
            "identity": self.identity,
            "rooms": self.rooms,
            "hub": self.hub,
            "census": self.census,
            "ice_servers": self.ice_servers,
            "limiter": self.limiter,
            "qr_limiter": self._qr_limiter,
            "readiness": self.readiness,
            "signaling_metrics": self.metrics,
        }
        return Litestar(
            route_handlers=[
                IdentityController,
                RoomsController,
                RoomApi,
                RoomPeerApi,
                RoomTokenApi,
                IceApi,
                OpsController,
                QrController,
                *page_handlers(),
                *inspector_handlers(),
            ],
            dependencies={name: _provide(part) for name, part in parts.items()},
            lifespan=[lambda _: self._running()],
            exception_handlers=EXCEPTION_HANDLERS,
            before_send=[self._retire_connection],
            cors_config=_cors(settings.allowed_origins),
            openapi_config=OpenAPIConfig(
                title="Heliograph signaling server",
                version=self.readiness.version,
                description="The HTTP side. The WebSocket side is described by `/asyncapi.json` and `/protocol.json`.",
                path="/schema",
                use_handler_docstrings=True,
                render_plugins=[JsonRenderPlugin(path="/openapi.json")],
                components=Components(
                    security_schemes={
                        "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                    }
                ),
            ),
            request_class=JsonRequest,
            request_max_body_size=MAX_BODY_BYTES,
            logging_config=None,
        )

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        if self.settings.legacy_open_delete:
            _log.warning("settings.legacy_open_delete", meaning="anyone may delete any peer and room")
        async with asyncio.TaskGroup() as tasks:
            upkeep = [
                tasks.create_task(duty)
                for duty in (
                    self._sweep_rooms(),
                    self._examine_rooms(),
                    self._identity.run(),
                    self.inspectors.run(self.readiness),
                )
            ]
            if self.cluster is not None:
                upkeep.append(tasks.create_task(self.cluster.run()))
            try:
                yield
            finally:
                for task in upkeep:
                    task.cancel()
        try:
            await self.store.close()
        except StoreUnavailable as error:
            _log.warning("rooms.close_failed", cause=repr(error.__cause__ or error))

    async def _retire_connection(self, message: Message, _: Scope) -> None:
        """Let no connection outlive its request once the server is to end: the next one could come as it is closed."""
        if self.readiness.draining and message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]

    def _piped(self) -> int:
        return 0 if self.cluster is None else self.cluster.switchboard.pipes[1]

    async def _occupied(self, room_ids: Sequence[str]) -> set[str]:
        return {room_id for room_id in room_ids if self.hub.occupied(room_id)}

    async def check(self) -> None:
        """Open what serving needs. Raises `StoreUnavailable` with a sentence for the operator."""
        if isinstance(self.store, SqliteRoomStore):
            await self.store.open()

    async def _examine_rooms(self) -> None:
        """Say what is wrong with the table. The server goes on: it is not ready while the table can't be reached."""
        for problem in await _problems(self.store):
            _log.error("rooms.problem", problem=problem)

    async def _sweep_rooms(self) -> None:
        while True:
            self.chronicle.prune()
            try:
                await self.rooms.sweep(self._occupied if self.cluster is None else self.cluster.census.homed)
            except Unavailable as error:
                _log.warning("rooms.sweep_failed", cause=repr(error.__cause__ or error))
            await asyncio.sleep(SWEEP_INTERVAL_S)


def create_app(settings: Settings) -> Doorway:
    """The ASGI application, for any ASGI server."""
    return Application(settings).asgi


async def room_problems(settings: Settings) -> list[str]:
    """What is wrong with where the rooms are to be kept, a sentence each for the operator. Raises `AwsUnusable`."""
    store = _room_store(settings)
    try:
        return await _problems(store)
    finally:
        await store.close()


async def _problems(store: RoomStore) -> list[str]:
    return await store.problems() if isinstance(store, DynamoRoomStore) else []


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    """What pages of these origins may do over HTTP; others nothing."""
    return CORSConfig(allow_origins=list(origins), expose_headers=["Retry-After"]) if origins else None


def _room_store(settings: Settings) -> RoomStore:
    match settings.rooms:
        case "memory":
            return MemoryRoomStore()
        case "sqlite":
            return SqliteRoomStore(settings.data_dir)
        case "dynamodb":
            return DynamoRoomStore(
                settings.rooms_table, Defaults(issuer=original_issuer(settings), max_peers=settings.max_peers)
            )


def _provide(part: Any) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)
