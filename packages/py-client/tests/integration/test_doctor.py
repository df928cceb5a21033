"""`heliograph doctor` against a real server and a real coturn."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from coturn import Coturn, running_coturn

import heliograph

from .commands import Program, output

SECRET = "north"
Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with running_coturn(tmp_path_factory.mktemp("coturn"), SECRET) as running:
        yield running


async def examined(program: Program, *arguments: str, **environment: str) -> tuple[int, Findings]:
    code, out, err = await output(program, "doctor", "--json", *arguments, stdin=b"", **environment)
    assert err == ""
    *lines, summary = map(json.loads, out.splitlines())
    findings: Findings = {}
    for line in lines:
        findings.setdefault(line["check"], []).append(line)
    assert summary["event"] == "summary"
    assert summary["failed"] == sum(line["verdict"] == "failed" for line in lines)
    assert summary["checks"] == len(lines)
    return code, findings


def verdicts(findings: Findings) -> dict[str, list[str]]:
    return {check: [finding["verdict"] for finding in found] for check, found in findings.items()}


async def test_a_healthy_world(program: Program, server_with: Any, coturn: Coturn) -> None:
    turn = {"HELIOGRAPH_TURN_URLS": ",".join(coturn.turn_urls), "HELIOGRAPH_TURN_SECRET": SECRET}
    async with server_with(HELIOGRAPH_STUN_URLS=coturn.stun_url, **turn) as server:
        code, findings = await examined(program, "--url", server.url)
    assert code == 0
    assert verdicts(findings) == {
        "settings": ["ok"],
        "server": ["ok"],
        "identity": ["ok"],
        "websocket": ["ok"],
        "clock": ["ok"],
        "stun": ["ok"],
        "turn": ["ok", "ok"],
        "udp": ["ok"],
        "loopback": ["ok"],
    }
    [stun] = findings["stun"]
    assert (stun["url"], stun["public_address"]) == (coturn.stun_url, "127.0.0.1")
    assert [turn["relay_address"] for turn in findings["turn"]] == ["127.0.0.1"] * 2
    assert findings["server"][0]["server_version"] == findings["server"][0]["client_version"]
    assert not any("peer.joined" in line and "Doctor" not in line for line in server.lines)


async def test_a_relay_that_has_another_secret(program: Program, server_with: Any, coturn: Coturn) -> None:
    turn = {"HELIOGRAPH_TURN_URLS": ",".join(coturn.turn_urls), "HELIOGRAPH_TURN_SECRET": "south"}
    async with server_with(**turn) as server:
        code, findings = await examined(program, "--url", server.url)
    assert code == 9
    assert [(found["verdict"], found["hint"]) for found in findings["turn"]] == [
        ("failed", "Does its secret match HELIOGRAPH_TURN_SECRET, and do the clocks agree?")
    ] * 2
    assert findings["udp"][0]["verdict"] == "ok"


async def test_udp_that_is_blocked(program: Program, server: Any) -> None:
    """Nothing answers by UDP at the server's own port, and TCP connections are taken there."""
    code, findings = await examined(program, "--url", server.url, "--ice-server", f"stun:127.0.0.1:{server.http_port}")
    assert code == 9
    assert verdicts(findings)["stun"] == ["failed"]
    assert findings["udp"][0]["verdict"] == "failed"
    assert "seems to block UDP" in findings["udp"][0]["message"]


async def test_servers_that_cannot_be_used(program: Program, server: Any) -> None:
    """What listens at the server's port speaks HTTP and no TURN; port 9 is closed."""
    turn = {"urls": [f"turn:127.0.0.1:{server.http_port}?transport=tcp", "turn:127.0.0.1:9?transport=tcp"]}
    servers = [json.dumps({**turn, "username": "u", "credential": "c"}), "turn:h.invalid", "nonsense"]
    code, findings = await examined(
        program, "--url", server.url, *(part for text in servers for part in ("--ice-server", text))
    )
    assert code == 9
    assert ["no TURN" in findings["turn"][0]["message"], "Connect" in findings["turn"][1]["message"]] == [True, True]
    assert "without username and credential" in findings["turn"][2]["message"]
    assert findings["ice"][0]["verdict"] == "warning"


async def test_no_server(program: Program) -> None:
    code, findings = await examined(program, "--url", "http://127.0.0.1:9")
    assert code == 9
    assert [
        found["verdict"] for check in ("server", "identity", "websocket", "clock") for found in findings[check]
    ] == [
        *["failed"],
        *["skipped"] * 3,
    ]
    assert findings["loopback"][0]["verdict"] == "ok"


async def test_the_room_of_the_settings_is_tried(program: Program, server: Any, room: heliograph.Room) -> None:
    arguments = ("--url", server.url, "--room", room.room_id)
    code, findings = await examined(program, *arguments, HELIOGRAPH_TOKEN=room.token)
    assert (code, findings["settings"][0]["room"]) == (0, room.room_id)
    assert findings["settings"][0]["sources"] == {"url": "option", "room": "option", "token": "environment"}
    code, findings = await examined(program, *arguments, HELIOGRAPH_TOKEN="another")
    assert code == 9
    assert findings["websocket"][0]["verdict"] == "failed"
    assert room.token not in json.dumps(findings)


async def test_for_people_every_finding_is_a_line(program: Program, server: Any) -> None:
    code, out, err = await output(program, "doctor", "--url", server.url)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    lines = [line for line in out.splitlines() if not line.startswith(" ")]
    assert [line.split()[1] for line in lines[:-1]] == [
        *["settings", "server", "identity", "websocket", "clock", "stun", "turn", "udp", "loopback"]
    ]
    assert lines[-1] == "All is well."
