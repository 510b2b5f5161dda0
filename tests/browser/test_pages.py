"""Every page in a real browser: readable by all, quiet on the console, at home on a phone and in both languages."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.testing.chromium import grave, too_wide
from core.testing.drawing import draw_plate
from core.testing.review import PASSWORD

PAGES = Path(__file__).parents[2] / "web" / "src" / "pages"
STAFF_PAGES = (
    "/overview", "/incidents", "/map", "/search", "/review", "/cases", "/devices", "/devices/quarantine", "/delivery",
)  # fmt: skip
ADMIN_PAGES = (*STAFF_PAGES, "/delivery/notices", "/people", "/stations", "/plugins", "/audit")
OWNER_PAGES = ("/cameras", "/my-reports", "/report", "/notices", "/me")
POLICE_PAGES = ("/duty", "/history", "/notices", "/me")
FIRST_LOAD_BYTES = 300_000


@pytest.fixture(scope="module")
def full(site: Any) -> Any:
    """Something on every page: cases in all states, deliveries, a quarantined payload; and an admin."""
    world = site.world
    officer = world.officer(username="petugas.lain")
    for number, status in enumerate(("pending", "pending", "approved", "rejected", "refused", "uncertain", "held")):
        case = world.violation(plate=f"B{2000 + number}ABC", picture=draw_plate(f"B {2000 + number} ABC"))
        if status not in ("pending", "held"):
            world.decided(case, officer, status, reason_code="no_violation" if status == "rejected" else None)
        if status in ("refused", "uncertain"):
            world.delivery(case, status)
    world.quarantined()
    site.admin = site.person("admin", "admin.uji")
    site.case = case
    return site


def quiet(visitor: Any, path: str) -> Any:
    """The page after its first answers."""
    page = visitor.go(path)
    expect(page.locator("#main > *").first).to_be_visible()
    expect(page.locator(".loading")).to_have_count(0)
    return page


def shown_to(role: str) -> list[str]:
    """The pages of the client, as its registry (pages/registry.ts) gathers them: a new one is here by itself."""
    entries = [
        line for file in PAGES.glob("*/page.ts") for line in file.read_text("utf-8").splitlines() if "path:" in line
    ]
    found = [(re.search(r'path: "([^"]+)"', line), re.search(r"roles: \[([^\]]+)\]", line)) for line in entries]
    assert found and all(path and roles for path, roles in found), "page.ts: one page a line, with path and roles"
    return [path[1] for path, roles in found if path and roles and f'"{role}"' in roles[1]]


@pytest.mark.timeout(600)  # seventeen pages in two lights and four widths, on a machine that others use too
@pytest.mark.parametrize("role", ["admin", "officer", "owner", "police"])
def test_no_page_shuts_anybody_out_or_needs_a_wider_screen(
    visit: Callable[..., Any], full: Any, street: Any, role: str
) -> None:
    report = street.sent("Orang membawa pisau")
    numbers = {"/cases/:id": full.case, "/incidents/:id": report, "/my-reports/:id": report, "/duty/:id": report,
               "/cameras/:id": street.camera}  # fmt: skip
    wanted = [path for path in shown_to(role) if path != "/added/:instance/:page"]  # test_plugin_page.py has that one
    if role == "officer":
        wanted = [path for path in wanted if path not in shown_to("admin")]  # the same page is looked at once
    visitor = visit(reduced_motion="reduce", permissions=["geolocation"])
    page = visitor.page
    page.goto(full.url)
    page.wait_for_selector(".door-form")
    found: dict[str, Any] = {"door": grave(page)}
    page = visitor.log_in({"admin": full.admin, "officer": "ani", "owner": "sri", "police": "tono"}[role], PASSWORD)
    for path in [*wanted, "/nowhere"]:
        walk(page, path.replace(":id", str(numbers[path])) if ":" in path else path)
        found[path] = grave(page)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 740})
        found[path] += grave(page, "color-contrast", "target-size") + too_wide(page, 360, 768, 2560)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 900})
    assert {} == {path: faults for path, faults in found.items() if faults}


def walk(page: Any, path: str) -> None:
    """To another page without loading the client anew, as its links do; returns after its first answers."""
    page.evaluate("(path) => history.pushState(null, '', path)", path)
    expect(page.locator("#main > *").first).to_be_visible()
    expect(page.locator("#main .loading, #main [aria-busy=true]")).to_have_count(0)


def test_dialogs_shut_nobody_out(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit(reduced_motion="reduce")
    page = visitor.log_in(full.admin, PASSWORD)
    found = {}
    for path, opener in (
        ("/devices", ".toolbar .button-main"), ("/devices", ".row-button"), ("/devices/quarantine", ".row-button"),
        ("/delivery", ".row-acts .button"), ("/review", ".review-acts .button-bad"),
        ("/overview", "button.person"),
    ):  # fmt: skip
        quiet(visitor, path)
        page.locator(opener).first.click()
        expect(page.locator("dialog[open], #person-menu:popover-open")).to_be_visible()
        found[path + opener] = grave(page)
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    assert {} == {path: faults for path, faults in found.items() if faults}


def test_a_phone_reaches_every_page_by_the_menu(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit(viewport={"width": 360, "height": 740}, has_touch=True)
    page = visitor.log_in(full.admin, PASSWORD)
    for path in ADMIN_PAGES:
        page.get_by_role("button", name="Menu", exact=True).click()
        page.locator(f".rail a[href='{path}']").click()
        expect(page).to_have_url(full.url + path)
        expect(page.locator(".shell-open")).to_have_count(0)


@pytest.mark.parametrize(
    ("role", "name", "pages"),
    [
        ("officer", "petugas.lalu.lintas", STAFF_PAGES), ("officer", "polsek.uji", STAFF_PAGES),
        ("admin", "admin.kedua", ADMIN_PAGES), ("owner", "pemilik.baru", OWNER_PAGES),
        ("police", "patroli.baru", POLICE_PAGES),
    ],
)  # fmt: skip
def test_each_role_logs_in_and_sees_its_own_pages(
    visit: Callable[..., Any], full: Any, role: str, name: str, pages: tuple[str, ...]
) -> None:
    visitor = visit()
    page = visitor.log_in(full.person(role, name), PASSWORD)
    expect(page).to_have_url(full.url + pages[0])
    expect(page.locator(".loading")).to_have_count(0)
    shown = [link.get_attribute("href") for link in page.locator(".rail-group a").all()]
    assert set(pages) == set(shown)
    closed = "/audit" if role != "admin" else "/duty"
    expect(visitor.go(closed).get_by_text("Tidak ada apa-apa di alamat ini")).to_be_visible()


def test_the_language_changes_everywhere_and_is_remembered(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit()
    page = visitor.log_in(full.admin, PASSWORD)
    expect(page.locator(".bar h1")).to_have_text("Ikhtisar")
    page.locator("button.person").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator(".bar h1")).to_have_text("Overview")
    assert "en" == page.evaluate("document.documentElement.lang")
    expect(visitor.go("/cases").locator(".bar h1")).to_have_text("Cases")
    expect(page.get_by_role("columnheader", name="Plate")).to_be_visible()


def test_a_wrong_password_is_told_in_the_chosen_language(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(full.url)
    page.get_by_role("button", name="English").click()
    page.fill("input[name=username]", full.admin)
    page.fill("input[name=password]", "bukan kata sandinya")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("password")
    assert all("401" in line for line in visitor.complaints), visitor.complaints
    visitor.complaints.clear()


def test_logging_out_shuts_the_door_behind(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit()
    visitor.expected += ("401 (Unauthorized)",)  # what was being asked when the door was shut
    page = visitor.log_in(full.person("officer", "pulang"), PASSWORD)
    page.locator("button.person").click()
    page.get_by_role("button", name="Keluar").click()
    expect(page.locator(".door-form")).to_be_visible()
    expect(visitor.go("/cases").locator(".door-form")).to_be_visible()


def test_without_network_the_page_says_so_and_decides_nothing(visit: Callable[..., Any], full: Any) -> None:
    full.world.violation(plate="B3000OFF")
    full.world.violation(plate="B3001OFF")
    visitor = visit()
    page = visitor.log_in(full.person("officer", "luring"), PASSWORD)
    quiet(visitor, "/review")
    plate = page.locator(".review-plate-text .plate").text_content()
    visitor.expected += ("ERR_INTERNET_DISCONNECTED",)
    visitor.context.set_offline(True)
    expect(page.locator(".offline")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator(".toast-bad")).to_be_visible()
    expect(page.locator(".review-plate-text .plate")).to_have_text(plate or "")
    visitor.context.set_offline(False)
    expect(page.locator(".offline")).to_have_count(0)


def test_a_page_that_fails_leaves_the_others(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit()
    visitor.expected += ("dynamically imported module", "ERR_FAILED")
    page = visitor.log_in(full.person("officer", "rusak"), PASSWORD)
    page.route("**/assets/cases-*.js", lambda route: route.abort())  # as after an upgrade, to a page from before
    page.get_by_role("link", name="Perkara").first.click()
    expect(page.get_by_role("alert")).to_contain_text("Halaman ini tidak dapat ditampilkan")
    page.get_by_role("link", name="Kamera").first.click()
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_first_page_is_light(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit()
    meter = visitor.context.new_cdp_session(visitor.page)
    meter.send("Network.enable")
    travelled: list[float] = []
    meter.on("Network.loadingFinished", lambda event: travelled.append(event["encodedDataLength"]))
    visitor.log_in(full.admin, PASSWORD)
    expect(visitor.page.locator(".figures")).to_be_visible()
    visitor.page.wait_for_load_state("networkidle")
    assert FIRST_LOAD_BYTES > sum(travelled) > 0


@pytest.mark.threat("T23")
def test_a_script_that_got_into_the_page_is_not_run(visit: Callable[..., Any], full: Any) -> None:
    visitor = visit()
    page = visitor.go("/")
    page.evaluate(
        "for (const html of ['<img src=x onerror=\"window.hurt=1\">', '<style>body{display:none}</style>'])"
        " document.body.insertAdjacentHTML('beforeend', html);"
        "const script = document.createElement('script'); script.textContent = 'window.hurt=1';"
        "document.body.append(script)"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hurt") is None
    assert "block" == page.evaluate("getComputedStyle(document.body).display")
    assert len(visitor.complaints) >= 3, visitor.complaints
    visitor.complaints.clear()
