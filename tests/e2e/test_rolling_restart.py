"""All nodes of a cluster are restarted, one after the other: whoever has the page open and talks sees none of it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from demo_page import DemoPage, OpenPage
from server_cluster import ServerCluster

ROUNDS: Final = 10 if os.environ.get("CLUSTER_TESTS") == "full" else 1
NODES: Final = 3
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
    environ = {"HELIOGRAPH_SIGNIN_LIMIT": "0", "HELIOGRAPH_RESUME_WINDOW_S": str(RESUME_WINDOW_S)}
    cluster = ServerCluster(tmp_path / "data", environ, NODES)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.close()


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
