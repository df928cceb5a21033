"""Whether these settings, the bus as it is and the nodes that are on it make a cluster: asked before a node starts."""

import asyncio
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from heliograph_server.cluster.assembly import NOT_INSTALLED
from heliograph_server.cluster.bus_url import read_bus_url
from heliograph_server.cluster.likeness import differences, likeness
from heliograph_server.cluster.scripts import NODES_KEY, introduction_key
from heliograph_server.identity.keyfile import KEY_FILE, KeyFileError
from heliograph_server.identity.signing import SigningKey
from heliograph_server.settings import Settings

if TYPE_CHECKING:
    from heliograph_server.cluster.connecting import Connections

__all__ = ["cluster_notes", "cluster_problems", "server_problems"]

REACH_S: Final = 5.0
"""How long the bus may take to say all that is asked of it."""

OLDEST: Final = 7
"""Redis 7 has sharded pub/sub, and every Valkey has."""

EVICTS_NOTHING: Final = "noeviction"

CHANNEL: Final = "hg:check"

Servers = list[dict[str, Any]]


async def cluster_problems(settings: Settings) -> list[str]:
    """What does not fit a cluster, a sentence each that says what to do. Changes nothing."""
    if not settings.cluster_url:
        return []
    problems = []
    if settings.rooms == "memory":
        problems.append(
            "Rooms in memory are known to one node alone: set HELIOGRAPH_ROOMS=dynamodb or, if all nodes are on this"
            " machine, sqlite."
        )
    try:
        _check_authorities(settings)
        bus = _bus(settings)
        async with asyncio.timeout(REACH_S):
            servers, introductions = await _ask(bus, settings.cluster_url)
    except _Unreachable as error:
        return [*problems, str(error)]
    except TimeoutError:
        return [*problems, _unreachable(f"no answer in {REACH_S:.0f} s")]
    return [*problems, *server_problems(servers, settings.cluster_url), *_neighbours(settings, introductions)]


def cluster_notes(settings: Settings) -> list[str]:
    """What only the operator can know, a sentence each."""
    if settings.cluster_url and settings.rooms == "sqlite":
        yours = "" if settings.signing_key else ", and HELIOGRAPH_SIGNING_KEY"
        return [f"Rooms are in a file of this machine: nodes on other machines need HELIOGRAPH_ROOMS=dynamodb{yours}."]
    if settings.cluster_url and not settings.signing_key:
        return ["The signing key is in a file of this machine: nodes on other machines need HELIOGRAPH_SIGNING_KEY."]
    return []


class _Unreachable(Exception):
    """The text is one sentence for the operator."""


def _check_authorities(settings: Settings) -> None:
    if settings.cluster_ca is not None:
        try:
            ssl.create_default_context(cafile=settings.cluster_ca)
        except OSError as error:  # those of ssl are among them
            raise _Unreachable(
                f"HELIOGRAPH_CLUSTER_CA={settings.cluster_ca} can't be read as certificates"
                f" ({error.strerror or error}): give a PEM file."
            ) from error


def _bus(settings: Settings) -> "Connections":
    try:
        from heliograph_server.cluster.connecting import connections  # noqa: PLC0415 - see `assembly`
    except ImportError as error:
        raise _Unreachable(f"{NOT_INSTALLED}.") from error
    return connections(read_bus_url(settings.cluster_url, settings.cluster_ca))


async def _ask(bus: "Connections", url: str) -> tuple[Servers, list[bytes]]:
    """What the servers of the bus say of themselves, and what the living nodes do."""
    from redis.exceptions import AuthenticationError, RedisError  # noqa: PLC0415

    from heliograph_server.cluster.connecting import FAILURES  # noqa: PLC0415

    try:
        async with bus.open(CHANNEL):
            servers = await bus.info()
            try:
                return servers, await _introductions(bus)
            except RedisError:
                if list(server_problems(servers, url)):
                    return servers, []  # no wonder
                raise
    except FAILURES as error:
        if isinstance(error, TimeoutError):
            raise
        wants_password = isinstance(error, AuthenticationError) and "required" in str(error)
        raise _Unreachable(_unreachable("it wants a password" if wants_password else str(error))) from error


async def _introductions(bus: "Connections") -> list[bytes]:
    """What the living nodes have said of themselves."""
    seconds, _ = await _answer(bus, "TIME")
    nodes = await _answer(bus, "ZRANGE", NODES_KEY, int(seconds) * 1000, "+inf", "BYSCORE")
    words = [await _answer(bus, "GET", introduction_key(node.decode())) for node in nodes]
    return [said for said in words if said is not None]


async def _answer(bus: "Connections", *command: str | int) -> Any:
    [answer] = await bus.execute([command])
    if isinstance(answer, Exception):
        raise answer
    return answer


def _unreachable(cause: str) -> str:
    return f"The bus can't be reached ({cause.rstrip('.')}): start it, or mend HELIOGRAPH_CLUSTER_URL."


def server_problems(servers: Servers, url: str) -> Iterator[str]:
    """Of the servers that the bus consists of. What several of them have in common is said once."""
    yield from dict.fromkeys(problem for server in servers for problem in _problems_of(server, url))


def _problems_of(server: dict[str, Any], url: str) -> Iterator[str]:
    version = str(server.get("redis_version", "0"))
    if int(version.partition(".")[0]) < OLDEST:
        yield f"The bus is Redis {version}: take Redis {OLDEST}, or any Valkey."
    mode = server.get("redis_mode")
    if mode == "cluster" and "+cluster://" not in url:
        yield "The bus consists of shards: HELIOGRAPH_CLUSTER_URL has to begin with redis+cluster or rediss+cluster."
    if mode == "sentinel":
        yield "The bus is a Sentinel: HELIOGRAPH_CLUSTER_URL has to begin with redis+sentinel or rediss+sentinel."
    if server.get("role") == "slave":
        yield "The bus is a replica, which takes nothing: HELIOGRAPH_CLUSTER_URL has to name the primary, or Sentinels."
    policy = server.get("maxmemory_policy", EVICTS_NOTHING)
    if server.get("maxmemory") and policy != EVICTS_NOTHING:
        yield (
            f"The bus drops rooms when its memory is full (maxmemory-policy {policy}): set its maxmemory-policy to"
            f" {EVICTS_NOTHING}."
        )


def _neighbours(settings: Settings, introductions: list[bytes]) -> Iterator[str]:
    """What the living nodes have otherwise than this one would. What several of them have alike is said once."""
    mine = likeness(settings, _key(settings))
    yield from dict.fromkeys(problem for words in introductions for problem in differences(mine, words))


def _key(settings: Settings) -> str:
    """Which key this node would sign with; empty if that is yet to be made, or can't be used."""
    if not settings.signing_key and not (settings.data_dir / KEY_FILE).exists():
        return ""
    try:
        return SigningKey.load(settings.data_dir, settings.signing_key).kid
    except KeyFileError:
        return ""
