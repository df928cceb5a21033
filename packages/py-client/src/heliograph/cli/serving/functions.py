"""Python functions as methods: finding them by `module:function`, and wrapping them as jobs."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import sys
import typing
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import Any

from heliograph.cli.serving.jobs import Jobs
from heliograph.errors import ConfigurationError
from heliograph.peer.connection import Connection

__all__ = ["as_job", "find_function"]

CALLER = "heliograph_caller"
_STREAMS = (AsyncIterator, AsyncIterable, typing.AsyncGenerator)


def find_function(reference: str) -> Callable[..., Any]:
    """The function that `module:function` names; modules of the working directory are found too.

    Raises `ConfigurationError`, also for whatever the import raises.
    """
    module_name, _, path = reference.partition(":")
    if not module_name or not path:
        raise ConfigurationError(f"{reference!r} names no function: module:function, as in jobs:train")
    if module_name.endswith(".py") or "/" in module_name:
        meant = module_name.removesuffix(".py").replace("/", ".")
        raise ConfigurationError(f"{module_name!r} is a file; as a module it is {meant}:{path}")
    if "" not in sys.path and (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        words = f"{module_name} cannot be imported: {type(error).__name__}: {error}"
        raise ConfigurationError(words) from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise ConfigurationError(f"{module_name} has no {path!r}{_others(found)}")
        found = getattr(found, name)
    if not inspect.isroutine(found):
        raise ConfigurationError(f"{reference} is no function")
    _check(reference, found)
    return found


def _check(reference: str, function: Callable[..., Any]) -> None:
    """Whether it can be served, so far as it says so itself."""
    if inspect.isgeneratorfunction(function):
        words = f"{reference} is a generator: as an async one (async def … yield) it streams its results"
        raise ConfigurationError(words)
    try:
        inspect.signature(function)
    except ValueError as error:
        raise ConfigurationError(f"{reference} does not say which arguments it takes: {error}") from error
    try:
        typing.get_type_hints(function)
    except Exception as error:  # whatever evaluating somebody's annotations raises
        words = f"The annotations of {reference} cannot be read: {type(error).__name__}: {error}"
        raise ConfigurationError(words) from error


def as_job(method: str, function: Callable[..., Any], jobs: Jobs) -> Callable[..., Any]:
    """The function as a handler that is one job a call, with the parameters and annotations that it has."""
    if _streams(function):

        @functools.wraps(function)
        async def stream(*args: Any, heliograph_caller: Connection, **kwargs: Any) -> Any:
            async with jobs.job(method, heliograph_caller.peer_id):
                parts = function(*args, **kwargs)
                if inspect.isawaitable(parts):
                    parts = await parts
                try:
                    async for part in parts:
                        yield part
                finally:
                    if hasattr(parts, "aclose"):
                        await parts.aclose()

        return _with_caller(stream, function)
    if asyncio.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run(*args: Any, heliograph_caller: Connection, **kwargs: Any) -> Any:
            async with jobs.job(method, heliograph_caller.peer_id):
                return await function(*args, **kwargs)

        return _with_caller(run, function)

    @functools.wraps(function)
    async def run_plain(*args: Any, heliograph_caller: Connection, **kwargs: Any) -> Any:
        return await jobs.in_thread(method, heliograph_caller.peer_id, functools.partial(function, *args, **kwargs))

    return _with_caller(run_plain, function)


def _streams(function: Callable[..., Any]) -> bool:
    returns = typing.get_type_hints(function).get("return")
    return inspect.isasyncgenfunction(function) or typing.get_origin(returns) in _STREAMS


def _with_caller(handler: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the parameter that gets the connection to the caller, before any `**kwargs`."""
    signature = inspect.signature(function)
    caller = inspect.Parameter(CALLER, inspect.Parameter.KEYWORD_ONLY, annotation=Connection)
    parameters = list(signature.parameters.values())
    at = len(parameters) - (bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
    parameters.insert(at, caller)
    made: Any = handler
    made.__signature__ = signature.replace(parameters=parameters)
    made.__annotations__ = {**getattr(function, "__annotations__", {}), CALLER: Connection}
    return handler


def _others(found: Any) -> str:
    names = [name for name, value in vars(found).items() if inspect.isfunction(value) and not name.startswith("_")]
    return f"; there are {', '.join(names)}" if names else ""
