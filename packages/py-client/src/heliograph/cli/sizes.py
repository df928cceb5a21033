"""Sizes as people write them: 500M, 2GiB."""

from __future__ import annotations

import re

import click

__all__ = ["SIZE"]

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgt]?)(?P<binary>i?)b?", re.IGNORECASE)


class _Size(click.ParamType[int]):
    """A number of bytes: k, M, G and T are powers of 1,000, and with an i of 1,024."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _SIZE.fullmatch(str(value).strip())
        if found is None or (found["binary"] and not found["unit"]):
            self.fail(f"{value!r} is no size such as 500M or 2GiB", param, ctx)
        power = " kmgt".index(found["unit"].lower()) if found["unit"] else 0
        try:
            return int(float(found["number"]) * (1024 if found["binary"] else 1000) ** power)
        except OverflowError:
            self.fail("that is more than any file has", param, ctx)


SIZE = _Size()
