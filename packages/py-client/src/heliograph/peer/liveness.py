"""Whether the other side is still there: pings when nothing comes, and when it is time to give the path up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum

import msgspec
from aiortc import RTCDataChannel
from aiortc.exceptions import InvalidStateError

from heliograph.unreadable import UNREADABLE
from heliograph_protocol.liveness import LivenessMessage, LivenessPing, LivenessPong

__all__ = ["LOST_AFTER_S", "Silence", "Verdict", "watch"]

log = logging.getLogger(__name__)

TICK_S = 0.5
PING_AFTER_S = 1.0
LOST_AFTER_S = 4.0
"""With a tick more, and a bit, within 5 s."""

_decoder: msgspec.json.Decoder[LivenessMessage] = msgspec.json.Decoder(LivenessMessage)


class Verdict(Enum):
    """What to do after a look at what has come in."""

    FINE = "fine"
    PING = "ping"
    LOST = "lost"


class Silence:
    """How long nothing has been received, as far as this side could have noticed. No I/O.

    Packets are counted, of whatever kind: while much is sent, acknowledgements come. A process that was held up itself
    has not listened either, so that of the time between two looks no more than two ticks count: on a busy machine looks
    come late, which must not put the verdict off.
    """

    def __init__(self, now: float, received: int) -> None:
        self._looked_at = now
        self._received = received
        self._silent_s = 0.0
        self._pinged_s = 0.0

    def look(self, now: float, received: int) -> Verdict:
        """Look again: `received` is the number of packets so far, `now` a monotonic time in seconds."""
        passed_s = min(now - self._looked_at, 2 * TICK_S)
        self._looked_at = now
        if received != self._received:
            self._received = received
            self._silent_s = self._pinged_s = 0.0
            return Verdict.FINE
        self._silent_s += passed_s
        if self._silent_s >= LOST_AFTER_S:
            return Verdict.LOST
        if self._silent_s - self._pinged_s >= PING_AFTER_S:
            self._pinged_s = self._silent_s
            return Verdict.PING
        return Verdict.FINE


async def watch(
    channel: RTCDataChannel, received: Callable[[], int], *, clock: Callable[[], float] = time.monotonic
) -> None:
    """Watch over a path by its liveness channel; returns when nothing has come for too long.

    `received` is the number of packets that have come.
    """
    opened = asyncio.Event()

    def on_message(text: str | bytes) -> None:
        try:
            message = _decoder.decode(text)
        except UNREADABLE as error:
            log.debug("liveness.unreadable reason=%s", error)
            return
        if isinstance(message, LivenessPing):
            _send(channel, LivenessPong(count=message.count))

    channel.on("open", opened.set)
    channel.on("message", on_message)
    if channel.readyState != "open":
        await opened.wait()
    silence = Silence(clock(), received())
    count = 0
    while True:
        await asyncio.sleep(TICK_S)
        match silence.look(clock(), received()):
            case Verdict.LOST:
                return
            case Verdict.PING:
                count += 1
                _send(channel, LivenessPing(count=count))
            case Verdict.FINE:
                pass


def _send(channel: RTCDataChannel, message: LivenessMessage) -> None:
    try:
        channel.send(msgspec.json.encode(message).decode())
    except InvalidStateError:  # the path is going down, which whoever watches it hears of
        log.debug("liveness.not_sent state=%s", channel.readyState)
