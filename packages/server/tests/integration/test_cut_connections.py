"""A connection that is cut again and again while messages flow to it: each arrives once, in order."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any, Final

import websockets
from websockets.asyncio.client import ClientConnection

from .running import RunningServer, ask, hear, running

MESSAGES: Final = 10_000
CUTS: Final = 200
CONFIRM_EVERY: Final = 64
RETRY_S: Final = 0.005


class Receiver:
    """A client as the protocol asks for: it counts, confirms, and resumes with the count."""

    def __init__(self, server: RunningServer, fields: dict[str, Any], rng: random.Random) -> None:
        self._server = server
        self._fields = fields | {"protocol": 2}
        self._rng = rng
        self._received = 0
        self.numbers: list[int] = []
        self.cuts = 0
        self.registered = asyncio.Event()

    async def run(self) -> None:
        """Connect as often as it takes, until the last message is there."""
        resume: dict[str, Any] = {}
        while len(self.numbers) < MESSAGES:
            async with websockets.connect(self._server.ws_url) as socket:
                welcome = await ask(socket, self._fields | resume)
                session = welcome["session"]
                assert session["resumed"] is bool(resume)
                self.registered.set()
                await self._read(socket)
            proof = {"session_id": session["session_id"], "secret": session["secret"], "received": self._received}
            resume = {"resume": proof}

    async def _read(self, socket: ClientConnection) -> None:
        """Read until the connection is to be cut, by which whatever is on the way is lost."""
        lives = self._rng.randint(1, 2 * MESSAGES // CUTS - 1) if self.cuts < CUTS else MESSAGES
        for _ in range(lives):
            message = await hear(socket)
            self._received += 1
            if message["type"] == "peer_message":
                self.numbers.append(message["payload"])
            if self._received % CONFIRM_EVERY == 0:
                await socket.send(json.dumps({"type": "received", "count": self._received}))
            if len(self.numbers) == MESSAGES:
                return
        socket.transport.abort()
        self.cuts += 1


async def send_all(socket: ClientConnection) -> None:
    """Send the numbers in order, each again until it is taken."""
    for number in range(MESSAGES):
        message = json.dumps({"type": "peer_message", "to_peer_id": "receiver", "payload": number, "ref": number})
        while True:
            await socket.send(message)
            while (answer := await hear(socket)).get("ref") != number:
                assert answer["type"] in {"peer_joined", "peer_away", "peer_back"}, answer
            if answer["type"] == "ack":
                break
            assert answer["code"] == "PEER_AWAY_BUFFER_FULL", answer
            await asyncio.sleep(RETRY_S)


async def test_two_hundred_cuts_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit=1_000_000) as server:
        room = await server.room()
        receiver = Receiver(
            server, server.registration("receiver", room, await server.sign_in()), random.Random(20_260)
        )
        async with server.peer("sender", room, protocol=2) as sender, asyncio.TaskGroup() as tasks:
            tasks.create_task(receiver.run())
            await receiver.registered.wait()
            tasks.create_task(send_all(sender))
        assert receiver.numbers == list(range(MESSAGES))
        assert receiver.cuts >= CUTS * 3 // 4
