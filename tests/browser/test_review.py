"""The review of violations by keyboard in a real browser; nothing decided twice, nothing a camera says is run."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select, update

from core.testing.drawing import draw_scene
from core.testing.review import PASSWORD, World
from core.traffic.tables import passages, violations

HOSTILE = (
    '<img src=x onerror="window.hurt=1">',
    "<script>window.hurt=1</script>",
    '"><svg onload=window.hurt=1>',
    "javascript:window.hurt=1",
    "{{constructor.constructor('window.hurt=1')()}}",
)


def seed(world: World, plates: list[str], **columns: Any) -> list[int]:
    """Pending cases with a drawn picture each, the first one due first."""
    chance, begun = random.Random(4), datetime.now(UTC) - timedelta(hours=1)
    made = []
    for number, plate in enumerate(plates):
        at = begun + timedelta(seconds=number)
        picture = draw_scene(plate, "white", at, "Simpang Lima", chance, width=320)
        made.append(world.violation(plate=plate, picture=picture, role="scene", capture_time=at, **columns))
    return made


def states(world: World, ids: list[int]) -> list[tuple[str, str | None, str | None]]:
    """(status, reason, plate) of each case, in order."""
    plate = func.coalesce(violations.c.corrected_plate, violations.c.plate_number).label("plate")
    query = select(violations.c.id, violations.c.status, violations.c.reason_code, plate)
    rows = {row["id"]: row for row in world.execute(query.where(violations.c.id.in_(ids)))}
    return [(rows[one]["status"], rows[one]["reason_code"], rows[one]["plate"]) for one in ids]


@pytest.fixture
def empty(site: Any) -> World:
    """Whatever other tests left in the queue is decided."""
    world: World = site.world
    someone = world.officer()
    for row in world.execute(select(violations.c.id).where(violations.c.status == "pending")):
        world.decided(row["id"], someone, "rejected")
    return world


def double(world: World, one: int, plate: str) -> None:
    """The plate of a case on a vehicle of another kind, read and decided elsewhere."""
    at = world.row(one)["capture_time"] + timedelta(minutes=3)
    other = world.violation(plate=plate, capture_time=at)
    world.decided(other, world.officer(), "rejected")
    for case, kind in ((one, "motorcycle"), (other, "car")):
        passage = world.row(case)["passage_id"]
        world.execute(update(passages).where(passages.c.id == passage).values(vehicle_type=kind))


def at_case(page: Any, plate: str) -> None:
    """Wait until the case in hand is this one and its picture is drawn."""
    expect(page.locator(".review-plate-text .plate")).to_have_text(plate)
    expect(page.locator(".review-scene .viewer > img")).to_be_visible()


def corrected(page: Any, plate: str) -> None:
    """Wait until the plate is corrected and the form is gone: keys act again."""
    expect(page.locator(".review-plate-text .plate")).to_have_text(plate)
    expect(page.locator(".review-correct")).to_have_count(0)


def test_twenty_violations_are_decided_by_keyboard_alone(visit: Callable[..., Any], site: Any, empty: World) -> None:
    plates = [f"B {1000 + n} XYZ" for n in range(20)]
    plates[13] = "81013XYZ"
    ids = seed(empty, [plate.replace(" ", "") for plate in plates])
    double(empty, ids[11], "B1011XYZ")
    visitor = visit()
    page = visitor.log_in(site.person("officer", "papan.ketik"), PASSWORD)
    visitor.go("/review")
    keys = page.keyboard
    for number, plate in enumerate(plates):
        at_case(page, plate)
        if number == 3:
            keys.press("r")
            keys.press("4")
        elif number == 5:
            keys.press("r")
            keys.press("0")
            keys.type("Mobil jenazah")
            keys.press("Tab")
            keys.press("Tab")
            keys.press("Enter")
        elif number == 7:
            keys.press("c")
            keys.type("B 1707 XYZ")
            keys.press("Enter")
            corrected(page, "B 1707 XYZ")
            keys.press("a")
        elif number == 11:
            hint = page.get_by_role("region", name="Mungkin pelat palsu")
            expect(hint).to_contain_text("Juga terbaca di Simpang Lima, 3 mnt sesudahnya")
            expect(hint).to_contain_text("Jenis kendaraan lain: Mobil")
            keys.press("b")
            expect(page.get_by_role("dialog", name="Bandingkan kendaraan").locator("figure")).to_have_count(2)
            keys.press("Escape")
            keys.press("r")
            keys.press("f")
        elif number == 13:
            expect(page.locator(".review-suggestions")).to_have_text("Mungkin B 1013 XYZ")
            for key in ("c", "Tab", "Enter", "Tab", "Tab", "Enter"):
                keys.press(key)
            corrected(page, "B 1013 XYZ")
            keys.press("a")
        else:
            keys.press("z" if number == 9 else "+")
            keys.press("a")
    expect(page.get_by_text("Tidak ada yang menunggu keputusan")).to_be_visible()
    page.wait_for_load_state("networkidle")  # the last decision is under way when its successor is shown

    expected: list[tuple[str, str | None, str | None]] = [("approved", None, f"B{1000 + n}XYZ") for n in range(20)]
    expected[3] = ("rejected", "picture_unusable", "B1003XYZ")
    expected[5] = ("rejected", "other", "B1005XYZ")
    expected[7] = ("approved", None, "B1707XYZ")
    expected[11] = ("rejected", "plate_forged", "B1011XYZ")
    assert expected == states(empty, ids)


def test_a_decision_is_taken_back_within_ten_seconds(visit: Callable[..., Any], site: Any, empty: World) -> None:
    ids = seed(empty, ["F1111AA", "F2222BB"])
    visitor = visit()
    page = visitor.log_in(site.person("officer", "urung"), PASSWORD)
    visitor.go("/review")
    at_case(page, "F 1111 AA")
    page.keyboard.press("a")
    at_case(page, "F 2222 BB")
    page.keyboard.press("u")
    at_case(page, "F 1111 AA")
    assert ("pending", None, "F1111AA") == states(empty, ids)[0]
    page.keyboard.press("s")
    at_case(page, "F 2222 BB")


def test_two_officers_are_never_given_the_same_case(visit: Callable[..., Any], site: Any, empty: World) -> None:
    seed(empty, ["D1111AA", "D2222BB", "D3333CC", "D4444DD"])
    first, second = visit(), visit()
    first.log_in(site.person("officer", "berdua.satu"), PASSWORD)
    first.go("/review").wait_for_load_state("networkidle")  # one in hand, two ready
    second.log_in(site.person("officer", "berdua.dua"), PASSWORD)
    second.go("/review")
    at_case(first.page, "D 1111 AA")
    at_case(second.page, "D 4444 DD")


def test_what_a_colleague_does_is_seen_at_once(visit: Callable[..., Any], site: Any, empty: World) -> None:
    ids = seed(empty, ["E1111AA", "E2222BB", "E3333CC"])
    first, second = visit(), visit()
    page = first.log_in(site.person("officer", "lambat"), PASSWORD)
    first.go("/review").wait_for_load_state("networkidle")  # all three are claimed
    at_case(page, "E 1111 AA")
    other = second.log_in(site.person("officer", "cepat"), PASSWORD)
    second.go("/review")
    expect(other.get_by_text("Tidak ada yang menunggu keputusan")).to_be_visible()
    empty.execute(update(violations).where(violations.c.id == ids[0]).values(claimed_until=func.now()))
    other.reload()
    at_case(other, "E 1111 AA")
    at_case(page, "E 2222 BB")
    expect(page.locator(".toast")).to_contain_text("Cepat")
    second.go("/cases")
    expect(other.get_by_role("row", name="E 2222 BB")).to_contain_text("Lambat")
    page.keyboard.press("a")
    expect(other.get_by_role("row", name="E 2222 BB")).to_contain_text("Disetujui")


def test_the_other_case_of_a_passage_comes_next(visit: Callable[..., Any], site: Any, empty: World) -> None:
    first, between = seed(empty, ["A1111AA", "A2222BB"])
    passage = empty.row(first)["passage_id"]
    empty.violation(plate="A1111AA", passage_id=passage, violation_type="helm", capture_time=datetime.now(UTC))
    visitor = visit()
    page = visitor.log_in(site.person("officer", "selintas"), PASSWORD)
    visitor.go("/review")
    at_case(page, "A 1111 AA")
    page.keyboard.press("a")
    expect(page.locator(".review-head h2")).to_have_text("Tanpa helm")
    expect(page.locator(".review-plate-text .plate")).to_have_text("A 1111 AA")
    assert "pending" == empty.row(between)["status"]


def test_the_list_and_the_search_mark_a_plate_that_may_be_forged(
    visit: Callable[..., Any], site: Any, empty: World
) -> None:
    (case,) = seed(empty, ["B4321FGD"])
    double(empty, case, "B4321FGD")
    visitor = visit()
    page = visitor.log_in(site.person("officer", "awas"), PASSWORD)
    marked = page.get_by_role("row").filter(has=page.get_by_text(re.compile(r"^B\s*4321\s*FGD$")))
    marked = marked.filter(has_text="Mungkin pelat palsu")
    visitor.go("/cases")
    expect(marked).to_have_count(2)
    visitor.go("/search")
    page.get_by_label("Tujuan pencarian ini").fill("pemeriksaan pelat")
    page.get_by_role("button", name="Cari", exact=True).click()
    expect(marked).to_have_count(2)


@pytest.mark.threat("T33")
def test_what_a_camera_claims_to_have_read_is_text(visit: Callable[..., Any], site: Any, empty: World) -> None:
    ids = [empty.violation(plate=text[:20], detail={"ground": text, text[:30]: text}) for text in HOSTILE]
    visitor = visit()
    page = visitor.log_in(site.person("officer", "waspada"), PASSWORD)
    for path in ("/review", "/cases", f"/cases/{ids[0]}", "/overview"):
        visitor.go(path)
        expect(page.locator(".plate").first).to_be_visible()
        assert page.locator("#main img[src='x'], #main script, #main svg[onload]").count() == 0
        assert page.evaluate("window.hurt") is None
