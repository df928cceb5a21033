"""Servers as operators run them, with Cognito and with an OpenID Connect issuer: real processes, real requests."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from server_process import ServerProcess, running_server
from websockets.asyncio.client import ClientConnection

from .realms import CognitoRealm, OidcRealm

TIMEOUT_S = 20.0


@pytest.fixture
async def oidc(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OidcRealm]:
    """One algorithm is enough here."""
    made = OidcRealm("ES256", tmp_path_factory.mktemp("unused"))
    yield made
    await made.close()


def environment(realm: CognitoRealm | OidcRealm, **more: str) -> dict[str, str]:
    settings = realm.settings
    chosen = {"HELIOGRAPH_IDENTITY": ",".join(settings.identity), "HELIOGRAPH_SIGNIN_LIMIT": "0"}
    if isinstance(realm, CognitoRealm):
        chosen |= {
            "AWS_ENDPOINT_URL": realm.web.url,
            "COGNITO_REGION": settings.cognito_region,
            "COGNITO_USER_POOL_ID": settings.cognito_user_pool_id,
            "COGNITO_APP_CLIENT_ID": settings.cognito_app_client_id,
        }
    else:
        chosen |= {"HELIOGRAPH_OIDC_ISSUER": realm.issuer, "HELIOGRAPH_OIDC_AUDIENCE": "lab"}
    return chosen | more


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - neither moto nor a process in the making tells anyone
            await asyncio.sleep(0.05)


async def until_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while (await http.get("/ready")).status_code != 200:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.05)


class Caller:
    """Someone with an id token."""

    def __init__(self, http: httpx.AsyncClient, id_token: str) -> None:
        self._http = http
        self.id_token = id_token

    async def call(self, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.id_token}"}
        return await self._http.request(method, path, json=body or None, headers=headers)

    async def room(self) -> dict[str, Any]:
        answer = await self.call("POST", "/create-room")
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def join_token(self, room: dict[str, Any], **pinned: Any) -> str:
        answer = await self.call("POST", f"/api/rooms/{room['room_id']}/tokens", **pinned)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    @asynccontextmanager
    async def peer(
        self, server: ServerProcess, peer_id: str, room_id: str, token: str
    ) -> AsyncIterator[ClientConnection]:
        async with websockets.connect(server.ws_url) as socket:
            fields = {"peer_id": peer_id, "room_id": room_id, "token": token, "id_token": self.id_token}
            await socket.send(json.dumps({"type": "register", **fields}))
            reply = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))
            assert reply["type"] == "registered_auth", reply
            yield socket


async def signed_in(http: httpx.AsyncClient) -> tuple[Caller, str]:
    answer = await http.post("/anonymous-signin")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"id_token", "username"}
    return Caller(http, answer.json()["id_token"]), answer.json()["username"]


async def test_with_cognito_peers_meet_and_nobody_is_left_behind(cognito: CognitoRealm, tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, environment(cognito)) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        await until_ready(http)
        assert (await http.get("/.well-known/jwks.json")).json() == {"keys": []}
        (ann, ann_name), (bob, bob_name), (cid, cid_name) = [await signed_in(http) for _ in range(3)]
        person = cognito.make_person(cognito.pool, cognito.client, "eve")
        assert cognito.usernames() == {ann_name, bob_name, cid_name, "eve"}
        room = await ann.room()
        room_id = room["room_id"]
        invitation = await ann.join_token(room, role="client", peer_id="cid")
        async with (
            bob.peer(server, "bob", room_id, room["token"]) as worker,
            cid.peer(server, "cid", room_id, invitation) as client,
            Caller(http, person["IdToken"]).peer(server, "eve", room_id, room["token"]),
        ):
            await client.send('{"type":"offer","target":"bob","sdp":"v=0"}')
            assert json.loads(await asyncio.wait_for(worker.recv(), TIMEOUT_S))["type"] == "offer"
            await client.close()
            await eventually(lambda: cognito.usernames() == {ann_name, bob_name, "eve"})
            await Caller(http, cid.id_token).room()
            assert (await ann.call("DELETE", f"/api/rooms/{room_id}")).status_code == 204
            await eventually(lambda: cognito.usernames() == {"eve"})
        assert "eyJ" not in "\n".join(server.log)


async def test_a_server_starts_without_the_keys_of_its_pool_and_is_ready_when_it_has_them(
    cognito: CognitoRealm, tmp_path: Path
) -> None:
    cognito.web.stop()
    async with (
        running_server(tmp_path, environment(cognito)) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        await server.logs("identity.keys_unavailable", kept=False)
        assert (await http.get("/health")).status_code == 200
        answer = await http.get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (
            503,
            "keys of an identity provider were never fetched",
        )
        refused = await Caller(http, cognito.forger.token()).call("POST", "/create-room")
        assert refused.status_code == 503
        assert "127.0.0.1" not in refused.text
        assert "Cognito" not in refused.text
        cognito.web.start()
        await until_ready(http)
        await Caller(http, cognito.forger.token()).room()
        cognito.web.stop()
        assert (await http.get("/ready")).status_code == 200
        await Caller(http, cognito.forger.token()).room()


async def test_what_aws_refuses_is_a_503_and_a_line_in_the_log(cognito: CognitoRealm, tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, environment(cognito, COGNITO_APP_CLIENT_ID="nosuchclient")) as server,
        httpx.AsyncClient(base_url=server.url, timeout=TIMEOUT_S) as http,
    ):
        answer = await http.post("/anonymous-signin")
        assert answer.status_code == 503
        assert answer.json()["detail"] == "The identity provider can't make an anonymous user now"
        assert "nosuchclient" not in answer.text
        await server.logs("http.unavailable")
        [event] = server.events("http.unavailable")
        assert "cognito-idp sign_up: ResourceNotFoundException" in event["cause"]
        assert "check COGNITO_REGION, COGNITO_USER_POOL_ID and COGNITO_APP_CLIENT_ID" in event["cause"]


async def test_with_an_issuer_of_ones_own_strangers_are_not_signed_in(oidc: OidcRealm, tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, environment(oidc)) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        answer = await http.post("/anonymous-signin")
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "NOT_PERMITTED"
        ann = Caller(http, oidc.forger.token())
        room = await ann.room()
        bob = Caller(http, oidc.forger.token(claims={"sub": "bob"}))
        invitation = await ann.join_token(room, peer_id="bob")
        async with bob.peer(server, "bob", room["room_id"], invitation):
            assert (await ann.call("GET", f"/api/rooms/{room['room_id']}")).json()["peer_count"] == 1
        for refused in (oidc.forger.token(claims={"aud": "other"}), mint(tmp_path, HELIOGRAPH_IDENTITY="local")):
            assert (await Caller(http, refused).call("POST", "/create-room")).status_code == 401


async def test_people_of_a_lab_and_workers_with_minted_tokens_meet(oidc: OidcRealm, tmp_path: Path) -> None:
    chosen = {"HELIOGRAPH_IDENTITY": "oidc,local", "HELIOGRAPH_ANONYMOUS_SIGNIN": "false"}
    async with (
        running_server(tmp_path, environment(oidc, **chosen)) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        assert (await http.post("/anonymous-signin")).status_code == 403
        room = await Caller(http, oidc.forger.token()).room()
        worker = Caller(http, mint(tmp_path, **environment(oidc, **chosen)))
        async with worker.peer(server, "Worker-1", room["room_id"], room["token"]):
            pass


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "heliograph_server", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def mint(data_dir: Path, **environ: str) -> str:
    made = command("mint-token", "--subject=worker", f"--data-dir={data_dir}", **environ)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


async def test_a_token_that_would_not_count_is_not_minted(oidc: OidcRealm, tmp_path: Path) -> None:
    made = command("mint-token", "--subject=worker", f"--data-dir={tmp_path}", **environment(oidc))
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr == "heliograph-server: HELIOGRAPH_IDENTITY does not list local: the token would not count\n"
    assert files_in(tmp_path) == []


def test_what_cognito_needs_is_named_together() -> None:
    checked = command("check-config", HELIOGRAPH_IDENTITY="cognito", COGNITO_REGION="")
    assert checked.returncode == 2
    assert checked.stderr.splitlines() == [
        f"heliograph-server: {name}: is needed with HELIOGRAPH_IDENTITY=cognito"
        for name in ("COGNITO_APP_CLIENT_ID", "COGNITO_REGION", "COGNITO_USER_POOL_ID")
    ]


async def test_without_boto3_the_extra_is_named_at_the_start(cognito: CognitoRealm, tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ModuleNotFoundError('No module named boto3', name='boto3')")
    for name in ("serve", "check-config"):
        ended = command(name, f"--data-dir={tmp_path}", **environment(cognito, PYTHONPATH=str(tmp_path)))
        assert ended.returncode == 1
        assert ended.stderr == (
            "heliograph-server: boto3 is not installed, which AWS needs: pip install 'heliograph-server[aws]'\n"
        )


async def test_a_demo_that_nobody_can_sign_in_to_says_so(oidc: OidcRealm, tmp_path: Path) -> None:
    ended = command("demo", "--http-port=0", "--ws-port=0", f"--data-dir={tmp_path}", **environment(oidc))
    assert ended.returncode == 1
    assert ended.stderr.startswith("The demo can't sign in: This server signs nobody in")


def test_what_only_some_identities_need_is_not_imported_for_the_others() -> None:
    program = "import sys, heliograph_server.cli; sys.exit(not {'boto3', 'httpx'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], timeout=TIMEOUT_S, check=False).returncode == 0


async def test_check_config_asks_the_issuers_and_changes_nothing(oidc: OidcRealm, tmp_path: Path) -> None:
    arguments = ("check-config", f"--data-dir={tmp_path}", "--rooms=memory")
    checked = command(*arguments, **environment(oidc))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"HELIOGRAPH_OIDC_ISSUER={oidc.issuer}" in checked.stdout.splitlines()
    oidc.web.stop()
    checked = command(*arguments, **environment(oidc, HELIOGRAPH_IDENTITY="oidc,local"))
    assert checked.returncode == 1
    [line] = checked.stderr.splitlines()
    assert line.startswith(f"heliograph-server: {oidc.issuer}/.well-known/openid-configuration can't be fetched")
    assert files_in(tmp_path) == []
    assert all("=" in line.split()[0] for line in checked.stdout.splitlines())


async def test_check_config_asks_cognito_for_its_keys(cognito: CognitoRealm, tmp_path: Path) -> None:
    checked = command("check-config", f"--data-dir={tmp_path}", **environment(cognito))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"COGNITO_USER_POOL_ID={cognito.pool}" in checked.stdout.splitlines()
    assert cognito.web.asked[cognito.keys_path] == 1
    elsewhere = environment(cognito, COGNITO_REGION="eu-west-1")
    checked = command("check-config", f"--data-dir={tmp_path}", **elsewhere)
    assert checked.returncode == 2
    assert "is not in COGNITO_REGION='eu-west-1'" in checked.stderr
