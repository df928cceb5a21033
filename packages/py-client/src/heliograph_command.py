"""The console script `heliograph`: imports the rest, which takes a moment, in which Ctrl-C is no traceback."""

import sys

__all__ = ["main"]

INTERRUPTED = 130


def main() -> None:
    """Run the command."""
    try:
        from heliograph.cli import main as command  # noqa: PLC0415 - see above
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    command()
