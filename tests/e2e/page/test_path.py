"""How two found each other, step by step, and how the path carries."""

import re

import pytest
from demo_page import DemoPage, Look
from playwright.async_api import expect

ORDER = ["sign-in", "register", "local-offer", "remote-answer", "ice-connected", "dtls-connected"]

CHECKING = ["local-offer", "ice-checking", "ice-connected"]
"""Checks go both ways: those of a peer that has the offer may arrive before its answer does."""

STEPS = "(all) => all.map((item) => [item.dataset.step, item.querySelector('.step-time').innerText])"


async def steps(page: DemoPage) -> dict[str, str]:
    """The steps that the timeline shows, in its order, with the times in it."""
    items = page.find("timeline").locator("li")
    await expect(page.find("timeline").locator('[data-step="channel-open"]')).to_have_count(1)
    shown = await items.evaluate_all(STEPS)  # names and times of one moment: more may come
    return dict(shown)


@pytest.mark.usefixtures("worker")
async def test_every_step_of_the_handshake_has_its_time(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    await page.is_connected()
    await page.look_at("link")
    shown = await steps(page)
    for order in (ORDER, CHECKING):
        assert [name for name in shown if name in order] == order, shown
    assert {"local-host", "remote-host"} <= shown.keys()
    for name in {*ORDER[2:], *CHECKING}:
        assert re.fullmatch(r"\+(\d+ ms|\d+\.\d s)", shown[name]), (name, shown[name])
    await expect(page.find("timeline").locator('[data-step="sign-in"]')).to_contain_text("took")


async def test_both_sides_see_the_pair_and_their_own_half_of_the_handshake(link: str, look: Look) -> None:
    ann, bob = await look(link), await look(link)
    await ann.find("connect-button").click()
    await bob.is_connected()
    for page in (ann, bob):
        await page.look_at("link")
        await expect(page.find("candidate-pair")).to_contain_text(re.compile("Direct"))
        await expect(page.find("candidate-pair")).to_contain_text(re.compile(r"host\s+udp|prflx\s+udp"))
    assert "local-offer" in await steps(ann)
    assert {"remote-offer", "local-answer"} <= (await steps(bob)).keys()


@pytest.mark.usefixtures("worker")
async def test_charts_follow_what_moves(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    await page.is_connected()
    await page.find("file-input").set_input_files({"name": "x.bin", "mimeType": "", "buffer": bytes(8_000_000)})
    await page.look_at("link")
    rates = page.find("rate-chart").locator("svg")
    await expect(rates).to_have_attribute("aria-label", re.compile(r"at most [\d.]+ MB/s"), timeout=20_000)
    await expect(page.find("rate-chart").locator(".series.out")).to_have_attribute("d", re.compile("^M.*L"))
    await expect(page.find("rtt-chart").locator("output")).to_have_text(re.compile(r"\d+ ms|\d s"))
