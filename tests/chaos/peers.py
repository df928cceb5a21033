"""Peers of level 2 with nothing but a WebSocket library, who keep a book of what they said, heard and were told.

Each connects to any of the nodes, again and again, and does what the protocol asks of a client: it counts, confirms,
resumes with the count, and asks with a `ping` which of its messages have arrived.
"""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import websockets
from websockets.asyncio.client import ClientConnection

__all__ = ["Pair", "Peer", "Receiver", "Sender"]

OPEN_S: Final = 5.0
REGISTER_S: Final = 12.0
PAUSE_S: Final = (0.05, 0.3)
CONFIRM_EVERY: Final = 32
WINDOW: Final = 16
"""Messages of a sender that are not answered yet."""


class Broken(Exception):
    """This connection is of no use; another one may be."""


class Peer:
    """One session, over any number of connections."""

    def __init__(
        self, registration: dict[str, Any], urls: Callable[[], Sequence[str]], rng: random.Random, pace_s: float
    ) -> None:
        self.name: str = registration["peer_id"]
        self.room_id: str = registration["room_id"]
        self._registration = registration | {"protocol": 2}
        self._urls = urls
        self._rng = rng
        self._pace_s = pace_s
        self._proof: dict[str, Any] = {}
        self._received = 0
        self._confirmed = 0
        self.online = False
        self.others: dict[str, str] = {}
        """The states of all others, as this one was told."""
        self.connections = 0
        self.lost_sessions = 0
        """How often its session was gone when it came back."""
        self.faults: list[str] = []
        """What no server may say."""

    async def run(self) -> None:
        """Be there until this is cancelled."""
        while True:
            with suppress(Broken, OSError, TimeoutError, websockets.WebSocketException):
                await self._be_connected()
            self.online = False
            await asyncio.sleep(self._rng.uniform(*PAUSE_S))

    async def _be_connected(self) -> None:
        url = self._rng.choice(self._urls())
        async with websockets.connect(url, open_timeout=OPEN_S, close_timeout=1, compression=None) as socket:
            await self._register(socket)
            talking = asyncio.create_task(self._talk(socket))
            try:
                async for text in socket:
                    self._received += 1
                    self._hear(json.loads(text))
            finally:
                self.online = False
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)

    async def _register(self, socket: ClientConnection) -> None:
        proof = {"resume": self._proof | {"received": self._received}} if self._proof else {}
        await socket.send(json.dumps(self._registration | proof))
        async with asyncio.timeout(REGISTER_S):
            reply = json.loads(await socket.recv())
        if reply["type"] != "registered_auth":
            if reply.get("code") != "STORE_UNAVAILABLE":
                self.faults.append(f"refused: {reply}")
            raise Broken
        session = reply["session"]
        if self._proof and not session["resumed"]:
            self.lost_sessions += 1
            self._session_lost()
        if not session["resumed"]:
            self._received = self._confirmed = 0
        self._proof = {"session_id": session["session_id"], "secret": session["secret"]}
        self.others = {peer["peer_id"]: peer["state"] for peer in reply["peers"]}
        self.online = True
        self.connections += 1

    async def _talk(self, socket: ClientConnection) -> None:
        """Say what there is to be said, until the connection is over."""
        with suppress(websockets.ConnectionClosed):
            await self._began(socket)
            while True:
                await self._say(socket)
                if self._received - self._confirmed >= CONFIRM_EVERY:
                    self._confirmed = self._received
                    await socket.send(json.dumps({"type": "received", "count": self._received}))
                await asyncio.sleep(self._pace_s)

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "peer_joined" | "peer_updated" | "peer_away" | "peer_back":
                self.others[message["peer"]["peer_id"]] = message["peer"]["state"]
            case "peer_left":
                self.others.pop(message["peer"]["peer_id"], None)
            case "server_draining":
                return
            case kind:
                self.faults.append(f"unexpected: {kind} {message}")

    def _session_lost(self) -> None:
        """What was of the session before is no more."""

    async def _began(self, socket: ClientConnection) -> None:
        """A connection is there."""

    async def _say(self, socket: ClientConnection) -> None:
        """Say what there is to be said now."""


class Receiver(Peer):
    """Hears numbers."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.numbers: list[int] = []

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "peer_message":
            self.numbers.append(message["payload"])
        else:
            super()._hear(message)


class Sender(Peer):
    """Says numbers, one after the other, for as long as `producing`."""

    def __init__(self, to: str, *parts: Any) -> None:
        super().__init__(*parts)
        self._to = to
        self.producing = False
        self.said = 0
        self.unanswered: dict[int, None] = {}
        self.acked: dict[int, str] = {}
        self.told: dict[int, str] = {}
        """Of these it was told that they did not arrive, or that nobody knows."""
        self.unknown: set[int] = set()
        """These were unanswered when the session was lost."""
        self._ponged = asyncio.Event()

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ack":
                self.acked[message["ref"]] = message["status"]
                self.unanswered.pop(message["ref"], None)
            case "error" if "ref" in message:
                self.told[message["ref"]] = message["code"]
                self.unanswered.pop(message["ref"], None)
            case "pong":
                self._ponged.set()
            case _:
                super()._hear(message)

    def _session_lost(self) -> None:
        self.unknown |= self.unanswered.keys()
        self.unanswered.clear()

    async def _began(self, socket: ClientConnection) -> None:
        if not self.unanswered:
            return
        self._ponged.clear()
        await socket.send('{"type":"ping"}')
        await self._ponged.wait()
        for number in list(self.unanswered):
            await self._send(socket, number)

    async def _say(self, socket: ClientConnection) -> None:
        if self.producing and len(self.unanswered) < WINDOW:
            number, self.said = self.said, self.said + 1
            self.unanswered[number] = None
            await self._send(socket, number)

    async def _send(self, socket: ClientConnection, number: int) -> None:
        message = {"type": "peer_message", "to_peer_id": self._to, "payload": number, "ref": number}
        await socket.send(json.dumps(message))


class Pair:
    """One who says numbers, and one who hears them."""

    def __init__(self, sender: Sender, receiver: Receiver) -> None:
        self.sender = sender
        self.receiver = receiver

    @property
    def settled(self) -> bool:
        """Whether everything that was said has been answered, and what arrived has been heard."""
        sender = self.sender
        return not sender.unanswered and sender.acked.keys() - sender.told.keys() <= set(self.receiver.numbers)

    def wrongs(self) -> list[str]:
        """What must not have happened."""
        sender, heard = self.sender, self.receiver.numbers
        name = f"{sender.room_id}/{sender.name}"
        wrongs = [f"{name}: {fault}" for fault in (*sender.faults, *self.receiver.faults)]
        if len(set(heard)) != len(heard):
            wrongs.append(f"{name}: twice: {sorted(number for number in set(heard) if heard.count(number) > 1)}")
        if heard != sorted(heard):
            wrongs.append(f"{name}: not in order")
        silently = set(range(sender.said)) - set(heard) - sender.told.keys() - sender.unknown
        if silently:
            wrongs.append(f"{name}: lost: {[(number, sender.acked.get(number)) for number in sorted(silently)]}")
        if sender.unanswered:
            wrongs.append(f"{name}: never answered: {list(sender.unanswered)}")
        return wrongs
