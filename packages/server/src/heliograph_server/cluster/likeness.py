"""What the nodes of a cluster need in common, and what to do where they have not."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from heliograph_server.cluster.bus import INTRODUCE_S, Registry
from heliograph_server.identity.options import cognito_issuer
from heliograph_server.rooms.sqlite import ROOMS_FILE
from heliograph_server.settings import Settings

__all__ = ["Introductions", "Likeness", "differences", "likeness"]

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
"""On Linux: another on each machine, the same in all containers on it."""

_encode: Final = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


class Likeness(Struct, frozen=True):
    """What has to be the same at all nodes. Nothing of it is secret."""

    key: str
    """Which key signs; empty: one that is yet to be made."""
    rooms: str
    """Where the rooms are."""
    issuers: tuple[str, ...]
    """Whose id tokens count."""


_read: Final = msgspec.json.Decoder(Likeness).decode


def likeness(settings: Settings, key: str) -> Likeness:
    """Of a node with these settings and that key."""
    issuers = ["local"] if "local" in settings.identity else []
    if "cognito" in settings.identity:
        issuers.append(cognito_issuer(settings.cognito_region, settings.cognito_user_pool_id))
    if "oidc" in settings.identity:
        issuers += settings.oidc_issuer
    return Likeness(key, _rooms(settings), tuple(sorted(set(issuers))))


def differences(mine: Likeness, words: bytes) -> Iterator[str]:
    """What a node has not in common with one that has said this of itself: a sentence each, that says what to do."""
    try:
        theirs = _read(words)
    except msgspec.MsgspecError:
        yield (
            "Another node of the cluster can't be understood, because it is of another version: update all nodes, one"
            " after the other."
        )
        return
    if mine.key != theirs.key:
        yield (
            "Another node of the cluster signs with another key, and neither accepts the other's tokens: give all nodes"
            " the same HELIOGRAPH_SIGNING_KEY or, on one machine, the same HELIOGRAPH_DATA_DIR."
        )
    if mine.rooms != theirs.rooms:
        yield (
            "Another node of the cluster keeps its rooms elsewhere, and neither knows the other's: give all nodes"
            " HELIOGRAPH_ROOMS=dynamodb with the same table or, on one machine, the same HELIOGRAPH_DATA_DIR."
        )
    if mine.issuers != theirs.issuers:
        yield (
            "Another node of the cluster trusts other issuers of id tokens: give all nodes the same HELIOGRAPH_IDENTITY"
            f" with the same issuers (here {_named(mine)}, there {_named(theirs)})."
        )


class Introductions:
    """Tells the others what this node is, and the operator what does not fit."""

    def __init__(
        self, node: str, registry: Registry, mine: Callable[[], Likeness], monotonic: Callable[[], float]
    ) -> None:
        self._node = node
        self._registry = registry
        self._mine = mine
        self._monotonic = monotonic
        self._due_at = 0.0
        self._met: set[str] = set()

    def forget(self) -> None:
        """The bus may have forgotten, too."""
        self._due_at = 0.0
        self._met.clear()

    async def renew(self, nodes: frozenset[str]) -> None:
        """These nodes are alive. Raises `BusUnavailable`."""
        now = self._monotonic()
        if now >= self._due_at:
            self._due_at = now + INTRODUCE_S
            await self._registry.introduce(self._node, _encode(self._mine()))
        self._met &= nodes
        strangers = sorted(nodes - self._met - {self._node})
        if not strangers:
            return
        for node, words in zip(strangers, await self._registry.introductions(strangers), strict=True):
            if words is None:
                continue  # it has only just come
            self._met.add(node)
            for difference in differences(self._mine(), words):
                _log.error("cluster.misfit", node=node, problem=difference)


def _rooms(settings: Settings) -> str:
    match settings.rooms:
        case "memory":
            return f"memory {uuid.uuid4()}"
        case "dynamodb":
            return f"dynamodb {settings.rooms_table.rpartition('/')[2]}"
        case "sqlite":
            try:
                file = (settings.data_dir / ROOMS_FILE).stat()
            except OSError:
                return "sqlite"  # it is yet to be made
            return f"sqlite {_machine()} {file.st_dev}:{file.st_ino}"


def _machine() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return str(uuid.getnode())


def _named(node: Likeness) -> str:
    return ", ".join(node.issuers) or "none"
