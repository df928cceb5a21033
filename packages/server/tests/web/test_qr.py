"""QR codes of room links."""

import re
from collections.abc import AsyncIterator
from xml.etree import ElementTree as ET

import pytest
import structlog
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from heliograph_server.ops.limits import AddressLimiter
from heliograph_server.problems import EXCEPTION_HANDLERS
from heliograph_server.web.qr import MAX_TEXT_BYTES, QrController, qr_svg

LINK = "http://127.0.0.1:8001/#room=k3x9p2ab&token=0123456789abcdef0123456789abcdef"
Client = AsyncTestClient[Litestar]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    limiter = AddressLimiter(3, clock=lambda: 0.0, calls="QR codes")
    app = Litestar(
        [QrController],
        dependencies={"qr_limiter": Provide(lambda: limiter, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        logging_config=None,
    )
    async with AsyncTestClient(app) as client:
        yield client


async def test_a_link_becomes_a_picture_that_nobody_keeps(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await client.post("/qr", json={"text": LINK})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    root = ET.fromstring(answer.text)
    assert root.tag.endswith("svg")
    assert "0123456789abcdef" not in f"{answer.text}{logs}"


def test_the_code_says_the_text() -> None:
    """The modules of the picture are those that the text stands for, and those of another text are others."""
    assert qr_svg(LINK) == qr_svg(LINK)
    assert qr_svg(LINK) != qr_svg(LINK.replace("k3x9p2ab", "k3x9p2ac"))
    root = ET.fromstring(qr_svg(LINK))
    _, _, width, height = map(int, root.attrib["viewBox"].split())
    assert width == height
    [path] = root
    # The top row of the first finder pattern: seven dark modules, two from the edge.
    assert re.match(r"M2 2\.5h7m", path.attrib["d"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 400),
        ({"text": "x" * MAX_TEXT_BYTES}, 200),
        ({"text": "x" * (MAX_TEXT_BYTES + 1)}, 400),
        ({"text": "é" * (MAX_TEXT_BYTES // 2 + 1)}, 400),
        ({"text": 7}, 400),
        ({}, 400),
        ([], 400),
    ],
)
async def test_how_long_a_text_may_be(client: Client, body: object, status: int) -> None:
    assert (await client.post("/qr", json=body)).status_code == status


async def test_a_body_that_is_too_big(client: Client) -> None:
    assert (await client.post("/qr", json={"text": "x" * 10_000})).status_code == 413


async def test_not_too_many(client: Client) -> None:
    for _ in range(3):
        assert (await client.post("/qr", json={"text": LINK})).status_code == 200
    answer = await client.post("/qr", json={"text": LINK})
    assert answer.status_code == 429
    assert "Too many QR codes" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) > 0


async def test_a_get_has_no_place_for_a_link(client: Client) -> None:
    assert (await client.get("/qr", params={"text": LINK})).status_code == 405
