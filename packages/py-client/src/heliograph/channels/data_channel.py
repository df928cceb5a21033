"""What a channel is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["DataChannel"]


class DataChannel(Protocol):
    """What is used of an `RTCDataChannel`."""

    bufferedAmountLowThreshold: int  # noqa: N815 - the field's name (W3C WebRTC section 6.2)

    @property
    def id(self) -> int | None: ...
    @property
    def label(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def ordered(self) -> bool: ...
    @property
    def maxRetransmits(self) -> int | None: ...  # noqa: N802
    @property
    def maxPacketLifeTime(self) -> int | None: ...  # noqa: N802
    @property
    def readyState(self) -> str: ...  # noqa: N802
    @property
    def bufferedAmount(self) -> int: ...  # noqa: N802
    def send(self, data: bytes | str) -> None: ...
    def close(self) -> None: ...
    def on(self, event: str, f: Callable[..., Any]) -> Any: ...
