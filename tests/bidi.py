"""WebDriver BiDi (W3C), as much of it as the tests need: tabs of a browser that speaks it over a WebSocket."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["BidiError", "Session", "Tab", "bidi_session"]

COMMAND_TIMEOUT_S: Final = 60
FRAME_BYTES: Final = 64 * 1024 * 1024
POLL_MS: Final = 20
CONSOLE_EVENT: Final = "log.entryAdded"


class BidiError(Exception):
    """The browser refused a command, or a script in a page threw; the text is the browser's."""


class Session:
    """One session with a browser, and what its tabs said on their consoles."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tabs: dict[str, Tab] = {}

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result. Raises `BidiError`, and `TimeoutError` after a minute."""
        number = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return await answer
        finally:
            del self._waiting[number]

    async def open(self, url: str) -> "Tab":
        """Load a page in a tab of a person of their own: no storage is shared."""
        user = (await self.command("browser.createUserContext"))["userContext"]
        made = await self.command("browsingContext.create", type="tab", userContext=user)
        tab = self._tabs[made["context"]] = Tab(self, made["context"])
        await tab.goto(url)
        return tab

    async def listen(self) -> None:
        """Read what the browser says until it closes the connection."""
        async for frame in self._socket:
            message = json.loads(frame)
            answer = self._waiting.get(message.get("id"))
            if message["type"] == "event":
                if message["method"] == CONSOLE_EVENT:
                    self._logged(message["params"])
            elif answer is None or answer.done():
                continue
            elif message["type"] == "success":
                answer.set_result(message["result"])
            else:
                answer.set_exception(BidiError(f"{message['error']}: {message['message']}"))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(BidiError("The browser closed the connection"))

    def _logged(self, entry: dict[str, Any]) -> None:
        tab = self._tabs.get(entry["source"].get("context", ""))
        if tab is not None:
            tab.console.append(f"{entry['level']}: {entry['text']}")


class Tab:
    """A page in a browser."""

    def __init__(self, session: Session, context: str) -> None:
        self.console: list[str] = []
        """What was written to it, and exceptions that nobody caught, as `level: text`."""
        self._session = session
        self._context = context

    @property
    def errors(self) -> list[str]:
        """Those lines of the console that are errors."""
        return [line for line in self.console if line.startswith("error:")]

    async def goto(self, url: str) -> None:
        """Load another page, and wait until that has happened."""
        await self._command("browsingContext.navigate", url=url, wait="complete")

    async def reload(self) -> None:
        """Load the page again."""
        await self._command("browsingContext.reload", wait="complete")

    async def call(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function with JSON values; return what it, or its promise, comes to. Raises `BidiError`."""
        wrapped = f"async (json) => JSON.stringify((await ({function})(...JSON.parse(json))) ?? null)"
        reply = await self._session.command(
            "script.callFunction",
            functionDeclaration=wrapped,
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if reply["type"] == "exception":
            raise BidiError(reply["exceptionDetails"]["text"])
        return json.loads(reply["result"]["value"])

    async def until(self, condition: str, *arguments: Any, within_s: float = 15) -> Any:
        """Wait until a JavaScript function gives something that counts as true, and return that. Raises `BidiError`."""
        poll = f"""async (arguments, limit) => {{
          const end = performance.now() + limit;
          for (;;) {{
            const value = await ({condition})(...arguments);
            if (value) return value;
            if (performance.now() > end) throw new Error('never so: ' + {json.dumps(condition)});
            await new Promise((resolve) => setTimeout(resolve, {POLL_MS}));
          }}
        }}"""
        return await self.call(poll, arguments, within_s * 1000)

    async def sees(self, selector: str, *, within_s: float = 15) -> None:
        """Wait until there is such an element, and it is shown."""
        await self.until("(one) => document.querySelector(one)?.checkVisibility()", selector, within_s=within_s)

    async def click(self, selector: str) -> None:
        """Click on an element, as a person would, once it is there."""
        pointer = {
            "type": "pointer",
            "id": "mouse",
            "actions": [
                {
                    "type": "pointerMove",
                    "x": 0,
                    "y": 0,
                    "origin": {"type": "element", "element": await self._node(selector)},
                },
                {"type": "pointerDown", "button": 0},
                {"type": "pointerUp", "button": 0},
            ],
        }
        await self._command("input.performActions", actions=[pointer])

    async def type(self, selector: str, text: str) -> None:
        """Click on an element and press the keys for a text; `\\n` is the Enter key."""
        await self.click(selector)
        keys = [
            {"type": kind, "value": "\ue007" if letter == "\n" else letter}
            for letter in text
            for kind in ("keyDown", "keyUp")
        ]
        await self._command("input.performActions", actions=[{"type": "key", "id": "keyboard", "actions": keys}])

    async def choose(self, selector: str, files: Sequence[Path]) -> None:
        """Choose files in an input for them."""
        await self._command("input.setFiles", element=await self._node(selector), files=[str(path) for path in files])

    async def close(self) -> None:
        """Close the tab."""
        await self._command("browsingContext.close")

    async def _node(self, selector: str) -> dict[str, str]:
        await self.until("(one) => document.querySelector(one) !== null", selector)
        await self.call("(one) => document.querySelector(one).scrollIntoView({ block: 'center' })", selector)
        found = await self._command("browsingContext.locateNodes", locator={"type": "css", "value": selector})
        return {"sharedId": found["nodes"][0]["sharedId"]}

    async def _command(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._session.command(method, context=self._context, **params)


@asynccontextmanager
async def bidi_session(url: str) -> AsyncIterator[Session]:
    """A session over the WebSocket at that address, with the consoles of all tabs subscribed to."""
    async with connect(f"{url}/session", max_size=FRAME_BYTES, ping_interval=None, proxy=None) as socket:
        session = Session(socket)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(session.listen())
            await session.command("session.new", capabilities={})
            await session.command("session.subscribe", events=[CONSOLE_EVENT])
            yield session
            listening.cancel()
