"""The page in a real browser against servers of its own: one that stops and comes back, and what lies beneath maps."""

import io
import sqlite3
import threading
from typing import Any

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import text

from core.app import with_sockets
from core.notices.service import announce
from core.realtime import sockets
from core.testing.chromium import Visitor
from core.testing.review import PASSWORD
from core.testing.waiting import until


class Server:
    """The API with its websocket on a port that it keeps over restarts."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        app = self.world.app()
        self.hub = app.state["hub"]
        self._server = uvicorn.Server(uvicorn.Config(
            with_sockets(app), host="127.0.0.1", port=self.port, log_config=None, ws="websockets-sansio", lifespan="on",
        ))  # fmt: skip
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def server(site: Any) -> Any:
    made = Server(site.world)
    yield made
    made.stop()


@pytest.fixture
def visitor(browser: Any, server: Any) -> Any:
    """As conftest's, at a server that goes away and whose sessions end: the browser says so."""
    made = Visitor(browser, server.url)
    made.expected += ("ERR_CONNECTION", "ERR_FAILED", "ERR_EMPTY_RESPONSE", "WebSocket", "401 (Unauthorized)")
    yield made
    made.close()
    assert [] == made.complaints
    assert [] == made.outside


def tell(world: Any, key: str, place: str, minutes_ago: int = 0) -> None:
    facts = {"incident_type": "knife", "location": place, "cctv_name": "simpang-1", "at": "2026-11-21T03:00:00Z"}
    with world.database.system() as connection:
        announce(connection, vendor_id=world.banten, kind="weapon_detected", device_id=world.camera, facts=facts,
                 dedup_key=key)  # fmt: skip
        for table in ("notices", "notice_recipients"):
            connection.execute(text(f"UPDATE {table} SET created_at = created_at - make_interval(mins => :ago)"),
                               {"ago": minutes_ago})  # fmt: skip


def of_person(world: Any, column: str) -> list[Any]:
    with world.database.system() as connection:
        query = text(f"SELECT {column} FROM notice_recipients WHERE role = 'officer' ORDER BY id")
        return [row[0] for row in connection.execute(query)]


def test_an_event_reaches_the_page_and_a_missed_one_is_caught_up_after_a_restart(
    site: Any, server: Any, visitor: Any
) -> None:
    page = visitor.log_in(site.person("officer", "petugas.langsung"), PASSWORD)
    until(lambda: server.hub.sockets == 1)
    tell(site.world, "first", "Gambir")
    expect(page.locator(".toast", has_text="Gambir")).to_be_visible()
    until(lambda: all(of_person(site.world, "acknowledged_at")))
    page.locator(".toast", has_text="Gambir").get_by_role("button").click()

    server.stop()
    tell(site.world, "second", "Cikini", minutes_ago=5)  # older than what sockets are told without being asked
    server.start()

    expect(page.locator(".toast", has_text="Cikini")).to_be_visible(timeout=60_000)
    expect(page.locator(".toast", has_text="Cikini")).to_have_count(1)
    expect(page.locator(".toast", has_text="Gambir")).to_have_count(0)
    until(lambda: all(of_person(site.world, "acknowledged_at")))


def test_logging_out_closes_the_line(site: Any, server: Any, visitor: Any) -> None:
    page = visitor.log_in(site.person("officer", "petugas.keluar"), PASSWORD)
    until(lambda: server.hub.sockets == 1)
    page.locator(".person").click()
    page.get_by_role("button", name="Keluar", exact=True).click()
    page.wait_for_selector(".door-form")
    until(lambda: server.hub.sockets == 0)


def test_a_session_that_ended_elsewhere_brings_the_person_to_the_login(
    site: Any, server: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "RECHECK_S", 0.2)
    username = site.person("officer", "petugas.dicabut")
    page = visitor.log_in(username, PASSWORD)
    page.goto(server.url + "/stations")
    until(lambda: server.hub.sockets == 1)
    site.world.execute(text("UPDATE officers SET is_active = false WHERE username = 'petugas.dicabut'"))
    page.wait_for_selector(".door-form")


def test_what_was_being_written_when_the_session_ended_is_there_after_the_login(
    site: Any, server: Any, visitor: Any
) -> None:
    username = site.person("officer", "petugas.habis")
    page = visitor.log_in(username, PASSWORD)
    visitor.go("/search")
    page.get_by_label("Tujuan pencarian ini").fill("Pengaduan pemilik kendaraan")
    visitor.context.clear_cookies()
    page.get_by_role("button", name="Cari", exact=True).click()
    door = page.get_by_role("dialog", name="Masuk")
    expect(door).to_contain_text("Sesi Anda berakhir")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(door).to_be_visible()
    door.get_by_label("Kata sandi").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(door).to_have_count(0)
    assert "Pengaduan pemilik kendaraan" == page.get_by_label("Tujuan pencarian ini").input_value()
    until(lambda: server.hub.sockets == 1)


def test_tabs_of_a_browser_are_of_one_person(site: Any, server: Any, visitor: Any) -> None:
    page = visitor.log_in(site.person("officer", "petugas.pergi"), PASSWORD)
    other = visitor.context.new_page()
    other.goto(server.url)
    other.locator(".person").click()
    other.get_by_role("button", name="Keluar", exact=True).click()
    expect(page.locator("main .door-form")).to_be_visible()
    other.fill("input[name=username]", site.person("admin", "admin.datang"))
    other.fill("input[name=password]", PASSWORD)
    other.keyboard.press("Enter")
    expect(page.locator(".person-name")).to_have_text(other.locator(".person-name").inner_text())


def test_without_a_socket_the_page_asks_by_itself(site: Any, server: Any, visitor: Any) -> None:
    visitor.context.route("**/api/realtime/ticket", lambda route: route.abort())
    page = visitor.page
    page.clock.install()
    visitor.log_in(site.person("admin", "admin.tanpa.soket"), PASSWORD)
    visitor.go("/stations")
    page.wait_for_load_state("networkidle")
    with page.expect_request("**/api/stations*"):
        page.clock.fast_forward(16_000)


def share_of(picture: bytes, colour: tuple[int, int, int]) -> float:
    shot = Image.open(io.BytesIO(picture)).convert("RGB")
    return sum(n for n, found in shot.getcolors(shot.width * shot.height) or () if found == colour) / (
        shot.width * shot.height
    )


def test_tiles_lie_beneath_the_map_and_coasts_where_there_are_none(
    site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page asks nobody but us, and a tile server that is away is no error of the page."""
    green = io.BytesIO()
    Image.new("RGB", (256, 256), "#00aa00").save(green, "PNG")
    with sqlite3.connect(site.world.settings.home / "peta.mbtiles") as file:
        file.execute("CREATE TABLE metadata AS SELECT 'attribution' AS name, 'Peta uji' AS value")
        file.execute("CREATE TABLE tiles (zoom_level int, tile_column int, tile_row int, tile_data blob)")
        file.execute("INSERT INTO tiles VALUES (0, 0, 0, ?)", (green.getvalue(),))
    file.close()
    monkeypatch.setattr(site.world, "settings", site.world.settings)
    username = site.person("officer", "petugas.peta")
    for tiles, credit, is_green in (
        ("peta.mbtiles", "Peta uji", True),
        ("http://127.0.0.1:9/{z}/{x}/{y}", "Natural Earth", False),
    ):
        site.world.configure(map_tiles=tiles)
        server = Server(site.world)
        visitor = Visitor(browser, server.url, color_scheme="light", reduced_motion="reduce")
        visitor.log_in(username, PASSWORD)
        with visitor.page.expect_response("**/api/map/tiles/**") as answer:
            page = visitor.go("/map")
        assert 200 == answer.value.status
        expect(page.locator(".map-source")).to_have_text(credit)
        expect(page.locator(".map-own").first).to_be_attached()
        expect(page.locator(".leaflet-tile:not(.leaflet-tile-loaded)")).to_have_count(0)
        host = page.locator(".map-host").first
        until(lambda: is_green == (share_of(host.screenshot(), (0, 170, 0)) > 0.5))  # noqa: B023 - of this round
        visitor.close()
        server.stop()
        assert ([], []) == (visitor.complaints, visitor.outside)
