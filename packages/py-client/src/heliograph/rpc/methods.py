"""The methods that a peer offers: handlers, and the types of what they take and give."""

from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from heliograph.errors import ConfigurationError
from heliograph.rpc.errors import InvalidArguments, MethodNotFound
from heliograph_protocol.rpc import MAX_METHOD_LENGTH

__all__ = ["Method", "Methods"]

H = TypeVar("H", bound=Callable[..., Any])
_STREAMS = (AsyncIterator, AsyncIterable, AsyncGenerator)


class Methods:
    """Methods by name: one's own, and those of `parent`."""

    def __init__(self, parent: Methods | None = None) -> None:
        self._parent = parent
        self._methods: dict[str, Method] = {}

    def register(self, name: str) -> Callable[[H], H]:
        """Decorate a handler. Raises `ConfigurationError` if it cannot be one, or the name is taken."""
        if not 1 <= len(name) <= MAX_METHOD_LENGTH:
            raise ConfigurationError(f"The name of a method has 1 to {MAX_METHOD_LENGTH} characters")
        if name in self._methods:
            raise ConfigurationError(f"There is a method {name!r} already")

        def register(handler: H) -> H:
            self._methods[name] = Method(name, handler)
            return handler

        return register

    def find(self, name: str) -> Method:
        """The method. Raises `MethodNotFound`."""
        if (method := self._methods.get(name)) is not None:
            return method
        if self._parent is None:
            raise MethodNotFound(f"There is no method {name!r}")
        return self._parent.find(name)


class Method:
    """A handler, and decoders for what its annotations name.

    It is a coroutine function, an async generator function, which streams, or a plain function, which runs in a thread.
    A parameter annotated `Connection` gets the connection to the caller, and is not the caller's to give.
    """

    def __init__(self, name: str, handler: Callable[..., Any]) -> None:
        self.name = name
        self.handler = handler
        hints = _hints(name, handler)
        self._signature = inspect.signature(handler)
        parameters = self._signature.parameters.values()
        self._injected = [p.name for p in parameters if _is_connection(hints.get(p.name))]
        self._given = self._signature.replace(parameters=[p for p in parameters if p.name not in self._injected])
        self._decoders = {p.name: _decoder(name, hints.get(p.name, Any)) for p in self._given.parameters.values()}
        returns = hints.get("return", Any)
        self.streams = inspect.isasyncgenfunction(handler) or typing.get_origin(returns) in _STREAMS
        self.is_coroutine = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            getattr(handler, "__call__", None)  # noqa: B004 - an object with an async __call__ is meant
        )
        if inspect.isgeneratorfunction(handler):
            raise ConfigurationError(f"The handler of {name!r} is a generator; an async one streams its results")
        if self.streams:
            returns = (typing.get_args(returns) or (Any,))[0]
        self._result_decoder = None if returns is Any else _decoder(name, returns)

    def bind(self, args: Sequence[Raw], kwargs: Mapping[str, Raw], connection: Any) -> inspect.BoundArguments:
        """The arguments to call the handler with, decoded and checked. Raises `InvalidArguments`."""
        if taken := kwargs.keys() & set(self._injected):
            raise InvalidArguments(f"{self.name}: got an unexpected keyword argument {min(taken)!r}")
        try:
            given = self._given.bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidArguments(f"{self.name}: {error}") from None
        decoded: dict[str, Any] = dict.fromkeys(self._injected, connection)
        for name, raw in given.arguments.items():
            kind = self._given.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                decoded[name] = tuple(self._decode(name, item) for item in raw)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                decoded[name] = {key: self._decode(name, item, key) for key, item in raw.items()}
            else:
                decoded[name] = self._decode(name, raw)
        ordered = {name: decoded[name] for name in self._signature.parameters if name in decoded}
        return inspect.BoundArguments(self._signature, ordered)

    def encode_result(self, value: Any) -> bytes:
        """A result as JSON. Raises `TypeError` or `ValueError` for one that is none, or not what was annotated."""
        encoded = msgspec.json.encode(value)
        if self._result_decoder is not None:
            self._result_decoder.decode(encoded)
        return encoded

    def _decode(self, name: str, raw: Raw, key: str | None = None) -> Any:
        try:
            return self._decoders[name].decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidArguments(f"{self.name}: argument {key or name!r}: {error}") from None


def _hints(name: str, handler: Callable[..., Any]) -> dict[str, Any]:
    annotated = handler if inspect.isroutine(handler) else getattr(handler, "func", type(handler).__call__)
    try:
        return typing.get_type_hints(annotated, include_extras=True)
    except Exception as error:  # whatever evaluating somebody's annotations raises
        raise ConfigurationError(f"The annotations of the handler of {name!r} cannot be read: {error}") from error


def _decoder(name: str, annotation: Any) -> msgspec.json.Decoder[Any]:
    try:
        return msgspec.json.Decoder(annotation)
    except TypeError as error:
        raise ConfigurationError(f"The handler of {name!r} has a type that msgspec does not know: {error}") from error


def _is_connection(annotation: Any) -> bool:
    from heliograph.peer.connection import Connection  # noqa: PLC0415 - it holds the methods, so it comes later

    return annotation is Connection
