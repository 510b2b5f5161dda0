"""The app in the other language: everything it says, after a reload too."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.testing.review import PASSWORD

CATALOGUE = Path(__file__).parents[2] / "web" / "locales" / "id.po"
PHONE = {"viewport": {"width": 412, "height": 915}, "has_touch": True, "permissions": ["geolocation"]}
TEXTS = """() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) found.push(walker.currentNode.data.trim());
  return found;
}"""


@pytest.mark.parametrize(("name", "paths"), [
    ("sri", ("/cameras", "/my-reports", "/my-reports/:report", "/report", "/notices", "/me")),
    ("tono", ("/duty", "/duty/:report", "/history", "/notices", "/me")),
])  # fmt: skip
def test_the_app_speaks_the_chosen_language_and_keeps_it(
    visit: Callable[..., Any], street: Any, name: str, paths: tuple[str, ...]
) -> None:
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', CATALOGUE.read_text("utf-8"), re.MULTILINE)
    indonesian = {theirs for ours, theirs in pairs if ours != theirs} - {ours for ours, _ in pairs}
    report = street.sent("Title")
    visitor = visit(**PHONE)
    page = visitor.log_in(name, PASSWORD)
    visitor.go("/me")
    expect(page.locator(".bar h1")).to_have_text("Akun")
    expect(page.locator("#main .loading, #main [aria-busy=true]")).to_have_count(0)  # what is above no longer moves it
    page.locator("#main").get_by_role("button", name="English").click()
    expect(page.locator(".bar h1")).to_have_text("Account")
    page.reload()
    expect(page.locator(".bar h1")).to_have_text("Account")
    assert "en" == page.evaluate("document.documentElement.lang")
    found = {}
    for path in paths:
        visitor.go(path.replace(":report", str(report)))
        expect(page.locator("#main .loading, #main [aria-busy=true]")).to_have_count(0)
        expect(page.locator("#main > *").first).to_be_visible()
        found[path] = indonesian & set(page.evaluate(TEXTS))
    assert {} == {path: words for path, words in found.items() if words}
    assert "en" == street.ask(street.owner if name == "sri" else street.police, "GET", "/me")["language"]
    visitor.go("/me").locator("#main").get_by_role("button", name="Indonesia").click()
    expect(page.locator(".bar h1")).to_have_text("Akun")
