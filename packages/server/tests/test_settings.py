"""Settings: where they come from, which wins, and what is said of a wrong one."""

from pathlib import Path

import pytest

from heliograph_server.settings import HELP, Settings, SettingsError, load_settings

TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/rooms"


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
        ("rooms_table", "rooms.dev_2-b", "rooms.dev_2-b"),
        ("rooms_table", TABLE_ARN, TABLE_ARN),
        ("stun_urls", "stun:a.example, stun:b.example:3478,", ("stun:a.example", "stun:b.example:3478")),
        ("allowed_origins", "https://a.example", ("https://a.example",)),
        ("allowed_origins", "HTTP://A.example:81, app://x", ("http://a.example:81", "app://x")),
        ("trusted_proxies", "10.0.0.0/8,::1", ("10.0.0.0/8", "::1")),
        ("signin_limit", "0", 0),
        ("workers", "1", 1),
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
        ("rooms_table", "ab"),
        ("rooms_table", "rooms/dev"),
        ("rooms_table", "arn:aws:s3:::rooms"),
        ("stun_urls", "https://a.example"),
        ("allowed_origins", "*"),
        ("allowed_origins", "https://*.a.example"),
        ("allowed_origins", "https://a.example/"),
        ("allowed_origins", "a.example"),
        ("trusted_proxies", "everyone"),
        ("rate_limit", "0"),
        ("workers", "0"),
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
    load_settings({f"HELIOGRAPH_{name}": "x" for name in ("ID_TOKEN", "ICE_SERVERS", "INTO", "CONFIG")})
    with pytest.raises(SettingsError, match="HELIOGRAPH_MAX_PEER: there is no such setting"):
        load_settings({"HELIOGRAPH_MAX_PEER": "10"})


COGNITO = {
    "HELIOGRAPH_IDENTITY": "cognito",
    "COGNITO_REGION": "us-east-1",
    "COGNITO_USER_POOL_ID": "us-east-1_AbC",
    "COGNITO_APP_CLIENT_ID": "client1",
}
OIDC = {
    "HELIOGRAPH_IDENTITY": "oidc",
    "HELIOGRAPH_OIDC_ISSUER": "https://a.example,https://b.example/realms/lab",
    "HELIOGRAPH_OIDC_AUDIENCE": "lab",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        load_settings(environ)
    return refusal.value.problems


def test_cognitos_variables_have_the_names_that_the_original_has_for_them() -> None:
    settings = load_settings(COGNITO)
    assert settings.identity == ("cognito",)
    assert (settings.cognito_region, settings.cognito_user_pool_id) == ("us-east-1", "us-east-1_AbC")
    assert settings.cognito_app_client_id == "client1"
    assert problems({"HELIOGRAPH_COGNITO_REGION": "us-east-1"}) == [
        "HELIOGRAPH_COGNITO_REGION: there is no such setting"
    ]


def test_with_another_identity_cognitos_variables_do_not_matter() -> None:
    assert load_settings(COGNITO | {"HELIOGRAPH_IDENTITY": "local", "COGNITO_REGION": "?"}) == Settings()


@pytest.mark.parametrize("kept", [(), ("COGNITO_REGION",), ("COGNITO_USER_POOL_ID",)])
def test_what_cognito_lacks_is_named_together(kept: tuple[str, ...]) -> None:
    given = {name: value for name, value in COGNITO.items() if name in {"HELIOGRAPH_IDENTITY", *kept}}
    missing = sorted(COGNITO.keys() - given.keys())
    assert problems(given) == [f"{name}: is needed with HELIOGRAPH_IDENTITY=cognito" for name in missing]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("COGNITO_REGION", "Virginia"),
        ("COGNITO_USER_POOL_ID", "../us-east-1_AbC"),
        ("COGNITO_USER_POOL_ID", "us-east-1"),
        ("COGNITO_USER_POOL_ID", "eu-west-1_AbC"),
        ("COGNITO_APP_CLIENT_ID", "a client"),
        ("HELIOGRAPH_IDENTITY", "cognito,trust-me"),
    ],
)
def test_a_wrong_value_for_cognito_is_named(name: str, text: str) -> None:
    [problem] = problems(COGNITO | {name: text})
    assert problem.startswith(f"{name}={text!r}: ")


def test_several_issuers_have_one_audience_or_each_its_own() -> None:
    one, other = "https://a.example", "https://b.example/realms/lab"
    assert load_settings(OIDC).oidc_audiences == {one: frozenset({"lab"}), other: frozenset({"lab"})}
    each = load_settings(OIDC | {"HELIOGRAPH_OIDC_AUDIENCE": "lab,desk"})
    assert each.oidc_audiences == {one: frozenset({"lab"}), other: frozenset({"desk"})}
    twice = {"HELIOGRAPH_OIDC_ISSUER": f"{one},{one}", "HELIOGRAPH_OIDC_AUDIENCE": "lab,desk"}
    assert load_settings(OIDC | twice).oidc_audiences == {one: frozenset({"lab", "desk"})}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"HELIOGRAPH_OIDC_AUDIENCE": ""}, "HELIOGRAPH_OIDC_AUDIENCE: is needed"),
        ({"HELIOGRAPH_OIDC_ISSUER": ""}, "HELIOGRAPH_OIDC_ISSUER: is needed"),
        ({"HELIOGRAPH_OIDC_AUDIENCE": "a,b,c"}, "HELIOGRAPH_OIDC_AUDIENCE: has to be one for all"),
        ({"HELIOGRAPH_OIDC_ISSUER": "http://login.example"}, "HELIOGRAPH_OIDC_ISSUER='http://login.example': expected"),
        ({"HELIOGRAPH_OIDC_ISSUER": "https://a.example?x=1"}, "HELIOGRAPH_OIDC_ISSUER='https://a.example?x=1'"),
        ({"HELIOGRAPH_OIDC_ISSUER": "https://me:pw@a.example"}, "HELIOGRAPH_OIDC_ISSUER='https://me:pw@a.example'"),
        ({"HELIOGRAPH_IDENTITY": ""}, "HELIOGRAPH_IDENTITY='': is empty"),
    ],
)
def test_what_does_not_go_together_for_issuers_is_named(changes: dict[str, str], named: str) -> None:
    assert any(problem.startswith(named) for problem in problems(OIDC | changes))


def test_issuers_that_nobody_asked_to_trust_are_a_mistake() -> None:
    assert problems(OIDC | {"HELIOGRAPH_IDENTITY": "local"}) == [
        "HELIOGRAPH_OIDC_AUDIENCE: is used with HELIOGRAPH_IDENTITY=oidc only",
        "HELIOGRAPH_OIDC_ISSUER: is used with HELIOGRAPH_IDENTITY=oidc only",
    ]


def test_the_same_pool_is_not_trusted_twice() -> None:
    pool = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbC"
    given = COGNITO | OIDC | {"HELIOGRAPH_IDENTITY": "cognito,oidc", "HELIOGRAPH_OIDC_ISSUER": pool}
    [problem] = problems(given)
    assert problem.startswith("HELIOGRAPH_OIDC_ISSUER: names the Cognito user pool")


def test_several_identities_are_kept_in_order_and_once() -> None:
    assert load_settings(COGNITO | {"HELIOGRAPH_IDENTITY": "cognito, local,cognito"}).identity == ("cognito", "local")


def test_every_setting_has_a_line_of_help() -> None:
    assert set(HELP) == set(Settings.__struct_fields__)


def test_several_workers_need_something_between_them() -> None:
    with pytest.raises(
        SettingsError, match="HELIOGRAPH_CLUSTER_URL: is needed with more than one of HELIOGRAPH_WORKERS"
    ):
        load_settings({"HELIOGRAPH_WORKERS": "2"})
    settings = load_settings({"HELIOGRAPH_CLUSTER_URL": "redis://localhost"}, {"workers": "2"})
    assert settings.workers == 2
