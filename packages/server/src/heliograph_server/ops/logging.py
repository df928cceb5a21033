"""Structured logs: events with fields. Never SDP, tokens, payloads; no addresses at info."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from heliograph_server.settings import Settings

__all__ = ["configure_logging"]

_NOISE: Final = "Invalid UTF-8 sequence"
"""uvicorn logs a stack trace for what any stranger can send; the connection is closed with 1007, which is enough."""

_LIBRARIES: Final = ("uvicorn", "aiosqlite", "asyncio")
"""Those that say more at `info` than an operator wants to know."""


def configure_logging(settings: Settings) -> None:
    """Send the logs of this process, libraries included, to standard output in the chosen format.

    Our own events are written at once; passing them through the standard library's logging takes three times as long,
    and every peer that comes and goes is one. The libraries' records are dressed the same way.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    renderer = _renderer(settings)
    structlog.configure(
        processors=[_dress, renderer],
        logger_factory=lambda name="": _Lines(name, sys.stdout),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level, stamp],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    handler.addFilter(lambda record: not str(record.msg).startswith(_NOISE))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in _LIBRARIES:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, level))


class _Lines:
    """Where structlog's own events go: a line each, flushed, so that whoever follows the log sees it at once."""

    def __init__(self, name: str, file: TextIO) -> None:
        self.name = name
        self._write: Callable[[str], object] = file.write
        self._flush = file.flush

    def msg(self, line: str) -> None:
        self._write(line + "\n")
        self._flush()

    log = debug = info = warning = error = critical = exception = msg


def _dress(logger: _Lines, level: str, event: EventDict) -> EventDict:
    """What the processors of structlog that `configure_logging` names for the libraries do, at once."""
    event["logger"] = logger.name
    event["level"] = level
    event["timestamp"] = f"{datetime.now(UTC).replace(tzinfo=None).isoformat()}Z"
    return structlog.processors.format_exc_info(logger, level, event) if "exc_info" in event else event


def _renderer(settings: Settings) -> Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), pad_event_to=0)


_encode = msgspec.json.Encoder(enc_hook=repr).encode


def _json(event: EventDict, **_options: Any) -> str:
    return _encode(event).decode()
