"""The ICE servers that a caller is given, and the settings that they come from."""

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient
from msgspec import UNSET, json

from heliograph_server.ice.controllers import IceApi
from heliograph_server.ice.servers import IceServers
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.trusted import TrustedIssuers
from heliograph_server.problems import EXCEPTION_HANDLERS
from heliograph_server.settings import SECRET_FIELDS, Settings, SettingsError, load_settings

STUN = ("stun:a.example:3478", "stun:b.example")
TURN = ("turn:a.example:3478?transport=udp", "turns:a.example")
SECRET = "north"
BOTH = Settings(stun_urls=STUN, turn_urls=TURN, turn_secret=SECRET, turn_ttl_s=600)


class Clock:
    now = 1_000_000.9

    def __call__(self) -> float:
        return self.now


def test_by_default_there_are_none() -> None:
    assert IceServers(Settings(), Clock()).for_user("ann") == []
    assert IceServers(Settings(), Clock()).ttl_s == 3600


def test_stun_needs_no_credentials() -> None:
    (server,) = IceServers(Settings(stun_urls=STUN), Clock()).for_user("ann")
    assert json.encode(server) == b'{"urls":["stun:a.example:3478","stun:b.example"]}'


def test_turn_credentials_are_as_coturn_checks_them() -> None:
    stun, turn = IceServers(BOTH, Clock()).for_user("ann")
    assert stun.username is UNSET
    assert turn.urls == list(TURN)
    expiry, _, user_id = str(turn.username).partition(":")
    assert int(expiry) == 1_000_600
    assert user_id.isalnum()
    digest = hmac.new(b"north", str(turn.username).encode(), hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(digest).decode()


def test_each_time_they_are_fresh() -> None:
    clock = Clock()
    servers = IceServers(BOTH, clock)
    first = servers.for_user("ann")[1]
    clock.now += 60
    second = servers.for_user("ann")[1]
    assert int(str(second.username).split(":")[0]) - int(str(first.username).split(":")[0]) == 60
    assert first.credential != second.credential


@pytest.mark.parametrize("name", ["ann", "ann@example.org", "a:b", "é" * 5_000, ""])
def test_the_user_is_told_from_others_but_not_named(name: str) -> None:
    servers = IceServers(BOTH, Clock())
    username = str(servers.for_user(name)[1].username)
    assert username == servers.for_user(name)[1].username
    assert username != servers.for_user(name + "x")[1].username
    assert not name or name not in username
    assert username.count(":") == 1
    assert len(username) < 64


def app(identity: LocalIdentity, settings: Settings) -> AsyncTestClient[Litestar]:
    ice_servers = IceServers(settings, time.time)
    provider = TrustedIssuers([identity], identity, identity.jwks())
    return AsyncTestClient(
        Litestar(
            [IceApi],
            dependencies={
                "identity": Provide(lambda: provider, sync_to_thread=False),
                "ice_servers": Provide(lambda: ice_servers, sync_to_thread=False),
            },
            exception_handlers=EXCEPTION_HANDLERS,
            logging_config=None,
        )
    )


@pytest.fixture
def identity(tmp_path: Path) -> LocalIdentity:
    return LocalIdentity(tmp_path, time.time)


@pytest.fixture
async def client(identity: LocalIdentity) -> AsyncIterator[AsyncTestClient[Litestar]]:
    async with app(identity, BOTH) as made:
        yield made


async def test_a_user_is_given_servers_that_no_cache_keeps(
    client: AsyncTestClient[Litestar], identity: LocalIdentity
) -> None:
    answer = await client.get("/api/ice-servers", headers={"Authorization": f"Bearer {identity.mint('ann', 60)}"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    stun, turn = answer.json()["ice_servers"]
    assert stun == {"urls": list(STUN)}
    assert set(turn) == {"urls", "username", "credential"}
    assert abs(int(turn["username"].split(":")[0]) - (time.time() + 600)) < 30
    assert answer.json()["ttl_s"] == 600
    assert SECRET not in answer.text


async def test_nobody_in_particular_is_given_none(client: AsyncTestClient[Litestar]) -> None:
    answer = await client.get("/api/ice-servers")
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_ID_TOKEN")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_servers_the_list_is_empty(identity: LocalIdentity) -> None:
    async with app(identity, Settings()) as client:
        answer = await client.get("/api/ice-servers", headers={"Authorization": f"Bearer {identity.mint('ann', 60)}"})
    assert answer.json() == {"ice_servers": [], "ttl_s": 3600}


def test_the_settings_are_read() -> None:
    settings = load_settings(
        {
            "HELIOGRAPH_STUN_URLS": "stun:a.example:3478,stun:b.example",
            "HELIOGRAPH_TURN_URLS": "turn:a.example:3478?transport=udp, turns:a.example",
            "HELIOGRAPH_TURN_SECRET": "north",
            "HELIOGRAPH_TURN_TTL_S": "600",
        }
    )
    assert settings == BOTH


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TURN_URLS", "a.example"),
        ("TURN_URLS", "stun:a.example"),
        ("TURN_URLS", "turn:"),
        ("TURN_URLS", "turn://a.example"),
        ("TURN_URLS", "turn:a.example?transport=sctp"),
        ("TURN_URLS", "turn:user@a.example"),
        ("TURN_URLS", "turn:a.example:port"),
        ("STUN_URLS", "turn:a.example"),
        ("STUN_URLS", "stun:a.example?transport=udp"),
        ("STUN_URLS", "stun:a.example stun:b.example"),
        ("TURN_TTL_S", "0"),
        ("TURN_TTL_S", "1h"),
        ("RESUME_WINDOW_S", "0"),
    ],
)
def test_what_is_no_such_setting_is_named(setting: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({f"HELIOGRAPH_{setting}": value, "HELIOGRAPH_TURN_SECRET": "north"})
    assert any(problem.startswith(f"HELIOGRAPH_{setting}={value!r}: expected ") for problem in error.value.problems)


@pytest.mark.parametrize(
    "url", ["turn:a.example", "turn:192.0.2.1:3478", "turn:[2001:db8::1]:3478?transport=tcp", "turns:a-b.example:5349"]
)
def test_turn_urls_of_any_kind_are_read(url: str) -> None:
    settings = load_settings({"HELIOGRAPH_TURN_URLS": url, "HELIOGRAPH_TURN_SECRET": "north"})
    assert settings.turn_urls == (url,)


@pytest.mark.parametrize(("given", "missing"), [("TURN_URLS", "TURN_SECRET"), ("TURN_SECRET", "TURN_URLS")])
def test_turn_urls_and_secret_need_each_other(given: str, missing: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({f"HELIOGRAPH_{given}": "turn:a.example", "HELIOGRAPH_HTTP_PORT": "x"})
    assert [problem.split(":")[0] for problem in error.value.problems] == [
        "HELIOGRAPH_HTTP_PORT='x'",
        f"HELIOGRAPH_{missing}",
    ]


def test_secrets_are_shown_nowhere() -> None:
    assert {"signing_key", "turn_secret", "cluster_url", "operator_token"} == SECRET_FIELDS
    assert set(Settings.__struct_fields__) > SECRET_FIELDS
    assert SECRET not in repr(BOTH)
    assert "turn_ttl_s=600" in repr(BOTH)
    with pytest.raises(SettingsError) as error:
        load_settings({"HELIOGRAPH_TURN_SECRET": " \t "}, {"turn_secret": "  "})
    assert "' \\t '" not in str(error.value)
    assert "********" in str(error.value)
