"""`python -m heliograph_protocol schema|typescript`: print what is generated from the messages."""

import json
import sys

from heliograph_protocol.schema import json_schema
from heliograph_protocol.typescript import typescript_declarations

_OUTPUTS = {"schema": lambda: json.dumps(json_schema(), indent=2) + "\n", "typescript": typescript_declarations}


def main(arguments: list[str]) -> int:
    """Write the document that was asked for to standard output; 2 if it is none of ours."""
    if len(arguments) != 1 or arguments[0] not in _OUTPUTS:
        sys.stderr.write(f"usage: python -m heliograph_protocol {'|'.join(_OUTPUTS)}\n")
        return 2
    sys.stdout.write(_OUTPUTS[arguments[0]]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
