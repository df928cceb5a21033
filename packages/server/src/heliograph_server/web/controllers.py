"""The demo page and the browser SDK over HTTP."""

from importlib.metadata import version
from typing import Any, Final

from litestar import Controller, MediaType, Request, Response, Router, route
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from heliograph_server.web.assets import Asset, Assets, find_assets
from heliograph_server.web.compression import asset_response, gzipped, takes_gzip
from heliograph_server.web.page import Page, PageMissing

__all__ = ["PageController", "page_handlers"]

_READ: Final = ("GET", "HEAD")

_VERSION: Final = version("heliograph-server")

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A page's WebSocket is at the host and port that the page came from, whichever of ours or of a proxy's that is. For
`'self'` that is the same origin, where `ws` goes with `http` and `wss` with `https` (Content Security Policy Level 3),
in every browser that the SDK runs in."""

ASSET_HEADERS: Final = {
    "Cache-Control": "no-cache",  # kept, but asked for again each time: the ETag makes that cheap
    "X-Content-Type-Options": "nosniff",
}

PAGE_HEADERS: Final = {
    **ASSET_HEADERS,
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class PageController(Controller):
    """The page at `/`, its files at `/static`, the browser SDK at `/sdk`; and both joined at `/joined`."""

    path = "/"
    include_in_schema = False

    @route("/", http_method=_READ, sync_to_thread=True)
    def index(self, request: Request[Any, Any, Any], page: NamedDependency[Page]) -> Response[bytes]:
        """The demo page."""
        try:
            html = page.render(_VERSION)
        except PageMissing as error:
            raise NotFoundException("This server was installed without the demo page") from error
        headers = {**PAGE_HEADERS, "Vary": "Accept-Encoding"}
        content = html.encode()
        if takes_gzip(request.headers.get("accept-encoding", "")):
            content, headers["Content-Encoding"] = gzipped(content), "gzip"
        return Response(content, media_type=MediaType.HTML, headers=headers)

    @route("/joined/{name:str}", http_method=_READ, sync_to_thread=True)
    def joined(
        self,
        request: Request[Any, Any, Any],
        name: FromPath[str],
        assets: NamedDependency[Assets],
        after: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """A module or style sheet of the page, and all that it imports, as one file."""
        return _asset(request, assets.joined(name, after))

    @route("/static/{name:path}", http_method=_READ, sync_to_thread=True)
    def static(
        self, request: Request[Any, Any, Any], name: FromPath[str], assets: NamedDependency[Assets]
    ) -> Response[bytes]:
        """A file of the page."""
        return _asset(request, Assets.read(assets.static, name))

    @route("/sdk/{name:path}", http_method=_READ, sync_to_thread=True)
    def sdk(
        self, request: Request[Any, Any, Any], name: FromPath[str], assets: NamedDependency[Assets]
    ) -> Response[bytes]:
        """A module of the browser SDK."""
        return _asset(request, Assets.read(assets.sdk, name))


def page_handlers(assets: Assets | None = None) -> list[Router]:
    """The routes of the page, with the files of this installation unless others are given."""
    files = assets or find_assets()
    page = Page(files.templates)
    return [
        Router(
            "/",
            route_handlers=[PageController],
            dependencies={
                "assets": Provide(lambda: files, sync_to_thread=False),
                "page": Provide(lambda: page, sync_to_thread=False),
            },
        )
    ]


def _asset(request: Request[Any, Any, Any], asset: Asset | None) -> Response[bytes]:
    if asset is None:
        raise NotFoundException("There is no such file")
    return asset_response(asset, request.headers, ASSET_HEADERS)
