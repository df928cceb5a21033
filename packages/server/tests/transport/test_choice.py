"""Which transport serves."""

import sys

import pytest
from structlog.testing import capture_logs

from heliograph_server.settings import Settings
from heliograph_server.transport.picows import PicowsWebSocket
from heliograph_server.transport.uvicorn_options import websocket_options
from heliograph_server.transport.uvicorn_ws import UvicornWebSocket


def test_the_fast_lane_is_the_default() -> None:
    assert websocket_options(Settings().transport)["ws"] is PicowsWebSocket
    assert websocket_options("asgi")["ws"] is UvicornWebSocket


def test_where_picows_cannot_be_imported_the_portable_one_serves_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "heliograph_server.transport.picows", None)
    with capture_logs() as events:
        assert websocket_options("picows")["ws"] is UvicornWebSocket
    (event,) = events
    assert (event["event"], event["log_level"]) == ("transport.fallback", "warning")
    assert (event["wanted"], event["serving"]) == ("picows", "asgi")
