"""Somebody who has shown the operator's token instead of registering, and what that connection may say."""

import structlog

from heliograph_protocol import (
    Envelope,
    ErrorCode,
    Inspect,
    InspectStop,
    Ping,
    Pong,
    ProtocolError,
    decode_request,
    encode,
)
from heliograph_server.inspection.inspectors import Inspectors, TooManyViews, Wanted
from heliograph_server.signaling.forwarding import Refused
from heliograph_server.transport.connection import Connection

__all__ = ["BUFFERED_BYTES", "Operator"]

BUFFERED_BYTES = 256 * 1024
"""While more than this waits for a reader, it is sent no changes."""

_log = structlog.get_logger(__name__)


class Operator:
    """A connection that inspects the server. It is one from the first `inspect` with the right token on."""

    def __init__(self, inspectors: Inspectors, connection: Connection) -> None:
        self._inspectors = inspectors
        self._connection = connection
        self._known = False

    def hear(self, envelope: Envelope, frame: bytes) -> None:
        """Take one message. Raises `Refused`, `ProtocolError`."""
        if envelope.type not in {"inspect", "inspect_stop", "ping"}:
            raise Refused(ErrorCode.NOT_REGISTERED, "This connection inspects the server: it can do nothing else")
        match decode_request(frame):
            case Inspect() as request:
                self._inspect(request)
            case InspectStop(ref=ref):
                self._inspectors.pause(self)
                self._connection.send(self._inspectors.stopped(ref))
            case Ping(ref=ref):
                self._connection.send(encode(Pong(time=self._inspectors.time, ref=ref)))
            case other:
                raise ProtocolError(f"{envelope.type} was read as {type(other).__name__}")

    def end(self) -> None:
        """The connection is over."""
        self._inspectors.stop(self)

    def _inspect(self, request: Inspect) -> None:
        if not self._known:
            token = request.operator_token
            if not isinstance(token, str) or not self._inspectors.is_operator(token):
                _log.warning("operator.refused")
                raise Refused(ErrorCode.NOT_PERMITTED, "That is not the operator's token")
            self._known = True
            _log.info("operator.inspects")
        room_id = request.room_id if isinstance(request.room_id, str) else None
        if room_id is None and request.peers:
            raise Refused(ErrorCode.INVALID_MESSAGE, "Peers are those of a room: name it too")
        try:
            wanted = Wanted(room_id, request.peers, request.ref)
            self._inspectors.look(self, wanted, reply=self._connection.send, show=self._show)
        except TooManyViews as error:
            raise Refused(ErrorCode.RATE_LIMITED, str(error)) from error

    def _show(self, frame: bytes) -> bool:
        return self._connection.buffered <= BUFFERED_BYTES and self._connection.send(frame)
