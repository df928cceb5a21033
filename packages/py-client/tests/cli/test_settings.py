"""Options, the environment and the file: which counts, and what is said of one that cannot be used."""

from pathlib import Path

import pytest

from heliograph.cli.settings import SETTINGS, choose, config_path, layers
from heliograph.errors import ConfigurationError
from heliograph.peer.ice_servers import IceServer


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def chosen(config: Path, options: dict[str, object] | None = None, **environment: str) -> dict[str, object]:
    return dict(choose(options or {}, layers({"HELIOGRAPH_CONFIG": str(config), **environment})).values)


def by_environment(config: Path, environment: dict[str, str]) -> dict[str, object]:
    return chosen(config, None, **environment)


def test_options_win_over_the_environment_and_that_over_the_file(config: Path) -> None:
    config.write_text('url = "http://file:1"\nroom = "file"\ntoken = "file"\n')
    values = chosen(config, {"url": "http://option:1"}, HELIOGRAPH_URL="http://e:1", HELIOGRAPH_ROOM="environment")
    assert values == {"url": "http://option:1", "room": "environment", "token": "file"}


def test_the_sources_are_told(config: Path) -> None:
    config.write_text('token = "secret"\n')
    sources = choose({"room": "r"}, layers({"HELIOGRAPH_CONFIG": str(config)})).sources
    assert sources == {"room": "option", "token": str(config), "url": "default"}


def test_a_room_link_gives_its_layer_room_and_token(config: Path) -> None:
    config.write_text('room = "file"\ntoken = "file"\n')
    link = "http://h:1/#room=linked&token=secret"
    by_link = chosen(config, HELIOGRAPH_URL=link)
    assert (by_link["room"], by_link["token"]) == ("linked", "secret")
    by_option = chosen(config, {"url": link, "room": "option"}, HELIOGRAPH_TOKEN="environment")
    assert (by_option["room"], by_option["token"]) == ("option", "secret")


def test_ice_servers_by_each_way(config: Path) -> None:
    relay = IceServer(("turn:h",), "u", "c")
    config.write_text('ice_servers = ["stun:h", {urls = ["turn:h"], username = "u", credential = "c"}]\n')
    assert chosen(config)["ice_servers"] == (IceServer(("stun:h",)), relay)
    stun = chosen(config, HELIOGRAPH_ICE_SERVERS="stun:a, stun:b")
    assert stun["ice_servers"] == (IceServer(("stun:a",)), IceServer(("stun:b",)))
    text = '["stun:h", {"urls": "turn:h", "username": "u", "credential": "c"}]'
    assert chosen(config, HELIOGRAPH_ICE_SERVERS=text)["ice_servers"] == (IceServer(("stun:h",)), relay)


def test_an_address_that_is_none_is_said_with_its_source(config: Path) -> None:
    config.write_text('url = "http://[::1"\n')
    with pytest.raises(ConfigurationError, match=rf"{config}: .* is not a server's address"):
        chosen(config)
    with pytest.raises(ConfigurationError, match=r"environment: .* is not a server's address"):
        chosen(config, HELIOGRAPH_URL="http://[::1")


def test_every_setting_can_be_given_in_the_file_and_by_its_variable(config: Path) -> None:
    examples = {setting.name: "stun:h" if setting.name == "ice_servers" else "http://h:1" for setting in SETTINGS}
    config.write_text("")
    by_variable = by_environment(config, {setting.variable: examples[setting.name] for setting in SETTINGS})
    config.write_text("".join(f'{name} = "{value}"\n' for name, value in examples.items()))
    assert chosen(config) == by_variable
    assert by_variable.keys() == examples.keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ulr = 'http://h:1'", "unknown setting 'ulr': did you mean 'url'"),
        ("zzz = 1", "unknown setting 'zzz'; there are url, room"),
        ("room = 7", "room: it has to be a text"),
        ("url = ", "is no TOML"),
        ("url = 'nonsense'", "'nonsense' is not a server's address"),
        ("ice_servers = 7", "ice_servers: it has to be a list"),
        ("ice_servers = [7]", "ice_servers: An ICE server is a URL, or a table"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(config: Path, content: str, words: str) -> None:
    config.write_text(content)
    with pytest.raises(ConfigurationError) as raised:
        chosen(config)
    assert str(config) in str(raised.value)
    assert words in str(raised.value)


def test_a_file_that_was_named_has_to_exist(config: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"HELIOGRAPH_CONFIG names .* no such file"):
        chosen(config)


def test_no_file_at_the_usual_place_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path({}) == (tmp_path / "heliograph" / "config.toml", False)
    assert [layer.values for layer in layers({})] == [{}, {}]
