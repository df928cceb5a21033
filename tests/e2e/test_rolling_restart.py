"""All nodes of a cluster are restarted, one after the other: whoever has the page open and talks sees none of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from demo_page import DemoPage, OpenPage
from server_cluster import FULL, ServerCluster, running_cluster

ROUNDS: Final = 10 if FULL else 1
RESUME_WINDOW_S: Final = 120
"""The machine may be busy with other tests."""

WATCH = """() => {
  const look = () => {
    const state = document.querySelector('[data-testid="connection-state"]').dataset.state;
    const peer = document.querySelector('[data-testid="peer-item"][data-peer="Worker-3108"]');
    return peer === null ? `${state}, and the worker is not there` : state;
  };
  window.seen = [look()];
  const note = () => { if (look() !== window.seen.at(-1)) window.seen.push(look()); };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerCluster]:
    """Nodes behind a load balancer."""
    async with running_cluster(tmp_path / "data", resume_window_s=RESUME_WINDOW_S) as cluster:
        yield cluster


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("worker")
async def test_a_conversation_sees_nothing_of_it(server: ServerCluster, link: str, open_page: OpenPage) -> None:
    page = await open_page(link)
    await page.connect("Worker-3108")
    name = await page.own_id()
    await page.page.evaluate(WATCH)
    for number in range(ROUNDS):
        for place, node in enumerate(server.nodes):
            assert await node.stop() == 0
            await says(page, f"round {number}, without node {place}")
            await node.start()
            await server.start()  # until it is ready
        newcomer = await open_page(link)
        await newcomer.connect("Worker-3108")
        await says(newcomer, f"somebody else in round {number}")
        await newcomer.page.close()
    await says(page, "after all of it")
    assert await page.page.evaluate("window.seen") == ["open"]
    assert await page.own_id() == name
    assert server.events("cluster.failed") == []


async def says(page: DemoPage, text: str) -> None:
    """Say something to the worker, and hear its echo."""
    await page.chat(text)
    await page.hears(f": {text}")
