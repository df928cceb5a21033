"""A room's link as a QR code, to be scanned from one screen with another device.

The link holds the room's token, so it comes in the body of a POST, which no log and no history keeps, and nothing of it
is kept here.
"""

import io
from typing import Any, Final

import segno
from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from heliograph_server.errors import InvalidRequest
from heliograph_server.ops.limits import AddressLimiter
from heliograph_server.requests import JsonRequest

__all__ = ["MAX_TEXT_BYTES", "QR_CODES_PER_MINUTE", "QrController", "qr_svg"]

MAX_TEXT_BYTES: Final = 384
"""A room's link has some 130. More makes a picture that is hard to scan, and dear to draw."""
QR_CODES_PER_MINUTE: Final = 30
QUIET_ZONE_MODULES: Final = 2


class QrRequest(Struct, frozen=True):
    """What the code shall say."""

    text: str


class QrController(Controller):
    """Codes for the page."""

    path = "/qr"
    include_in_schema = False
    request_class = JsonRequest
    request_max_body_size = 4 * MAX_TEXT_BYTES

    @post("/", status_code=200, sync_to_thread=True)
    def draw(
        self, request: Request[Any, Any, Any], data: JSONBody[QrRequest], qr_limiter: NamedDependency[AddressLimiter]
    ) -> Response[bytes]:
        """The code as SVG."""
        qr_limiter.check(request)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(qr_svg(data.text), media_type="image/svg+xml", headers=headers)


def qr_svg(text: str) -> bytes:
    """The code, one unit a module, dark on nothing. Raises `InvalidRequest`."""
    if not 0 < len(text.encode("utf-8", "surrogatepass")) <= MAX_TEXT_BYTES:
        raise InvalidRequest(f"text: Expected 1 to {MAX_TEXT_BYTES} bytes")
    drawing = io.BytesIO()
    code = segno.make_qr(text, error="m", boost_error=False)
    code.save(
        drawing, kind="svg", border=QUIET_ZONE_MODULES, xmldecl=False, svgclass=None, lineclass=None, omitsize=True
    )
    return drawing.getvalue()
