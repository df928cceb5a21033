"""`heliograph login` and `heliograph room` against a real server."""

import json
import stat
from pathlib import Path
from typing import Any

import heliograph

from .commands import Program, output


async def test_rooms_of_somebody_who_logged_in(program: Program, server: Any, tmp_path: Path) -> None:
    here = {"HELIOGRAPH_URL": server.url, "XDG_STATE_HOME": str(tmp_path)}
    code, out, err = await output(program, "login", "--json", **here)
    identity = json.loads(out)
    assert (code, err, identity["event"]) == (0, "", "logged_in")
    stored = tmp_path / "heliograph" / "identities.json"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    token = json.loads(stored.read_text())[server.url]["id_token"]
    assert token not in out

    _, out, _ = await output(program, "room", "create", "--name", "mine", "--ttl", "600", "--json", **here)
    made = json.loads(out)
    _, out, _ = await output(program, "room", "list", **here)
    assert out.split("\t")[:3] == [made["room_id"], "mine", "0/1000"]
    async with heliograph.Worker(made["link"], peer_id="Worker-1"):
        _, out, _ = await output(program, "room", "show", made["room_id"], "--json", **here)
        shown = json.loads(out)
        assert (shown["link"], [peer["peer_id"] for peer in shown["peers"]]) == (made["link"], ["Worker-1"])
        # The creator needs no token to get in.
        _, out, _ = await output(program, "peers", "--room", made["room_id"], **here)
        assert out.split("\t")[:3] == ["Worker-1", "worker", "online"]
    assert await output(program, "room", "close", made["room_id"], **here) == (
        0,
        f"Closed room {made['room_id']}.\n",
        "",
    )
    assert await output(program, "room", "list", **here) == (0, "", "")

    code, out, _ = await output(program, "logout", **here)
    assert (code, out) == (0, f"Logged out of {server.url}.\n")
    code, out, err = await output(program, "room", "list", **here)
    assert (code, out) == (2, "")
    assert err == f"heliograph: Nobody is logged in at {server.url}: `heliograph login` comes first\n"


async def test_logging_in_twice_keeps_who_one_is(program: Program, server: Any, tmp_path: Path) -> None:
    here = {"HELIOGRAPH_URL": server.url, "XDG_STATE_HOME": str(tmp_path)}
    names = []
    for options in ((), (), ("--again",)):
        _, out, _ = await output(program, "login", "--json", *options, **here)
        names.append(json.loads(out)["username"])
    assert names[0] == names[1] != names[2]


async def test_a_token_of_ones_own(program: Program, server: Any, tmp_path: Path) -> None:
    here = {"HELIOGRAPH_URL": server.url, "XDG_STATE_HOME": str(tmp_path)}
    async with heliograph.Api(server.url) as api:
        token = (await api.sign_in()).id_token
    code, out, err = await output(program, "login", "--id-token-file", "-", stdin=f"{token}\n".encode(), **here)
    assert (code, err) == (0, "")
    assert token not in out
    forged = f"{token[:-8]}AAAAAAAA"
    code, out, err = await output(program, "login", "--id-token-file", "-", stdin=forged.encode(), **here)
    assert (code, out) == (4, "")
    assert "heliograph login" in err
    code, out, err = await output(program, "login", "--id-token-file", "-", "--json", stdin=b"hello", **here)
    assert (code, out) == (2, "")
    assert json.loads(err) == {
        "event": "error",
        "error": "ConfigurationError",
        "message": "This is no id token: a JWT was expected",
        "hint": None,
        "exit_code": 2,
    }
    _, out, _ = await output(program, "room", "list", "--json", HELIOGRAPH_ID_TOKEN=token, HELIOGRAPH_URL=server.url)
    assert out == ""


async def test_settings_from_a_file(program: Program, server: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'url = "{server.url}"\n')
    code, out, _ = await output(program, "room", "create", "--json", HELIOGRAPH_CONFIG=str(config))
    assert code == 0
    assert json.loads(out)["link"].startswith(server.url)
    config.write_text("ulr = 'x'\n")
    code, _, err = await output(program, "room", "create", HELIOGRAPH_CONFIG=str(config))
    assert code == 2
    assert err.startswith(f"heliograph: {config} has an unknown setting 'ulr': did you mean 'url'?")
