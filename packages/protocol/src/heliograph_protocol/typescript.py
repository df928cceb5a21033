"""The messages as TypeScript declarations, derived from the JSON Schema."""

import json
import textwrap
from typing import Any, Final

from heliograph_protocol.schema import json_schema

__all__ = ["typescript_declarations"]

_HEADER: Final = """\
// Generated from the message definitions of heliograph-protocol by `nox -s generate`. Changes made here are lost.
"""
_PRIMITIVES: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_WIDTH: Final = 116


def typescript_declarations() -> str:
    """A `.d.ts` module: an interface for each message, a union type for each direction, the codes as literal types."""
    definitions = json_schema()["$defs"]
    return "\n".join([_HEADER, *(_declaration(name, schema) for name, schema in definitions.items())])


def _declaration(name: str, schema: dict[str, Any]) -> str:
    comment = _comment(schema.get("description"), indent="")
    if schema.get("type") != "object":
        return f"{comment}export type {name} = {_type(schema)};\n"
    required = schema.get("required", [])
    lines = [f"{comment}export interface {name} {{"]
    for field, value in schema["properties"].items():
        optional = "" if field in required else "?"
        lines.append(f"{_comment(value.get('description'), indent='  ')}  {field}{optional}: {_type(value)};")
    return "\n".join([*lines, "}\n"])


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": str(reference)}:
            return reference.rsplit("/", 1)[-1]
        case {"enum": list(values)}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": list(options)}:
            return " | ".join(_type(option) for option in options)
        case {"type": "array", "items": dict(items)}:
            return f"({_type(items)})[]" if items.keys() & {"anyOf", "enum"} else f"{_type(items)}[]"
        case {"type": str(name)} if name in _PRIMITIVES:
            return _PRIMITIVES[name]
        case {"type": "object", "additionalProperties": dict(values)} if values:
            return f"Record<string, {_type(values)}>"
        case {"type": "object"}:
            return "Record<string, unknown>"
        case _ if schema.keys() <= {"description", "default"}:
            return "unknown"
        case _:
            raise ValueError(f"no TypeScript for the schema {schema}")


def _comment(description: str | None, *, indent: str) -> str:
    if not description:
        return ""
    paragraphs = [" ".join(part.split()) for part in description.split("\n\n")]
    lines = [line for part in paragraphs for line in textwrap.wrap(part, _WIDTH - len(indent))]
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return "\n".join([f"{indent}/**", *(f"{indent} * {line}" for line in lines), f"{indent} */\n"])
