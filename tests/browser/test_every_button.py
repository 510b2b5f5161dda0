"""Nothing on the dashboard is dead: every control of every page is pressed, and something right comes of it.

Officers of stations and of traffic see the same pages: what they may do hangs on the role, and on the agency.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.notices.tables import notice_deliveries, notice_recipients, notices
from core.testing.drawing import draw_plate
from core.testing.presser import Presser, codes_of
from core.testing.review import PASSWORD

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "web" / "src" / "pages"
LEFT = {
    "button Keluar": "test_pages.py: test_logging_out_shuts_the_door_behind",
    "button English": "test_pages.py: test_the_language_changes_everywhere_and_is_remembered",
    "button Baca lagi": "the program that parses: tests/api, and by hand in the demo",
}
FILLS = {"Kata sandi sekarang": PASSWORD, "Kata sandi baru": "benar-kuda-baterai-10"}
ALWAYS = (
    "button PDF", "button JSON", "button #×", "Tambah bukti", "button Periksa", "link Per", "Tampilkan semua",
    "Pesan untuk petugas", "Ke semua insiden",
)  # fmt: skip
"""On every incident: pressed on one."""
NAMES = frozenset({"etnas_test", "etnas_lain", "anpr_filter"})


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Plugins to look at: two makes, a filter, one with a page."""
    declared = [
        Declared(id="counter", use="core.testing.example_page"),
        Declared(id="generic", use="vendors.generic"),
        Declared(id="hikvision", use="vendors.hikvision"),
        Declared(id="anpr_filter", use="detectors.anpr_filter"),
    ]
    made = Host.build(declared, environ={}, file=Path("plugins.toml"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def full(site: Any, place: Any) -> Any:
    """Something of every kind on every page, and enough of what a press uses up."""
    world = site.world
    judge = world.officer(username="petugas.lain")
    site.cases = {}
    for number in range(56):
        status = {
            0: "held",
            1: "refused",
            2: "refused",
            3: "uncertain",
            4: "refused",
            5: "approved",
            6: "rejected",
        }.get(number, "pending")
        picture = draw_plate(f"B {2000 + number} ABC") if number < 12 else b""
        case = world.violation(plate=f"B{2000 + number}ABC", picture=picture)
        if status != "pending":
            world.decided(case, judge, status, reason_code="no_violation" if status == "rejected" else None)
        if status in ("refused", "uncertain"):
            world.delivery(case, status)
        site.cases.setdefault(status, case)
    for _ in range(3):
        world.quarantined()
    for name in ("Tini", "Toni", "Tata", "Tedi"):
        site.account(
            "police", name.lower(), full_name=name, status="available", latitude=-6.13, longitude=106.16,
            vehicle_type="motor", license_plate="77-IV", phone="0812", position_at=datetime.now(UTC),
        )  # fmt: skip
    site.account("officer", "korban", full_name="Yang dinonaktifkan")
    for number in range(3):
        _not_told(world, number)
    site.account("admin", "admin.uji", vendor_id=world.banten)
    site.spare = [world.violation(plate=f"B{3000 + number}DEF") for number in range(2)]
    return site


def _not_told(world: Any, number: int) -> None:
    """A notice that was given up."""
    mine = {"vendor_id": world.banten}
    words = {"title": "Uji", "message": "Uji"}
    notice = world._add(notices, **mine, kind="announcement", dedup_key=f"uji-{number}", type="report",
                        texts={"id": words, "en": words}, planned_at=datetime.now(UTC))  # fmt: skip
    told = world._add(notice_recipients, **mine, notice_id=notice, role="officer", person_id=1)
    world._add(notice_deliveries, **mine, recipient_id=told, channel="fcm", position=0, status="dead", attempts=5)


@pytest.fixture
def pressing(visit: Callable[..., Any], full: Any) -> Iterator[Callable[[str], Presser]]:
    """pressing(username) -> a Presser who is logged in. Afterwards: nothing was dead, nothing went wrong."""
    made: list[Presser] = []

    def log_in(username: str) -> Presser:
        visitor = visit(reduced_motion="reduce", permissions=["geolocation", "clipboard-read", "clipboard-write"])
        made.append(Presser(visitor, left=LEFT, rows={"/people": "korban"}, fills=FILLS, names=NAMES,
                            codes=codes_of(ROOT / "docs" / "openapi.json")))  # fmt: skip
        visitor.log_in(username, PASSWORD)
        return made[-1]

    yield log_in
    for one in made:
        print(f"{len(one.pressed)} pressed", *sorted(one.passed_over), *sorted(one.gone), sep="\n  ")
        assert [] == one.faults
        assert set() == one.gone


@pytest.mark.timeout(600)
def test_an_officer_presses_everything(pressing: Callable[[str], Presser], full: Any) -> None:
    presser = pressing("ani")
    for path in ("/overview", "/map", "/review", "/cases", "/devices", "/devices/quarantine"):
        presser.explore(path)
    presser.explore("/search")
    presser.explore("/search", start=(" | text Tujuan pencarian ini", " | button Pembacaan tunggal", " | submit Cari"))
    presser.explore("/delivery", leaving=("| button Kirim lagi #",))
    for case in full.spare:
        full.world.delivery(case, "dead", sink="etnas_lain")
    presser.explore("/delivery", start=(" | button Kirim lagi #",))
    for status in ("pending", "held", "refused"):
        presser.explore(f"/cases/{full.cases[status]}")


@pytest.mark.timeout(600)
def test_an_officer_presses_everything_of_an_incident(
    pressing: Callable[[str], Presser], full: Any, place: Any
) -> None:
    presser = pressing("budi")
    number = place.report("Orang membawa pisau")
    presser.explore("/incidents")
    presser.explore(f"/incidents/{number}", leaving=("button Benar terjadi", "button Kirim petugas"))
    number = place.report("Orang membawa parang")
    presser.explore(f"/incidents/{number}", leaving=(*ALWAYS, "button Benar terjadi", "button Tolak", "button Tarik"))
    place.end_all()
    number = place.sent("Orang membawa golok")
    presser.explore(f"/incidents/{number}", start=(" | button Tarik penugasan Tono",))
    assert "withdrawn" == place.assignment(number)["status"]
    number = place.report("Orang membawa celurit")
    presser.explore(
        f"/incidents/{number}", leaving=(*ALWAYS, "button Kirim petugas", "button Tolak", "button Tutup kasus")
    )


@pytest.mark.timeout(600)
def test_an_admin_presses_everything(pressing: Callable[[str], Presser], full: Any) -> None:
    presser = pressing("admin.uji")
    for path in ("/devices", "/devices/quarantine", "/delivery/notices", "/people", "/stations", "/plugins", "/audit"):
        presser.explore(path)
    presser.explore("/search", ".rail, .bar")


def test_what_is_dead_wrong_or_raw_is_found(visit: Callable[..., Any], full: Any) -> None:
    presser = Presser(visit(), left={}, rows={}, fills={}, names=frozenset(), codes=frozenset({"pending"}))
    page = presser.visitor.log_in(full.person("officer", "penguji"), PASSWORD)
    page.evaluate(
        """() => {
          const room = document.createElement("div");
          room.className = "planted";
          const put = (name, act) => {
            const one = document.createElement("button");
            one.type = "button";
            one.textContent = name;
            one.onclick = act ?? null;
            room.append(one);
          };
          put("Hidup", () => room.classList.toggle("on"));
          put("Mati");
          put("", () => room.classList.toggle("on"));
          put("Salah", () => fetch("/api/nowhere"));
          room.append(document.createElement("p"), document.createElement("p"));
          room.querySelector("p").textContent = "pending";
          room.querySelector("p:last-child").textContent = "report_opened";
          document.body.append(room);
        }"""
    )
    presser.visitor.expected += ("404 (Not Found)",)
    presser.patience_s = 1.0
    presser.explore("/search", ".planted")
    said = "\n".join(presser.faults)
    assert [True] * 5 == [part in said for part in (
        "button Mati: does nothing", "has no name", "button Salah: GET", "shows 'pending'", "shows 'report_opened'",
    )]  # fmt: skip
    assert "Hidup: does" not in said
