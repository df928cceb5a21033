"""Fixtures of the tests of remote calls."""

import pytest

import heliograph


@pytest.fixture
def worker() -> heliograph.Worker:
    """A worker without handlers and without a server."""
    return heliograph.Worker("http://127.0.0.1:1", room="r", token="t", peer_id="Worker-1")
