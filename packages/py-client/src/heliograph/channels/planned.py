"""A data channel that will be opened when there is a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiortc.exceptions import InvalidStateError

from heliograph.channels.options import ChannelOptions

__all__ = ["PlannedChannel"]


class PlannedChannel:
    """In the place of an `RTCDataChannel`: has its fields, and never opens."""

    id: int | None = None
    readyState = "connecting"  # noqa: N815 - the names of the fields (W3C WebRTC section 6.2)
    bufferedAmount = 0  # noqa: N815
    bufferedAmountLowThreshold = 0  # noqa: N815

    def __init__(self, label: str, options: ChannelOptions) -> None:
        self.label = label
        self.protocol = options.protocol
        self.ordered = options.ordered
        self.maxRetransmits = options.max_retransmits
        self.maxPacketLifeTime = options.max_lifetime_ms

    def send(self, _data: bytes | str) -> None:
        """Nothing can be sent."""
        raise InvalidStateError

    def close(self) -> None:
        """There is nothing to close."""

    def on(self, event: str, f: Callable[..., Any]) -> Any:
        """No event ever comes."""
