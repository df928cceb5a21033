"""Why did these two not connect? The inspector, before those who may look."""

import asyncio
import json
import re
from importlib.metadata import version
from typing import Any

import pytest
from demo_page import Look
from inspector_page import OPERATOR_TOKEN, Inspect, InspectorPage, hear, raw_peer, say
from playwright.async_api import expect
from server_process import ServerProcess, out_of_service
from websockets.asyncio.client import ClientConnection

import heliograph

ON_ONE_SCREEN = pytest.mark.parametrize("size", ["desktop"], indirect=True)
HOST = "v=0\r\na=candidate:1 1 udp 1 192.0.2.7 9 typ host\r\n"
SHOWN_PAIRS = 100
KEPT_PAIRS = 100
"""Of those that one peer has opened."""

LEAVES_EARLY = """async ([room, token, atOnce]) => {
  const { MemberSource } = await import('/inspector/static/sources.js');
  const source = new MemberSource({ room, token }, { view() {}, state() {} });
  const Socket = WebSocket;
  window.WebSocket = class extends Socket {
    constructor(url) {
      super(url);
      source.close();
    }
  };
  const opening = source.open().then(() => 'opened', ({ name }) => name);
  if (atOnce) source.close();
  const came = await opening;
  window.WebSocket = Socket;
  return came;
}"""
HASTE = """async (hashes) => {
  for (const hash of hashes) {
    location.hash = hash;
    await new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }));
  }
}"""


def offer(target: str, **fields: Any) -> dict[str, Any]:
    return {"type": "offer", "target": target, "sdp": HOST} | fields


async def keep_offering(socket: ClientConnection, target: str) -> None:
    """Twenty a second."""
    while True:
        await say(socket, offer(target))
        await asyncio.sleep(0.05)


async def is_one_line(page: InspectorPage) -> None:
    """The head of the page has everything beside each other, and nothing sticks out."""
    parts = page.page.locator(".brand, .where-room, #server-state")
    boxes = [await part.bounding_box() for part in await parts.all()]
    middles = [box["y"] + box["height"] / 2 for box in boxes if box is not None]
    assert len(middles) == len(boxes) == 3
    assert max(middles) - min(middles) < 12
    assert await page.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


async def test_a_pair_that_fails_is_explained_as_it_happens(
    stage: ServerProcess, room: heliograph.Room, inspect: Inspect
) -> None:
    page = await (await inspect()).sign_in(stage.url)
    async with raw_peer(stage, room, "ann", role="client") as ann, raw_peer(stage, room, "bob") as bob:
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


async def test_the_creator_gets_there_from_the_room(stage: ServerProcess, look: Look) -> None:
    creator = await look(stage.url)
    link = await creator.create_room()
    await expect(creator.find("inspect")).to_be_visible()
    async with creator.page.expect_popup() as opening:
        await creator.find("inspect").click()
    page = InspectorPage(await opening.value)
    own = await creator.own_id()
    await expect(page.row("peers", own)).to_have_attribute("data-status", "online")
    await expect(page.find("server-state")).to_have_attribute("data-state", "online")
    guest = await look(link)
    other = await guest.own_id()
    await expect(page.row("peers", other)).to_be_visible()
    await expect(guest.find("inspect")).to_be_hidden()
    await expect(guest.find("peer-list")).not_to_contain_text("Inspector")
    await creator.connect(other)
    await page.explain(own, other)
    await expect(page.entries("answer").first).to_be_visible()
    await expect(page.entries("candidate").filter(has_text="no more candidates").first).to_be_visible()
    assert page.complaints == []


async def test_nobody_else_does(stage: ServerProcess, room: heliograph.Room, inspect: Inspect) -> None:
    page = await inspect()
    await page.page.goto(f"{stage.url}/inspector#room={room.room_id}&token={room.token}")
    await expect(page.find("gate-trouble")).to_contain_text("creator")
    await expect(page.find("room-view")).to_be_hidden()


async def test_the_wrong_token_opens_nothing(stage: ServerProcess, inspect: Inspect) -> None:
    page = await (await inspect()).sign_in(stage.url, "wrong")
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


async def test_a_server_that_restarts_is_found_again(stage: ServerProcess, inspect: Inspect) -> None:
    page = await (await inspect()).sign_in(stage.url)
    page.forgive("ERR_CONNECTION_REFUSED|503")
    await expect(page.find("overview")).to_be_visible()
    async with out_of_service(stage):
        await expect(page.find("server-state")).to_have_attribute("data-state", "reconnecting")
    await expect(page.find("server-state")).to_have_attribute("data-state", "online", timeout=20_000)
    await expect(page.fact("node", "Up for")).to_have_text(re.compile(r"^\d{1,2} s$"))


async def test_what_peers_call_themselves_is_text(
    stage: ServerProcess, room: heliograph.Room, inspect: Inspect
) -> None:
    role = "<img src=x onerror=alert(1)>"
    group = "</script><script>alert(2)</script>"
    page = await (await inspect()).sign_in(stage.url)
    async with (
        raw_peer(stage, room, "a" * 128, role=role, groups=[group, "default"]) as long,
        raw_peer(stage, room, "ann"),
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


async def test_it_is_worked_by_keyboard(stage: ServerProcess, room: heliograph.Room, inspect: Inspect) -> None:
    page = await inspect()
    await page.page.goto(f"{stage.url}/inspector")
    await _focus(page, "operator-token")
    await page.page.keyboard.type(OPERATOR_TOKEN)
    await page.page.keyboard.press("Enter")
    async with raw_peer(stage, room, "ann") as ann:
        await say(ann, offer("bob"))
        link = page.row("rooms", room.room_id).get_by_role("link")
        await link.focus()
        await page.page.keyboard.press("Enter")
        await _focus(page, "ask-one")
        await page.page.keyboard.type("ann")
        await page.page.keyboard.press("Tab")
        await page.page.keyboard.type("bob")
        await page.page.keyboard.press("Enter")
        await page.verdict("never_there")
        await expect(page.page).to_have_url(re.compile(r"peers=ann%2Cbob"))
        assert await page.find("verdict").get_attribute("role") == "status"
        await page.page.go_back()
        await expect(page.find("focus-title")).to_have_text("What happens")


async def _focus(page: InspectorPage, name: str) -> None:
    """A field that is on the screen: one that is not there yet takes no focus, and nothing says so."""
    await expect(page.find(name)).to_be_visible()
    await page.find(name).focus()


async def test_no_secret_is_in_what_the_page_gets(
    stage: ServerProcess, room: heliograph.Room, inspect: Inspect
) -> None:
    page = await inspect()
    frames: list[str] = []
    page.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    await page.sign_in(stage.url)
    async with raw_peer(stage, room, "ann") as ann, raw_peer(stage, room, "bob"):
        await page.row("rooms", room.room_id).get_by_role("link").click()
        await say(ann, offer("bob"))
        await expect(page.entries("offer")).to_be_visible()
    told = json.dumps(frames)
    assert "inspection" in told
    for secret in (room.token, OPERATOR_TOKEN, "192.0.2.7", "v=0"):
        assert secret not in told


async def test_the_server_in_figures(stage: ServerProcess, room: heliograph.Room, inspect: Inspect) -> None:
    page = await (await inspect()).sign_in(stage.url)
    await expect(page.fact("node", "State")).to_have_text("ready")
    codes = ("PEER_NOT_FOUND", "INVALID_MESSAGE")
    before = [await page.refusals(code) for code in codes]
    row = page.row("rooms", room.room_id)
    async with raw_peer(stage, room, "ann", role="client") as ann, raw_peer(stage, room, "bob", role="worker"):
        await expect(row.locator("td")).to_have_text(["2", "0", "0", "0", "0"])
        await expect(page.fact("node", "Connections")).to_have_text("3")
        await say(ann, {"type": "claim_peer", "filters": {"role": "worker"}})
        claim = await hear(ann, "peer_claimed")
        await say(ann, *(offer(target) for target in ("bob", "nobody", "somebody")), {"type": "offer"})
        await expect(row.locator("td")).to_have_text(["2", "1", "1", "3", "2"])
        await expect(row).to_have_attribute("data-mood", "trouble")
        for code, count, more in zip(codes, before, (2, 1), strict=True):
            await expect(page.row("refusals", code).locator("span")).to_have_text(str(count + more))
        async with asyncio.TaskGroup() as group:
            talk = group.create_task(keep_offering(ann, "bob"))
            await expect(page.find("message-rate")).to_have_text(re.compile(r"^([5-9]\.\d|[1-3]\d)$"))
            talk.cancel()
        for name, value in {
            "Up for": r"^\d+ (s|min)$",
            "Processor": r"^\d+\.\d %$",
            "Memory": r"^[\d.]+ MB$",
            "Event loop late by": r"^\d+\.\d ms at most$",
            "Forwarded within": r"^\d+ µs \(99 % within \d+\)$",
            "Tasks": r"^\d+$",
            "Version": f"^{re.escape(version('heliograph-server'))}$",
        }.items():
            await expect(page.fact("node", name)).to_have_text(re.compile(value))

        await row.get_by_role("link").click()
        await expect(page.fact("room-facts", "State")).to_have_text("somebody is here")
        await expect(page.fact("room-facts", "Messages")).to_have_text(re.compile(r"^[1-9]\d*$"))
        await expect(page.fact("room-facts", "Refused")).to_have_text("PEER_NOT_FOUND 2, INVALID_MESSAGE 1")
        await expect(page.find("peers-here")).to_have_text("2")
        await expect(page.row("peers", "ann")).to_contain_text("holds bob · 3 refused")
        await expect(page.row("peers", "bob")).to_contain_text("claimed by ann")
        await expect(page.entries("claimed")).to_contain_text("ann claimed bob")
        await say(ann, {"type": "release_claim", "claim_id": claim["claim_id"]})
        await expect(page.entries("claim_ended")).to_contain_text("claim on bob is over given back")
        await expect(page.row("peers", "ann")).not_to_contain_text("holds")
        await expect(page.row("peers", "bob")).not_to_contain_text("claimed")


@ON_ONE_SCREEN
async def test_whoever_offers_to_names_without_end_fills_no_list_without_end(
    stage: ServerProcess, room: heliograph.Room, inspect: Inspect
) -> None:
    page = await (await inspect()).sign_in(stage.url)
    pairs = page.find("pairs").get_by_test_id("pair")
    async with raw_peer(stage, room, "ann") as ann, raw_peer(stage, room, "eve") as eve:
        await page.row("rooms", room.room_id).get_by_role("link").click()
        await say(ann, offer("nobody-0"))
        await expect(page.row("pairs", "ann nobody-0")).to_have_attribute("data-mood", "trouble")
        await say(ann, *(offer(f"nobody-{number}") for number in range(1, KEPT_PAIRS + 1)))
        await expect(page.row("pairs", f"ann nobody-{KEPT_PAIRS}")).to_be_visible()
        await expect(page.row("pairs", "ann nobody-0")).to_have_count(0)
        await expect(pairs).to_have_count(KEPT_PAIRS)
        await expect(page.find("more-pairs")).to_be_hidden()
        await say(eve, *(offer(f"nobody-{number}") for number in range(30)))
        await expect(page.find("more-pairs")).to_contain_text(f"And {KEPT_PAIRS + 30 - SHOWN_PAIRS} more")
        await expect(pairs).to_have_count(SHOWN_PAIRS)
        await expect(page.row("pairs", "eve nobody-29")).to_be_visible()


@ON_ONE_SCREEN
@pytest.mark.parametrize("at_once", [True, False], ids=["at-once", "while-it-connects"])
async def test_whoever_goes_elsewhere_before_it_is_in_leaves_nobody_behind(
    stage: ServerProcess, inspect: Inspect, at_once: bool
) -> None:
    page = await inspect()
    place = await own_room(stage, page)
    await page.page.goto(f"{stage.url}/inspector")
    room, token = re.findall("=([^&]+)", place)
    assert await page.page.evaluate(LEAVES_EARLY, [room, token, at_once]) == "AbortError"
    await page.page.evaluate(HASTE, [place])
    await is_alone(page)


@ON_ONE_SCREEN
async def test_whoever_comes_back_before_it_is_in_is_there_once(stage: ServerProcess, inspect: Inspect) -> None:
    page = await inspect()
    place = await own_room(stage, page)
    await page.page.goto(f"{stage.url}/inspector")
    await page.page.evaluate(HASTE, [place, "", place])
    await is_alone(page)
    await expect(page.find("server-state")).to_have_attribute("data-state", "online")
    await expect(page.find("gate")).to_be_hidden()


async def own_room(stage: ServerProcess, page: InspectorPage) -> str:
    """The place, as in the address, of a room whose creator the page is for."""
    async with heliograph.Api(stage.url) as api:
        identity = await api.sign_in()
        room = await api.create_room(id_token=identity.id_token)
    stored = json.dumps({"peerId": "Creator", "idToken": identity.id_token})
    await page.page.add_init_script(f"sessionStorage.setItem('heliograph:identity', {json.dumps(stored)})")
    return f"#room={room.room_id}&token={room.token}"


async def is_alone(page: InspectorPage) -> None:
    """It sees itself and nobody else in the room."""
    await expect(page.find("room-view")).to_be_visible()
    await expect(page.find("peers").locator('[data-status="online"], [data-status="away"]')).to_have_count(1)
