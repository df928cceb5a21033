"""What a check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Finding", "Verdict"]


class Verdict(StrEnum):
    """How it looks."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's verdict in a sentence, what would help, and what was measured."""

    check: str
    verdict: Verdict
    words: str
    hint: str | None = None
    measured: Mapping[str, object] = field(default_factory=dict)
