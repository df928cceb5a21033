"""The receiving side of a bare aiortc data channel: reads an offer from its input, answers on its output."""

import asyncio
import json
import sys

import uvloop
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

__all__ = ["NO_SERVERS", "as_json", "from_json"]

NO_SERVERS = RTCConfiguration(iceServers=[])


def as_json(description: RTCSessionDescription) -> str:
    """One line."""
    return json.dumps({"sdp": description.sdp, "type": description.type})


def from_json(line: str | bytes) -> RTCSessionDescription:
    """What `as_json` made."""
    return RTCSessionDescription(**json.loads(line))


async def _answer() -> None:
    """Count what comes; the channel's label is how many bytes that will be. Confirm the last one."""
    pc = RTCPeerConnection(NO_SERVERS)
    over = asyncio.Event()

    @pc.on("datachannel")
    def on_channel(channel: RTCDataChannel) -> None:
        left = int(channel.label)

        @channel.on("message")
        def on_message(message: bytes) -> None:
            nonlocal left
            left -= len(message)
            if left == 0:
                channel.send("done")

        channel.on("close", over.set)

    await pc.setRemoteDescription(from_json(await asyncio.to_thread(sys.stdin.readline)))
    await pc.setLocalDescription(await pc.createAnswer())
    print(as_json(pc.localDescription), flush=True)
    await over.wait()
    await pc.close()


if __name__ == "__main__":
    uvloop.run(_answer())
