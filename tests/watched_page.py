"""A page of ours in a browser, and what it complains of."""

import re

from playwright.async_api import Locator, Page

__all__ = ["WatchedPage"]


class WatchedPage:
    """Keeps what its scripts throw and write, from before it is loaded."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.exceptions: list[str] = []
        """Those that the page's scripts did not catch."""
        self.console: list[str] = []
        self._forgiven: list[str] = []
        page.on("pageerror", lambda error: self.exceptions.append(str(error)))
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))

    @property
    def complaints(self) -> list[str]:
        """What no story may leave behind: exceptions, and errors in the console, such as a violation of the policy."""
        errors = [line for line in self.console if line.startswith("error: ")]
        return self.exceptions + [line for line in errors if not any(re.search(one, line) for one in self._forgiven)]

    def forgive(self, pattern: str) -> None:
        """Errors in the console that belong to the story: the browser itself reports a server that is gone."""
        self._forgiven.append(pattern)

    def find(self, name: str) -> Locator:
        """The element with that `data-testid`."""
        return self.page.get_by_test_id(name)
