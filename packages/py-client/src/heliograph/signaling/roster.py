"""Who is in sight: the list that came with the registration, kept up to date by the server's news."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from heliograph_protocol import Peer, PeerAway, PeerBack, PeerJoined, PeerLeft, PeerUpdated

__all__ = ["PeerNews", "Roster"]

PeerNews = PeerJoined | PeerUpdated | PeerAway | PeerBack | PeerLeft


class Roster(Mapping[str, Peer]):
    """The peers in sight by their ids, without oneself. Iterating goes over the ids."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}

    def replace(self, peers: Iterable[Peer]) -> None:
        """This is everyone."""
        self._peers = {peer.peer_id: peer for peer in peers}

    def take(self, news: PeerNews) -> None:
        """Something has happened to one peer."""
        if isinstance(news, PeerLeft):
            self._peers.pop(news.peer.peer_id, None)
        else:
            self._peers[news.peer.peer_id] = news.peer

    def __getitem__(self, peer_id: str) -> Peer:
        return self._peers[peer_id]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._peers))  # it may change between two steps

    def __len__(self) -> int:
        return len(self._peers)

    def __repr__(self) -> str:
        return f"Roster({sorted(self._peers)})"
