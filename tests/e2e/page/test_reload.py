"""A reload, a duplicated tab, a server out of reach, a device without a network: the page goes on."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable

import pytest
from cutting_proxy import cutting_proxy
from demo_page import Look
from playwright.async_api import BrowserContext, expect
from server_process import ServerProcess

import heliograph
from heliograph_server.identity.local import TOKEN_LIFE_S, LocalIdentity

LONG_OFFLINE_MS = 11 * 60_000
"""The SDK gives up after ten minutes, unless it is told otherwise."""
FOUND_WITHIN_MS = 10_000
"""Otherwise a dead socket is found after 20 s at the earliest."""
LEFT_S = 20
"""In which a token that is about to end has to be used, and renewed."""


@pytest.mark.usefixtures("worker")
async def test_a_reload_is_the_same_peer_with_the_same_conversation(link: str, look: Look) -> None:
    page = await look(link)
    name = await page.own_id()
    async with heliograph.connect(link, peer_id="Client-1") as watcher:
        news: set[str] = set()

        async def watch() -> None:
            async for event in watcher.events():
                if getattr(getattr(event, "peer", None), "peer_id", "") == name:
                    news.add(type(event).__name__)

        watching = asyncio.create_task(watch())
        await page.connect("Worker-1")
        await page.chat("before the reload")
        await page.hears("before the reload")
        await page.page.reload()
        await page.is_connected()
        await expect(page.find("own-peer-id")).to_have_text(name)
        await expect(page.find("chat-message").filter(has_text="before the reload")).to_have_count(2)
        await page.chat("after it")
        await page.hears("after it")
        watching.cancel()
    assert news == {"PeerAway", "PeerBack"}, "To the others it was somebody who came and went"


NO_ANSWER = """
if (location.protocol.startsWith('http') && sessionStorage['test:no-answer']) {
    sessionStorage.removeItem('test:no-answer');
    window.WebSocket = class extends EventTarget { close() {} };
}"""
"""The next page of the tab gets no WebSocket, and so not into the room."""


@pytest.mark.usefixtures("worker")
async def test_a_second_reload_before_the_first_is_through_loses_nothing(
    link: str, contexts: Callable[..., Awaitable[BrowserContext]], size: str, look: Look
) -> None:
    context = await contexts(size)
    await context.add_init_script(NO_ANSWER)
    page = await look(link, context)
    name = await page.own_id()
    await page.connect("Worker-1")
    await page.chat("before the reloads")
    await page.hears("before the reloads")
    async with heliograph.connect(link, peer_id="Client-1") as watcher:
        await page.page.evaluate("sessionStorage['test:no-answer'] = 1")
        await page.page.reload()
        await expect(page.find("server-state")).to_have_attribute("data-state", "connecting")
        await expect(page.find("own-peer-id")).to_have_text(name)
        await page.page.reload()
        await page.is_connected()
        await expect(page.find("own-peer-id")).to_have_text(name)
        await expect(page.find("chat-message").filter(has_text="before the reloads")).to_have_count(2)
        news = []
        async for event in watcher.events():
            if getattr(getattr(event, "peer", None), "peer_id", "") == name:
                news.append(type(event).__name__)
            if news[-1:] == ["PeerBack"]:
                break
    assert news == ["PeerAway", "PeerBack"], "It had the ticket still"


MUTE = "addEventListener('pagehide', (event) => window.isMute && event.stopImmediatePropagation());"
HIDE = """() => {
    window.isMute = true;
    Object.defineProperty(document, 'hidden', { value: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
}"""
"""The page goes out of view, and later ends without a word."""


@pytest.mark.usefixtures("worker")
async def test_a_page_that_was_discarded_out_of_view_is_back_where_it_was(
    link: str, contexts: Callable[..., Awaitable[BrowserContext]], size: str, look: Look
) -> None:
    context = await contexts(size)
    await context.add_init_script(MUTE)
    page = await look(link, context)
    name = await page.own_id()
    await page.connect("Worker-1")
    await page.chat("before")
    await page.hears("before")
    await page.page.evaluate(HIDE)
    await page.page.goto("about:blank")
    await page.page.goto(link)
    await page.is_connected()
    await expect(page.find("own-peer-id")).to_have_text(name)
    await expect(page.find("chat-message").filter(has_text="before")).to_have_count(2)


HOLD_NEXT = """id => {
    navigator.locks.request(`heliograph:${id}`, () => new Promise((release) => { window.release = release; }));
}"""
WAITS_FOR_A_SECOND = """async () => {
    const waits = async () => (await navigator.locks.query()).pending.length > 0 && performance.now() > 1000;
    while (performance.now() < 9000 && !(await waits())) await new Promise((resolve) => setTimeout(resolve, 20));
    return waits();
}"""


async def test_the_page_before_may_take_its_time_to_let_go(stage: ServerProcess, link: str, look: Look) -> None:
    page = await look(link)
    name = await page.own_id()
    slow = await page.page.context.new_page()
    await slow.goto(f"{stage.url}/health")
    await slow.evaluate(HOLD_NEXT, name)  # as the page before would, were it slow to end
    await page.page.reload()
    assert await page.page.evaluate(WAITS_FOR_A_SECOND)
    await slow.evaluate("release()")
    assert await page.own_id() == name


async def test_a_duplicated_tab_is_somebody_else(link: str, look: Look) -> None:
    page = await look(link)
    name = await page.own_id()
    async with page.page.context.expect_page() as opening:
        await page.page.evaluate("window.open(location.href)")  # takes a copy of the tab's store with it
    other = await opening.value
    await expect(other.get_by_test_id("server-state")).to_have_attribute("data-state", "online")
    assert await other.get_by_test_id("own-peer-id").inner_text() != name
    await expect(page.find("peer-item")).to_have_count(1)
    await page.is_online()


@pytest.mark.usefixtures("worker")
async def test_offline_and_back(stage: ServerProcess, link: str, look: Look) -> None:
    async with cutting_proxy(stage.http_port, random.Random(1)) as proxy:
        page = await look(link.replace(stage.url, proxy.url))
        page.forgive("WebSocket connection to .* failed|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION")
        name = await page.own_id()
        await page.connect("Worker-1")
        await page.page.context.set_offline(True)
        proxy.refusing = True
        proxy.cut()
        await expect(page.find("server-state")).to_have_attribute("data-state", "reconnecting")
        await expect(page.find("server-state")).to_contain_text("offline")
        await page.chat("the path needs no server")
        await page.hears("the path needs no server")
        proxy.refusing = False
        await page.page.context.set_offline(False)
        await expect(page.find("server-state")).to_have_attribute("data-state", "online", timeout=20_000)
        await expect(page.find("server-state")).to_have_text("In the room")
        await expect(page.find("own-peer-id")).to_have_text(name)
        await expect(page.find("connection-state")).to_have_attribute("data-state", "open")


async def test_offline_for_longer_than_a_session_waits_and_back(
    stage: ServerProcess, link: str, contexts: Callable[..., Awaitable[BrowserContext]], size: str, look: Look
) -> None:
    async with cutting_proxy(stage.http_port, random.Random(1)) as proxy:
        context = await contexts(size)
        await context.clock.install()
        page = await look(link.replace(stage.url, proxy.url), context)
        page.forgive("WebSocket connection to .* failed|net::ERR_")  # the QR code, for one
        await page.is_online()
        await context.set_offline(True)
        proxy.refusing = True
        proxy.cut()
        state = page.find("server-state")
        await expect(state).to_contain_text("It goes on by itself once it is back")
        for _ in range(3):
            await context.clock.fast_forward(LONG_OFFLINE_MS)
            await expect(state).to_have_attribute("data-state", "reconnecting")
        proxy.refusing = False
        await context.set_offline(False)
        await expect(state).to_have_attribute("data-state", "online", timeout=20_000)


async def test_on_another_network_a_dead_socket_is_found_at_once(stage: ServerProcess, link: str, look: Look) -> None:
    async with cutting_proxy(stage.http_port, random.Random(1)) as proxy:
        page = await look(link.replace(stage.url, proxy.url))
        await page.is_online()
        proxy.hang()
        await page.page.context.set_offline(True)
        await page.page.context.set_offline(False)
        state = page.find("server-state")
        await expect(state).to_have_attribute("data-state", "reconnecting", timeout=FOUND_WITHIN_MS)
        proxy.go_on()
        await expect(state).to_have_attribute("data-state", "online", timeout=20_000)


async def test_put_out_of_the_room_and_told_why(stage: ServerProcess, look: Look) -> None:
    page = await look(stage.url)
    await page.create_room()
    await page.is_online()
    room = await page.find("room-id").inner_text()
    id_token = await page.page.evaluate("JSON.parse(sessionStorage['heliograph:identity']).idToken")
    async with heliograph.Api(stage.url) as api:
        await api.close_room(room, id_token=id_token)
    await expect(page.find("error-banner")).to_contain_text(re.compile("removed, or the room was closed"))
    await expect(page.find("server-state")).to_have_attribute("data-state", "closed")


SIGNED_IN = "sessionStorage['heliograph:identity'] ??= JSON.stringify({ peerId: 'Browser-7', idToken: '%s' })"
STORED = "JSON.parse(sessionStorage['heliograph:identity'])"


async def test_a_page_that_stays_keeps_its_next_id_token_for_the_page_after_it(
    stage: ServerProcess, contexts: Callable[..., Awaitable[BrowserContext]], size: str, look: Look
) -> None:
    born_at = time.time() - TOKEN_LIFE_S + LEFT_S
    old = LocalIdentity(stage._data_dir, lambda: born_at).mint("anon-ann", TOKEN_LIFE_S)
    async with heliograph.Api(stage.url) as api:
        room = await api.create_room(id_token=old)
        context = await contexts(size)
        await context.add_init_script(SIGNED_IN % old)
        page = await look(f"{stage.url}/#room={room.room_id}&token={room.token}", context)
        assert await page.own_id() == "Browser-7"
        await page.page.wait_for_function(f"old => {STORED}.idToken !== old", arg=old, timeout=LEFT_S * 1000)
        stored = await page.page.evaluate(STORED)
        assert stored["peerId"] == "Browser-7"
        assert (await api.room(room.room_id, id_token=stored["idToken"])).token == room.token, "It is the same user"
    await page.is_online()
