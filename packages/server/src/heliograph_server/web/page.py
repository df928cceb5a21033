"""The demo page, rendered."""

from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

from heliograph_server.settings import Settings

__all__ = ["Page", "PageMissing"]


class PageMissing(Exception):
    """This installation came without the page."""


class Page:
    """The page's template. It is read again when it changes."""

    def __init__(self, templates: Path) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, auto_reload=True
        )

    def render(self, settings: Settings, version: str) -> str:
        """The page as HTML. Raises `PageMissing`."""
        try:
            template = self._environment.get_template("index.html")
        except TemplateNotFound as error:
            raise PageMissing from error
        ice_servers = [{"urls": list(settings.stun_urls)}] if settings.stun_urls else []
        return template.render(version=version, ice_servers=msgspec.json.encode(ice_servers).decode())
