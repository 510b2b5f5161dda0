"""A real Chromium for tests of the pages: found on the machine, driven by Playwright, watched while it works.

Debian's package is what `make packages` installs; Playwright's own downloads are not used.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from core.domain.errors import TangkapinError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")  # fmt: skip


AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
"""Finds what shuts people out; comes with the client's packages."""
STILL = """new Promise((still) => {
  const look = () => document.getAnimations().some((one) => one instanceof CSSTransition)
    ? requestAnimationFrame(look) : still(0);
  look();
})"""
"""Resolves when no colour is on its way to another one."""
FITS = """(width) => new Promise((told) => {
  const begun = performance.now();
  const look = () => {
    const all = document.documentElement.scrollWidth, main = document.querySelector("#main").scrollWidth;
    if (innerWidth === width && Math.max(all, main) <= width) told(true);
    else if (performance.now() - begun > 5000) told(false);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
"""Whether nothing is wider than the window, once charts and maps have followed it."""
_LEFT_EARLY = "WebSocket is closed before the connection is established"
"""What Chromium says when a page is left while its socket is being opened."""


class NoChromium(TangkapinError):
    """There is none on this machine; the text says what to install."""


def find_chromium() -> str:
    """Its path: TANGKAPIN_CHROMIUM, else the first of the usual names on PATH. Raises NoChromium."""
    given = os.environ.get("TANGKAPIN_CHROMIUM", "")
    found = given or next((path for name in NAMES if (path := shutil.which(name))), "")
    if not found:
        raise NoChromium("the tests of the pages need Chromium: `make packages` as root, or apt-get install chromium")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. Playwright's loop runs in this thread until it is closed: close it before asyncio."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person at one browser, with a memory of their own.

    complaints  what the console said as warning or error, and what scripts threw
    expected    parts of complaints that this visit brings about by itself, as a browser without a network does
    outside     addresses of other hosts that the page asked for
    """

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = (_LEFT_EARLY,)
        self.outside: list[str] = []
        told = {"locale": "id-ID", "timezone_id": "Asia/Jakarta", "viewport": {"width": 1440, "height": 900}}
        self.context: BrowserContext = browser.new_context(**(told | context))
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def go(self, path: str) -> Page:
        """Open a page of the house and wait until its frame stands."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector(".shell, .door-form")
        return self.page

    def log_in(self, username: str, password: str) -> Page:
        """Through the door, as a person does; returns when the first page stands."""
        self.page.goto(self.url + "/")
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password]", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".shell")
        return self.page

    def close(self) -> None:
        """Leave."""
        self.context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.complaints.append(message.text)

    def _asked(self, address: str) -> None:
        if urlsplit(address).scheme not in ("data", "blob") and not address.startswith(self.url + "/"):
            self.outside.append(address)


def grave(page: Page | Frame, *rules: str) -> list[str]:
    """Serious and critical findings of axe in a page or frame, and where; of these rules only, where some are given.

    Run by the page's own evaluation: the policy of the pages lets no other script in.
    """
    page.evaluate(STILL)
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text("utf-8") + "; 0")
    ask = "(rules) => axe.run(document, {resultTypes: ['violations'], ...(rules.length && {runOnly: rules})})"
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in page.evaluate(ask, list(rules))["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def too_wide(page: Page, *widths: int) -> list[int]:
    """Those of the widths at which the page would scroll sideways. The window stays at the last of them."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 740})
        if not page.evaluate(FITS, width):
            found.append(width)
    return found
