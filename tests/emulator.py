"""AWS on this machine: a moto server in a process of its own, on a free port."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

__all__ = ["AWS_ENVIRONMENT", "EmulatorFailed", "running_moto"]

AWS_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What boto3 wants to know beside `AWS_ENDPOINT_URL`."""

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0

_LISTENING: Final = re.compile(r"Running on (http://\S+)")


class EmulatorFailed(Exception):
    """moto did not start; the text is what it said."""


@contextmanager
def running_moto(port: int = 0) -> Iterator[str]:
    """Yields the URL of an empty AWS, on that port or any free one. Raises `EmulatorFailed`."""
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        killer = threading.Timer(START_TIMEOUT_S, process.kill)
        killer.start()
        try:
            url = _listening(process)
            killer.cancel()
            reader = threading.Thread(target=_read_to_the_end, args=(process.stdout,), daemon=True)
            reader.start()  # a full pipe would stop it
            yield url
        finally:
            killer.cancel()
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _listening(process: subprocess.Popen[str]) -> str:
    said = []
    for line in process.stdout or ():
        said.append(line)
        if found := _LISTENING.search(line):
            return found[1]
    raise EmulatorFailed("".join(said))


def _read_to_the_end(output: IO[str] | None) -> None:
    for _ in output or ():
        pass
