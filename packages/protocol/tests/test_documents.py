"""What is derived from the messages: it says what they say, and what is in the repository is what is derived today."""

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
from heliograph_protocol.datachannel import FileEnd, FileHeader, FileReceived, FileRefused
from heliograph_protocol.typescript import typescript_declarations

ROOT = Path(__file__).parents[3]
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PEER: dict[str, Any] = {
    "peer_id": "b",
    "role": "worker",
    "metadata": {"tags": ["gpu"], "properties": {"gpu_memory_mb": 16384}},
    "groups": ["default"],
    "connected_at": 1_699_564_000,
    "state": "online",
}
EXAMPLES: list[dict[str, Any]] = [
    {"type": "register", "peer_id": "Worker-1", "room_id": "abc12345", "token": "t", "id_token": "j"},
    {"type": "offer", "sender": "a", "target": "b", "sdp": "v=0", "added": "passes through"},
    {"type": "answer", "sender": None, "target": "b", "sdp": "v=0"},
    {"type": "candidate", "target": "b", "candidate": {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}},
    {"type": "candidate", "target": "b", "candidate": "candidate:1"},
    {"type": "candidate", "target": "b", "candidate": None},
    {"type": "quit", "target": "b"},
    {"type": "error", "target": "b", "reason": "worker_busy"},
    {"type": "query", "ref": 1},
    {"type": "ping"},
    {"type": "registered_auth", "room_id": "abc12345", "token": "t", "peer_id": "Worker-1"},
    {"type": "available_peers", "peers": ["a"]},
    {"type": "pong", "time": 1_699_564_800},
    {
        "type": "register",
        "peer_id": "Worker-1",
        "room_id": "abc12345",
        "token": "t",
        "id_token": "j",
        "role": "worker",
        "metadata": {"tags": ["gpu"], "properties": {"gpu_memory_mb": 16384}},
        "groups": ["training"],
        "protocol": 2,
        "resume": {"session_id": "s", "secret": "x", "received": 41},
    },
    {
        "type": "registered_auth",
        "room_id": "abc12345",
        "token": "t",
        "peer_id": "Worker-1",
        "role": "worker",
        "grants": ["discover", "signal"],
        "expires_at": 1_699_564_800,
        "session": {"session_id": "s", "secret": "x", "resume_window_s": 30, "resumed": False},
        "ice_servers": [{"urls": ["stun:a.example"]}, {"urls": ["turn:a"], "username": "u", "credential": "c"}],
        "peers": [PEER],
        "limits": {"message_bytes": 65536, "messages_per_s": 100},
    },
    {"type": "discover_peers", "filters": {"role": ["worker"], "properties": {"x": {"$gte": 1}}}, "ref": "r"},
    {"type": "peer_list", "to_peer_id": "a", "count": 1, "peers": [PEER]},
    {"type": "update_metadata", "metadata": {"tags": ["x"], "properties": {"gone": None}}},
    {"type": "metadata_updated", "peer_id": "a", "metadata": {"tags": [], "properties": {}}},
    {"type": "set_groups", "groups": ["a", "b"]},
    {"type": "groups_updated", "groups": ["a", "b"]},
    {"type": "peer_message", "to_peer_id": "b", "payload": {"any": ["json", None]}},
    {"type": "peer_message", "to_group": "g", "payload": 1, "from_peer_id": "a"},
    {"type": "leave"},
    {"type": "claim_peer", "filters": {"role": "worker"}, "ttl_s": 60, "wait_s": 30},
    {"type": "peer_claimed", "claim_id": "c", "peer": PEER | {"claimed_by": ["a"]}, "expires_at": 1_699_564_800},
    {"type": "claim_queued", "position": 3},
    {"type": "release_claim", "claim_id": "c"},
    {"type": "claim_released", "claim_id": "c"},
    {"type": "claim_released", "claim_id": "c", "reason": "expired"},
    {"type": "claimed", "claim_id": "c", "by": "a"},
    {"type": "ack", "ref": 7, "status": "buffered"},
    {"type": "received", "count": 64},
    {"type": "peer_joined", "peer": PEER},
    {"type": "peer_updated", "peer": PEER},
    {"type": "peer_away", "peer": PEER | {"state": "away"}},
    {"type": "peer_back", "peer": PEER},
    {"type": "peer_left", "peer": PEER, "reason": "timed_out"},
    {"type": "room_expiring", "expires_at": 1_699_564_800},
    {"type": "room_closed", "reason": "the room was closed"},
    {"type": "server_draining", "reconnect_within_s": 3},
]
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
        FileEnd(sha256=SHA256),
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
        msgspec.json.decode(json.dumps({"type": "end", "sha256": sha256}), type=FileEnd)


def test_the_schema_in_the_repository_is_the_generated_one() -> None:
    assert (ROOT / "docs/protocol.schema.json").read_text("utf-8") == json.dumps(json_schema(), indent=2) + "\n"


def test_the_typescript_declarations_in_the_repository_are_the_generated_ones() -> None:
    assert (ROOT / "packages/js-client/src/protocol.d.ts").read_text("utf-8") == typescript_declarations()


@pytest.mark.parametrize("document", ["schema", "typescript"])
def test_the_command_prints_the_document(document: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([document]) == 0
    expected = typescript_declarations() if document == "typescript" else json.dumps(json_schema(), indent=2) + "\n"
    assert capsys.readouterr().out == expected


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yaml"]) == 2
    assert "schema|typescript" in capsys.readouterr().err


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
