"""Who is there: cards that follow what peers say of themselves, and claims on workers."""

import contextlib
import re

import pytest
from demo_page import Look
from playwright.async_api import expect

import heliograph


async def test_a_card_follows_its_worker(link: str, look: Look) -> None:
    page = await look(link)
    async with heliograph.Worker(link, peer_id="Worker-7", tags=["gpu"], properties={"memory_mb": 8192}) as worker:
        card = page.peer("Worker-7")
        await expect(card).to_be_visible()
        await expect(card.get_by_test_id("peer-role")).to_have_text("worker")
        await expect(card.get_by_test_id("peer-tags")).to_have_text("gpu")
        await expect(card.get_by_test_id("peer-properties")).to_have_text(re.compile("memory_mb.*8192", re.DOTALL))
        await worker.update(tags=["busy"], properties={"memory_mb": 4096, "job": {"step": 3}})
        await expect(card.get_by_test_id("peer-tags").locator("li")).to_have_text(["gpu", "busy"])
        await expect(card.get_by_test_id("peer-properties")).to_contain_text("4096")
        await expect(card.get_by_test_id("peer-properties")).to_contain_text('{"step":3}')
    await expect(card).to_have_count(0)


async def test_others_see_the_tags_that_one_adds(link: str, look: Look) -> None:
    ann, bob = await look(link), await look(link)
    await ann.find("edit-tags").click()
    await ann.find("tag-input").fill("<i>painter</i>")
    await ann.find("tag-add").click()
    await expect(ann.find("own-tags")).to_contain_text("<i>painter</i>")
    await expect(bob.find("peer-tags").first).to_contain_text("<i>painter</i>")


@pytest.mark.usefixtures("worker")
async def test_one_claims_and_the_next_waits_in_line(link: str, look: Look) -> None:
    ann, bob = await look(link), await look(link)
    await ann.find("claim-button").click()
    await ann.is_connected()
    await ann.look_at("people")
    await expect(ann.peer("Worker-1")).to_have_attribute("data-claimed", "mine")
    await expect(bob.peer("Worker-1")).to_have_attribute("data-claimed", "other")
    await expect(bob.peer("Worker-1").get_by_test_id("peer-note")).to_contain_text("claimed by Browser-")
    await bob.find("claim-button").click()
    await expect(bob.find("claiming")).to_contain_text("next in line")
    await bob.find("claim-cancel").click()
    await expect(bob.find("claiming")).to_be_hidden()
    await bob.find("claim-button").click()
    await expect(bob.find("claiming")).to_contain_text("in line")
    await ann.peer("Worker-1").get_by_test_id("release-button").click()
    await bob.is_connected()
    await bob.look_at("people")
    await expect(bob.peer("Worker-1")).to_have_attribute("data-claimed", "mine")
    await expect(ann.peer("Worker-1")).to_have_attribute("data-claimed", "other")


@pytest.mark.usefixtures("worker")
async def test_several_conversations_at_once(link: str, look: Look) -> None:
    async with contextlib.AsyncExitStack() as stack:
        second = await stack.enter_async_context(heliograph.Worker(link, peer_id="Worker-2"))

        @second.on_channel("chat")
        async def shout(channel: heliograph.Channel) -> None:
            async for message in channel:
                await channel.send(f"{message!s}!")

        page = await look(link)
        await page.connect("Worker-1")
        await page.chat("one")
        await page.hears("one")
        await page.connect("Worker-2")
        await page.chat("two")
        await page.hears("two!")
        await expect(page.find("chat-log")).not_to_contain_text("one")
        await page.look_at("people")
        for name in ("Worker-1", "Worker-2"):
            await expect(page.peer(name)).to_have_attribute("data-state", "open")
        await page.peer("Worker-1").get_by_test_id("connect-button").click()
        await page.hears("one")
