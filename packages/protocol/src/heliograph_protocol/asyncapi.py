"""The WebSocket side as an AsyncAPI 3.0 document, derived from the messages.

It speaks for the server, as AsyncAPI wants it: a `receive` operation is what a client may say, a `send` operation what
it may hear.
"""

import inspect
from collections import defaultdict
from itertools import chain
from typing import Any, Final, get_args

from heliograph_protocol.codec import FORWARDED_TYPES, PEER_MESSAGE_TYPE
from heliograph_protocol.codes import CloseCode, ErrorCode
from heliograph_protocol.conversation import LEVEL_1, REPLIES, Kind
from heliograph_protocol.examples import EXAMPLES
from heliograph_protocol.messages import ClientMessage, ErrorMessage, ServerMessage
from heliograph_protocol.schema import schemas_of

__all__ = ["asyncapi_document"]

_ABOUT: Final = """\
Peers connect, register for a room, and exchange WebRTC signals and messages with the others in it through the server.
Each text frame is one JSON object with a `type`.

Messages are tagged by level. Level 1 is what every client speaks. Level 2 is opted into with `"protocol": 2` in
`register`; without it a client may send what is of level 2, and gets the replies to its questions, but no acks and no
news.

The handshake carries no credentials. `register` carries two: an id token, a JWT that says who the user is, and the
token of the room or a join token made from it. Until it has succeeded everything else is refused. Tokens, the secret of
a session and the credentials of TURN servers travel in these frames: use wss:// on anything but your own machine, and
keep them out of logs.
"""
_LEVELS: Final = {
    "level-1": "What every client speaks",
    "level-2": "For clients that register with `protocol` 2",
}
_KINDS: Final = {
    "forwarded": "From one peer to another, through the server",
    "request": "For the server itself",
    "reply": "The server's answer",
    "news": "What the server says without being asked",
}
_PATHS: Final = {"root": "/", "ws": "/ws"}
_FRAMES: Final = """\
Each text frame is one message, of at most 64 KiB. Both paths are the same; the operations are given for `/`."""
_ACKED: Final = "Forwarded. A sender of level 2 gets an `ack` if it gave a `ref`; an `error` may take its place."


def asyncapi_document() -> dict[str, Any]:
    """The document, with nothing in it but what the messages say and this module says of them."""
    received, sent = _kinds(ClientMessage), _kinds(ServerMessage)
    messages = list(dict.fromkeys([*received, *sent]))
    _, schemas = schemas_of([*messages, ErrorCode, CloseCode], ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Heliograph signaling",
            "version": "2",
            "description": _ABOUT,
            "license": {"name": "MIT"},
            "tags": [{"name": name, "description": text} for name, text in (_LEVELS | _KINDS).items()],
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8080",
                "protocol": "ws",
                "description": "A server on this machine with its defaults. Port 8001 serves the same.",
            },
            "deployed": {
                "host": "{host}",
                "protocol": "wss",
                "description": "A server behind TLS. Tokens travel in the frames, so it has to be.",
                "variables": {"host": {"description": "Name and port", "examples": ["signaling.example:443"]}},
            },
        },
        "channels": {name: _channel(name, messages) for name in _PATHS},
        "operations": {
            **{f"receive_{_type(kind)}": _operation("receive", kind) for kind in received},
            **{f"send_{_type(kind)}": _operation("send", kind) for kind in sent},
        },
        "components": {
            "messages": {_type(kind): _message(kind) for kind in messages},
            "schemas": {name: _draft_7(schema) for name, schema in sorted(schemas.items())},
            "correlationIds": {
                "ref": {
                    "description": "Chosen by who asks or sends; the reply, ack or error carries the same value",
                    "location": "$message.payload#/ref",
                }
            },
        },
    }


def _kinds(union: Any) -> list[Kind]:
    return list(get_args(union))


def _type(kind: Kind) -> str:
    return str(kind.__struct_config__.tag)


def _channel(name: str, messages: list[Kind]) -> dict[str, Any]:
    return {
        "address": _PATHS[name],
        "title": f"WebSocket at {_PATHS[name]}",
        "description": _FRAMES,
        "messages": {_type(kind): {"$ref": f"#/components/messages/{_type(kind)}"} for kind in messages},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _operation(action: str, kind: Kind) -> dict[str, Any]:
    summary, _ = _docstring(kind)
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": "#/channels/root"},
        "summary": summary,
        "tags": _tags(kind),
        "messages": [_in_channel(kind)],
    }
    if action == "receive":
        if kind in _FORWARDED:
            operation["description"] = _ACKED
        answers: list[Kind] = [*REPLIES[kind], ErrorMessage]
        operation["reply"] = {
            "channel": {"$ref": "#/channels/root"},
            "messages": [_in_channel(answer) for answer in answers],
        }
    return operation


def _in_channel(kind: Kind) -> dict[str, str]:
    return {"$ref": f"#/channels/root/messages/{_type(kind)}"}


def _message(kind: Kind) -> dict[str, Any]:
    summary, description = _docstring(kind)
    message: dict[str, Any] = {"name": _type(kind), "title": _type(kind).replace("_", " ").capitalize()}
    message["summary"] = summary
    if description:
        message["description"] = description
    message["tags"] = _tags(kind)
    message["payload"] = {"$ref": f"#/components/schemas/{kind.__name__}"}
    if kind in REPLIES or kind in _ANSWERS:
        message["correlationId"] = {"$ref": "#/components/correlationIds/ref"}
    message["examples"] = [{"payload": example} for example in _EXAMPLES[_type(kind)]]
    return message


def _tags(kind: Kind) -> list[dict[str, str]]:
    forwarded = kind in _FORWARDED
    applies = {
        "forwarded": forwarded,
        "request": kind in REPLIES and not forwarded,
        "reply": kind in _ANSWERS,
        "news": not (kind in REPLIES or kind in _ANSWERS),
    }
    level = "level-1" if kind in LEVEL_1 else "level-2"
    return [{"name": level}, *({"name": role} for role in _KINDS if applies[role])]


def _docstring(kind: Kind) -> tuple[str, str]:
    """Its first paragraph, and the others."""
    summary, _, description = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
    return summary, description


def _draft_7(schema: Any) -> Any:
    """The schema as AsyncAPI's own dialect has it: what stands beside a `$ref` there counts for nothing."""
    match schema:
        case {"$ref": str(reference), **beside} if beside:
            return {**beside, "allOf": [{"$ref": reference}]}
        case dict():
            return {key: _draft_7(value) for key, value in schema.items()}
        case list():
            return [_draft_7(value) for value in schema]
        case _:
            return schema


def _by_type(examples: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for example in examples:
        found[example["type"]].append(example)
    return found


_EXAMPLES: Final = _by_type(EXAMPLES)
_ANSWERS: Final = {ErrorMessage, *chain.from_iterable(REPLIES.values())}
_FORWARDED: Final = {kind for kind in REPLIES if _type(kind) in FORWARDED_TYPES or _type(kind) == PEER_MESSAGE_TYPE}
