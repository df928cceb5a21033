"""What is derived from the messages: it says what they say, and what is in the repository is what is derived today."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from heliograph_protocol import (
    FORWARDED_TYPES,
    REASONS,
    REQUEST_TYPES,
    CloseCode,
    ErrorCode,
    decode_client_message,
    decode_server_message,
    encode,
    json_schema,
)
from heliograph_protocol.__main__ import main
from heliograph_protocol.asyncapi import asyncapi_document
from heliograph_protocol.datachannel import (
    FileAccepted,
    FileCancelled,
    FileChecking,
    FileCheckpoint,
    FileHeader,
    FileProgress,
    FileReceived,
    FileRefused,
)
from heliograph_protocol.examples import EXAMPLES
from heliograph_protocol.typescript import typescript_declarations

ROOT = Path(__file__).parents[3]
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOT_MESSAGES: list[Any] = [
    {"type": "register", "peer_id": "Worker-1", "room_id": "abc12345", "token": "t"},
    {"type": "register", "peer_id": "a b", "room_id": "abc12345", "token": "t", "id_token": "j"},
    {"type": "offer", "target": "b"},
    {"type": "offer", "sdp": "v=0"},
    {"type": "candidate", "target": "b"},
    {"type": "teleport"},
    {},
    [],
]


@functools.cache
def validator(name: str | None = None) -> Draft202012Validator:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema if name is None else {**schema, "anyOf": [{"$ref": f"#/$defs/{name}"}]})


@pytest.mark.parametrize("example", EXAMPLES, ids=json.dumps)
def test_messages_are_valid_under_the_schema(example: dict[str, Any]) -> None:
    validator().validate(example)


@pytest.mark.parametrize("example", NOT_MESSAGES, ids=json.dumps)
def test_what_is_no_message_is_not(example: Any) -> None:
    with pytest.raises(ValidationError):
        validator().validate(example)


def test_there_is_an_example_of_every_message() -> None:
    definitions = json_schema()["$defs"]
    unions = [definitions["ClientMessage"], definitions["ServerMessage"]]
    names = {option["$ref"].rsplit("/", 1)[-1] for union in unions for option in union["anyOf"]}
    tags = {definitions[name]["properties"]["type"]["enum"][0] for name in names}
    assert tags == {example["type"] for example in EXAMPLES}


@pytest.mark.parametrize(
    "control",
    [
        FileHeader(name="a.bin", size=0),
        FileHeader(name="a.bin", size=1, folder=["photos"], modified_ms=0, transfer_id="t"),
        FileAccepted(offset=1),
        FileCheckpoint(offset=1, sha256=SHA256),
        FileProgress(offset=1),
        FileChecking(),
        FileCancelled(message="enough"),
        FileReceived(size=1, sha256=SHA256),
        FileRefused(code="TOO_BIG"),
    ],
    ids=repr,
)
def test_file_control_messages_are_valid_under_the_schema(control: msgspec.Struct) -> None:
    validator("FileControl").validate(json.loads(encode(control)))


@pytest.mark.parametrize("sha256", ["", SHA256[:-1], SHA256.upper(), SHA256 + "\n", SHA256 + "0"])
def test_a_checksum_is_64_lower_case_hex_digits(sha256: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps({"type": "checkpoint", "offset": 0, "sha256": sha256}), type=FileCheckpoint)


def test_the_schema_in_the_repository_is_the_generated_one() -> None:
    assert (ROOT / "docs/protocol.schema.json").read_text("utf-8") == json.dumps(json_schema(), indent=2) + "\n"


def test_the_typescript_declarations_in_the_repository_are_the_generated_ones() -> None:
    assert (ROOT / "packages/js-client/src/protocol.d.ts").read_text("utf-8") == typescript_declarations()


def test_the_asyncapi_document_in_the_repository_is_the_generated_one() -> None:
    assert (ROOT / "docs/asyncapi.json").read_text("utf-8") == json.dumps(asyncapi_document(), indent=2) + "\n"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("schema", json.dumps(json_schema(), indent=2) + "\n"),
        ("typescript", typescript_declarations()),
        ("asyncapi", json.dumps(asyncapi_document(), indent=2) + "\n"),
    ],
    ids=["schema", "typescript", "asyncapi"],
)
def test_the_command_prints_the_document(document: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([document]) == 0
    assert capsys.readouterr().out == expected


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yaml"]) == 2
    assert "schema|typescript|asyncapi" in capsys.readouterr().err


def test_declarations_have_an_interface_for_every_message() -> None:
    declared = set(re.findall(r"^export interface (\w+) \{$", typescript_declarations(), re.MULTILINE))
    messages = {type(message).__name__ for message in map(any_message, EXAMPLES)}
    assert messages <= declared


def any_message(example: dict[str, Any]) -> msgspec.Struct:
    decode = decode_client_message if example["type"] in FORWARDED_TYPES | REQUEST_TYPES else decode_server_message
    return decode(json.dumps(example).encode())


def test_every_code_has_a_reason() -> None:
    assert set(REASONS) == set(ErrorCode)
    assert all(REASONS.values())


def test_codes_are_spelled_as_they_are_named() -> None:
    assert all(code.name == code.value for code in ErrorCode)


def test_close_codes_are_websockets_own_or_private() -> None:
    assert all(1000 <= code <= 1015 or 4000 <= code <= 4999 for code in CloseCode)
