"""The inspector's page over HTTP. What it shows comes over the WebSocket."""

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from litestar import Controller, MediaType, Request, Response, Router, route
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from heliograph_server.web.assets import Assets, find_folder
from heliograph_server.web.compression import asset_response
from heliograph_server.web.controllers import ASSET_HEADERS, PAGE_HEADERS
from heliograph_server.web.page import Page, PageMissing

__all__ = ["InspectorController", "inspector_handlers"]

_READ: Final = ("GET", "HEAD")
_VERSION: Final = version("heliograph-server")


class InspectorController(Controller):
    """The page at `/inspector`, its files at `/inspector/static`. It also uses those of the demo page and the SDK."""

    path = "/inspector"
    include_in_schema = False

    @route("/", http_method=_READ, sync_to_thread=True)
    def index(self, inspector_page: NamedDependency[Page]) -> Response[str]:
        """The page, which knows nothing before it has shown a token."""
        try:
            html = inspector_page.render(_VERSION)
        except PageMissing as error:
            raise NotFoundException("This server was installed without the inspector") from error
        return Response(html, media_type=MediaType.HTML, headers=PAGE_HEADERS)

    @route("/static/{name:path}", http_method=_READ, sync_to_thread=True)
    def static(
        self, request: Request[Any, Any, Any], name: FromPath[str], inspector_files: NamedDependency[Path]
    ) -> Response[bytes]:
        """A file of the page."""
        asset = Assets.read(inspector_files, name)
        if asset is None:
            raise NotFoundException("There is no such file")
        return asset_response(asset, request.headers, ASSET_HEADERS)


def inspector_handlers() -> list[Router]:
    """The routes of the page, with the files of this installation."""
    folder = find_folder("inspector")
    page = Page(folder / "templates", "inspector.html")
    return [
        Router(
            "/",
            route_handlers=[InspectorController],
            dependencies={
                "inspector_files": Provide(lambda: folder / "static", sync_to_thread=False),
                "inspector_page": Provide(lambda: page, sync_to_thread=False),
            },
        )
    ]
