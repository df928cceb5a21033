"""Calling a method of the other side, and seeing its results come."""

import re

import pytest
from demo_page import Look
from playwright.async_api import expect


@pytest.mark.usefixtures("worker")
async def test_results_stream_line_by_line_until_they_are_cancelled(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    await page.is_connected()
    short = await page.call("train", "3")
    await expect(short).to_have_attribute("data-state", "done")
    await expect(short.get_by_test_id("call-line")).to_have_text([re.compile(f'"step":{step}') for step in (1, 2, 3)])
    long = await page.call("train", "1000")
    await expect(long.get_by_test_id("call-line").nth(1)).to_be_visible()  # there may be more by then
    await expect(long).to_have_attribute("data-state", "running")
    await long.get_by_test_id("call-cancel").click()
    await expect(long).to_have_attribute("data-state", "cancelled")
    await expect(long.get_by_test_id("call-status")).to_contain_text("Cancelled after")


@pytest.mark.usefixtures("worker")
async def test_one_result_and_every_way_to_fail_in_words(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    await page.is_connected()
    primes = await page.call("primes", "12")
    await expect(primes.get_by_test_id("call-line")).to_have_text("[2,3,5,7,11]")
    for method, argument, words in [
        ("nothing", "", "no such method"),
        ("primes", '"many"', "do not take this argument"),
        ("train", "0", "From 1 to 1,000 steps"),
    ]:
        call = await page.call(method, argument)
        await expect(call).to_have_attribute("data-state", "failed")
        await expect(call.get_by_test_id("call-status")).to_contain_text(words)
    calls = await page.find("call-item").count()
    await page.call("primes", "{broken")
    await expect(page.find("call-hint")).to_contain_text("no JSON")
    await expect(page.find("call-argument")).to_be_focused()
    await page.call("", "")
    await expect(page.find("call-hint")).to_contain_text("Which method")
    await expect(page.find("call-item")).to_have_count(calls)


async def test_one_browser_calls_another(link: str, look: Look) -> None:
    ann, bob = await look(link), await look(link)
    await ann.find("connect-button").click()
    await bob.is_connected()
    call = await bob.call("count", "3")
    await expect(call.get_by_test_id("call-line")).to_have_text(["1", "2", "3"])
    echo = await bob.call("echo", '["a", {"b": null}]')
    await expect(echo.get_by_test_id("call-line")).to_have_text('["a",{"b":null}]')
