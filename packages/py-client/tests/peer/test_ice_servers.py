"""Which ICE servers are used, and why others are not."""

import logging

import pytest
from aiortc import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

import heliograph
from heliograph.peer.ice_servers import IceServer, usable_ice_servers

TURN = {"urls": ["turn:turn.example:3478"], "username": "ann", "credential": "secret"}


def test_none_stays_none() -> None:
    assert usable_ice_servers([]).servers == ()


def test_urls_dicts_and_servers_are_taken() -> None:
    usable = usable_ice_servers(["stun:stun.example:19302", TURN])
    assert usable.urls == ("stun:stun.example:19302", "turn:turn.example:3478")
    assert usable.servers[1].username == "ann"
    assert usable.dropped == ()


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("stun:stun.example?transport=udp", "a STUN URL has no transport"),
        ("stuns:stun.example", "STUN over TLS is not supported"),
        ("turn:[2001:db8::1]:3478", "IPv6 literals are not supported"),
        ("https://stun.example", "not a STUN or TURN URL"),
        ("stun:", "not a STUN or TURN URL"),
        ("stun:host:70000", "no such port"),
        ("stun:a..b:3478", "no such host name"),
        ("turn:turn.example", "a TURN server needs a username and a credential"),
        (
            {"urls": "turn:turn.example?transport=sctp", "username": "a", "credential": "b"},
            "this transport is not supported",
        ),
        (
            {"urls": "turns:turn.example?transport=udp", "username": "a", "credential": "b"},
            "this transport is not supported",
        ),
    ],
)
def test_what_aiortc_cannot_use_is_dropped_with_a_reason(
    server: str | dict[str, object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        usable = usable_ice_servers([server])
    assert usable.servers == ()
    assert [why for _, why in usable.dropped] == [reason]
    assert reason in caplog.text


def test_one_server_of_a_kind_is_used() -> None:
    usable = usable_ice_servers([{"urls": ["stun:a", "stun:b"]}, "stun:c", TURN])
    assert usable.urls == ("stun:a", "turn:turn.example:3478")
    assert [url for url, _ in usable.dropped] == ["stun:b", "stun:c"]


def test_an_unusable_one_does_not_take_the_place_of_a_usable_one() -> None:
    assert usable_ice_servers(["stun:a?transport=udp", "stun:b"]).urls == ("stun:b",)


def test_aiortc_takes_all_that_is_left() -> None:
    tls = {"urls": "turns:turn.example:5349?transport=tcp", "username": "ann", "credential": "secret"}
    usable = usable_ice_servers(["stun:stun.example:19302", tls])
    used = connection_kwargs([RTCIceServer(list(s.urls), s.username, s.credential) for s in usable.servers])
    assert used["stun_server"] == ("stun.example", 19302)
    assert used["turn_server"] == ("turn.example", 5349)
    assert used["turn_password"] == "secret"


@pytest.mark.parametrize("value", [{}, {"urls": 7}, {"urls": ["stun:a", None]}])
def test_what_is_no_ice_server_at_all_is_a_configuration_error(value: dict[str, object]) -> None:
    with pytest.raises(heliograph.ConfigurationError):
        usable_ice_servers([value])


def test_a_credential_is_not_shown() -> None:
    assert "secret" not in repr(IceServer.of(TURN))
