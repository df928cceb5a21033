"""The server as a process: ports, signals, restarts, wrong settings."""

import asyncio
import json
import os
import signal
import socket as sockets
import stat
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import websockets

from heliograph_protocol import CloseCode

from .running import ask, closed_with

EXIT_TIMEOUT_S = 5.0


class ServerProcess:
    def __init__(self, process: asyncio.subprocess.Process, http_port: int, ws_port: int) -> None:
        self.process = process
        self.http = f"http://127.0.0.1:{http_port}"
        self.ws = f"ws://127.0.0.1:{ws_port}"


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "heliograph_server", *arguments),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[ServerProcess]:
    process = await start("serve", "--http-port=0", "--ws-port=0", f"--data-dir={data_dir}", "--log-format=json")
    assert process.stdout is not None
    try:
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        assert line["event"] == "server.listening"
        yield ServerProcess(process, line["http_port"], line["ws_port"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str, **environment: str) -> tuple[int | None, str, str]:
    process = await start(*arguments, **environment)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out.decode(), err.decode()


async def sign_in_and_make_a_room(http: httpx.AsyncClient) -> tuple[str, dict[str, Any]]:
    id_token = (await http.post("/anonymous-signin")).json()["id_token"]
    room = await http.post("/create-room", headers={"Authorization": f"Bearer {id_token}"})
    assert room.status_code == 200
    return id_token, room.json()


def registration(peer_id: str, id_token: str, room: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "register",
        "peer_id": peer_id,
        "room_id": room["room_id"],
        "token": room["token"],
        "id_token": id_token,
    }


async def test_a_room_and_a_sign_in_outlive_kill_9(tmp_path: Path) -> None:
    async with serving(tmp_path) as first:
        async with httpx.AsyncClient(base_url=first.http) as http:
            id_token, room = await sign_in_and_make_a_room(http)
        first.process.kill()
        await first.process.wait()
    key = tmp_path / "identity-key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    async with serving(tmp_path) as second, websockets.connect(second.ws) as socket:
        reply = await ask(socket, registration("a", id_token, room))
        assert reply == {
            "type": "registered_auth",
            "room_id": room["room_id"],
            "token": room["token"],
            "peer_id": "a",
        }


async def test_sigterm_closes_with_1012_and_ends_in_time_even_when_a_peer_does_not_read(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.http) as http:
            id_token, room = await sign_in_and_make_a_room(http)
        async with websockets.connect(server.ws) as polite, websockets.connect(server.ws, max_queue=1) as stuck:
            assert (await ask(polite, registration("polite", id_token, room)))["type"] == "registered_auth"
            assert (await ask(stuck, registration("stuck", id_token, room)))["type"] == "registered_auth"
            stuck.transport.pause_reading()
            for _ in range(60):
                await polite.send(json.dumps({"type": "offer", "target": "stuck", "sdp": "x" * 60_000}))
            await ask(polite, {"type": "ping"})
            asked = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert await closed_with(polite) == CloseCode.RESTARTING
            assert await asyncio.wait_for(server.process.wait(), EXIT_TIMEOUT_S) == 0
            assert time.monotonic() - asked < EXIT_TIMEOUT_S
            stuck.transport.abort()


async def test_ctrl_c_ends_it_with_exit_code_0(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        server.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(server.process.wait(), EXIT_TIMEOUT_S) == 0


async def test_a_taken_port_is_one_clear_line_and_exit_code_1(tmp_path: Path) -> None:
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, complaint = await run("serve", f"--http-port={port}", "--ws-port=0", f"--data-dir={tmp_path}")
    assert code == 1
    assert complaint == f"heliograph-server: cannot listen on 127.0.0.1 port {port}: the port is taken\n"


async def test_rooms_that_cannot_be_read_are_one_clear_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "rooms.sqlite3").write_bytes(b"this is no database, and it is long enough to be seen as one" * 100)
    code, _, complaint = await run("serve", "--http-port=0", "--ws-port=0", f"--data-dir={tmp_path}")
    assert code == 1
    assert len(complaint.splitlines()) == 1
    assert "rooms.sqlite3" in complaint


async def test_the_originals_open_delete_warns_at_start(tmp_path: Path) -> None:
    process = await start(
        *("serve", "--http-port=0", "--ws-port=0", f"--data-dir={tmp_path}"), HELIOGRAPH_LEGACY_OPEN_DELETE="true"
    )
    assert process.stdout is not None
    try:
        assert b"legacy_open_delete" in await asyncio.wait_for(process.stdout.readline(), 20)
    finally:
        process.terminate()
        await process.communicate()


async def test_both_ports_may_be_one(tmp_path: Path) -> None:
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await start("serve", f"--http-port={port}", f"--ws-port={port}", f"--data-dir={tmp_path}")
    assert process.stdout is not None
    try:
        assert b"server.listening" in await asyncio.wait_for(process.stdout.readline(), 20)
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"http://127.0.0.1:{port}/ready")).json()["status"] == "ready"
    finally:
        process.terminate()
        await process.communicate()


async def test_every_wrong_setting_is_named_on_a_line_of_its_own_with_exit_code_2() -> None:
    code, _, complaint = await run(
        "serve", "--ws-port=eighty", HELIOGRAPH_ROOMS="papyrus", HELIOGRAPH_HTPP_PORT="1", HELIOGRAPH_MAX_PEERS="0"
    )
    assert code == 2
    assert [line.split(": ")[1].split("=")[0] for line in complaint.splitlines()] == [
        "--ws-port",
        "HELIOGRAPH_HTPP_PORT",
        "HELIOGRAPH_MAX_PEERS",
        "HELIOGRAPH_ROOMS",
    ]


async def test_check_config_says_what_is_in_force() -> None:
    code, out, complaint = await run(
        "check-config", "--http-port=9000", HELIOGRAPH_STUN_URLS="stun:a.example,stun:b.example"
    )
    assert (code, complaint) == (0, "")
    assert "HELIOGRAPH_HTTP_PORT=9000" in out.splitlines()
    assert "HELIOGRAPH_STUN_URLS=stun:a.example,stun:b.example" in out.splitlines()


async def test_a_minted_token_registers(tmp_path: Path) -> None:
    code, minted, _ = await run("mint-token", "--subject=lab-worker", f"--data-dir={tmp_path}")
    assert code == 0
    async with serving(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.http) as http:
            _, room = await sign_in_and_make_a_room(http)
        async with websockets.connect(server.ws) as socket:
            reply = await ask(socket, registration("w", minted.strip(), room))
            assert reply["type"] == "registered_auth"


async def test_nothing_secret_is_logged(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.http) as http:
            id_token, room = await sign_in_and_make_a_room(http)
            await http.post("/create-room", headers={"Authorization": f"Bearer {id_token}x"})
        async with websockets.connect(server.ws) as socket:
            await ask(socket, registration("a", id_token, room | {"token": "wrong-room-token"}))
            await ask(socket, registration("a", id_token, room))
            await socket.send('{"type":"offer","target":"a","sdp":"v=0 s3cret-sdp"}')
            assert json.loads(await socket.recv())["sdp"]
        server.process.terminate()
        out, err = await server.process.communicate()
    logged = (out + err).decode()
    assert "peer.joined" in logged
    for secret in (id_token, room["token"], "wrong-room-token", "s3cret-sdp", "127.0.0.1"):
        assert secret not in logged
