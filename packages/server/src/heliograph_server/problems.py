"""What an HTTP caller is told when something is refused or fails: problem details (RFC 9457), always."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from heliograph_protocol import ErrorCode
from heliograph_server.errors import DomainError, InvalidIdToken, RateLimited, Unavailable

__all__ = ["EXCEPTION_HANDLERS", "MAX_BODY_BYTES", "PROBLEM_MEDIA_TYPE", "Problem", "problem_responses"]

MAX_BODY_BYTES: Final = 16_384
"""The largest request body that our own endpoints read."""

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

_CODES: Final[dict[int, ErrorCode]] = {
    HTTPStatus.BAD_REQUEST: ErrorCode.INVALID_MESSAGE,
    HTTPStatus.UNAUTHORIZED: ErrorCode.INVALID_ID_TOKEN,
    HTTPStatus.FORBIDDEN: ErrorCode.NOT_PERMITTED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ErrorCode.MESSAGE_TOO_BIG,
    HTTPStatus.TOO_MANY_REQUESTS: ErrorCode.RATE_LIMITED,
    HTTPStatus.INTERNAL_SERVER_ERROR: ErrorCode.INTERNAL,
}

_EXAMPLE_CODES: Final[dict[int, ErrorCode]] = {
    **_CODES,
    HTTPStatus.NOT_FOUND: ErrorCode.ROOM_NOT_FOUND,
    HTTPStatus.GONE: ErrorCode.ROOM_EXPIRED,
    HTTPStatus.SERVICE_UNAVAILABLE: ErrorCode.STORE_UNAVAILABLE,
}

_Request = Request[Any, Any, Any]

log = structlog.get_logger(__name__)


class Problem(Struct, frozen=True, kw_only=True):
    """A refusal or failure over HTTP. `detail` is for a person, `code` for a program."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str


def problem_responses(descriptions: Mapping[int, str]) -> dict[int, ResponseSpec]:
    """The problems that an operation may answer with, by status, for its OpenAPI description."""
    return {
        status: ResponseSpec(
            Problem,
            description=description,
            media_type=PROBLEM_MEDIA_TYPE,
            examples=[Example(summary=description, value=msgspec.to_builtins(_example(status, description)))],
            generate_examples=False,
        )
        for status, description in descriptions.items()
    }


def _example(status: int, detail: str) -> Problem:
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=_EXAMPLE_CODES[status])


def _answer(
    status: int, detail: str, *, code: str | None = None, headers: Mapping[str, str] | None = None
) -> Response[Problem]:
    known = HTTPStatus(status)
    problem = Problem(
        title=known.phrase,
        status=status,
        detail=detail or known.phrase,
        code=code or _CODES.get(status) or known.name,
    )
    return Response(problem, status_code=status, media_type=PROBLEM_MEDIA_TYPE, headers=headers)


def _refused(_request: _Request, error: DomainError) -> Response[Problem]:
    headers = {}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, InvalidIdToken):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable):
        log.error("http.unavailable", error=str(error), cause=repr(error.__cause__))
    return _answer(error.status, str(error), code=error.code, headers=headers)


def _http_error(request: _Request, error: HTTPException) -> Response[Problem]:
    """What Litestar itself refuses: unknown paths and methods, bodies too big or of the wrong form."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _failed(request, error)
    detail = _first_complaint(error) if isinstance(error, ValidationException) else error.detail
    headers = {name: str(value) for name, value in (error.headers or {}).items()}
    return _answer(error.status_code, detail, headers=headers)


def _first_complaint(error: ValidationException) -> str:
    """Which field is wrong and how; of an absent body Litestar says no more than its own name for it."""
    extra = error.extra
    if not isinstance(extra, list) or not extra or not isinstance(extra[0], dict):
        return "The request is not valid"
    key, message = extra[0].get("key"), str(extra[0].get("message"))
    if key == "data":
        return message if " " in message else "The request needs a JSON object as its body"
    return f"{key}: {message}"


def _failed(request: _Request, error: Exception) -> Response[Problem]:
    log.error(
        "http.failed",
        method=request.method,
        path=request.scope.get("path_template"),
        error=type(error).__name__,
        exc_info=error,
    )
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong in the server; its log says what")


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    DomainError: _refused,
    HTTPException: _http_error,
    Exception: _failed,
}
