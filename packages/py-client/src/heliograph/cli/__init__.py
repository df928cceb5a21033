"""The `heliograph` command."""

from heliograph.cli.command import main

__all__ = ["main"]
