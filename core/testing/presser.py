"""Presses every control of a page of the client and says which did nothing, or something wrong.

A control is what a person could press: a button, a link, a choice, a field. It did something when the page says
something else afterwards, asks the server for something new, opens a file or moves the focus; what goes on by itself
(clocks, ages, notices, asking again) does not count. Dialogs and menus that open are gone through as well.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.testing.chromium import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import ElementHandle, Page, Request, Response

GONE_S = 1.0
"""How long for a control that another press may have used up."""
DEEPEST = 4
"""How many presses away from the open page a control is still looked for."""
_SCRIPT = (Path(__file__).parent / "presser.js").read_text("utf-8")
_ENGLISH = re.compile(r"\b(the|of|was|were|with|from|and|not|for|this|that|is|are|has|have|cannot)\b", re.IGNORECASE)
_CODE = re.compile(r"\b[a-z][a-z0-9]*(_[a-z0-9]+)+\b")


def codes_of(description: Path) -> frozenset[str]:
    """All values that the API's enumerations have: no text of a page may be one of them."""
    found: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, dict):
            found.update(value for value in node.get("enum", ()) if isinstance(value, str))
            for child in node.values():
                look(child)
        elif isinstance(node, list):
            for child in node:
                look(child)

    look(json.loads(description.read_text("utf-8")))
    return frozenset(found)


Way = tuple[str, ...]
"""Controls that are pressed one after the other from the open page."""


def _shuts(key: str) -> bool:
    """What shuts a dialog is pressed after what it holds."""
    return key.endswith(("button Tutup", "button Batal"))


class Presser:
    """Goes through pages with one visitor; `pressed`, `faults` and `gone` (used up by another press) grow.

    left    control -> why it is not pressed here (and who presses it); parts of keys, see `presser.js`
    rows    path -> text of the row that is opened, where not any row will do
    fills   label -> what is written into that field
    names   words with an underscore that are names, not codes
    codes   what no text may be
    patience_s  how long a busy machine may take to show what a press brought about
    """

    def __init__(
        self, visitor: Visitor, *, left: Mapping[str, str], rows: Mapping[str, str], fills: Mapping[str, str],
        names: frozenset[str], codes: frozenset[str],
    ) -> None:  # fmt: skip
        self.visitor, self.page = visitor, visitor.page
        self.left, self.rows, self.fills, self.names, self.codes = left, rows, fills, names, codes
        self.patience_s = 20.0
        self._read_before: set[str] = set()
        self.pressed: list[str] = []
        self.faults: list[str] = []
        self.passed_over: set[str] = set()
        self.gone: set[str] = set()
        self._path = ""
        self._asked: set[str] = set()
        self._waiting: set[Request] = set()
        self._new = self._number = 0
        self._failed: list[str] = []
        self._opened = 0
        self._popups: list[Page] = []
        self._wrote = self._has_written = False
        visitor.context.add_init_script(_SCRIPT)
        self.page.on("request", self._on_request)
        self.page.on("requestfinished", self._over)
        self.page.on("requestfailed", self._over)
        self.page.on("response", self._on_response)
        for event in ("download", "filechooser"):
            self.page.on(event, self._on_file)
        self.page.on("popup", self._on_popup)

    def explore(self, path: str, scope: str = "#main", *, start: Way = (), leaving: tuple[str, ...] = ()) -> None:
        """Everything that can be pressed on a page, and in what opens from it.

        start    what is pressed first; then only what comes of it is gone through
        leaving  controls that would end what others need; another call presses them
        """
        self._path, self._scope, self._leaving, self._has_written = path, scope, leaving, False
        self._seen: set[str] = set()
        self._listed: set[str] = set()
        if start and self._arrive(()):
            self._seen.update(self._list())
        todo, last = deque([(start, "")]), deque[tuple[Way, str]]()
        while todo or last:
            way, only = (todo or last).popleft()
            if only in self._seen or not self._arrive(way):
                continue
            self._read()
            keys = [only] if only else self._list()
            if not only:  # what sends a form comes last: it may use up what others need
                last += [(way, key) for key in keys if "| submit " in key]
                keys = [key for key in keys if "| submit " not in key]
            todo += [(one, "") for one in self._go_through(way, keys)]

    def _list(self) -> list[str]:
        """What is there, in the order in which it is pressed."""
        found = sorted(self._controls(), key=_shuts)
        self._listed.update(found)
        return found

    def _go_through(self, way: Way, keys: list[str]) -> list[Way]:
        """Press these at the end of a way; returns the ways to what they opened."""
        ways: list[Way] = []
        todo, written = deque(keys), set[str]()
        while todo:
            key = todo.popleft()
            if key in self._seen or any(part in key for part in self._leaving):
                continue
            self._seen.add(key)
            if reason := next((why for part, why in self.left.items() if part in key), ""):
                self.passed_over.add(f"{key}: {reason}")
                continue
            here = () if key in written and key.startswith(" |") else way
            if not self._is_there(key) and not self._arrive(here, key):
                continue
            if not self._press(key) or not self._here():
                continue
            listed = set(self._listed)
            new = [one for one in self._list() if one not in listed]
            if self._wrote:
                self._has_written = True
                written.update(new)
                todo.extendleft(reversed(new))
            elif new and len(way) < DEEPEST:
                ways.append((*here, key))
            if not self._wrote and not way:
                self._close()
        return ways

    def _arrive(self, way: Way, last: str = "") -> bool:
        """Fresh at the page, and by these presses to what opened; False and a fault when it cannot be reached again."""
        self._close()
        for path in ("/nowhere", self._path):
            self.page.evaluate("(path) => history.pushState(null, '', path)", path)
            self._settle()
        for key in way:
            if not self._wait(partial(self._is_there, key), self._has_written and GONE_S):
                return self._is_gone(key)
            self._do(key)
            self._settle()
        if last and not self._wait(partial(self._is_there, last), self._has_written and GONE_S):
            return self._is_gone(last)
        return True

    def _is_gone(self, key: str) -> bool:
        """What cannot be reached again: a fault, unless something was written meanwhile, which may use others up."""
        if self._has_written:
            self.gone.add(f"{self._path}: {key}")
        else:
            self._fault(key, "is not there a second time")
        return False

    def _press(self, key: str) -> bool:
        """Press it; True when something came of it."""
        if key.endswith(" "):
            self._fault(key, "has no name")
        self.page.evaluate("presser.clear()")
        self._new, self._opened, self._wrote, self._failed = 0, 0, False, []
        complaints = len(self.visitor.complaints)
        self.page.evaluate("([scope, key, row]) => presser.remember(scope, key, row)", self._named(key))
        self.pressed.append(f"{self._path} {key}")
        try:
            self._do(key)
        except Exception as error:
            self._fault(key, f"cannot be pressed: {str(error).splitlines()[0]}")
            return False
        if not self._wait(lambda: self._new or self._opened or self.page.evaluate("presser.differs()")):
            self._fault(key, "does nothing")
            return False
        while self._popups:  # behind another page Chromium lets timers and pictures wait for a second
            self._popups.pop().close()
        self._settle()
        for line in self._failed:
            self._fault(key, line)
        mine = self.visitor.complaints[complaints:]
        if mine and not self._failed:
            self._fault(key, f"the console says {mine}")
        said = self.page.evaluate("presser.bad()")
        if said:
            self._fault(key, f"the page says {said!r}")
        self._read(key)
        return True

    def _do(self, key: str) -> None:
        element = self._element(key)
        if element is None:
            raise LookupError("it is not there")
        kind = key.partition(" | ")[2].partition(" ")[0]
        if kind == "submit":
            self._fill_form(element)
        if kind == "select":
            element.evaluate("(one) => presser.choose(one)")
        elif kind == "text":
            element.fill(self._value(element))
        else:
            element.click(timeout=self.patience_s * 1000)

    def _fill_form(self, button: ElementHandle) -> None:
        fields = button.evaluate_handle("(one) => presser.empty(one)")
        for field in fields.get_properties().values():
            element = field.as_element()
            if element is None:
                continue
            kind = element.evaluate("(one) => presser.kindOf(one)")
            if kind == "select":
                element.evaluate("(one) => presser.choose(one)")
            elif kind == "text":
                element.fill(self._value(element))
            else:
                element.click()

    def _value(self, element: ElementHandle) -> str:
        """Something that the field takes; no two alike."""
        self._number += 1
        told = element.evaluate("(one) => presser.field(one)")
        if told["label"] in self.fills:
            return self.fills[told["label"]]
        plausible = {
            "datetime-local": "2026-03-02T17:20", "email": f"uji{self._number}@contoh.example", "tel": "081200000000",
            "password": "kata-sandi-untuk-uji-7", "number": "7",
        }  # fmt: skip
        value = told["offered"] or plausible.get(told["type"], f"uji-coba-{self._number}")
        return str(value[: told["longest"]])

    def _close(self) -> None:
        """Shut what opened."""
        for _ in range(DEEPEST):
            if not self.page.evaluate("presser.isOpen()"):
                return
            self.page.keyboard.press("Escape")

    def _controls(self) -> list[str]:
        return list(self.page.evaluate("(scope) => presser.controls(scope)", self._scope))

    def _is_there(self, key: str) -> bool:
        return self._here() and key in self._controls()

    def _here(self) -> bool:
        return bool(self.page.evaluate("(path) => location.pathname === path", self._path))

    def _element(self, key: str) -> ElementHandle | None:
        found = self.page.evaluate_handle("([scope, key, row]) => presser.find(scope, key, row)", self._named(key))
        return found.as_element()

    def _named(self, key: str) -> list[str]:
        return [self._scope, key, self.rows.get(self._path, "")]

    def _read(self, key: str = "") -> None:
        """Look for texts that are the machine's own."""
        found = set(self.page.evaluate("presser.texts()")) - self._read_before
        self._read_before |= found
        for text in sorted(found):
            words = [word[0] for word in _CODE.finditer(text) if word[0] not in self.names]
            if words or text in self.codes or _ENGLISH.search(text):
                self._fault(key, f"shows {text!r}")

    def _fault(self, key: str, what: str) -> None:
        line = f"{self._path}: {key}: {what}"
        if line not in self.faults:
            self.faults.append(line)

    def _settle(self) -> None:
        """Wait until nothing is asked any more and the page stands still."""
        self._wait(lambda: not self._waiting and self.page.evaluate("presser.isStill()"))

    def _wait(self, true: Callable[[], object], patience_s: float = 0) -> bool:
        deadline = time.monotonic() + (patience_s or self.patience_s)
        while not true():
            if time.monotonic() > deadline:
                return False
            self.page.wait_for_timeout(20)
        return True

    def _on_request(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self._waiting.clear()  # of what the page before was asking, no end is told
        if "/api/" not in request.url or "/realtime" in request.url:
            return
        self._waiting.add(request)
        asked = f"{request.method} {request.url}"
        if request.method != "GET":
            self._wrote = True
        if request.method != "GET" or asked not in self._asked:
            self._new += 1
        self._asked.add(asked)

    def _over(self, request: Request) -> None:
        self._waiting.discard(request)

    def _on_response(self, response: Response) -> None:
        if response.request.method != "GET":  # Chromium tells no end of a form with a file
            self._over(response.request)
        if response.status >= 400:
            self._failed.append(f"{response.request.method} {response.url} answers {response.status}")

    def _on_file(self, _: object) -> None:
        self._opened += 1

    def _on_popup(self, popup: Page) -> None:
        self._opened += 1
        self._popups.append(popup)
