"""The AsyncAPI document: it is one, by AsyncAPI's own schema, and it says all that the messages say."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from heliograph_protocol import ClientMessage, ServerMessage, asyncapi_document, json_schema
from heliograph_protocol.conversation import LEVEL_1, REPLIES
from heliograph_protocol.examples import EXAMPLES

SPECIFICATION = Path(__file__).parent / "node_modules/@asyncapi/specs/schemas/3.0.0.json"
"""From npm; `nox -s tests` installs it, or `npm ci` in this folder."""


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    return Draft7Validator(json.loads(SPECIFICATION.read_text("utf-8")))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi_document()


def types(union: Any) -> list[str]:
    return [kind.__struct_config__.tag for kind in get_args(union)]


def resolve(document: dict[str, Any], path: list[str]) -> Any:
    found: Any = document
    for part in path:
        found = found[part]
    return found


def references(node: Any) -> Iterator[dict[str, Any]]:
    """All objects below that have a `$ref`."""
    if isinstance(node, dict) and "$ref" in node:
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(value)


def payload_validator(document: dict[str, Any], message: dict[str, Any]) -> Draft7Validator:
    return Draft7Validator({**message["payload"], "components": document["components"]})


def test_it_is_valid_under_the_official_schema(official: Draft7Validator, document: dict[str, Any]) -> None:
    official.validate(document)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("asyncapi",), "2.6.0"),
        (("info", "version"), None),
        (("channels", "root", "address"), 1),
        (("channels", "root", "messages", "offer"), {"payload": {"type": "teleport"}}),
        (("operations", "receive_offer", "action"), "shout"),
        (("operations", "receive_query", "reply"), {"messages": "available_peers"}),
        (("components", "correlationIds", "ref"), {}),
        (("components", "schemas", "Offer"), {"type": "teleport"}),
    ],
    ids=str,
)
def test_the_official_schema_would_find_a_mistake(
    official: Draft7Validator, document: dict[str, Any], path: tuple[str, ...], wrong: Any
) -> None:
    broken = copy.deepcopy(document)
    *parents, last = path
    resolve(broken, parents)[last] = wrong
    with pytest.raises(ValidationError):
        official.validate(broken)


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    found = {node["$ref"] for node in references(document)}
    assert found
    for reference in found:
        root, *path = reference.split("/")
        assert root == "#"
        assert resolve(document, path)


def test_both_paths_have_every_message(document: dict[str, Any]) -> None:
    channels = document["channels"]
    assert sorted(channel["address"] for channel in channels.values()) == ["/", "/ws"]
    for channel in channels.values():
        assert set(channel["messages"]) == {*types(ClientMessage), *types(ServerMessage)}


def test_the_server_receives_what_clients_say_and_sends_what_they_hear(document: dict[str, Any]) -> None:
    said: dict[str, list[str]] = {"receive": [], "send": []}
    for operation in document["operations"].values():
        assert operation["channel"] == {"$ref": "#/channels/root"}
        said[operation["action"]] += [reference["$ref"].rsplit("/", 1)[-1] for reference in operation["messages"]]
    assert said == {"receive": types(ClientMessage), "send": types(ServerMessage)}


def test_everything_said_may_be_answered_and_only_with_what_the_server_sends(document: dict[str, Any]) -> None:
    assert set(REPLIES) == set(get_args(ClientMessage))
    assert set().union(*REPLIES.values()) <= set(get_args(ServerMessage))
    for name, operation in document["operations"].items():
        if operation["action"] == "receive":
            answers = [reference["$ref"].rsplit("/", 1)[-1] for reference in operation["reply"]["messages"]]
            assert answers[-1] == "error", name
        else:
            assert "reply" not in operation


@pytest.mark.parametrize("name", dict.fromkeys([*types(ClientMessage), *types(ServerMessage)]))
def test_a_message_is_told_in_full(document: dict[str, Any], name: str) -> None:
    message = document["components"]["messages"][name]
    assert message["name"] == name
    assert message["title"]
    assert message["summary"].endswith((".", ")"))
    assert "\n\n" not in message["summary"]
    assert [example["payload"] for example in message["examples"]] == [e for e in EXAMPLES if e["type"] == name] != []
    for example in message["examples"]:
        payload_validator(document, message).validate(example["payload"])
    with pytest.raises(ValidationError):
        payload_validator(document, message).validate({"type": "teleport"})


def test_each_message_is_of_one_level(document: dict[str, Any]) -> None:
    levels = {
        name: [tag["name"] for tag in message["tags"] if tag["name"].startswith("level-")]
        for name, message in document["components"]["messages"].items()
    }
    level_1 = {kind.__struct_config__.tag for kind in LEVEL_1}
    assert levels == {name: ["level-1" if name in level_1 else "level-2"] for name in levels}
    declared = {tag["name"] for tag in document["info"]["tags"]}
    used = {tag["name"] for message in document["components"]["messages"].values() for tag in message["tags"]}
    assert used == declared


def test_nothing_stands_beside_a_reference_where_it_would_not_count(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert [node for node in references(schemas) if len(node) > 1] == []
    assert schemas["Peer"]["properties"]["metadata"] == {
        "description": "Tags and properties",
        "allOf": [{"$ref": "#/components/schemas/Metadata"}],
    }


def test_it_has_the_same_types_as_the_json_schema(document: dict[str, Any]) -> None:
    definitions = json_schema()["$defs"]
    for name, schema in document["components"]["schemas"].items():
        assert schema.keys() == definitions[name].keys()
        assert schema.get("required") == definitions[name].get("required")
