"""How programs get the channels of a connection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar, overload

from heliograph.channels.channel import Channel
from heliograph.channels.options import ChannelOptions, default_protocol
from heliograph.channels.typed import TypedChannel

__all__ = ["Carrier"]

T = TypeVar("T")


class Carrier(ABC):
    """What carries channels."""

    @overload
    def channel(
        self,
        label: str,
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_lifetime_ms: int | None = None,
    ) -> Channel: ...

    @overload
    def channel(
        self,
        label: str,
        *,
        type: type[T],
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_lifetime_ms: int | None = None,
    ) -> TypedChannel[T]: ...

    def channel(
        self,
        label: str,
        *,
        type: type[T] | None = None,  # noqa: A002 - the word for it
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_lifetime_ms: int | None = None,
    ) -> Channel | TypedChannel[T]:
        """The channel with this label, whoever opened it; it is opened if there is none, as `open_channel` would.

        With a `type` that msgspec knows, a Struct say, it sends and receives values of it. The `chat` channel exists
        from the start. Of any other, let one side open it and the other wait for it with `accept_channel`: when both
        open one at the same moment, these are two.
        """
        channel = self._find_channel(label) or self.open_channel(
            label, ordered=ordered, max_retransmits=max_retransmits, max_lifetime_ms=max_lifetime_ms
        )
        return channel if type is None else TypedChannel(channel, type)

    def open_channel(
        self,
        label: str,
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_lifetime_ms: int | None = None,
        protocol: str | None = None,
    ) -> Channel:
        """Open another channel, even if there is one with this label. Raises `ConnectionLost` if it is over.

        It is ordered and reliable; with `ordered=False` messages may overtake each other, and one that did not arrive
        after `max_retransmits` more attempts, or `max_lifetime_ms`, is lost. `protocol` is the field of that name (W3C
        WebRTC section 6.2): by default the one that splits large messages, except for `chat` and `file`.
        """
        options = ChannelOptions(
            ordered=ordered,
            max_retransmits=max_retransmits,
            max_lifetime_ms=max_lifetime_ms,
            protocol=default_protocol(label) if protocol is None else protocol,
        )
        return self._new_channel(label, options)

    @abstractmethod
    def _find_channel(self, label: str) -> Channel | None:
        """The open channel with this label."""

    @abstractmethod
    def _new_channel(self, label: str, options: ChannelOptions) -> Channel:
        """Open a channel."""
