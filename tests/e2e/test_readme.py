"""The programs in the README do what it says."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import pytest
from server_process import ServerProcess

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PROGRAM_TIMEOUT_S = 30


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the README's Python programs, under the names that their first lines give them."""
    for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        name = re.match(r"# (\w+\.py)\n", code)
        assert name is not None
        (tmp_path / name[1]).write_text(code, "utf-8")
    return tmp_path


@pytest.mark.parametrize(("program", "said"), [("client.py", b"HELLO\n"), ("claim.py", b"HELLO, WHOEVER IS FREE\n")])
async def test_the_clients_hear_from_the_worker(
    server: ServerProcess, link: str, programs: Path, program: str, said: bytes
) -> None:
    worker = await create_subprocess_exec(sys.executable, programs / "worker.py", link)
    try:
        async with asyncio.timeout(PROGRAM_TIMEOUT_S):
            await server.logs("peer.joined", peer="Worker-1")
            client = await create_subprocess_exec(sys.executable, programs / program, link, stdout=PIPE)
            output, _ = await client.communicate()
    finally:
        worker.terminate()
        await worker.wait()
    assert (output, client.returncode) == (said, 0)
