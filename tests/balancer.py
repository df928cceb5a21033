"""A real HAProxy on loopback before some nodes: as a single server to whoever connects.

HAProxy is not on PyPI: it comes from the operating system, see `debian`.
"""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from debian import installed
from redis_server import HOST, free_port

__all__ = ["HOST", "NOTICED_S", "Balancer", "is_ready", "running_balancer", "until_ready"]

READY_S: Final = 60.0
NOTICED_S: Final = 1
"""How long it takes at most, with some room, until it sends nothing more to a node that is not ready."""

STOP_S: Final = 10.0
POLL_S: Final = 0.05

_CONFIGURATION: Final = """
global
    maxconn 4096
defaults
    mode http
    option forwardfor
    option redispatch
    retries 3
    timeout connect 2s
    timeout client 120s
    timeout server 120s
    timeout tunnel 1h
    timeout check 2s
    default-server check inter 200ms fall 1 rise 1
frontend http
    bind {host}:{http_port}
    default_backend nodes
frontend ws
    bind {host}:{ws_port}
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /ready
{servers}
"""


class Balancer:
    """Two ports, each of which leads to all nodes that are ready."""

    def __init__(self) -> None:
        self.http_port, self.ws_port = free_port(), free_port()

    @property
    def url(self) -> str:
        """Where the page and the HTTP endpoints are."""
        return f"http://{HOST}:{self.http_port}"


@contextlib.contextmanager
def running_balancer(folder: Path, ports: Iterable[int]) -> Iterator[Balancer]:
    """Before the nodes at these ports. It looks by itself which of them are ready."""
    balancer = Balancer()
    program = installed("haproxy", "haproxy")
    servers = "\n".join(f"    server node{number} {HOST}:{port}" for number, port in enumerate(ports, 1))
    path = folder / "haproxy.cfg"
    text = _CONFIGURATION.format(host=HOST, http_port=balancer.http_port, ws_port=balancer.ws_port, servers=servers)
    path.write_text(text, "utf-8")
    with (folder / "haproxy.log").open("wb") as output:
        process = subprocess.Popen(
            [program, "-db", "-f", path], stdout=output, stderr=subprocess.STDOUT, env=dict(os.environ)
        )
    try:
        yield balancer
    finally:
        process.terminate()
        process.wait(STOP_S)


async def until_ready(*urls: str) -> None:
    """Wait until all that is at these URLs is fit for traffic."""
    async with asyncio.timeout(READY_S):
        for url in urls:
            while not await asyncio.to_thread(is_ready, url):  # noqa: ASYNC110 - it announces nothing
                await asyncio.sleep(POLL_S)


def is_ready(url: str) -> bool:
    """Whether what is there is fit for traffic."""
    try:
        with urlopen(f"{url}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
