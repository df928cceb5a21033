"""Addresses, room links and the environment."""

import pytest

import heliograph
from heliograph.config import DEFAULT_URL, ServerAddress, Settings


@pytest.mark.parametrize(
    ("url", "http", "websocket"),
    [
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001", "ws://127.0.0.1:8001/ws"),
        ("http://127.0.0.1:8001/", "http://127.0.0.1:8001", "ws://127.0.0.1:8001/ws"),
        ("https://signal.example", "https://signal.example", "wss://signal.example/ws"),
        ("https://example.org/signal/", "https://example.org/signal", "wss://example.org/signal/ws"),
        ("ws://127.0.0.1:8080/ws", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("wss://signal.example/", "https://signal.example", "wss://signal.example/ws"),
        ("http://[::1]:8001", "http://[::1]:8001", "ws://[::1]:8001/ws"),
    ],
)
def test_addresses(url: str, http: str, websocket: str) -> None:
    address = ServerAddress.parse(url)
    assert (address.http_url, address.websocket_url) == (http, websocket)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8001",
        "ftp://host",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://[::1",
        "http://a..b:1",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(heliograph.ConfigurationError, match="not a server's address"):
        ServerAddress.parse(url)


def test_a_room_link_brings_room_and_token() -> None:
    address = ServerAddress.parse("http://127.0.0.1:8001/#room=abc12345&token=s3cret&connect=Worker-1")
    assert address.http_url == "http://127.0.0.1:8001"
    assert address.room(None, None) == ("abc12345", "s3cret")
    assert address.room("other", "token") == ("other", "token")


def test_without_a_room_it_says_so() -> None:
    with pytest.raises(heliograph.ConfigurationError, match="No room"):
        heliograph.Worker("http://127.0.0.1:8001")
    with pytest.raises(heliograph.ConfigurationError, match="No token"):
        heliograph.connect("http://127.0.0.1:8001", room="abc12345", peer="Worker-1")


def test_the_environment() -> None:
    assert Settings.from_environment({}) == Settings(url=DEFAULT_URL)
    read = Settings.from_environment({"HELIOGRAPH_URL": "https://h", "HELIOGRAPH_ROOM": "r", "HELIOGRAPH_TOKEN": "t"})
    assert (read.url, read.room, read.token) == ("https://h", "r", "t")
    with pytest.raises(heliograph.ConfigurationError, match="HELIOGRAPH_URL"):
        Settings.from_environment({"HELIOGRAPH_URL": "nonsense"})


def test_tokens_are_not_shown() -> None:
    assert "s3cret" not in repr(Settings(token="s3cret"))
    assert "s3cret" not in repr(ServerAddress.parse("http://h/#room=r&token=s3cret"))
    assert "s3cret" not in repr(heliograph.Room(room_id="r", token="s3cret", expires_at=0))
    assert "s3cret" not in repr(heliograph.Identity(id_token="s3cret", username="u"))
