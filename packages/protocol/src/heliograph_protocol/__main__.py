"""`python -m heliograph_protocol schema|typescript|asyncapi`: print what is generated from the messages."""

import json
import sys
from collections.abc import Callable
from typing import Any, Final

from heliograph_protocol.asyncapi import asyncapi_document
from heliograph_protocol.schema import json_schema
from heliograph_protocol.typescript import typescript_declarations


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


_OUTPUTS: Final[dict[str, Callable[[], str]]] = {
    "schema": lambda: _json(json_schema()),
    "typescript": typescript_declarations,
    "asyncapi": lambda: _json(asyncapi_document()),
}


def main(arguments: list[str]) -> int:
    """Write the document that was asked for to standard output; 2 if it is none of ours."""
    if len(arguments) != 1 or arguments[0] not in _OUTPUTS:
        sys.stderr.write(f"usage: python -m heliograph_protocol {'|'.join(_OUTPUTS)}\n")
        return 2
    sys.stdout.write(_OUTPUTS[arguments[0]]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
