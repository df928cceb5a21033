"""How a data channel is opened, and what aiortc cannot open."""

from __future__ import annotations

from dataclasses import dataclass

from heliograph.errors import ConfigurationError
from heliograph_protocol.datachannel import CHAT_LABEL, FILE_LABEL
from heliograph_protocol.splitting import SPLIT_PROTOCOL

__all__ = ["ChannelOptions", "default_protocol"]

MAX_LABEL_BYTES = 65_535
MAX_RELIABILITY = 65_535
"""Of retransmissions, and of milliseconds (W3C WebRTC section 6.2)."""
_PLAIN_LABELS = frozenset({CHAT_LABEL, FILE_LABEL})
"""Their formats have frames as they are, for any program that knows them."""


def default_protocol(label: str) -> str:
    """The protocol field of a channel for which its opener names none."""
    return "" if label in _PLAIN_LABELS else SPLIT_PROTOCOL


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOptions:
    """The fields of an RTCDataChannelInit; durations in milliseconds."""

    ordered: bool = True
    max_retransmits: int | None = None
    max_lifetime_ms: int | None = None
    protocol: str = ""

    def check(self, label: str) -> None:
        """Raise `ConfigurationError` for what aiortc would send wrongly, or take for something else."""
        for text in (label, self.protocol):
            if not text.isascii() or len(text) > MAX_LABEL_BYTES:  # aiortc counts characters where bytes are meant
                raise ConfigurationError(f"A label has at most {MAX_LABEL_BYTES:,} ASCII characters: {text[:100]!r}")
        if self.max_retransmits is not None and self.max_lifetime_ms is not None:
            raise ConfigurationError("A channel has max_retransmits or max_lifetime_ms, not both")
        if self.max_retransmits is not None and not 0 <= self.max_retransmits <= MAX_RELIABILITY:
            raise ConfigurationError(f"max_retransmits is 0 to {MAX_RELIABILITY:,}, not {self.max_retransmits}")
        if self.max_lifetime_ms is not None and not 1 <= self.max_lifetime_ms <= MAX_RELIABILITY:
            raise ConfigurationError(f"max_lifetime_ms is 1 to {MAX_RELIABILITY:,}, not {self.max_lifetime_ms}")
