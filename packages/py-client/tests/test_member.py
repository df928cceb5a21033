"""Which ICE servers the next connection gets."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from heliograph.labels import strings
from heliograph.member import ice_source
from heliograph_protocol import IceServer

STUN = IceServer(urls=["stun:stun.example.org"])


def turn(username: str) -> IceServer:
    return IceServer(urls=["turn:turn.example.org"], username=username, credential="c")


def signaling(*servers: IceServer) -> Any:
    """As much of a `SignalingClient` as is asked."""
    return SimpleNamespace(ice_servers=list(servers))


def test_the_servers_newest_are_used() -> None:
    client = signaling(STUN)
    source = ice_source(client, None)
    assert source().urls == ("stun:stun.example.org",)
    client.ice_servers = [turn("1060:ann")]
    assert [(server.urls, server.username) for server in source().servers] == [(("turn:turn.example.org",), "1060:ann")]
    client.ice_servers = [turn("1120:ann")]
    assert [server.username for server in source().servers] == ["1120:ann"]
    client.ice_servers = []
    assert source().servers == ()


@pytest.mark.parametrize(("own", "urls"), [([], ()), (["stun:mine.example.org"], ("stun:mine.example.org",))])
def test_ones_own_are_used_whatever_the_server_names(own: list[str], urls: tuple[str, ...]) -> None:
    client = signaling(STUN)
    source = ice_source(client, own)
    assert source().urls == urls
    client.ice_servers = [turn("1060:ann")]
    assert source().urls == urls


@pytest.mark.parametrize("own", [None, [IceServer(urls=["stuns:stun.example.org"])]])
def test_one_that_cannot_be_used_is_logged_once(own: list[IceServer] | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    source = ice_source(signaling(IceServer(urls=["stuns:stun.example.org"])), own)
    for _ in range(3):
        assert source().servers == ()
    assert caplog.text.count("ice.server_dropped") == 1


@pytest.mark.parametrize(
    ("given", "expected"), [("gpu", ["gpu"]), ("", [""]), ([], []), (("a", "b"), ["a", "b"]), (iter(["a"]), ["a"])]
)
def test_one_string_is_one_item(given: Any, expected: list[str]) -> None:
    assert strings(given) == expected
