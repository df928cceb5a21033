"""How much a page loads."""

import gzip
import re
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "src"
LIMIT_BYTES = 30_800
"""Of all modules together, without their documentation comments and not minified. The goal is 15 KB, and they are over
it; this keeps them from growing unnoticed."""


def without_types(source: str) -> str:
    """The module without its comments, where all of its types are."""
    return re.sub(r"/\*\*.*?\*/", "", source, flags=re.DOTALL)


def test_the_modules_stay_small() -> None:
    modules = [without_types(path.read_text()) for path in sorted(SOURCES.glob("*.js"))]
    size = len(gzip.compress("".join(modules).encode(), 9))
    assert size <= LIMIT_BYTES, f"{size} bytes, gzipped as one"
