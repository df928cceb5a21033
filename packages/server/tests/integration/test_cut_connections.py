"""A connection that is cut again and again while messages flow to it: each arrives once, in order.

It is cut between two messages, and before the reply to a resume.
"""

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
LIVES: Final = 79
"""Messages that a connection carries at most, half of that on average: so all cuts come before the messages end."""
CONFIRM_EVERY: Final = 64
RETRY_S: Final = 0.005
MOST_LOST_REPLIES: Final = 2
LOST_REPLIES: Final = 50
LOST_AFTER_S: Final = 0.004
"""Within this the server has answered, or has not."""


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
            await self._be_cut_before_the_reply(resume)

    async def _be_cut_before_the_reply(self, resume: dict[str, Any]) -> None:
        """Ask to resume and be cut at once, so that the reply is lost if the server sends one."""
        for _ in range(self._rng.randint(0, MOST_LOST_REPLIES)):
            async with websockets.connect(self._server.ws_url) as socket:
                await socket.send(json.dumps(self._fields | resume))
                await asyncio.sleep(self._rng.random() * LOST_AFTER_S)
                socket.transport.abort()

    async def _read(self, socket: ClientConnection) -> None:
        """Read until the connection is to be cut, by which whatever is on the way is lost."""
        lives = self._rng.randint(1, LIVES) if self.cuts < CUTS else MESSAGES
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
        assert receiver.cuts == CUTS


async def test_replies_that_are_lost_again_and_again_cost_no_session(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        room, id_token = await server.room(), await server.sign_in()
        fields = server.registration("receiver", room, id_token, protocol=2)
        async with server.peer("sender", room, protocol=2) as sender:
            async with websockets.connect(server.ws_url) as socket:
                session = (await ask(socket, fields))["session"]
                socket.transport.abort()
            await hears(sender, "peer_away")
            proof = {"session_id": session["session_id"], "secret": session["secret"], "received": 0}
            for number in range(LOST_REPLIES):
                async with websockets.connect(server.ws_url) as socket:
                    await socket.send(json.dumps(fields | {"resume": proof}))
                    await hears(sender, "peer_back")  # from here on the server has another secret
                    message = {"type": "peer_message", "to_peer_id": "receiver", "payload": number, "ref": number}
                    await sender.send(json.dumps(message))
                    await hears(sender, "ack")
                    socket.transport.abort()
                await hears(sender, "peer_away")
            async with websockets.connect(server.ws_url) as socket:
                assert (await ask(socket, fields | {"resume": proof}))["session"]["resumed"]
                heard = [await hear(socket) for _ in range(LOST_REPLIES)]
        assert [message["payload"] for message in heard] == list(range(LOST_REPLIES))


async def hears(socket: ClientConnection, kind: str) -> None:
    """Wait for a message of this type."""
    while (await hear(socket))["type"] != kind:
        pass
