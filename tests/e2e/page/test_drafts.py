"""What somebody is writing is for one peer, whoever comes and goes meanwhile."""

import contextlib

import pytest
from demo_page import Look
from playwright.async_api import expect

import heliograph

SECRET = "for Worker-1 alone"


@pytest.mark.usefixtures("worker")
async def test_a_draft_stays_with_its_conversation(link: str, look: Look) -> None:
    page = await look(link)
    name = await page.own_id()
    await page.connect("Worker-1")
    await page.look_at("talk")
    await page.find("chat-input").fill(SECRET)
    await page.find("hang-up").click()
    await expect(page.find("connection-state")).to_have_attribute("data-state", "closed")
    async with heliograph.connect(link, peer=name, peer_id="Client-1") as connection:
        await page.look_at("people")
        await expect(page.peer("Client-1")).to_have_attribute("data-state", "open")
        await page.look_at("talk")
        await expect(page.find("connection-peer")).to_have_text("Worker-1")
        await expect(page.find("chat-input")).to_have_value(SECRET)
        await page.look_at("people")
        await page.peer("Client-1").get_by_test_id("connect-button").click()
        await expect(page.find("connection-peer")).to_have_text("Client-1")
        await expect(page.find("chat-input")).to_have_value("")
        await page.chat("for Client-1")
        assert await connection.channel("chat").receive() == "for Client-1"
        await page.connect("Worker-1")
        await page.look_at("talk")
        await expect(page.find("chat-input")).to_have_value(SECRET)
        await page.find("chat-send").click()
        await page.hears(SECRET)


async def test_without_a_draft_whoever_calls_is_shown(link: str, look: Look) -> None:
    page = await look(link)
    name = await page.own_id()
    for peer_id in ("Client-1", "Client-2"):
        async with heliograph.connect(link, peer=name, peer_id=peer_id):
            await page.is_connected()
            await expect(page.find("connection-peer")).to_have_text(peer_id)
        await expect(page.find("connection-state")).to_have_attribute("data-state", "closed")


@pytest.mark.usefixtures("worker")
async def test_what_comes_out_of_view_is_marked(link: str, look: Look, size: str) -> None:
    page = await look(link)
    name = await page.own_id()
    dot = page.page.locator('[data-part="people-dot"]')
    async with contextlib.AsyncExitStack() as stack:
        await page.connect("Worker-1")
        connection = await stack.enter_async_context(heliograph.connect(link, peer=name, peer_id="Client-1"))
        await page.look_at("talk")
        await expect(dot).to_be_hidden()
        await connection.channel("chat").send("psst")
        if size == "phone":
            await expect(dot).to_be_visible()
        await page.look_at("people")
        await expect(page.peer("Client-1").get_by_test_id("peer-note")).to_contain_text("1 new")
        await page.peer("Client-1").get_by_test_id("connect-button").click()
        await page.hears("psst")
        await expect(page.peer("Client-1").get_by_test_id("peer-note")).not_to_contain_text("new")
        await expect(dot).to_be_hidden()


@pytest.mark.usefixtures("worker")
async def test_hung_up_and_connected_again(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    await page.is_connected()
    await page.look_at("talk")
    await expect(page.find("reconnect")).to_be_hidden()
    await page.find("hang-up").click()
    await expect(page.find("connection-state")).to_have_attribute("data-state", "closed")
    await expect(page.find("chat-input")).to_be_disabled()
    await expect(page.find("hang-up")).to_be_hidden()
    await page.find("reconnect").click()
    await page.is_connected()
    await page.chat("here again")
    await page.hears("here again")
