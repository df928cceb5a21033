"""A page, rendered."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

__all__ = ["Page", "PageMissing"]


class PageMissing(Exception):
    """This installation came without the page."""


class Page:
    """A page's template. It is read again when it changes."""

    def __init__(self, templates: Path, name: str = "index.html") -> None:
        self._name = name
        self._environment = Environment(
            loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, auto_reload=True
        )

    def render(self, version: str) -> str:
        """The page as HTML. Raises `PageMissing`."""
        try:
            template = self._environment.get_template(self._name)
        except TemplateNotFound as error:
            raise PageMissing from error
        return template.render(version=version)
