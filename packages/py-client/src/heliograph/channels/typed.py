"""A channel of typed values instead of texts and bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

from heliograph.channels.channel import Channel
from heliograph.errors import ChannelClosed, ChannelFormatError
from heliograph.unreadable import UNREADABLE

__all__ = ["TypedChannel"]

T = TypeVar("T")


class TypedChannel(Generic[T]):
    """Sends and receives values of one type that msgspec knows: `connection.channel("jobs", type=Job)`.

    On the wire each value is a text message of JSON, as msgspec encodes it: Structs are objects, `bytes` are base64
    (RFC 4648 section 4), times are RFC 3339. Both directions have the same type; a union of Structs needs tags.
    """

    def __init__(self, channel: Channel, type: type[T]) -> None:  # noqa: A002 - the word for it
        self._channel = channel
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type)
        self._type_name = getattr(type, "__name__", str(type))

    def __repr__(self) -> str:
        return f"TypedChannel[{self._type_name}]({self._channel!r})"

    @property
    def raw(self) -> Channel:
        """The channel itself: its label, its connection, its state."""
        return self._channel

    async def __aenter__(self) -> Self:
        await self._channel.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, value: T) -> None:
        """Send a value, as `Channel.send` sends messages. Raises `TypeError` or `msgspec.ValidationError` for another.

        What a field holds counts, not what it was declared as: a Struct whose `int` field holds a text is not sent.
        """
        encoded = self._encoder.encode(value)
        self._decoder.decode(encoded)
        await self._channel.send(encoded.decode())

    async def receive(self) -> T:
        """The next value. Raises what `Channel.receive` does, and `ChannelFormatError` for a message that is none.

        After a `ChannelFormatError` the next message can be received.
        """
        message = await self._channel.receive()
        try:
            if isinstance(message, bytes):
                raise ChannelFormatError(f"{self._channel.peer_id} sent bytes, not a {self._type_name} as JSON")
            return self._decoder.decode(message)
        except UNREADABLE as error:
            words = f"{self._channel.peer_id} sent no {self._type_name}: {error}"
            raise ChannelFormatError(words) from error

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            try:
                value = await self.receive()
            except ChannelClosed:
                return
            yield value

    async def close(self) -> None:
        """Send what is buffered, then close. See `Channel.close`."""
        await self._channel.close()
