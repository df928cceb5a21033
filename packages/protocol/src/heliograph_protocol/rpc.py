"""Remote calls between two peers, over a data channel.

Whoever calls opens a channel labelled `rpc`, ordered and reliable, whose `protocol` field is `heliograph.rpc.1`: the
calls of its opener go one way on it, their answers the other. A peer that both calls and answers has two. Each frame is
a text with one JSON object; over the size that a data channel takes it is split (`heliograph_protocol.splitting`).

1. The caller sends an `RpcCall`, whose `id` is greater than that of every call before it.
2. The callee answers with one `RpcResult`, or, if the call asked for a stream, any number of `RpcPart`s and an
   `RpcEnd`; or, at any time before, an `RpcFailure`. Answers to different calls come in any order.
3. The caller may send an `RpcCancel`. The callee stops, and answers no more; what crosses it on the way is ignored.

A stream is held back by credit: the callee may send a part while the call's credit is above 0, and each part's frame
counts by its bytes in UTF-8. `RpcCall.credit` is the first credit, `RpcCredit` adds to it as the caller's program
reads. The credit may fall below 0 by one part, so that a part of any size can be sent.

Arguments and results are any JSON. Bytes are base64 (RFC 4648 section 4), times RFC 3339; whole numbers beyond 2**53
lose their last digits in a browser. What is large and binary goes over a channel of its own.

When the channel closes, calls without an answer are over: they ran to the end, in part, or not at all. They are not
sent again by themselves. A frame that breaks these rules closes the channel.
"""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

__all__ = [
    "MAX_METHOD_LENGTH",
    "MAX_STREAM_CREDIT_BYTES",
    "RPC_LABEL",
    "RpcCall",
    "RpcCalleeFrame",
    "RpcCallerFrame",
    "RpcCancel",
    "RpcCredit",
    "RpcEnd",
    "RpcFailure",
    "RpcPart",
    "RpcResult",
]

RPC_LABEL: Final = "rpc"
MAX_METHOD_LENGTH: Final = 128
MAX_STREAM_CREDIT_BYTES: Final = 2**30

CallId = Annotated[int, Meta(ge=0, le=2**53 - 1, description="Chosen by the caller; greater with each call")]
Method = Annotated[str, Meta(min_length=1, max_length=MAX_METHOD_LENGTH)]
Credit = Annotated[int, Meta(ge=0, le=MAX_STREAM_CREDIT_BYTES, description="Bytes of part frames")]


class _Frame(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    id: CallId


class RpcCall(_Frame, frozen=True, kw_only=True, tag="call"):
    """Calls a method with positional and named arguments. With `credit` the results are to be streamed."""

    method: Method
    args: list[Raw] = []
    kwargs: dict[str, Raw] = {}
    credit: Credit | UnsetType = UNSET


class RpcCancel(_Frame, frozen=True, kw_only=True, tag="cancel"):
    """The caller no longer waits for the call."""


class RpcCredit(_Frame, frozen=True, kw_only=True, tag="credit"):
    """So many more bytes of parts may be sent."""

    credit: Credit


class RpcResult(_Frame, frozen=True, kw_only=True, tag="result"):
    """The call has come to its end, with this value."""

    value: Raw


class RpcPart(_Frame, frozen=True, kw_only=True, tag="part"):
    """The next value of a stream."""

    value: Raw


class RpcEnd(_Frame, frozen=True, kw_only=True, tag="end"):
    """The stream is over."""


class RpcFailure(_Frame, frozen=True, kw_only=True, tag="failure"):
    """The call has failed.

    `code` is `METHOD_NOT_FOUND`, `INVALID_ARGUMENTS`, `WRONG_KIND` (a stream asked of a method that has none, or the
    other way round), `TOO_MANY_CALLS`, `HANDLER_FAILED`, `CALL_CANCELLED`, or one of the application's own. `message`
    is a sentence for a person.
    """

    code: Annotated[str, Meta(min_length=1, max_length=128)]
    message: str = ""


RpcCallerFrame = RpcCall | RpcCancel | RpcCredit
"""What the side that opened the channel sends."""
RpcCalleeFrame = RpcResult | RpcPart | RpcEnd | RpcFailure
"""What the other side sends."""
