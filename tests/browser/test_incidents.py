"""An incident from the alarm to its end: two officers at two browsers, police and owner through the API."""

import base64
import io
import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import update

from core.accounts.tables import devices, owners, police, stations
from core.testing.review import PASSWORD, Person

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
HERE = (-6.1200, 106.1500)
EVIL = "<img src=x onerror=window.struck=1>"


def ask(site: Any, person: Person, method: str, path: str, body: Any = None) -> Any:
    """The answer's data, for somebody at another client."""
    request = urllib.request.Request(
        f"{site.url}/api{path}", None if body is None else json.dumps(body).encode(), method=method,
        headers=person.headers | {"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def jpeg() -> str:
    buffer = io.BytesIO()
    Image.effect_noise((320, 200), 60).convert("RGB").save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


class Street:
    """A shop with a camera, its owner whose name is no name, police two kilometres away, two officers."""

    def __init__(self, site: Any) -> None:
        self.site = site
        world = site.world
        mine: dict[str, Any] = {"vendor_id": world.banten}
        place = {"latitude": HERE[0], "longitude": HERE[1]}
        world._add(stations, name="Polres Serang", **mine, **place)
        self.owner = world._person("owner", owners, "pemilik.uji", **mine, email="sri@toko.example", phone="0811",
                                   address="Jl. Veteran 3")  # fmt: skip
        world.execute(update(owners).where(owners.c.id == self.owner.id).values(full_name=f"Sri {EVIL}"))
        self.camera = world._add(devices, **mine, **place, device_code="toko-1", device_name=f"Toko {EVIL}",
                                 location="Jl. Veteran", maker="generic", owner_id=self.owner.id)  # fmt: skip
        self.police = self.policeman("tono", HERE[0] + 0.018)
        self.policeman("rudi", HERE[0] + 0.05)
        self.officers = [site.person("officer", "petugas.satu"), site.person("officer", "petugas.dua")]

    def policeman(self, name: str, latitude: float) -> Person:
        values = {"vendor_id": self.site.world.banten, "status": "available", "latitude": latitude,
                  "longitude": HERE[1], "vehicle_type": "motor",
                  "license_plate": "1234-IV", "phone": "0812", "position_at": datetime.now(UTC)}  # fmt: skip
        made: Person = self.site.world._person("police", police, name, **values)
        return made

    def report(self, title: str) -> int:
        body = {"title": title, "description": EVIL, "location": "Jl. Veteran", "incident_type": "knife",
                "cctv_id": self.camera, "report_image": jpeg()}  # fmt: skip
        return int(ask(self.site, self.owner, "POST", "/report", body)["id"])

    def act(self, path: str, body: Any) -> Any:
        return ask(self.site, self.police, "POST", path, body)


@pytest.fixture(scope="module")
def street(site: Any) -> Iterator[Street]:
    expect.set_options(timeout=20_000)  # what a socket tells is there at once, on a busy machine later
    yield Street(site)
    expect.set_options(timeout=5_000)


def state(page: Any, words: str) -> None:
    expect(page.locator(".incident-title .badge").first).to_have_text(words)


def struck(*pages: Any) -> list[Any]:
    return [page.evaluate("window.struck") for page in pages if page.evaluate("window.struck") is not None]


def test_from_the_alarm_to_the_end_with_two_officers(street: Street, visit: Any) -> None:
    site = street.site
    ani, budi = visit(), visit()
    page = ani.log_in(street.officers[0], PASSWORD)
    other = budi.log_in(street.officers[1], PASSWORD)
    number = street.report(f"Orang membawa pisau {EVIL}")

    expect(page.locator(".alarm")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    expect(page.locator(".rail-count")).to_have_text("1 baru")
    page.locator(".alarm").get_by_role("link").click()
    expect(page).to_have_url(f"{site.url}/incidents/{number}")
    expect(page.locator(".alarm")).to_have_count(0)
    state(page, "Baru")
    expect(page.get_by_text(EVIL).first).to_be_visible()
    page.get_by_role("button", name="Periksa", exact=True).first.click()
    expect(page.get_by_text("tidak berubah")).to_be_visible()

    budi.go("/incidents")
    other.get_by_role("button", name=re.compile("Orang membawa pisau")).click()
    state(other, "Baru")

    page.get_by_role("button", name="Kirim petugas").click()
    nearest = page.locator(".free label").first
    expect(nearest).to_contain_text("Tono")
    expect(nearest).to_contain_text("2 km")
    expect(nearest).to_contain_text("sekitar 5 mnt")
    expect(nearest.get_by_role("radio")).to_be_focused()
    page.keyboard.press("Enter")
    state(page, "Petugas dikirim")
    state(other, "Petugas dikirim")

    street.act(f"/police/report/{number}/answer", {"accept": True})
    at = {"latitude": HERE[0] + 0.01, "longitude": HERE[1], "status": "on_the_way"}
    street.act(f"/police/report/{number}/track", at | {"client_id": "p1"})
    expect(page.locator(".way-state")).to_contain_text("1,1 km lagi")
    expect(page.locator(".way-map .mark-unit")).to_contain_text("Tono")
    street.act(f"/reports/{number}/messages", {"body": f"Dekat {EVIL}", "kind": "chat"})
    expect(page.locator(".talk-text", has_text="Dekat")).to_have_text(f"Dekat {EVIL}")
    page.get_by_label("Pesan untuk petugas di lapangan").fill("Pintu belakang")
    page.keyboard.press("Enter")
    expect(page.locator(".talk-mine")).to_contain_text("Pintu belakang")
    heard = ask(site, street.police, "GET", f"/reports/{number}/messages")
    assert ["Dekat " + EVIL, "Pintu belakang"] == [one["body"] for one in heard]

    street.act(f"/police/report/{number}/status", {"status": "arrived"})
    state(other, "Sedang ditangani")
    street.act(f"/police/report/{number}/status", {"status": "completed"})
    state(page, "Selesai")
    state(other, "Selesai")
    with page.expect_download() as download:
        page.get_by_role("button", name="PDF").click()
    assert f"laporan-{number}.pdf" == download.value.suggested_filename
    assert [] == struck(page, other)


def test_a_recall_says_who_will_hear_and_stops_the_police(street: Street, visit: Any) -> None:
    number = street.report("Benda mencurigakan")
    page = visit().log_in(street.officers[0], PASSWORD)
    page.goto(f"{street.site.url}/incidents/{number}")
    page.get_by_role("button", name="Kirim petugas").click()
    page.locator("dialog").get_by_role("button", name="Kirim Tono").click()
    state(page, "Petugas dikirim")
    page.get_by_role("button", name="Tarik kembali").click()
    dialog = page.locator("dialog")
    expect(dialog.locator(".hearers")).to_contain_text("Tono")
    expect(dialog.locator(".hearers")).to_contain_text("STOP")
    expect(dialog.locator(".hearers")).to_contain_text(f"Sri {EVIL}")
    dialog.get_by_label("Bukan senjata").check()
    dialog.get_by_role("button", name="Tarik dan beri tahu").click()
    state(page, "Ditarik atau ditolak")
    expect(page.get_by_text("belum mengonfirmasi penarikan")).to_be_visible()
    assert "STOP" == ask(street.site, street.police, "GET", f"/police/report/{number}")["app_state"]
    street.act(f"/police/report/{number}/stop", {})
    expect(page.get_by_text("sudah mengetahui penarikan")).to_be_visible(timeout=20_000)
    assert [] == struck(page)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 360)])
def test_nobody_is_shut_out_and_nothing_scrolls_sideways(street: Street, visit: Any, theme: str, width: int) -> None:
    number = street.report(f"Laporan {theme}")
    visitor = visit(color_scheme=theme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    visitor.context.add_init_script(AXE.read_text("utf-8"))
    page = visitor.log_in(street.officers[0], PASSWORD)
    found: dict[str, Any] = {}

    def look(name: str) -> None:
        graves = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        found[name] = [one["nodes"][0]["html"] for one in graves if one["impact"] in ("serious", "critical")]
        wide = page.evaluate(
            "document.querySelector('#main').scrollWidth > document.querySelector('#main').clientWidth"
        )
        found[name] += ["too wide"] if wide else []

    visitor.go("/incidents")
    expect(page.locator(".incident-what").first).to_be_visible()
    look("list")
    page.goto(f"{street.site.url}/incidents/{number}")
    expect(page.locator(".viewer img").first).to_be_visible()
    look("one")
    page.get_by_role("button", name="Kirim petugas").click()
    expect(page.locator(".free label").first).to_be_visible()
    look("send")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Tolak").click()
    look("reject")
    assert {} == {name: faults for name, faults in found.items() if faults}
