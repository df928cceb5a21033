"""The forward path reads four keys of a frame. No frame makes it crash, or makes a receiver read another sender."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph_protocol import InvalidJson, InvalidMessage, ProtocolError, decode_envelope, with_sender
from heliograph_protocol.codec import MAX_DEPTH

OFFER = b'{"type":"offer","sender":"Client-1","target":"Worker-1","ref":7,"sdp":"v=0"}'

text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=20,
)
ENVELOPE_KEYS = ("type", "sender", "target", "ref", "from_peer_id", "to_peer_id", "to_group")
MEASURED_KEYS = ("sdp", "candidate", "payload", "connection_id")
envelopes = st.fixed_dictionaries(
    {"type": text},
    optional={"sender": st.none() | text, "target": text, "ref": text | st.integers(-(2**63), 2**63 - 1)},
)
others = st.dictionaries(text.filter(lambda key: key not in ENVELOPE_KEYS), json_values)
"""Fields that the server does not read."""


def nested(depth: int) -> bytes:
    return b'{"type":"offer","x":' + b"[" * depth + b"]" * depth + b"}"


def who(frame: bytes) -> dict[str, Any]:
    """What the server reads of a frame, without what it only measures."""
    read = msgspec.structs.asdict(decode_envelope(frame))
    return {key: value for key, value in read.items() if key in ENVELOPE_KEYS and value is not msgspec.UNSET}


def test_it_reads_who_says_what_to_whom() -> None:
    assert who(OFFER) == {"type": "offer", "sender": "Client-1", "target": "Worker-1", "ref": 7}


@given(
    envelope=envelopes,
    others=others,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_any_object_with_a_good_envelope_passes(
    envelope: dict[str, Any], others: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    frame = json.dumps(others | envelope, ensure_ascii=ascii_only, indent=indent).encode()
    found = decode_envelope(frame)
    assert {key: getattr(found, key) for key in envelope} == envelope


@given(
    st.binary()
    | st.binary().map(lambda rest: OFFER[:-1] + b"," + rest + b"}")
    | st.binary().map(lambda r: b'{"type":1,' + r)
)
def test_no_bytes_crash_it(frame: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        assert decode_envelope(frame).type in frame.decode()


@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(["type", "sender", "target", "ref", "x"]), st.sampled_from(["a", "b"])), max_size=6
    ),
    escaped=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_every_reader_sees_the_envelope_that_the_server_saw(pairs: list[tuple[str, str]], escaped: list[bool]) -> None:
    members = ",".join(
        f'"{escape(key) if hide else key}":"{value}"' for (key, value), hide in zip(pairs, escaped, strict=False)
    )
    frame = f"{{{members}}}".encode()
    try:
        envelope = decode_envelope(frame)
    except ProtocolError:
        return
    last_wins = dict(pairs)
    first_wins = dict(reversed(pairs))
    for key in ("type", "sender", "target", "ref"):
        if key in last_wins:
            assert getattr(envelope, key) == last_wins[key] == first_wins[key]


spaces = st.sampled_from(["", "", "", " ", "\n", "  ", "\t\r\n "])
strings = st.sampled_from(["", "a", "ü", '"', "\\", "😀", '","ref":1', "x" * 40]) | text
numbers = st.sampled_from(["0", "7", "-0", "10", "123456", "9007199254740993"])


@st.composite
def member(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A key, how the member is written, and its value."""
    key = draw(st.sampled_from([*ENVELOPE_KEYS, *MEASURED_KEYS, "x", "re"]))
    hidden = draw(st.booleans()) and draw(st.booleans())
    quoted = f'"{escape(key)}"' if hidden else f'"{key}"'
    if key == "ref" and draw(st.booleans()):
        written = draw(numbers)
    elif key in MEASURED_KEYS or key in {"x", "re"}:
        written = json.dumps(draw(json_values), ensure_ascii=draw(st.booleans()))
    else:
        written = json.dumps(draw(strings), ensure_ascii=draw(st.booleans()))
    return key, quoted + draw(spaces) + ":" + draw(spaces) + written, json.loads(written)


@settings(max_examples=500)
@given(members=st.lists(member(), max_size=8), kind=st.sampled_from(["", "offer"]), data=st.data())
def test_a_repeated_key_is_found_wherever_it_is_and_nothing_else_is_taken_for_one(
    members: list[tuple[str, str, Any]], kind: str, data: st.DataObject
) -> None:
    if not any(key == "type" for key, _, _ in members):
        members = data.draw(st.permutations([*members, ("type", f'"type":"{kind}"', kind)]))
    between = data.draw(spaces) + "," + data.draw(spaces)
    frame = ("{" + data.draw(spaces) + between.join(written for _, written, _ in members) + "}").encode()
    keys = [key for key, _, _ in members]
    if any(keys.count(key) > 1 for key in ENVELOPE_KEYS):
        with pytest.raises(InvalidJson):
            decode_envelope(frame)
    else:
        assert who(frame) == {key: value for key, _, value in members if key in ENVELOPE_KEYS}


@pytest.mark.parametrize("number", ["-0", "7", "-7", "1234567890", "9007199254740993", "-9223372036854775808"])
def test_a_repeated_key_does_not_hide_beside_a_number(number: str) -> None:
    frame = f'{{"type":"","ref":{number},"x":0}}'.encode()
    assert who(frame)["ref"] == int(number)
    for repeated in (b'"ref":0,', b'"type":"",', b'"re\\u0066":0,'):
        with pytest.raises(InvalidJson):
            decode_envelope(b"{" + repeated + frame[1:])


def escape(key: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in key)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b'{"type":"offer","sender":"a","sender":"b"}', id="key twice"),
        pytest.param(b'{"type":"offer","s\\u0065nder":"a","sender":"b"}', id="key twice, first escaped"),
        pytest.param(b'{"type":"offer","sender":"a","\\u0073\\u0065nder":"b"}', id="key twice, second escaped"),
        pytest.param(b'{"type":"offer","s\\u0065nder":"a","send\\u0065r":"b"}', id="key twice, both escaped"),
        pytest.param(b'{"type":"offer","type":"answer"}', id="type twice"),
        pytest.param(b'{"type":"offer","target":"a","t\\u0061rget":"b"}', id="target twice"),
        pytest.param(b'{"type":"offer","ref":1,"r\\u0065f":2}', id="ref twice"),
        pytest.param(
            b'{"type":"offer","sender":"a","x":' + b"1" * 5000 + b',"sender":"b"}', id="key twice, huge number"
        ),
        pytest.param(b'{"type":"offer","x":NaN}', id="NaN"),
        pytest.param(b'{"type":"offer","x":Infinity}', id="Infinity"),
        pytest.param(b'{"type":"offer","x":-Infinity}', id="-Infinity"),
        pytest.param(b'{"type":"offer","x":01}', id="leading zero"),
        pytest.param(b'{"type":"offer","x":1,}', id="trailing comma"),
        pytest.param(b"{'type':'offer'}", id="single quotes"),
        pytest.param(b'{"type":"offer"} {"type":"offer"}', id="two documents"),
        pytest.param(b'{"type":"offer"}\x00', id="trailing NUL"),
        pytest.param(b'{"type":"offer","x":"\t"}', id="bare control character"),
        pytest.param(b'{"type":"offer"', id="cut off"),
        pytest.param(b'{"type":1,', id="cut off after a wrong value"),
        pytest.param(b"[1,", id="an array cut off"),
        pytest.param(b"", id="nothing"),
        pytest.param(b" \n", id="white space"),
        pytest.param(b'\xef\xbb\xbf{"type":"offer"}', id="byte order mark"),
        pytest.param('{"type":"offer"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"type":"offer","x":"\xff"}', id="invalid UTF-8 in a value"),
        pytest.param(b'{"type":"offer","\xff":1}', id="invalid UTF-8 in a key"),
        pytest.param(b'{"type":"offer","\xc1\xb3ender":"a"}', id="overlong spelling of sender"),
        pytest.param(b'{"type":"offer","x":"\xff","y":"\\u0041"}', id="invalid UTF-8 beside an escape"),
        pytest.param(b'{"type":"offer","x":"\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"type":"offer","x":"\\ud800"}', id="lone high surrogate"),
        pytest.param(b'{"type":"offer","x":"\\udc00"}', id="lone low surrogate"),
        pytest.param(b'{"type":"offer","\\ud800":1}', id="lone surrogate in a key"),
        pytest.param(nested(30_000), id="nested deeply"),
        pytest.param(b'{"type":1,"x":' + b"[" * 30_000, id="nested deeply after a wrong value"),
        pytest.param(b'{"x":{"\\u0061":' * 8_000 + b"1" + b"}}" * 8_000, id="objects nested deeply"),
    ],
)
def test_what_is_no_json_or_not_the_same_to_every_reader(frame: bytes) -> None:
    with pytest.raises(InvalidJson):
        decode_envelope(frame)


@pytest.mark.parametrize(
    "frame",
    [
        b"[]",
        b'["offer"]',
        b'[{"type":"offer"}]',
        b'"offer"',
        b"1",
        b"null",
        b"{}",
        b'{"type":1}',
        b'{"type":null}',
        b'{"type":"offer","sender":1}',
        b'{"type":"offer","sender":{"sender":"a"}}',
        b'{"type":"offer","target":null}',
        b'{"type":"offer","target":["a"]}',
        b'{"type":"offer","ref":true}',
        b'{"type":"offer","ref":1.5}',
        b'{"type":"offer","ref":null}',
        b'{"type":"offer","ref":' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_json_but_no_message(frame: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode_envelope(frame)


def test_envelope_keys_inside_other_values_do_not_count() -> None:
    frame = b'{"type":"offer","x":{"s\\u0065nder":"z","sender":"q","sender":"r"},"sender":"me","target":"sender"}'
    assert who(frame) == {"type": "offer", "sender": "me", "target": "sender"}


def test_the_bound_of_nesting_is_the_same_everywhere() -> None:
    assert decode_envelope(nested(MAX_DEPTH - 1)).type == "offer"
    with pytest.raises(InvalidJson):
        decode_envelope(nested(MAX_DEPTH))


def test_many_brackets_beside_each_other_or_in_a_string_are_no_nesting() -> None:
    beside = b'{"type":"offer","x":[' + b"[],{}," * 5_000 + b"1]}"
    inside = b'{"type":"offer","x":"' + b'\\"[{' * 5_000 + b'"}'
    assert decode_envelope(beside).type == decode_envelope(inside).type == "offer"


@pytest.mark.parametrize(("ref", "carried"), [("7", 7), ('"seven"', "seven")])
def test_a_refusal_carries_the_ref_of_its_message(ref: str, carried: str | int) -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode_envelope(f'{{"type":"offer","target":1,"ref":{ref}}}'.encode())
    assert caught.value.ref == carried


def test_with_sender_leaves_all_other_bytes_of_values_alone() -> None:
    frame = '{ "type":"offer" ,"x": {"a" : 1.0e5,  "b":"\\u00e9é"}, "sender":null,"n":1.50,"target":"w"}'.encode()
    assert with_sender(frame, "Client-1") == (
        '{"type":"offer","x":{"a" : 1.0e5,  "b":"\\u00e9é"},"sender":"Client-1","n":1.50,"target":"w"}'.encode()
    )


def test_with_sender_names_a_sender_that_was_left_out() -> None:
    assert json.loads(with_sender(b'{"type":"offer","target":"w"}', 'a"b')) == {
        "type": "offer",
        "target": "w",
        "sender": 'a"b',
    }


@given(envelope=envelopes, others=others, sender=text)
def test_with_sender_changes_the_sender_and_nothing_else(
    envelope: dict[str, Any], others: dict[str, Any], sender: str
) -> None:
    message = others | envelope
    stamped = with_sender(json.dumps(message).encode(), sender)
    assert json.loads(stamped) == message | {"sender": sender}
    assert decode_envelope(stamped).sender == sender
