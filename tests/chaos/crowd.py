"""Many pairs in some rooms, and whether everyone agrees on who is there."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import httpx

import heliograph

from .nodes import Nodes
from .peers import Pair, Peer, Receiver, Sender
from .scale import AGREE_S, FULL

__all__ = ["Crowd", "crowd"]

POLL_S: Final = 0.1
PACE_S: Final = 0.5 if FULL else 0.2
COME_S: Final = 60.0


class Crowd:
    """All pairs, and the rooms that they are in."""

    def __init__(self, nodes: Nodes, pairs: list[Pair], id_token: str) -> None:
        self.nodes = nodes
        self.pairs = pairs
        self._id_token = id_token
        self._rooms: dict[str, list[Peer]] = {}
        for pair in pairs:
            self._rooms.setdefault(pair.sender.room_id, []).extend((pair.sender, pair.receiver))

    @property
    def peers(self) -> list[Peer]:
        """Both of each pair."""
        return [peer for pair in self.pairs for peer in (pair.sender, pair.receiver)]

    async def agree(self, within_s: float = AGREE_S) -> float:
        """Wait until all peers, all nodes and the registry say the same; after how many seconds that was."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while differences := await self.differences():
            took_s = loop.time() - began
            assert took_s < within_s, f"after {took_s:.1f} s: {differences[:20]}\n{self.nodes.story()}"
            await asyncio.sleep(POLL_S)
        return loop.time() - began

    async def differences(self) -> list[str]:
        """Who says something else than that all peers are there: peers first, and the others only if no peer does."""
        found = [f"{peer.name} is not online" for peer in self.peers if not peer.online]
        for room_id, peers in self._rooms.items():
            for peer in peers:
                wanted = {other.name: "online" for other in peers if other is not peer}
                found += _differences(f"peer {peer.name} of {room_id}", peer.others, wanted)
        if found:
            return found
        kept = await self.nodes.kept(list(self._rooms))
        for room_id, peers in self._rooms.items():
            found += _differences(f"the registry of {room_id}", kept[room_id], {peer.name: "online" for peer in peers})
        return found or await self._differences_of_nodes()

    async def finish(self, within_s: float) -> None:
        """Let nobody say anything new, and wait until all is answered and heard; `wrongs` says what still is not."""
        for pair in self.pairs:
            pair.sender.producing = False
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not all(pair.settled for pair in self.pairs):  # noqa: ASYNC110 - about other processes
                    await asyncio.sleep(POLL_S)

    def wrongs(self) -> list[str]:
        """What must not have happened."""
        return [wrong for pair in self.pairs for wrong in pair.wrongs()]

    async def _differences_of_nodes(self) -> list[str]:
        headers = {"Authorization": f"Bearer {self._id_token}"}
        async with httpx.AsyncClient(headers=headers, timeout=5) as http:
            asked = [(node.url, room_id) for node in self.nodes.nodes if node.running for room_id in self._rooms]
            answers = await asyncio.gather(*(_who(http, url, room_id) for url, room_id in asked))
        found = []
        for (url, room_id), answer in zip(asked, answers, strict=True):
            wanted = {peer.name: "online" for peer in self._rooms[room_id]}
            found += _differences(f"node {url} of {room_id}", answer, wanted)
        return found


@asynccontextmanager
async def crowd(nodes: Nodes, pairs: int, a_room: int, rng: random.Random) -> AsyncIterator[Crowd]:
    """So many pairs, so many of them a room, who are all there."""
    async with heliograph.Api(nodes.nodes[0].url) as api:
        id_token = (await api.sign_in()).id_token
        rooms = [await api.create_room(id_token=id_token) for _ in range(0, pairs, a_room)]
    made = []
    for number in range(pairs):
        room = rooms[number // a_room]
        fields = {"type": "register", "room_id": room.room_id, "token": room.token, "id_token": id_token}

        def parts(name: str, fields: dict[str, Any] = fields) -> tuple[Any, ...]:
            return fields | {"peer_id": name}, lambda: nodes.ws_urls, random.Random(rng.random()), PACE_S

        receiver = f"receiver-{number}"
        made.append(Pair(Sender(receiver, *parts(f"sender-{number}")), Receiver(*parts(receiver))))
    found = Crowd(nodes, made, id_token)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(peer.run()) for peer in found.peers]
        try:
            await found.agree(COME_S)
            for pair in made:
                pair.sender.producing = True
            yield found
        finally:
            for task in running:
                task.cancel()


async def _who(http: httpx.AsyncClient, url: str, room_id: str) -> dict[str, str]:
    try:
        answer = await http.get(f"{url}/api/rooms/{room_id}/peers")
    except httpx.TransportError as error:
        return {"": repr(error)}
    if not answer.is_success:
        return {"": str(answer.status_code)}
    return {peer["peer_id"]: peer["state"] for peer in answer.json()["items"]}


def _differences(who: str, said: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return [f"{who}: {sorted(set(said.items()) ^ set(wanted.items()))}"] if said != wanted else []
