"""What peers ask the server, and its answers."""

from msgspec import UNSET, UnsetType

from heliograph_protocol.message import Message
from heliograph_protocol.peers import Filters, Groups, Metadata, Peer

__all__ = [
    "AvailablePeers",
    "DiscoverPeers",
    "GroupsUpdated",
    "Leave",
    "MetadataUpdated",
    "PeerList",
    "Ping",
    "Pong",
    "Query",
    "SetGroups",
    "UpdateMetadata",
]


class Query(Message, frozen=True, kw_only=True, tag="query"):
    """Asks for the ids of the peers in the room."""


class AvailablePeers(Message, frozen=True, kw_only=True, tag="available_peers"):
    """The ids of all peers in the room, the asker's own included."""

    peers: list[str]


class Ping(Message, frozen=True, kw_only=True, tag="ping"):
    """Asks the server for a sign of life. (WebSocket pings are answered too; a browser cannot send those.)"""


class Pong(Message, frozen=True, kw_only=True, tag="pong"):
    """The answer to `ping`; `time` is the server's clock in Unix seconds."""

    time: int


class DiscoverPeers(Message, frozen=True, kw_only=True, tag="discover_peers"):
    """Asks for the peers that pass the filters, all if there are none; never oneself."""

    filters: Filters = Filters()
    from_peer_id: str | UnsetType = UNSET
    peer_id: str | UnsetType = UNSET


class PeerList(Message, frozen=True, kw_only=True, tag="peer_list"):
    """The answer to `discover_peers`."""

    to_peer_id: str
    count: int
    peers: list[Peer]


class UpdateMetadata(Message, frozen=True, kw_only=True, tag="update_metadata"):
    """Changes one's metadata: tags are united, properties merged, a null property removed."""

    metadata: Metadata
    from_peer_id: str | UnsetType = UNSET
    peer_id: str | UnsetType = UNSET


class MetadataUpdated(Message, frozen=True, kw_only=True, tag="metadata_updated"):
    """The answer to `update_metadata`: all of the metadata as it is now."""

    peer_id: str
    metadata: Metadata


class SetGroups(Message, frozen=True, kw_only=True, tag="set_groups"):
    """Replaces one's groups."""

    groups: Groups


class GroupsUpdated(Message, frozen=True, kw_only=True, tag="groups_updated"):
    """The answer to `set_groups`."""

    groups: list[str]


class Leave(Message, frozen=True, kw_only=True, tag="leave"):
    """Leaves for good: the socket closes with 1000, and there is no session to resume."""
