"""The request class of the HTTP side."""

from typing import Any

from litestar import Request
from litestar.exceptions import ClientException, InternalServerException, SerializationException

__all__ = ["JsonRequest"]


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON body is the caller's fault in every way in which it can be wrong.

    Litestar's own answers 500 to bytes that are no UTF-8, to nesting that is too deep, and to a caller that has gone.
    """

    async def body(self) -> bytes:
        """The whole body. Raises `ClientException` if the connection ends before it does."""
        try:
            return await super().body()
        except InternalServerException as error:
            raise ClientException("The connection ended before the request did") from error

    async def json(self) -> Any:
        """The decoded body. Raises `SerializationException`, which becomes a 400."""
        try:
            return await super().json()
        except (UnicodeDecodeError, RecursionError) as error:
            raise SerializationException("The body is not JSON that can be read") from error
