"""What others say is text: in names, tags, properties, messages, results and files, however much of it there is."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_page import DemoPage, Look
from playwright.async_api import expect
from server_process import ServerProcess
from websockets.asyncio.client import ClientConnection, connect

import heliograph

MARKUP = "<img src=x onerror=\"document.title='caught'\"><script>document.title='caught'</script>"
PASTE = """(area) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', '0123456789'.repeat(1e6));
  area.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""
CODES = ["constructor", "__proto__", "toString"]
"""Every object of JavaScript has these."""
SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
FRAME = 250_000
FRAMES = 40


async def is_unharmed(page: DemoPage) -> None:
    """Nothing of it became an element, and nothing ran."""
    assert await page.page.locator("body img[src=x], body script:not([src])").count() == 0
    assert "caught" not in await page.page.title()


async def test_markup_stays_text_everywhere(link: str, look: Look, tmp_path: Path) -> None:
    worker = heliograph.Worker(
        link,
        peer_id="Worker-1",
        role=MARKUP[:60],
        tags=[MARKUP, "x" * 128],
        properties={MARKUP: MARKUP, "deep": [{MARKUP: 1}]},
    )

    @worker.on_channel("chat")
    async def greet(channel: heliograph.Channel) -> None:
        await channel.send(MARKUP)
        async for message in channel:
            await channel.send(message)

    @worker.rpc("markup")
    async def markup() -> str:
        return MARKUP

    source = tmp_path / "<b onclick=alert(1)>.txt"
    source.write_text(MARKUP)
    async with worker:
        page = await look(link)
        await page.connect("Worker-1")
        await page.hears(MARKUP)
        await page.chat(f"again {MARKUP}")
        await page.hears(f"again {MARKUP}")
        call = await page.call("markup")
        await expect(call.get_by_test_id("call-line")).to_have_text(MARKUP)
        await page.send_file(source)
        await expect(page.find("file-name")).to_have_text(source.name)
        await page.look_at("people")
        card = page.peer("Worker-1")
        await expect(card.get_by_test_id("peer-tags")).to_contain_text("<img src=x onerror=")
        await expect(card.get_by_test_id("peer-properties")).to_contain_text("<script>")
        assert await page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            "It pushes the page apart"
        )
        await is_unharmed(page)


async def test_ten_megabytes_of_text_from_the_other_side(link: str, look: Look) -> None:
    worker = heliograph.Worker(link, peer_id="Worker-1")
    done = asyncio.Event()

    @worker.on_channel("chat")
    async def flood(channel: heliograph.Channel) -> None:
        for number in range(FRAMES):
            await channel.send(f"{number} {MARKUP}".ljust(FRAME, "x"))
        await channel.send("that was all")
        done.set()
        async for _ in channel:
            pass

    async with worker:
        page = await look(f"{link}&connect=Worker-1")
        async with asyncio.timeout(30):
            await done.wait()
        await page.hears("that was all")
        messages = page.find("chat-message")
        length = await messages.evaluate_all(
            "(all) => all.reduce((sum, { textContent }) => sum + textContent.length, 0)"
        )
        assert length < 200_000, "All of it is drawn"
        await messages.filter(has_text="39 <img").locator(".message-more").click()
        await expect(page.find("chat-input")).to_be_enabled()
        await is_unharmed(page)


async def test_ten_megabytes_of_text_pasted_go_as_a_file(link: str, look: Look) -> None:
    ann, bob = await look(link), await look(link)
    await ann.find("connect-button").click()
    await ann.is_connected()
    await ann.look_at("talk")
    await ann.find("chat-input").evaluate(PASTE)
    file = bob.page.locator('[data-testid="file-item"][data-direction="in"]')
    await bob.look_at("talk")
    await expect(file).to_have_attribute("data-state", "done", timeout=30_000)
    await expect(file.get_by_test_id("file-name")).to_have_text("message.txt")
    await expect(file.get_by_test_id("file-status")).to_contain_text("10.0 MB")
    await ann.chat("and a short one")
    await bob.hears("and a short one")


class RawPeer:
    """A peer that says what it likes."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def say(self, **message: Any) -> None:
        await self._socket.send(json.dumps({"sender": "Raw-1", **message}))

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next message of that type."""
        async for frame in self._socket:
            message: dict[str, Any] = json.loads(frame)
            if message["type"] == kind:
                return message
        raise AssertionError(f"It closed before a {kind} came")


@pytest.fixture
async def raw(stage: ServerProcess, link: str) -> AsyncIterator[RawPeer]:
    """Raw-1, in the story's room."""
    room, token = re.findall(r"=([^&]+)", link)
    async with httpx.AsyncClient(base_url=stage.url) as http, connect(stage.ws_url) as socket:
        id_token = (await http.post("/anonymous-signin")).json()["id_token"]
        place = {"room_id": room, "token": token, "id_token": id_token, "peer_id": "Raw-1"}
        await socket.send(json.dumps({"type": "register", **place}))
        peer = RawPeer(socket)
        await peer.hears("registered_auth")
        yield peer


@pytest.mark.parametrize("code", CODES)
async def test_a_refusal_may_have_any_code(raw: RawPeer, link: str, look: Look, code: str) -> None:
    page = await look(f"{link}&connect=Raw-1")
    offer = await raw.hears("offer")
    to = {"target": offer["sender"], "connection_id": offer["connection_id"]}
    await raw.say(type="error", code=code, message="not today", **to)
    await page.look_at("talk")
    await expect(page.find("connection-state")).to_have_attribute("data-state", "failed")
    await expect(page.find("error-banner")).to_contain_text("not today")


@pytest.mark.parametrize("code", CODES)
async def test_a_file_and_a_call_may_be_refused_with_any_code(link: str, look: Look, tmp_path: Path, code: str) -> None:
    worker = heliograph.Worker(link, peer_id="Worker-1")

    @worker.on_channel("file")
    async def refuse(channel: heliograph.Channel) -> None:
        await channel.receive()
        await channel.send(json.dumps({"type": "refused", "code": code, "message": "no such luck"}))
        with contextlib.suppress(heliograph.HeliographError):
            await channel.receive()

    @worker.rpc("fail")
    async def fail() -> None:
        raise heliograph.RpcError("out of luck", code=code)

    source = tmp_path / "any.txt"
    source.write_text("any")
    async with worker:
        page = await look(link)
        await page.connect("Worker-1")
        await page.send_file(source)
        file = page.find("file-item")
        await expect(file).to_have_attribute("data-state", "failed")
        await expect(file.get_by_test_id("file-status")).to_contain_text("no such luck")
        call = await page.call("fail")
        await expect(call).to_have_attribute("data-state", "failed")
        await expect(call.get_by_test_id("call-status")).to_contain_text("They answered with an error: out of luck")


async def test_candidates_may_be_of_any_type_and_number(raw: RawPeer, link: str, look: Look) -> None:
    page = await look(link)
    name = await page.own_id()
    lines = "".join(f"a=candidate:1 1 udp 1 10.0.0.1 9 typ x{number}\r\n" for number in range(1000))
    await raw.say(type="offer", target=name, connection_id="1", sdp=SDP + lines)
    await raw.hears("quit")
    odd = {"candidate": f"candidate:1 1 udp 1 10.0.0.1 9 typ {'y' * 10_000}", "sdpMid": "0", "sdpMLineIndex": 0}
    await raw.say(type="offer", target=name, connection_id="2", sdp=SDP)
    await raw.say(type="candidate", target=name, connection_id="2", candidate=odd)
    await raw.hears("answer")
    await page.look_at("link")
    steps = page.find("timeline").locator("li")
    await expect(page.find("timeline").locator('[data-step="local-answer"]')).to_have_count(1)
    names = await steps.evaluate_all("(all) => all.map(({ dataset }) => dataset.step)")
    assert set(names) <= {"sign-in", "register", "remote-offer", "local-answer", "local-host", "ice-checking"}, names
