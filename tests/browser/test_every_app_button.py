"""Nothing in the app is dead: every control that owners and field police see is pressed, and something comes of it.

`core.testing.presser` says what counts as something. What needs a hand of its own (files, the other language, the way
from one state of the work to the next) is done here by name.
"""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import func, insert

from core.accounts.tables import device_health
from core.testing.presser import Presser, codes_of
from core.testing.review import PASSWORD

ROOT = Path(__file__).parents[2]
CODES = codes_of(ROOT / "docs" / "openapi.json")
FORM = "filled in where the form is sent"
TWIN = "the same part as in the dialog before"
LEFT = {
    "button Keluar": "pressed last, in leave()",
    "button English": "test_app_language.py",
    "| file ": "pick() chooses files",
    "kamera | text": FORM, "sandi | text": FORM, "penugasan | text": FORM, "bantuan | text": FORM,
    "Darurat | text": FORM,
    "Ubah kamera | button": TWIN, "Ubah kamera | select Jenis": TWIN, "Kembalikan penugasan | button": TWIN,
    "sandi | submit": "test_every_button.py, the same dialog; it would end what others are logged in with",
    "Minta bantuan | button": TWIN, "Darurat | button": TWIN,
}  # fmt: skip
PHONE = {
    "viewport": {"width": 412, "height": 915}, "has_touch": True, "reduced_motion": "reduce",
    "permissions": ["geolocation", "clipboard-read", "clipboard-write"],
    "geolocation": {"latitude": -6.1100, "longitude": 106.1500, "accuracy": 8},
}  # fmt: skip
FRAME = "#main, .tabs, .bar"
STEPS = "#main .steps"
NO_MAPS = "addEventListener('click', (event) => event.target.closest('a[href^=\"geo:\"]') && event.preventDefault())"
"""A machine without an app of maps: what such a link opens is no part of the page."""


def picture() -> bytes:
    made = io.BytesIO()
    Image.effect_noise((160, 100), 60).convert("RGB").save(made, "JPEG")
    return made.getvalue()


def pick(page: Any, words: str) -> None:
    """A picture from the phone, by the button of that name."""
    with page.expect_file_chooser() as chooser:
        page.get_by_text(words, exact=True).click()
    chooser.value.set_files({"name": "lokasi.jpg", "mimeType": "image/jpeg", "buffer": picture()})


def next_is(page: Any, number: int, words: str, then: str) -> None:
    """One step of the work; returns when the next one is offered, and the server knows of it."""
    page.evaluate("(path) => history.pushState(null, '', path)", f"/duty/{number}")
    with page.expect_response(re.compile(rf"/api/police/report/{number}/(answer|status)$"), timeout=60_000):
        page.get_by_role("button", name=words).click()
    expect(page.get_by_role("button", name=then)).to_be_visible()


def leave(presser: Presser) -> None:
    """The last button of all."""
    presser.visitor.expected += ("401 (Unauthorized)",)  # what was being asked when the door was shut
    page = presser.visitor.go("/me")
    page.locator("#main").get_by_role("button", name="Keluar").click()
    expect(page.locator(".door-form")).to_be_visible()


@pytest.fixture
def pressing(visit: Callable[..., Any], street: Any) -> Iterator[Callable[[str], Presser]]:
    """pressing(username) -> a Presser with a phone, logged in. Afterwards: nothing was dead, nothing went wrong."""
    made: list[Presser] = []

    def log_in(username: str) -> Presser:
        visitor = visit(**PHONE)
        live = {"body": picture(), "content_type": "image/jpeg"}
        visitor.context.add_init_script(NO_MAPS)
        visitor.context.route("**/api/cctv/*/live", lambda route: route.fulfill(**live))
        made.append(Presser(visitor, left=LEFT, rows={}, fills={}, names=frozenset(),
                            codes=CODES))  # fmt: skip
        visitor.log_in(username, PASSWORD)
        return made[-1]

    yield log_in
    for one in made:
        print(f"{len(one.pressed)} pressed", *one.pressed, *sorted(one.passed_over), *one.faults, sep="\n  ")
        assert [] == one.faults


@pytest.mark.drill
@pytest.mark.timeout(600)  # some eighty controls, one after the other, on a machine that others use too
def test_an_owner_presses_everything(pressing: Callable[[str], Presser], street: Any) -> None:
    mine = {"device_id": street.camera, "vendor_id": street.site.world.banten}
    street.site.world.execute(insert(device_health).values(**mine, last_seen=func.now()))
    street.ask(street.owner, "POST", "/cctv", {"name": "Gudang", "location": "Jl. Veteran 5"})
    spare = next(row["id"] for row in street.ask(street.owner, "GET", "/cctv")["data"] if row["name"] == "Gudang")
    sent = street.sent("Yang dikirimi petugas")
    street.act(f"/police/report/{sent}/answer", {"accept": True})
    street.act(f"/police/report/{sent}/track", {"status": "on_the_way", "latitude": -6.11, "longitude": 106.15})

    presser = pressing("sri")
    page = presser.page
    presser.explore("/cameras", FRAME)
    presser.explore(f"/cameras/{street.camera}", leaving=("? | button Hapus",))
    presser.explore(f"/cameras/{spare}", start=(" | button Hapus",), leaving=("button Tutup", "button Batal"))
    presser.explore("/my-reports")
    presser.explore(f"/my-reports/{sent}")
    pick(page, "Tambah")
    expect(page.locator(".shots li")).to_have_count(2)
    presser.visitor.go("/report")
    for words in ("Ambil foto", "Dari galeri"):
        pick(page, words)
        page.get_by_role("button", name="Hapus gambar").click()
    presser.explore("/report")
    presser.explore("/notices")
    presser.explore("/me")
    leave(presser)


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_police_press_everything(pressing: Callable[[str], Presser], street: Any) -> None:
    first = street.sent("Yang ditolak")
    presser = pressing("tono")
    page = presser.page
    presser.explore("/duty", "#main, .tabs")  # the bar is the owners'
    presser.explore(f"/duty/{first}", leaving=("button Terima", "| submit Tolak"))
    presser.explore(f"/duty/{first}", start=(" | button Tolak",))

    second = street.sent("Yang dikembalikan")
    next_is(page, second, "Terima", "Saya berangkat")
    presser.explore(f"/duty/{second}", STEPS, start=(" | button Saya tidak dapat melanjutkan",))

    third = street.sent("Yang dikerjakan")
    next_is(page, third, "Terima", "Saya berangkat")
    presser.explore(f"/duty/{third}", leaving=("button Saya berangkat", "button Saya tidak dapat melanjutkan"))
    next_is(page, third, "Saya berangkat", "Saya sudah tiba")
    presser.explore(f"/duty/{third}", STEPS, leaving=("button Saya sudah tiba", "button Saya tidak dapat melanjutkan"))
    next_is(page, third, "Saya sudah tiba", "Tugas selesai")
    presser.explore(f"/duty/{third}", STEPS, leaving=("button Tugas selesai",))
    page.locator(".work-parts").get_by_role("button", name="Bukti").click()
    for words in ("Ambil foto", "Dari ponsel ini"):
        pick(page, words)
    expect(page.locator(".shots a")).to_have_count(3)
    page.get_by_role("button", name="Tugas selesai").click()
    expect(page.get_by_text("Penugasan ini sudah berakhir.")).to_be_visible()
    presser.explore(f"/duty/{third}")

    fourth = street.sent("Yang ditarik")
    next_is(page, fourth, "Terima", "Saya berangkat")
    street.recall(fourth)
    expect(page.locator("dialog.stop")).to_be_visible()
    page.get_by_role("button", name="Saya sudah berhenti").click()
    expect(page.locator("dialog.stop")).to_have_count(0)
    expect(page.get_by_text("Ditarik kembali. Tidak ada lagi")).to_be_visible()
    for path in ("/duty", "/history", "/notices", "/me"):  # on duty, and off and on again
        presser.explore(path)
    leave(presser)
