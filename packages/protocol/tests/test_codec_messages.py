"""Messages to frames and back, and the refusal of what is none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from heliograph_protocol import (
    Answer,
    AvailablePeers,
    Candidate,
    ClientMessage,
    ErrorMessage,
    IceCandidateInit,
    InvalidJson,
    InvalidMessage,
    Message,
    Offer,
    Ping,
    Pong,
    ProtocolError,
    Query,
    Quit,
    Register,
    RegisteredAuth,
    ServerMessage,
    UnknownMessageType,
    decode_client_message,
    decode_request,
    decode_server_message,
    encode,
)

REGISTER = Register(peer_id="Worker-3108", room_id="abc12345", token="t", id_token="j", role="worker")
CANDIDATE = IceCandidateInit(candidate="candidate:1 1 UDP 1 192.0.2.1 9 typ host", sdp_mid="0", sdp_m_line_index=0)
SIGNALS: list[Message] = [
    Offer(sender="a", target="b", sdp="v=0", ref="x"),
    Answer(sender="a", target="b", sdp="v=0", connection_id="c1"),
    Candidate(sender="a", target="b", candidate=CANDIDATE),
    Candidate(target="b", candidate="candidate:1 1 UDP 1 192.0.2.1 9 typ host"),
    Candidate(target="b", candidate=None),
    Quit(target="b"),
    ErrorMessage(code="WORKER_BUSY", reason="worker_busy", target="b"),
]
FROM_CLIENTS: list[Message] = [REGISTER, Query(ref=1), Ping(), *SIGNALS]
FROM_THE_SERVER: list[Message] = [
    RegisteredAuth(room_id="abc12345", token="t", peer_id="Worker-3108"),
    AvailablePeers(peers=["a", "b"]),
    Pong(time=1_699_564_800, ref=2),
    *SIGNALS,
]


@pytest.mark.parametrize("message", FROM_CLIENTS, ids=repr)
def test_a_clients_message_comes_back_as_it_was(message: ClientMessage) -> None:
    assert decode_client_message(encode(message)) == message


@pytest.mark.parametrize("message", FROM_THE_SERVER, ids=repr)
def test_a_servers_message_comes_back_as_it_was(message: ServerMessage) -> None:
    assert decode_server_message(encode(message)) == message
    assert decode_server_message(encode(message).decode()) == message


def test_registered_auth_has_exactly_the_fields_that_old_clients_know() -> None:
    fields = msgspec.json.decode(encode(RegisteredAuth(room_id="abc12345", token="t", peer_id="Worker-3108")))
    assert fields == {"type": "registered_auth", "room_id": "abc12345", "token": "t", "peer_id": "Worker-3108"}


def test_a_candidate_has_the_names_that_browsers_use() -> None:
    frame = encode(Candidate(target="b", candidate=CANDIDATE))
    assert msgspec.json.decode(frame)["candidate"] == {
        "candidate": CANDIDATE.candidate,
        "sdpMid": "0",
        "sdpMLineIndex": 0,
    }


def test_the_end_of_candidates_is_said_and_not_left_out() -> None:
    assert encode(Candidate(target="b", candidate=None)) == b'{"type":"candidate","target":"b","candidate":null}'


def test_register_needs_five_fields_and_is_level_1_unless_it_says_otherwise() -> None:
    register = decode_request(b'{"type":"register","peer_id":"p","room_id":"r","token":"t","id_token":"j"}')
    assert register == Register(peer_id="p", room_id="r", token="t", id_token="j", protocol=1)


@pytest.mark.parametrize("field", ["peer_id", "room_id", "token", "id_token"])
@pytest.mark.parametrize("value", ["", None, 1, UNSET])
def test_register_without_a_required_field_is_refused(field: str, value: object) -> None:
    fields = {"type": "register", "peer_id": "p", "room_id": "r", "token": "t", "id_token": "j", field: value}
    frame = msgspec.json.encode({key: value for key, value in fields.items() if value is not UNSET})
    with pytest.raises(InvalidMessage):
        decode_request(frame)


@given(st.from_regex(r"\A[A-Za-z0-9._:@-]{1,128}\Z"))
def test_peer_ids_of_the_alphabet_are_good(peer_id: str) -> None:
    assert decode_request(register_as(peer_id)).peer_id == peer_id  # type: ignore[union-attr]


@pytest.mark.parametrize("peer_id", ["", "a b", "a\n", "\na", "é", "a/b", "a" * 129, "a\x00", '"', "\u0661"])
def test_other_peer_ids_are_refused(peer_id: str) -> None:
    with pytest.raises(InvalidMessage):
        decode_request(register_as(peer_id))


def register_as(peer_id: str) -> bytes:
    return msgspec.json.encode({"type": "register", "peer_id": peer_id, "room_id": "r", "token": "t", "id_token": "j"})


def test_unknown_fields_are_ignored() -> None:
    assert decode_request(b'{"type":"query","from_peer_id":"a","x":{"y":[1]}}') == Query()


def test_an_unknown_type_is_told_apart_from_a_bad_message() -> None:
    with pytest.raises(UnknownMessageType) as caught:
        decode_client_message(b'{"type":"teleport","ref":9}')
    assert caught.value.ref == 9
    with pytest.raises(InvalidMessage):
        decode_client_message(b'{"ref":9}')
    with pytest.raises(InvalidMessage):
        decode_client_message(b'{"type":null}')


def test_a_request_is_none_of_the_forwarded_messages() -> None:
    with pytest.raises(UnknownMessageType):
        decode_request(encode(Offer(target="b", sdp="v=0")))


def test_the_server_may_not_be_sent_what_only_it_sends() -> None:
    with pytest.raises(UnknownMessageType):
        decode_client_message(encode(AvailablePeers(peers=[])))


def test_json_is_strict() -> None:
    with pytest.raises(InvalidJson):
        decode_client_message(b'{"type":"query","x":NaN}')
    with pytest.raises(InvalidJson):
        decode_server_message('{"type":"pong","time":1')


@given(st.binary() | st.text())
def test_no_frame_crashes_a_decoder(frame: bytes | str) -> None:
    with pytest.raises(ProtocolError):
        decode_server_message(frame)
