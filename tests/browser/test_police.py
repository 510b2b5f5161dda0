"""Field police with a phone in a real Chromium: tunnel, recall, pushed notices."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from core.testing.chromium import grave
from core.testing.review import PASSWORD
from core.testing.waiting import until

HERE = (-6.1200, 106.1500)
PHONE = {
    "viewport": {"width": 360, "height": 740}, "has_touch": True, "permissions": ["geolocation"],
    "geolocation": {"latitude": HERE[0] + 0.01, "longitude": HERE[1], "accuracy": 8},
}  # fmt: skip


def test_what_was_written_in_a_tunnel_is_sent_once_afterwards(street: Any, visit: Callable[..., Any]) -> None:
    report = street.sent("Orang membawa celurit")
    street.act(f"/police/report/{report}/answer", {"accept": True})
    tono = visit(**PHONE)
    page = tono.log_in("tono", PASSWORD)
    tono.go(f"/duty/{report}")
    kept = f"/api/police/report/{report}"
    for path in (kept, "/api/session"):
        until(lambda path=path: page.evaluate(f"caches.match('{path}', {{ignoreVary: true}}).then(Boolean)"))
    expect(page.get_by_role("button", name="Saya berangkat")).to_be_visible()
    tono.expected += ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED")
    tono.context.set_offline(True)
    page.get_by_role("button", name="Saya berangkat").click()
    expect(page.get_by_role("button", name="Saya sudah tiba")).to_be_visible()
    expect(page.locator(".strip-waits")).to_contain_text("2")
    tono.context.set_geolocation({"latitude": HERE[0] + 0.005, "longitude": HERE[1], "accuracy": 8})
    expect(page.locator(".strip-waits")).to_contain_text("3")  # the status and two points
    page.reload()
    expect(page.get_by_role("heading", name="Orang membawa celurit")).to_be_visible()
    expect(page.get_by_role("button", name="Saya sudah tiba")).to_be_visible()
    page.get_by_role("button", name="Bukti", exact=True).click()
    expect(page.get_by_text("Ambil foto")).to_be_visible()
    page.get_by_role("button", name="Laporan", exact=True).click()
    page.get_by_label("Temuan dan tindakan").fill("Pelaku sudah pergi.")
    page.get_by_role("button", name="Posko", exact=True).click()
    page.get_by_role("button", name="Laporan", exact=True).click()
    assert "Pelaku sudah pergi." == page.get_by_label("Temuan dan tindakan").input_value()
    assert [] == street.points(report)
    tono.context.set_offline(False)
    expect(page.locator(".strip-waits")).to_have_count(0)
    until(lambda: "on_the_way" == street.assignment(report)["status"])
    until(lambda: len(street.points(report)) >= 2)
    points = sorted(street.points(report), key=lambda point: point["device_time"])
    assert [HERE[0] + 0.01, HERE[0] + 0.005] == [round(point["latitude"], 6) for point in points[:2]]
    assert len({point["client_id"] for point in points}) == len(points)


def test_a_recall_stops_everything_until_it_is_acknowledged(street: Any, visit: Callable[..., Any]) -> None:
    report = street.sent("Alarm uji coba")
    page = visit(**PHONE).log_in("tono", PASSWORD)
    expect(page.locator(".card-offered")).to_be_visible()
    toast = page.locator(".toast", has_text="Penugasan")
    expect(toast.first).to_be_visible()
    assert toast.first.bounding_box()["y"] < 100, "a notice lies on what the thumb is about to press"
    page.reload()
    expect(page.locator(".card-offered")).to_be_visible()
    street.recall(report)
    stop = page.get_by_role("alertdialog")
    expect(stop).to_be_visible()
    expect(stop).to_contain_text("Alarm uji coba")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")  # browsers let nobody be held by an answer to the first one alone
    expect(stop).to_be_visible()
    assert {"width": 360, "height": 740} == {k: v for k, v in stop.bounding_box().items() if k in ("width", "height")}
    assert [] == grave(page)
    expect(toast).to_have_count(0)  # told before, and by this same line
    stop.get_by_role("button", name="Saya sudah berhenti").click()
    expect(stop).to_have_count(0)
    expect(page.get_by_text("Tidak ada penugasan")).to_be_visible()
    until(lambda: street.assignment(report)["stop_acknowledged_at"])

    # one alone is taken off: the same stop, with why
    report = street.sent("Salah kirim")
    expect(page.locator(".card-offered")).to_be_visible()
    order = {"reason": "Rudi lebih dekat."}
    street.ask(street.officers[0], "POST", f"/officer/assign/{report}/withdraw", order)
    expect(stop).to_contain_text("Penugasan ditarik: Rudi lebih dekat. Hentikan")
    stop.get_by_role("button", name="Saya sudah berhenti").click()
    expect(stop).to_have_count(0)
    expect(page.get_by_text("Tidak ada penugasan")).to_be_visible()


def test_duty_ends_and_begins_on_the_phone_which_says_where_it_is(street: Any, visit: Callable[..., Any]) -> None:
    def me() -> dict[str, Any]:
        return street.ask(street.police, "GET", "/me")

    page = visit(**PHONE).log_in("tono", PASSWORD)
    until(lambda: [round(HERE[0] + 0.01, 6), HERE[1]] == [round(me()[name], 6) for name in ("latitude", "longitude")])
    page.get_by_role("button", name="Selesai bertugas").click()
    expect(page.get_by_role("heading", name="Lepas tugas")).to_be_visible()
    assert "offline" == me()["status"]
    page.get_by_role("button", name="Mulai bertugas").click()
    expect(page.get_by_role("heading", name="Tidak ada penugasan")).to_be_visible()
    assert "available" == me()["status"]


def test_a_pushed_notice_is_shown_once_and_its_recall_takes_its_place(street: Any, visit: Callable[..., Any]) -> None:
    tono = visit(**PHONE | {"permissions": ["geolocation", "notifications"]})
    page = tono.log_in("tono", PASSWORD)
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    sent = {"noticeId": "n-1", "title": "Penugasan", "reportId": 7, "urgent": True, "collapseKey": "report:7"}
    called_back = {"noticeId": "n-2", "title": "DIBATALKAN", "reportId": 7, "urgent": True, "collapseKey": "report:7"}
    driver = tono.context.new_cdp_session(page)
    ids: list[str] = []

    def note(event: Any) -> None:
        mine = [one for one in event["registrations"] if one["scopeURL"].startswith(street.site.url)]
        ids.extend(one["registrationId"] for one in mine)

    driver.on("ServiceWorker.workerRegistrationUpdated", note)
    driver.send("ServiceWorker.enable")
    until(lambda: page.evaluate("navigator.serviceWorker.controller !== null") and ids)

    def push(*tellings: dict[str, Any]) -> None:
        for told in tellings:
            data = json.dumps(told)
            driver.send(
                "ServiceWorker.deliverPushMessage",
                {"origin": street.site.url, "registrationId": ids[-1], "data": data},
            )

    shown = (
        "navigator.serviceWorker.ready.then((r) => r.getNotifications())"
        ".then((all) => all.map((n) => [n.title, n.data.url]))"
    )
    push(sent, sent)
    until(lambda: page.evaluate(shown))
    assert [["Penugasan", "/duty/7"]] == page.evaluate(shown)
    push(called_back)
    until(lambda: [["DIBATALKAN", "/duty/7"]] == page.evaluate(shown))
    push(sent, sent | {"noticeId": "n-3", "collapseKey": "report:8", "reportId": 8})
    until(lambda: 2 == len(page.evaluate(shown)))
    assert ["DIBATALKAN", "/duty/7"] in page.evaluate(shown), "the alarm that came late again is not shown over it"
