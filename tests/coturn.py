"""A real coturn on loopback, for as long as a test wants one."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from aioice import stun
from debian import installed

__all__ = ["HOST", "Coturn", "CoturnFailed", "running_coturn", "turnserver"]

HOST: Final = "127.0.0.1"
REALM: Final = "heliograph.test"

START_TIMEOUT_S: Final = 15.0
PROBE_TIMEOUT_S: Final = 0.1
STOP_TIMEOUT_S: Final = 10.0
START_ATTEMPTS: Final = 3
"""The free port that was found may be another process's by the time coturn takes it."""


class CoturnFailed(Exception):
    """coturn does not run; the text is what it said."""


class Coturn:
    """A running coturn."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self._process = process

    def stop(self) -> None:
        """Stop it before its time, without a word to those who have allocations. Safe to repeat."""
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, by UDP and by TCP."""
        return HOST, self.port

    @property
    def stun_url(self) -> str:
        """For an ICE server list."""
        return f"stun:{HOST}:{self.port}"

    @property
    def turn_urls(self) -> tuple[str, str]:
        """For an ICE server list: by UDP and by TCP."""
        return f"turn:{HOST}:{self.port}?transport=udp", f"turn:{HOST}:{self.port}?transport=tcp"


def turnserver() -> str:
    """The path of coturn's `turnserver`, installed if need be. Raises `NotInstalled`."""
    return installed("turnserver", "coturn")


@contextmanager
def running_coturn(folder: Path, secret: str) -> Iterator[Coturn]:
    """A coturn on a free port, with time-limited credentials made from `secret`; its files are in `folder`.

    No configuration file is read, and peers on loopback are let through. Raises `CoturnFailed`, `NotInstalled`.
    """
    program = turnserver()
    log = folder / "turnserver.log"
    for attempt in range(1, START_ATTEMPTS + 1):
        port = _free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                _command(program, folder, port, secret), stdout=output, stderr=subprocess.STDOUT, cwd=folder
            )
        try:
            if _answers(process, port):
                yield Coturn(port, process)
                return
            if attempt == START_ATTEMPTS:
                raise CoturnFailed(f"coturn does not answer: {log.read_text(errors='replace')[-4000:]}")
        finally:
            _stop(process)


def _command(program: str, folder: Path, port: int, secret: str) -> list[str]:
    return [
        program,
        "-n",
        f"--listening-ip={HOST}",
        f"--listening-port={port}",
        f"--relay-ip={HOST}",
        "--use-auth-secret",
        f"--static-auth-secret={secret}",
        f"--realm={REALM}",
        "--allow-loopback-peers",
        "--no-cli",
        "--no-tls",
        "--no-dtls",
        "--no-rfc5780",
        "--log-file=stdout",
        f"--userdb={folder / 'turndb'}",
        f"--pidfile={folder / 'turnserver.pid'}",
        "--relay-threads=1",
    ]


def _free_port() -> int:
    """A port that is free for both UDP and TCP."""
    while True:
        with (
            closing(socket.socket(type=socket.SOCK_STREAM)) as tcp,
            closing(socket.socket(type=socket.SOCK_DGRAM)) as udp,
        ):
            tcp.bind((HOST, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((HOST, port))
            except OSError:
                continue
            return port


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether it answers a STUN binding request and takes TCP connections before its time is over."""
    deadline = time.monotonic() + START_TIMEOUT_S
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as probe:
        probe.settimeout(PROBE_TIMEOUT_S)
        while time.monotonic() < deadline and process.poll() is None:
            probe.sendto(bytes(request), (HOST, port))
            try:
                answer = stun.parse_message(probe.recv(2048))
            except (OSError, ValueError):
                continue
            if answer.transaction_id == request.transaction_id:
                return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
