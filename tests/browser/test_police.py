"""Field police with a phone in a real Chromium: assignment, way, tunnel, stop; the owner who watches."""

import base64
import io
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select, update

from core.accounts.passwords import hash_password
from core.accounts.tables import devices, owners, police, stations
from core.incidents.tables import assignments, track_points
from core.testing.review import PASSWORD, Person

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
HERE = (-6.1200, 106.1500)
PHONE = {
    "viewport": {"width": 360, "height": 740}, "has_touch": True, "permissions": ["geolocation"],
    "geolocation": {"latitude": HERE[0] + 0.01, "longitude": HERE[1], "accuracy": 8},
}  # fmt: skip


class Beat:
    """A shop, its owner, a policeman, an officer who sends him there."""

    def __init__(self, site: Any) -> None:
        self.site = site
        world = site.world
        mine: dict[str, Any] = {"vendor_id": world.banten}
        place = {"latitude": HERE[0], "longitude": HERE[1]}
        world._add(stations, name="Polres Serang", **mine, **place)
        self.owner = world._person("owner", owners, "sri", **mine, email="sri@toko.example", phone="0811")
        self.camera = world._add(devices, **mine, **place, device_code="toko", device_name="Depan toko",
                                 location="Jl. Veteran", maker="generic", owner_id=self.owner.id)  # fmt: skip
        self.police = world._person("police", police, "tono", **mine, status="available", phone="0812",
                                    vehicle_type="motor", license_plate="1234-IV", latitude=HERE[0] + 0.01,
                                    longitude=HERE[1], position_at=datetime.now(UTC))  # fmt: skip
        self.officer = world.officer(username="ani")
        for table, person in ((owners, self.owner), (police, self.police)):
            world.execute(update(table).where(table.c.id == person.id).values(password_hash=hash_password(PASSWORD)))

    def ask(self, person: Person, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.site.url}/api{path}", None if body is None else json.dumps(body).encode(), method=method,
            headers=person.headers | {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["data"]

    def sent(self, title: str) -> int:
        buffer = io.BytesIO()
        Image.effect_noise((320, 200), 60).convert("RGB").save(buffer, "JPEG")
        body = {"title": title, "incident_type": "knife", "cctv_id": self.camera, "location": "Jl. Veteran 3",
                "report_image": base64.b64encode(buffer.getvalue()).decode()}  # fmt: skip
        report = int(self.ask(self.owner, "POST", "/report", body)["id"])
        self.ask(self.officer, "POST", f"/officer/assign/{report}", {"officer_id": self.police.id})
        return report

    def recall(self, report: int) -> None:
        self.ask(self.officer, "POST", f"/officer/verify/{report}", {"status": "rejected", "reason_code": "test"})

    def end_all(self) -> None:
        open_ones = assignments.c.status.in_(("offered", "accepted", "on_the_way", "arrived"))
        for row in self.site.world.execute(select(assignments.c.report_id).where(open_ones)):
            self.recall(row["report_id"])
        waiting = (assignments.c.status == "recalled") & assignments.c.stop_acknowledged_at.is_(None)
        for row in self.site.world.execute(select(assignments.c.report_id).where(waiting)):
            self.ask(self.police, "POST", f"/police/report/{row['report_id']}/stop")

    def assignment(self, report: int) -> Any:
        return self.site.world.execute(select(assignments).where(assignments.c.report_id == report))[0]

    def points(self, report: int) -> list[Any]:
        return list(self.site.world.execute(select(track_points).where(track_points.c.report_id == report)))


@pytest.fixture(scope="module")
def place(site: Any) -> Iterator[Beat]:
    expect.set_options(timeout=40_000)  # what a socket tells is there at once, on a busy machine later
    yield Beat(site)
    expect.set_options(timeout=5_000)


@pytest.fixture
def beat(place: Beat) -> Iterator[Beat]:
    """Afterwards nobody is sent anywhere."""
    yield place
    place.end_all()


def grave(page: Any) -> list[str]:
    """Serious and critical findings of axe. Run by the page's own evaluation: the CSP lets no other script in."""
    page.evaluate(AXE.read_text("utf-8") + "; 0")
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['nodes'][0]['target']}" for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]  # fmt: skip


def until(true: Callable[[], Any]) -> None:
    """What the phone keeps first is with the server a moment later."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def too_wide(page: Any) -> bool:
    wide = "Math.max(document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth)"
    return bool(page.evaluate(f"{wide} > innerWidth"))


def test_every_page_of_owner_and_police_fits_a_phone_and_is_readable(beat: Beat, visit: Callable[..., Any]) -> None:
    report = beat.sent("Orang membawa pisau")
    found = {}
    for person, pages in (
        ("sri", ("/cameras", f"/cameras/{beat.camera}", "/my-reports", f"/my-reports/{report}", "/report", "/notices",
                 "/me")),
        ("tono", ("/duty", f"/duty/{report}", "/history", "/notices", "/me")),
    ):  # fmt: skip
        for scheme in ("light", "dark"):
            visitor = visit(**PHONE, color_scheme=scheme)
            page = visitor.log_in(person, PASSWORD)
            for path in pages:
                visitor.go(path)
                expect(page.locator(".app > *").first).to_be_visible()
                expect(page.locator("#main .loading")).to_have_count(0)
                found[f"{person} {path} {scheme}"] = grave(page) + (["too wide"] if too_wide(page) else [])
    assert {} == {where: faults for where, faults in found.items() if faults}


def test_from_the_offer_to_the_end_while_the_owner_watches(beat: Beat, visit: Callable[..., Any]) -> None:
    report = beat.sent("Orang mengancam kasir")
    tono, sri = visit(**PHONE), visit(**PHONE)
    page = tono.log_in("tono", PASSWORD)
    watched = sri.log_in("sri", PASSWORD)
    sri.go(f"/my-reports/{report}")
    page.locator(".card-offered").click()
    page.get_by_role("button", name="Terima").click()
    page.get_by_role("button", name="Saya berangkat").click()
    expect(watched.get_by_text("garis lurus")).to_be_visible()
    page.get_by_role("textbox", name="Pesan").fill("Dua orang lari ke selatan")
    page.get_by_role("button", name="Kirim", exact=True).click()
    expect(page.locator(".chat-mine")).to_contain_text("Dua orang lari ke selatan")
    page.get_by_role("button", name="Saya sudah tiba").click()
    expect(watched.get_by_text("Polisi sudah di lokasi")).to_be_visible()
    page.get_by_role("button", name="Bukti").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Dari ponsel ini").click()
    chooser.value.set_files({"name": "saksi.txt", "mimeType": "text/plain", "buffer": b"Saksi: dua orang."})
    expect(page.get_by_text("saksi.txt")).to_be_visible()
    page.locator(".work-parts").get_by_role("button", name="Laporan").click()
    page.get_by_label("Temuan dan tindakan").fill("Pelaku diamankan, pisau disita, saksi dua orang.")
    page.get_by_role("button", name="Serahkan").click()
    expect(page.locator(".final-sent")).to_contain_text("pisau disita")
    page.get_by_role("button", name="Tugas selesai").click()
    expect(page.get_by_text("Penugasan ini sudah berakhir.")).to_be_visible()
    expect(watched.locator(".way [aria-current]")).to_have_text("Tutup")
    until(lambda: "completed" == beat.assignment(report)["status"])


def test_what_was_written_in_a_tunnel_is_sent_once_afterwards(beat: Beat, visit: Callable[..., Any]) -> None:
    report = beat.sent("Orang membawa celurit")
    beat.ask(beat.police, "POST", f"/police/report/{report}/answer", {"accept": True})
    tono = visit(**PHONE)
    page = tono.log_in("tono", PASSWORD)
    tono.go(f"/duty/{report}")
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    tono.go(f"/duty/{report}")  # through the worker, which keeps what was loaded
    expect(page.get_by_role("button", name="Saya berangkat")).to_be_visible()
    tono.context.set_offline(True)
    page.get_by_role("button", name="Saya berangkat").click()
    expect(page.get_by_role("button", name="Saya sudah tiba")).to_be_visible()
    expect(page.locator(".strip-waits")).to_contain_text("2")
    page.reload()
    expect(page.get_by_role("heading", name="Orang membawa celurit")).to_be_visible()
    expect(page.get_by_role("button", name="Saya sudah tiba")).to_be_visible()
    assert [] == beat.points(report)
    tono.context.set_offline(False)
    expect(page.locator(".strip-waits")).to_have_count(0)
    points = beat.points(report)
    until(lambda: "on_the_way" == beat.assignment(report)["status"])
    assert len({point["client_id"] for point in points}) == len(points) >= 1
    assert all("ERR_INTERNET_DISCONNECTED" in line for line in tono.complaints), tono.complaints
    tono.complaints.clear()


def test_a_recall_stops_everything_until_it_is_acknowledged(beat: Beat, visit: Callable[..., Any]) -> None:
    report = beat.sent("Alarm uji coba")
    page = visit(**PHONE).log_in("tono", PASSWORD)
    expect(page.locator(".card-offered")).to_be_visible()
    beat.recall(report)
    stop = page.get_by_role("alertdialog")
    expect(stop).to_be_visible()
    expect(stop).to_contain_text("Alarm uji coba")
    page.keyboard.press("Escape")
    expect(stop).to_be_visible()
    assert {"width": 360, "height": 740} == {k: v for k, v in stop.bounding_box().items() if k in ("width", "height")}
    assert [] == grave(page)
    stop.get_by_role("button", name="Saya sudah berhenti").click()
    expect(stop).to_have_count(0)
    expect(page.get_by_text("Tidak ada penugasan")).to_be_visible()
    until(lambda: beat.assignment(report)["stop_acknowledged_at"])


def test_a_pushed_notice_is_shown_once_and_opens_its_page(beat: Beat, visit: Callable[..., Any]) -> None:
    tono = visit(**PHONE | {"permissions": ["geolocation", "notifications"]})
    page = tono.log_in("tono", PASSWORD)
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    told = json.dumps(
        {"noticeId": "n-1", "title": "Penugasan", "message": "Jl. Veteran", "reportId": 7, "urgent": True}
    )
    driver = tono.context.new_cdp_session(page)
    ids: list[str] = []

    def note(event: Any) -> None:
        mine = [one for one in event["registrations"] if one["scopeURL"].startswith(beat.site.url)]
        ids.extend(one["registrationId"] for one in mine)

    driver.on("ServiceWorker.workerRegistrationUpdated", note)
    driver.send("ServiceWorker.enable")
    page.wait_for_function("navigator.serviceWorker.controller")
    for _ in range(2):
        push = {"origin": beat.site.url, "registrationId": ids[-1], "data": told}
        driver.send("ServiceWorker.deliverPushMessage", push)
    shown = "navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) => all.map((n) => n.data.url))"
    page.wait_for_function(f"{shown}.then((urls) => urls.length)")
    assert ["/duty/7"] == page.evaluate(shown)
