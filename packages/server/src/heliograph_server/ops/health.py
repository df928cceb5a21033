"""Is it alive, is it fit for traffic, what does it count, what does it speak."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from litestar import Controller, MediaType, Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from msgspec import Struct

from heliograph_protocol import asyncapi_document, json_schema
from heliograph_server.errors import StoreUnavailable
from heliograph_server.identity.chosen import Identity
from heliograph_server.ops.metrics import SignalingMetrics, metrics_text
from heliograph_server.rooms.store import RoomStore
from heliograph_server.signaling.hub import Hub

__all__ = ["Health", "OpsController", "Readiness"]

_PROTOCOL: Final = msgspec.json.encode(json_schema())
_ASYNCAPI: Final = msgspec.json.encode(asyncapi_document())


class Health(Struct, frozen=True):
    """The process answers; `version` is the server's."""

    status: str
    version: str


class Readiness:
    """Whether this node wants new peers. Serving clears `draining` at start and sets it at the end."""

    def __init__(
        self, store: RoomStore, identity: Identity, version: str, joined: Callable[[], bool] = lambda: True
    ) -> None:
        """`joined` says whether this node is one of its cluster's at the moment, if it has one."""
        self.version = version
        self._joined = joined
        self.draining = False
        self._store = store
        self._identity = identity

    async def reason_against(self) -> str | None:
        """Why this node should get no traffic, or None if it should."""
        if self.draining:
            return "draining"
        if not self._identity.keys_known:
            return "keys of an identity provider were never fetched"
        try:
            await self._store.get("readiness")
        except StoreUnavailable:
            return "room store unavailable"
        if not self._joined():
            return "cut off from the cluster"
        return None


class OpsController(Controller):
    """For operators and their machines."""

    tags = ("operations",)

    @get("/health", operation_id="health", summary="Is the process alive?")
    async def health(self, readiness: NamedDependency[Readiness]) -> Health:
        """Always 200 while the process answers at all."""
        return Health(status="ok", version=readiness.version)

    @get(
        "/ready",
        operation_id="ready",
        summary="Is the node fit for traffic?",
        responses={
            503: ResponseSpec(Health, description="Draining, or something that it needs was never there or is away")
        },
    )
    async def ready(self, readiness: NamedDependency[Readiness]) -> Response[Health]:
        """200, or 503: draining, or without identity providers' keys, the room store, or the bus of a cluster."""
        reason = await readiness.reason_against()
        body = Health(status=reason or "ready", version=readiness.version)
        return Response(body, status_code=200 if reason is None else 503)

    @get("/metrics", operation_id="metrics", summary="Prometheus metrics", media_type=MediaType.TEXT)
    async def metrics(
        self, signaling_metrics: NamedDependency[SignalingMetrics], hub: NamedDependency[Hub]
    ) -> Response[bytes]:
        """Text format 0.0.4."""
        return Response(metrics_text(signaling_metrics, hub), media_type="text/plain; version=0.0.4")

    @get("/protocol.json", operation_id="protocol", summary="The wire protocol as JSON Schema")
    async def protocol(self) -> Response[Any]:
        """Generated from the message definitions that the server itself uses."""
        return Response(_PROTOCOL, media_type="application/schema+json")

    @get("/asyncapi.json", operation_id="asyncapi", summary="The WebSocket side as AsyncAPI")
    async def asyncapi(self) -> Response[Any]:
        """Generated from the message definitions: what may be said, what answers it, and an example of each."""
        return Response(_ASYNCAPI, media_type="application/vnd.aai.asyncapi+json;version=3.0.0")
