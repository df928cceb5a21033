"""Why did these two not connect? The inspector, before those who may look."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from demo_page import OpenPage
from inspector_page import OPERATOR_TOKEN, InspectorPage, raw_peer, say
from playwright.async_api import Browser, ViewportSize, expect
from server_process import ServerProcess, running_server

import heliograph

SIZES: dict[str, ViewportSize] = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
HOST = "v=0\r\na=candidate:1 1 udp 1 192.0.2.7 9 typ host\r\n"

Inspect = Callable[[], Awaitable[InspectorPage]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server that its operator may inspect."""
    async with running_server(tmp_path / "data", {"HELIOGRAPH_OPERATOR_TOKEN": OPERATOR_TOKEN}) as server:
        yield server


@pytest.fixture
async def inspect(chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Inspect]:
    """Opens a page on a large screen, or on that of the story. What the browser complains of fails it."""
    size = SIZES[getattr(request, "param", "desktop")]
    pages: list[InspectorPage] = []

    async def open_one() -> InspectorPage:
        context = await chromium.new_context(viewport=size)
        pages.append(InspectorPage(await context.new_page()))
        return pages[-1]

    yield open_one
    for page in pages:
        await page.page.context.close()
    assert [complaint for page in pages for complaint in page.complaints] == []


def offer(target: str, **fields: Any) -> dict[str, Any]:
    return {"type": "offer", "target": target, "sdp": HOST} | fields


async def is_one_line(page: InspectorPage) -> None:
    """The head of the page has everything beside each other, and nothing sticks out."""
    parts = page.page.locator(".brand, .where-room, #server-state")
    boxes = [await part.bounding_box() for part in await parts.all()]
    middles = [box["y"] + box["height"] / 2 for box in boxes if box is not None]
    assert len(middles) == len(boxes) == 3
    assert max(middles) - min(middles) < 12
    assert await page.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("inspect", SIZES, indirect=True)
async def test_a_pair_that_fails_is_explained_as_it_happens(
    server: ServerProcess, room: heliograph.Room, inspect: Inspect
) -> None:
    page = await (await inspect()).sign_in(server.url)
    async with raw_peer(server, room, "ann", role="client") as ann, raw_peer(server, room, "bob") as bob:
        await expect(page.row("rooms", room.room_id)).to_contain_text("2")
        await page.row("rooms", room.room_id).get_by_role("link").click()
        await page.explain("ann", "bob")
        await page.verdict("nothing_said")
        await is_one_line(page)
        await say(ann, offer("bob"))
        await page.verdict("waits_for_answer")
        await expect(page.entries("offer")).to_contain_text("candidates: host")
        await say(bob, {"type": "answer", "target": "ann", "sdp": HOST})
        await say(bob, {"type": "candidate", "target": "ann", "candidate": None})
        await page.verdict("connecting")
        await expect(page.entries("candidate")).to_contain_text("no more candidates")
        await say(ann, {"type": "report", "peer_id": "bob", "state": "failed"})
        await page.verdict("no_path_only_host")
        await expect(page.find("verdict")).to_contain_text("TURN")
        await expect(page.row("pairs", "ann bob")).to_have_attribute("data-mood", "trouble")
        await say(ann, offer("bob"))
        await say(bob, {"type": "error", "target": "ann", "reason": "worker_busy"})
        await page.verdict("worker_busy")
        await say(ann, offer("nobody"))
        await page.row("pairs", "ann nobody").get_by_role("button").click()
        await page.verdict("never_there")
    await expect(page.row("peers", "bob")).to_have_attribute("data-status", "gone")
    await page.row("peers", "bob").get_by_role("button").click()
    await expect(page.find("focus-title")).to_have_text("bob")
    await expect(page.entries("left")).to_have_count(1)
    await expect(page.entries("left")).to_contain_text("closed by the peer, code 1000")
    await page.find("focus-close").click()
    await expect(page.find("focus-title")).to_have_text("What happens")


async def test_the_creator_gets_there_from_the_room(server: ServerProcess, open_page: OpenPage) -> None:
    creator = await open_page(server.url)
    link = await creator.create_room()
    await expect(creator.find("inspect")).to_be_visible()
    async with creator.page.expect_popup() as opening:
        await creator.find("inspect").click()
    page = InspectorPage(await opening.value)
    own = await creator.own_id()
    await expect(page.row("peers", own)).to_have_attribute("data-status", "online")
    await expect(page.find("server-state")).to_have_attribute("data-state", "online")
    guest = await open_page(link)
    other = await guest.own_id()
    await expect(page.row("peers", other)).to_be_visible()
    await expect(guest.find("inspect")).to_be_hidden()
    await expect(guest.find("peer-list")).not_to_contain_text("Inspector")
    await creator.connect(other)
    await page.explain(own, other)
    await expect(page.entries("answer").first).to_be_visible()
    await expect(page.entries("candidate").filter(has_text="no more candidates").first).to_be_visible()
    assert page.complaints == []


async def test_nobody_else_does(server: ServerProcess, room: heliograph.Room, inspect: Inspect) -> None:
    page = await inspect()
    await page.page.goto(f"{server.url}/inspector#room={room.room_id}&token={room.token}")
    await expect(page.find("gate-trouble")).to_contain_text("creator")
    await expect(page.find("room-view")).to_be_hidden()


async def test_the_wrong_token_opens_nothing(server: ServerProcess, inspect: Inspect) -> None:
    page = await (await inspect()).sign_in(server.url, "wrong")
    await expect(page.find("gate-trouble")).to_contain_text("not the token")
    await expect(page.find("overview")).to_be_hidden()
    await page.find("operator-token").fill(OPERATOR_TOKEN)
    await page.find("gate-open").click()
    await expect(page.find("overview")).to_be_visible()
    await expect(page.find("node")).to_contain_text("ready")
    await page.page.reload()
    await expect(page.find("overview")).to_be_visible()
    await page.find("sign-out").click()
    await expect(page.find("gate")).to_be_visible()
    await expect(page.find("overview")).to_be_hidden()


async def test_a_server_that_restarts_is_found_again(server: ServerProcess, inspect: Inspect) -> None:
    page = await (await inspect()).sign_in(server.url)
    await expect(page.find("room-count")).to_have_text("0")
    await server.stop()
    await expect(page.find("server-state")).to_have_attribute("data-state", "reconnecting")
    await server.start()
    await expect(page.find("server-state")).to_have_attribute("data-state", "online", timeout=20_000)
    page.complaints = [line for line in page.complaints if "ERR_CONNECTION_REFUSED" not in line]


@pytest.mark.parametrize("inspect", SIZES, indirect=True)
async def test_what_peers_call_themselves_is_text(
    server: ServerProcess, room: heliograph.Room, inspect: Inspect
) -> None:
    role = "<img src=x onerror=alert(1)>"
    group = "</script><script>alert(2)</script>"
    page = await (await inspect()).sign_in(server.url)
    async with (
        raw_peer(server, room, "a" * 128, role=role, groups=[group, "default"]) as long,
        raw_peer(server, room, "ann"),
    ):
        await say(
            long, offer("ann", connection_id="<b>", note="<i>"), {"type": "error", "target": "ann", "reason": role}
        )
        await page.row("rooms", room.room_id).get_by_role("link").click()
        await expect(page.row("peers", "a" * 128)).to_contain_text(role)
        await expect(page.row("peers", "a" * 128)).to_contain_text(group)
        await page.row("pairs", f"{'a' * 128} ann").get_by_role("button").click()
        await page.verdict("declined")
        width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert await page.page.evaluate(width), "nothing runs out of the page"
        assert await page.page.locator("main img, main script, main b").count() == 0


async def test_it_is_worked_by_keyboard(server: ServerProcess, room: heliograph.Room, inspect: Inspect) -> None:
    page = await inspect()
    await page.page.goto(f"{server.url}/inspector")
    await page.find("operator-token").focus()
    await page.page.keyboard.type(OPERATOR_TOKEN)
    await page.page.keyboard.press("Enter")
    async with raw_peer(server, room, "ann") as ann:
        await say(ann, offer("bob"))
        link = page.row("rooms", room.room_id).get_by_role("link")
        await link.focus()
        await page.page.keyboard.press("Enter")
        await page.find("ask-one").focus()
        await page.page.keyboard.type("ann")
        await page.page.keyboard.press("Tab")
        await page.page.keyboard.type("bob")
        await page.page.keyboard.press("Enter")
        await page.verdict("never_there")
        await expect(page.page).to_have_url(re.compile(r"peers=ann%2Cbob"))
        assert await page.find("verdict").get_attribute("role") == "status"
        await page.page.go_back()
        await expect(page.find("focus-title")).to_have_text("What happens")


async def test_no_secret_is_in_what_the_page_gets(
    server: ServerProcess, room: heliograph.Room, inspect: Inspect
) -> None:
    page = await inspect()
    frames: list[str] = []
    page.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    await page.sign_in(server.url)
    async with raw_peer(server, room, "ann") as ann, raw_peer(server, room, "bob"):
        await page.row("rooms", room.room_id).get_by_role("link").click()
        await say(ann, offer("bob"))
        await expect(page.entries("offer")).to_be_visible()
    told = json.dumps(frames)
    assert "inspection" in told
    for secret in (room.token, OPERATOR_TOKEN, "192.0.2.7", "v=0"):
        assert secret not in told
