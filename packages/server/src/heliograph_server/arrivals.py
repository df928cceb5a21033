"""Connections that another process of this machine has handed over."""

import asyncio
import socket
from asyncio.transports import BaseTransport, Transport
from collections.abc import Callable
from typing import cast

import structlog
import uvicorn
from uvicorn.server import ServerState

from heliograph_server.app import Application
from heliograph_server.cluster.siblings import Siblings

__all__ = ["accept_arrival", "take_arrivals"]

_log = structlog.get_logger(__name__)


def take_arrivals(application: Application, siblings: Siblings, config: uvicorn.Config, server: ServerState) -> None:
    """Go on with what siblings hand over, as if the peers had knocked here. Without picows nothing is taken.

    Raises `OSError`.
    """
    node = application.cluster
    if node is None:
        return
    try:
        from heliograph_server.transport.picows import go_on  # noqa: PLC0415 - not on every platform
    except ImportError:
        return
    loop = asyncio.get_running_loop()

    def arrive(arrived: socket.socket, said: bytes) -> None:
        def begin(transport: Transport) -> None:
            go_on(transport, server, config, application.converse, said)

        task = loop.create_task(accept_arrival(arrived, begin))
        server.tasks.add(task)
        task.add_done_callback(server.tasks.discard)

    siblings.open(node.name, arrive)


class _Arrival(asyncio.Protocol):
    """Hands the transport on in the moment in which there is one: nothing is read before."""

    def __init__(self, begin: Callable[[Transport], None]) -> None:
        self._begin = begin

    def connection_made(self, transport: BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._begin(cast("Transport", transport))


async def accept_arrival(arrived: socket.socket, begin: Callable[[Transport], None]) -> None:
    """Make a transport of a connected socket, and begin with it before anything is read."""
    try:
        await asyncio.get_running_loop().connect_accepted_socket(lambda: _Arrival(begin), arrived)
    except OSError as error:
        _log.info("sibling.arrival_failed", cause=repr(error))
        arrived.close()
