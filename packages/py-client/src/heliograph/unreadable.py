"""What somebody sent or wrote, and nobody can read."""

import msgspec

__all__ = ["UNREADABLE"]

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises for what is no JSON, or not what was expected, is no UTF-8, or nests too deeply."""
