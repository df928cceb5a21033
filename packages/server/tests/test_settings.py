"""Settings: where they come from, which wins, and what is said of a wrong one."""

from pathlib import Path

import pytest

from heliograph_server.settings import HELP, Settings, SettingsError, load_settings


def test_nothing_given_is_the_defaults() -> None:
    assert load_settings({"PATH": "/bin"}) == Settings()


def test_the_command_line_wins_over_the_environment() -> None:
    settings = load_settings(
        {"HELIOGRAPH_HTTP_PORT": "1", "HELIOGRAPH_WS_PORT": "2"}, {"http_port": "3", "ws_port": None}
    )
    assert (settings.http_port, settings.ws_port) == (3, 2)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("data_dir", "/srv/heliograph", Path("/srv/heliograph")),
        ("rooms", "memory", "memory"),
        ("stun_urls", "stun:a.example, stun:b.example:3478,", ("stun:a.example", "stun:b.example:3478")),
        ("allowed_origins", "https://a.example", ("https://a.example",)),
        ("trusted_proxies", "10.0.0.0/8,::1", ("10.0.0.0/8", "::1")),
        ("signin_limit", "0", 0),
        ("legacy_open_delete", "TRUE", True),
        ("legacy_open_delete", "0", False),
        ("log_format", "json", "json"),
    ],
)
def test_values_are_read_from_text(name: str, text: str, value: object) -> None:
    assert getattr(load_settings({f"HELIOGRAPH_{name.upper()}": text}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("host", " "),
        ("http_port", "65536"),
        ("http_port", "-1"),
        ("http_port", "8001.0"),
        ("data_dir", ""),
        ("identity", "trust-me"),
        ("rooms", "SQLITE"),
        ("stun_urls", "https://a.example"),
        ("trusted_proxies", "everyone"),
        ("rate_limit", "0"),
        ("max_peers", "many"),
        ("legacy_open_delete", "maybe"),
        ("log_level", "loud"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(name: str, text: str) -> None:
    variable = f"HELIOGRAPH_{name.upper()}"
    with pytest.raises(SettingsError) as refusal:
        load_settings({variable: text})
    (problem,) = refusal.value.problems
    assert problem.startswith(f"{variable}={text!r}: ")


def test_an_unknown_setting_of_ours_is_named_and_those_of_the_sdk_are_let_through() -> None:
    load_settings({"HELIOGRAPH_URL": "http://x", "HELIOGRAPH_ROOM": "r", "HELIOGRAPH_TOKEN": "t", "OTHER": "x"})
    with pytest.raises(SettingsError, match="HELIOGRAPH_MAX_PEER: there is no such setting"):
        load_settings({"HELIOGRAPH_MAX_PEER": "10"})


def test_every_setting_has_a_line_of_help() -> None:
    assert set(HELP) == set(Settings.__struct_fields__)
