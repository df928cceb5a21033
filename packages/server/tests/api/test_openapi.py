"""The OpenAPI document, as a reader of it needs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from heliograph_server.app import Application
from heliograph_server.settings import Settings

MUTATING = {"post", "patch", "put"}


class Operation(NamedTuple):
    method: str
    path: str
    described: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("data")
    return Application(Settings(data_dir=folder, rooms="memory")).http.openapi_schema.to_schema()


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return [
        Operation(method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if path.startswith("/api/")
    ]


def test_all_calls_of_the_resource_api_are_in_it(operations: list[Operation]) -> None:
    assert sorted(map(str, operations)) == [
        "DELETE /api/rooms/{room_id}",
        "DELETE /api/rooms/{room_id}/peers/{peer_id}",
        "GET /api/ice-servers",
        "GET /api/rooms",
        "GET /api/rooms/{room_id}",
        "GET /api/rooms/{room_id}/peers",
        "PATCH /api/rooms/{room_id}",
        "POST /api/id-token",
        "POST /api/rooms",
        "POST /api/rooms/{room_id}/rotate-token",
        "POST /api/rooms/{room_id}/tokens",
    ]


def test_each_call_says_what_it_does_and_has_an_id_of_its_own(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for operation in operations:
        assert operation.described["summary"].count(" ") >= 1, operation
        assert operation.described["tags"], operation
        for parameter in operation.described.get("parameters", []):
            assert parameter["description"], (operation, parameter["name"])
    ids = [described["operationId"] for methods in document["paths"].values() for described in methods.values()]
    assert len(ids) == len(set(ids))


def test_each_call_needs_the_bearer_token_that_is_described(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for operation in operations:
        assert operation.described["security"] == [{"bearer": []}], operation


def test_each_refusal_is_a_problem_with_an_example(operations: list[Operation]) -> None:
    for operation in operations:
        refusals = {status: told for status, told in operation.described["responses"].items() if int(status) >= 400}
        assert {"401", "503"} <= set(refusals), operation
        if "{room_id}" in operation.path:
            assert "404" in refusals, operation
            assert "403" in refusals or operation.method == "get", operation
        for status, told in refusals.items():
            assert told["description"], operation
            assert list(told["content"]) == ["application/problem+json"], (operation, status)
            content = told["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for example in content["examples"].values():
                assert set(example["value"]) == {"type", "title", "status", "detail", "code"}
                assert example["value"]["status"] == int(status)


def test_each_answer_and_each_body_has_examples(document: dict[str, Any], operations: list[Operation]) -> None:
    for operation in operations:
        success = {status: told for status, told in operation.described["responses"].items() if int(status) < 400}
        assert len(success) == 1, operation
        ((status, told),) = success.items()
        assert told["description"], operation
        if operation.method == "delete":
            assert (status, told.get("content")) == ("204", None)
            continue
        content = told["content"]["application/json"]
        assert "examples" in content or list(examples(content["schema"], document)), operation
    for operation in operations:
        if operation.method in MUTATING and "requestBody" in operation.described:
            schema = operation.described["requestBody"]["content"]["application/json"]["schema"]
            assert list(examples(schema, document)), operation


def test_every_field_that_is_asked_for_is_described_or_an_example_of_itself(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("NewRoom", "RoomUpdate", "RoomView", "JoinTokenRequest", "JoinToken", "RoomToken"):
        for field, schema in schemas[name]["properties"].items():
            assert schema.get("description") or schema.get("examples"), (name, field)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def examples(schema: dict[str, Any], document: dict[str, Any]) -> Iterator[Any]:
    """The examples in a schema and in what it refers to."""
    yield from schema.get("examples", [])
    if "$ref" in schema:
        yield from examples(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    for inner in (*schema.get("oneOf", ()), *schema.get("properties", {}).values()):
        yield from examples(inner, document)
    if "items" in schema:
        yield from examples(schema["items"], document)
