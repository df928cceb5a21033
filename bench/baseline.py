"""A signaling server written the way the original was: `websockets`, `json`, and a log line for each message.

It checks less than the original did: no token is verified, and no table is read.
`python -m bench.baseline PORT LOGFILE` serves until it is killed.
"""

import asyncio
import json
import logging
import sys
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

log = logging.getLogger("signaling")
peers: dict[str, ServerConnection] = {}


async def handle(socket: ServerConnection) -> None:
    """One connection: register, then forward."""
    peer_id = ""
    try:
        async for text in socket:
            message: dict[str, Any] = json.loads(text)
            kind = message.get("type")
            if kind == "register":
                peer_id = message["peer_id"]
                peers[peer_id] = socket
                reply = {key: message[key] for key in ("room_id", "token", "peer_id")}
                await socket.send(json.dumps({"type": "registered_auth", **reply}))
                log.info("Registered peer %s in room %s", peer_id, message["room_id"])
                continue
            target = message.get("target")
            if target in peers:
                await peers[target].send(json.dumps(message))
                log.info("Forwarded message from %s to %s: %s", peer_id, target, kind)
            else:
                log.warning("Target peer %s not found", target)
    except ConnectionClosed:
        log.info("Peer %s disconnected", peer_id)
    finally:
        if peers.get(peer_id) is socket:
            del peers[peer_id]


async def main() -> None:
    """Serve until killed."""
    port, log_file = sys.argv[1:]
    logging.basicConfig(filename=log_file, level=logging.INFO, format="%(asctime)s - %(levelname)s - %(message)s")
    async with serve(handle, "127.0.0.1", int(port), compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
