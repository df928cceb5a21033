"""A check of this machine alone: two peer connections in this process, and a message from one to the other."""

from __future__ import annotations

import asyncio
import time

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection

from heliograph.cli.doctor.finding import Finding, Verdict

__all__ = ["check_loopback"]

TIMEOUT_S = 10.0
WORDS = "Is it you?"


async def check_loopback() -> Finding:
    """Can this machine make a WebRTC connection at all?"""
    caller, callee = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    arrived: asyncio.Future[str | bytes] = asyncio.get_running_loop().create_future()
    channel = caller.createDataChannel("doctor")
    channel.on("open", lambda: channel.send(WORDS))
    channel.once("message", arrived.set_result)

    @callee.on("datachannel")
    def echo(theirs: RTCDataChannel) -> None:
        theirs.on("message", theirs.send)

    started = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await caller.setLocalDescription(await caller.createOffer())
            await callee.setRemoteDescription(caller.localDescription)
            await callee.setLocalDescription(await callee.createAnswer())
            await caller.setRemoteDescription(callee.localDescription)
            await arrived
    except TimeoutError:
        if "a=candidate" not in caller.localDescription.sdp:
            words = "this machine has no network address besides loopback"
            return Finding("loopback", Verdict.FAILED, words, "Connect it to a network: peers need an address.")
        words = f"two peers on this machine did not connect within {TIMEOUT_S:g} s"
        return Finding("loopback", Verdict.FAILED, words, "A firewall on this machine may block UDP between programs.")
    finally:
        await asyncio.gather(caller.close(), callee.close())
    took_ms = 1000 * (time.perf_counter() - started)
    words = f"two peers on this machine connected in {took_ms:.0f} ms"
    return Finding("loopback", Verdict.OK, words, None, {"connected_in_ms": round(took_ms, 1)})
