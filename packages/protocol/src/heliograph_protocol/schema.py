"""The messages as JSON Schema (2020-12), derived from the Structs."""

import inspect
from typing import Any, Final

import msgspec

from heliograph_protocol.codes import CloseCode, ErrorCode
from heliograph_protocol.datachannel import FileControl
from heliograph_protocol.messages import ClientMessage, ServerMessage
from heliograph_protocol.rpc import RpcCalleeFrame, RpcCallerFrame

__all__ = ["UNIONS", "json_schema", "schemas_of"]

UNIONS: Final[dict[str, Any]] = {
    "ClientMessage": ClientMessage,
    "ServerMessage": ServerMessage,
    "FileControl": FileControl,
    "RpcCallerFrame": RpcCallerFrame,
    "RpcCalleeFrame": RpcCalleeFrame,
}
"""What a reader of the schema looks for first, by name."""


def json_schema() -> dict[str, Any]:
    """One document with every message under `$defs`; it validates a frame in either direction."""
    schemas, definitions = schemas_of([*UNIONS.values(), ErrorCode, CloseCode], ref_template="#/$defs/{name}")
    definitions |= dict(zip(UNIONS, schemas, strict=False))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heliograph wire protocol",
        "anyOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": dict(sorted(definitions.items())),
    }


def schemas_of(types: list[Any], *, ref_template: str) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """The schemas of the types, and of all that they refer to, by name."""
    schemas, definitions = msgspec.json.schema_components(types, ref_template=ref_template)
    for definition in definitions.values():
        if "description" in definition:  # a docstring, which Python indents or not, by its version
            definition["description"] = inspect.cleandoc(definition["description"])
    return schemas, definitions
