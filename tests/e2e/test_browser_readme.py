"""The programs in the browser SDK's README do what it says."""

import contextlib
import re
from pathlib import Path
from typing import Any

from demo_page import OpenPage
from echo import echo_worker
from server_process import ServerProcess

README = (Path(__file__).parents[2] / "packages/js-client/README.md").read_text("utf-8")
BLOCKS = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
CHAT_TIMEOUT_MS = 20_000


def in_a_page(program: str, server: ServerProcess) -> str:
    """A program as the body of a function: a page's policy lets no other in."""
    body = re.sub(r"^import (\{.*?\}) from 'heliograph';", r"const \1 = await import('/sdk/index.js');", program)
    assert body != program
    return body.replace("http://localhost:8001", server.url)


async def test_the_first_program_hears_from_the_worker(server: ServerProcess, open_page: OpenPage) -> None:
    page = await open_page(server.url)
    async with contextlib.AsyncExitStack() as workers:

        async def let_worker_in(room: dict[str, Any]) -> None:
            await workers.enter_async_context(echo_worker(f"{server.url}/#room={room['roomId']}&token={room['token']}"))

        await page.page.expose_function("letWorkerIn", let_worker_in)
        opening, rest = in_a_page(BLOCKS[0], server).split("\n\nconst session", 1)
        program = f"{opening}\nawait letWorkerIn(room);\nconst session{rest}"
        async with page.page.expect_console_message(
            lambda message: message.text == "Browser-1: hello", timeout=CHAT_TIMEOUT_MS
        ):
            await page.page.evaluate(f"() => void (async () => {{ {program} }})()")
    assert "log: [Worker-3108]" in page.console


async def test_each_name_that_the_readme_uses_is_there(server: ServerProcess, open_page: OpenPage) -> None:
    used = {
        kind: sorted(set(re.findall(rf"\b{name}\.(\w+)", "\n".join(BLOCKS))))
        for kind, name in {
            "Session": "session",
            "Connection": "connection",
            "Api": "api",
            "IncomingFile": "file",
        }.items()
    }
    page = await open_page(server.url)
    missing = await page.page.evaluate(
        """async (used) => {
          const modules = ['index', 'api', 'incoming-file'].map((name) => import(`/sdk/${name}.js`));
          const sdk = Object.assign({}, ...(await Promise.all(modules)));
          const isField = (Kind, name) => new RegExp(`(?:this\\\\.|^\\\\s*)${name} = `, 'm').test(Kind) ||
            (Kind.prototype !== undefined && isField(Object.getPrototypeOf(Kind), name));
          const has = (Kind, name) => name in Kind.prototype || isField(Kind, name);
          return Object.entries(used).flatMap(([kind, names]) =>
            names.filter((name) => !has(sdk[kind], name)).map((name) => `${kind}.${name}`));
        }""",
        used,
    )
    assert min(map(len, used.values())) > 0
    assert missing == []


async def test_each_program_can_be_parsed(open_page: OpenPage) -> None:
    page = await open_page("about:blank")  # where no policy is in the way
    for block in BLOCKS:
        program = re.sub(r"^import .*;$", "", block, flags=re.MULTILINE)
        program = program.replace("=> …", "=> {}").replace("{ …, ", "{ ")
        parse = "(text) => void new (Object.getPrototypeOf(async () => {}).constructor)(text)"
        await page.page.evaluate(parse, f"{{ {program}\n}}")
