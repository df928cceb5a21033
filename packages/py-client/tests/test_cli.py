"""The command's options and exit codes, without a process of its own."""

import importlib
import json
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

import heliograph
from heliograph.cli import main
from heliograph.cli.failures import exit_code
from heliograph.cli.room import room
from heliograph.cli.settings import SETTINGS


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return CliRunner()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (heliograph.ConfigurationError("x"), 2),
        (heliograph.ServerUnreachable("x"), 3),
        (heliograph.ApiError(429, "x"), 4),
        (heliograph.RoomExpired("x", code="ROOM_EXPIRED"), 4),
        (heliograph.Replaced(4001, "x"), 4),
        (heliograph.PeerNotFound("x", code="PEER_NOT_FOUND"), 5),
        (heliograph.WorkerBusy("Worker-1", "x"), 5),
        (heliograph.ConnectTimeout("Worker-1", "x"), 6),
        (heliograph.ConnectionLost("x"), 6),
        (heliograph.TransferRefused("x", code="TOO_BIG"), 7),
        (heliograph.MethodNotFound("x"), 8),
        (heliograph.RpcError("x", code="NO_SUCH_MODEL"), 8),
        (heliograph.CallInterrupted("x"), 6),
        (heliograph.ChannelMessageTooBig(2, 1), 2),
        (heliograph.ChannelClosed("x"), 1),
    ],
)
def test_every_kind_of_error_has_its_code(error: heliograph.HeliographError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["room", "create", "--url", "nonsense"], 2, "not a server's address"),
        (["chat", "--url", "http://127.0.0.1:9"], 2, "No room"),
        (["send", "/no/such/file"], 2, "does not exist"),
        (["worker", "--max-clients", "0"], 2, "max-clients"),
        (["chat", "--ice-server", "{not json"], 2, "--ice-server"),
        (["worker", "nonsense"], 2, "names no function"),
        (["worker", "no_such_module:f"], 2, "cannot be imported"),
        (["worker", "--exec", "no-such-program x"], 2, "there is no program 'no-such-program'"),
        (["worker", "--exec", "sh 'x"], 2, "cannot be taken apart"),
        (["worker", "json:dumps", "--exec", "dumps=true"], 2, "'dumps' is there twice"),
        (["worker", "--property", "gpu"], 2, "no NAME=VALUE"),
        (["worker", "--keep-room"], 2, "Nobody is logged in"),
        (["call", "f", "--peer", "W", "--tag", "gpu"], 2, "--peer names one"),
        (["call", "f", "a=1", "--input", "-"], 2, "not from both"),
        (["receive", "--max-size", "much"], 2, "is no size"),
        (["worker", "--max-size", "9" * 400], 2, "more than any file has"),
        (["room", "create", "--url", "http://[::1"], 2, "not a server's address"),
        (["call", "f", "\udcff"], 2, "is not UTF-8"),
        (["call", "f", "[" * 10_000], 2, "nests too deeply"),
        (["room", "create", "--url", "http://127.0.0.1:9"], 3, "No answer from http://127.0.0.1:9"),
        (["chat", "--url", "http://127.0.0.1:9/#room=r&token=t", "--peer", "W"], 3, "127.0.0.1:9"),
    ],
)
def test_failures_are_said_in_words(runner: CliRunner, arguments: list[str], code: int, words: str) -> None:
    result = runner.invoke(main, arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""


def test_the_help_has_every_command_in_a_section() -> None:
    names = [name for section in main.sections.values() for name in section]
    assert sorted(names) == sorted(main.commands)


def test_every_command_can_write_json() -> None:
    commands = [main, *main.commands.values(), *room.commands.values()]
    assert [command.name for command in commands if "as_json" not in {param.name for param in command.params}] == []


def test_json_may_stand_before_the_command(runner: CliRunner) -> None:
    for arguments in (["--json", "room", "create"], ["room", "--json", "create"], ["room", "create", "--json"]):
        result = runner.invoke(main, [*arguments, "--url", "http://127.0.0.1:9"])
        assert (result.exit_code, json.loads(result.stderr)["error"]) == (3, "ServerUnreachable")


def test_ctrl_c_while_it_is_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(types.ModuleType):
        def __getattr__(self, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "heliograph.cli", Interrupted("heliograph.cli"))
    with pytest.raises(SystemExit) as ended:
        importlib.import_module("heliograph_command").main()
    assert ended.value.code == 130


def test_the_help_names_the_exit_codes(runner: CliRunner) -> None:
    result = runner.invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "3    the server cannot be reached" in result.stdout


def test_server_is_another_name_for_url(runner: CliRunner) -> None:
    assert runner.invoke(main, ["room", "create", "--server", "http://127.0.0.1:9"]).exit_code == 3
