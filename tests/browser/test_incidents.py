"""An incident from the alarm to its end: two officers, the police and the owner, each at a browser of their own."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from core.accounts.tables import police
from core.testing.chromium import grave, too_wide
from core.testing.review import PASSWORD
from core.testing.waiting import until

HERE = (-6.1200, 106.1500)
EVIL = "<img src=x onerror=window.struck=1>"
PHONE = {
    "viewport": {"width": 360, "height": 740}, "has_touch": True, "permissions": ["geolocation"],
    "geolocation": {"latitude": HERE[0] + 0.01, "longitude": HERE[1], "accuracy": 8},
}  # fmt: skip


def state(page: Any, words: str) -> None:
    expect(page.locator(".incident-title .badge").first).to_have_text(words)


def struck(*pages: Any) -> list[Any]:
    return [page.evaluate("window.struck") for page in pages if page.evaluate("window.struck") is not None]


def test_from_the_alarm_to_the_end_with_officers_police_and_owner(street: Any, visit: Callable[..., Any]) -> None:
    ani, budi, tono, sri = visit(), visit(), visit(**PHONE), visit(**PHONE)
    desk = ani.log_in("ani", PASSWORD)
    other = budi.log_in("budi", PASSWORD)
    phone = tono.log_in("tono", PASSWORD)
    owner = sri.log_in("sri", PASSWORD)
    number = street.report(f"Orang membawa pisau {EVIL}")

    # the alarm, and the report before the eyes of everybody but the police
    expect(desk.locator(".alarm")).to_be_visible()
    expect(desk).to_have_title(re.compile(r"^\(1\) "))
    expect(desk.locator(".rail-count")).to_have_text("1 baru")
    desk.locator(".alarm").get_by_role("link").click()
    expect(desk).to_have_url(f"{street.site.url}/incidents/{number}")
    expect(desk.locator(".alarm")).to_have_count(0)
    state(desk, "Baru")
    expect(desk.get_by_text(EVIL).first).to_be_visible()
    desk.get_by_role("button", name="Periksa", exact=True).first.click()
    expect(desk.get_by_text("tidak berubah")).to_be_visible()
    budi.go("/incidents")
    other.get_by_role("button", name=re.compile("Orang membawa pisau")).click()
    state(other, "Baru")
    sri.go(f"/my-reports/{number}")
    expect(owner.get_by_role("heading", name="Orang membawa pisau")).to_be_visible()

    # the nearest is sent; the other officer sees it, the policeman is asked; who says no position is there too
    lost = update(police).where(police.c.username == "rudi").values(latitude=None, longitude=None)
    street.site.world.execute(lost)
    until(lambda: HERE[0] + 0.01 == pytest.approx(street.ask(street.police, "GET", "/me")["latitude"], abs=1e-6))
    desk.get_by_role("button", name="Kirim petugas").click()
    nearest = desk.locator(".free label").first
    expect(nearest).to_contain_text("Tono")
    expect(nearest).to_contain_text("1,1 km")
    expect(nearest).to_contain_text("sekitar 3 mnt")
    expect(desk.locator(".free label").last).to_contain_text(re.compile("Rudi.*jarak tidak diketahui"))
    expect(nearest.get_by_role("radio")).to_be_focused()
    desk.keyboard.press("Enter")
    state(desk, "Petugas dikirim")
    state(other, "Petugas dikirim")
    phone.locator(".card-offered").click()
    phone.get_by_role("button", name="Terima").click()
    phone.get_by_role("button", name="Saya berangkat").click()

    # the way, seen by the desk and by the owner
    expect(desk.locator(".way-state")).to_contain_text("1,1 km lagi")
    expect(desk.locator(".way-map .mark-unit")).to_contain_text("Tono")
    expect(owner.get_by_text("garis lurus")).to_be_visible()

    # words in both directions
    phone.get_by_role("textbox", name="Pesan").fill(f"Dekat {EVIL}")
    phone.get_by_role("button", name="Kirim", exact=True).click()
    expect(desk.locator(".talk-text", has_text="Dekat")).to_have_text(f"Dekat {EVIL}")
    desk.get_by_label("Pesan untuk petugas di lapangan").fill("Pintu belakang")
    desk.keyboard.press("Enter")
    expect(desk.locator(".talk-mine")).to_contain_text("Pintu belakang")
    expect(phone.locator(".chat-list")).to_contain_text("Pintu belakang")
    street.act(f"/reports/{number}/messages", {"kind": "backup", "body": "", "latitude": -6.3, "longitude": 106.9})
    expect(desk.locator(".talk-place")).to_have_text("Posisi terakhir ponsel -6.30000, 106.90000")

    # at the place: evidence and the final report
    phone.get_by_role("button", name="Saya sudah tiba").click()
    state(other, "Sedang ditangani")
    expect(owner.get_by_text("Polisi sudah di lokasi")).to_be_visible()
    phone.get_by_role("button", name="Bukti").click()
    with phone.expect_file_chooser() as chooser:
        phone.get_by_text("Dari ponsel ini").click()
    chooser.value.set_files({"name": "saksi.txt", "mimeType": "text/plain", "buffer": b"Saksi: dua orang."})
    expect(phone.get_by_text("saksi.txt")).to_be_visible()
    # the report is written afterwards
    phone.get_by_role("button", name="Tugas selesai").click()
    expect(phone.get_by_text("Penugasan ini sudah berakhir.")).to_be_visible()
    phone.locator(".work-parts").get_by_role("button", name="Laporan").click()
    phone.get_by_label("Temuan dan tindakan").fill("Pelaku diamankan, pisau disita, saksi dua orang.")
    phone.get_by_role("button", name="Serahkan").click()
    expect(phone.locator(".final-sent")).to_contain_text("pisau disita")

    # closed for everybody
    state(desk, "Selesai")
    state(other, "Selesai")
    expect(owner.locator(".way [aria-current]")).to_have_text("Selesai")
    desk.get_by_role("button", name=re.compile("Dari lapangan")).click()
    expect(desk.get_by_text("saksi.txt").first).to_be_visible()
    expect(desk.locator(".timeline")).to_contain_text("Kasus selesai (sedang ditangani → selesai)")
    until(lambda: street.assignment(number)["status"] == "completed")
    with desk.expect_download() as download:
        desk.get_by_role("button", name="PDF").click()
    assert f"laporan-{number}.pdf" == download.value.suggested_filename
    assert [] == struck(desk, other, phone, owner)


def test_who_is_silent_is_taken_off_and_a_recall_says_who_will_hear(street: Any, visit: Callable[..., Any]) -> None:
    number = street.report("Benda mencurigakan")
    page = visit().log_in("ani", PASSWORD)
    page.goto(f"{street.site.url}/incidents/{number}")
    page.get_by_role("button", name="Kirim petugas").click()
    page.locator("dialog").get_by_role("button", name="Kirim Tono").click()
    state(page, "Petugas dikirim")

    # he does not answer: he is taken off it, and sent again by hand
    expect(page.locator(".sent")).to_contain_text("belum diterima, 0 menit")
    page.get_by_role("button", name="Tarik penugasan Tono").click()
    page.locator("dialog").get_by_label("Alasan").fill(f"Tidak menjawab {EVIL}")
    page.locator("dialog").get_by_role("button", name="Tarik penugasan").click()
    expect(page.locator(".sent")).to_contain_text(f"Ditarik oleh Ani: Tidak menjawab {EVIL}")
    assert "STOP" == street.ask(street.police, "GET", f"/police/report/{number}")["app_state"]
    street.act(f"/police/report/{number}/stop", {})
    expect(page.get_by_text("sudah mengetahui penarikan")).to_be_visible()
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
    assert "STOP" == street.ask(street.police, "GET", f"/police/report/{number}")["app_state"]
    street.act(f"/police/report/{number}/stop", {})
    expect(page.get_by_text("sudah mengetahui penarikan")).to_have_count(2)
    assert [] == struck(page)


def test_a_map_stays_where_a_person_put_it(street: Any, visit: Callable[..., Any]) -> None:
    street.report("Di peta")
    page = visit(reduced_motion="reduce").log_in("ani", PASSWORD)
    page.goto(f"{street.site.url}/map")
    expect(page.locator(".map-mark > *").first).to_be_visible()
    farther = page.locator(".leaflet-control-zoom-out")
    deadline = time.monotonic() + 60
    while "leaflet-disabled" not in (farther.get_attribute("class") or ""):
        assert time.monotonic() < deadline, "the map goes back to where it was"
        farther.dispatch_event("click")  # Leaflet takes one step at a time and leaves out the clicks between
        page.evaluate("new Promise((drawn) => setTimeout(drawn, 200))")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 360)])
def test_dialogs_of_an_incident_shut_nobody_out(street: Any, visit: Callable[..., Any], theme: str, width: int) -> None:
    number = street.report(f"Laporan {theme}")
    visitor = visit(color_scheme=theme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    page = visitor.log_in("ani", PASSWORD)
    found: dict[str, Any] = {}
    page.goto(f"{street.site.url}/incidents/{number}")
    page.get_by_role("button", name="Kirim petugas").click()
    expect(page.locator(".free label").first).to_be_visible()
    found["send"] = grave(page) + too_wide(page, width)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Tolak").click()
    found["reject"] = grave(page) + too_wide(page, width)
    assert {} == {name: faults for name, faults in found.items() if faults}


def test_a_printed_incident_is_dark_on_white_with_its_picture_and_the_whole_hash(
    street: Any, visit: Callable[..., Any]
) -> None:
    number = street.report("Orang membawa parang")
    visitor = visit(color_scheme="dark", reduced_motion="reduce")
    visitor.log_in("ani", PASSWORD)
    page = visitor.go(f"/incidents/{number}")
    picture = page.locator(".viewer > img")
    expect(picture).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".rail")).to_be_hidden()
    assert 0 == page.locator("button:visible, .map:visible, textarea:visible").count()
    assert re.fullmatch("[0-9a-f]{64}", page.locator(".custody .mono:visible").inner_text())
    colours = page.evaluate(
        "[document.body, document.querySelector('.panel')].flatMap((one) => "
        "[getComputedStyle(one).backgroundColor, getComputedStyle(one).color])"
    )
    assert ["rgb(255, 255, 255)", "rgb(17, 32, 31)"] * 2 == colours
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert 1440 == width and height > 900, "the paper has the whole page, not a window onto it"
    box = picture.bounding_box()
    assert box is not None and box["width"] > 400 and box["height"] > 200
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
