"""Pictures of the main pages for README and manual, taken from a running demo: `make screenshots`.

The demo must run (`make demo`); its address and the logins that it printed are arguments:

    python web/screenshots.py http://127.0.0.1:8097 officer=polsek:PASSWORD traffic=petugas.metro-jaya:PASSWORD …

Each shot names the login that it needs; shots whose login was not given are left out. Names of shots after the logins:
only these. For the phone of the police the officer sends the patrol to an incident of the demo, where it is not under
way already: one may have to wait for the next alarm.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
LARGEST = 150_000
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PATROL = {"latitude": -6.1932, "longitude": 106.8151, "accuracy": 8}
"""Some hundred metres from the demo's camera."""
LOADED = """() => !document.querySelector(".loading, [aria-busy=true]")
  && [...document.images].every((one) => one.complete || one.matches(".live-picture"))
  && [...document.querySelectorAll(".map")].every((one) => one.querySelector("path"))"""
"""Data, pictures and the coasts of the map are there."""
PATIENCE_S = 900
"""The demo raises an alarm every other minute; a false alarm that a person tells it keeps the camera silent for ten."""


class Shot(NamedTuple):
    """One picture. `opens`: the first row or card of the list at `path` is opened; `out`: steps that the map is zoomed
    out. A phone stands where the demo's patrol is."""

    name: str
    login: str
    path: str
    view: dict[str, int]
    theme: str = "light"
    opens: bool = False
    out: int = 0


SHOTS = (
    Shot("overview", "traffic", "/overview", DESKTOP),
    Shot("review-dark", "traffic", "/review", DESKTOP, "dark"),
    Shot("cameras", "traffic", "/devices", DESKTOP),
    Shot("incidents", "officer", "/incidents", DESKTOP),
    Shot("incident", "officer", "/incidents", DESKTOP, opens=True),
    Shot("incident-dark", "officer", "/incidents", DESKTOP, "dark", opens=True),
    Shot("incident-phone", "officer", "/incidents", PHONE, opens=True),
    Shot("map-dark", "officer", "/map", DESKTOP, "dark", out=8),
    Shot("owner-phone", "owner", "/", PHONE),
    Shot("owner-report-phone", "owner", "/my-reports", PHONE, opens=True),
    Shot("police-phone", "police", "/", PHONE, "dark", opens=True),
)


def main() -> None:
    """Take them all; end with what is missing."""
    sys.path.insert(0, str(ROOT))
    from core.testing.chromium import chromium

    if len(sys.argv) < 3:
        sys.exit(__doc__)
    url, logins = sys.argv[1], dict(pair.partition("=")[::2] for pair in sys.argv[2:] if "=" in pair)
    only = {name for name in sys.argv[2:] if "=" not in name}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for shot in SHOTS:
            if only and shot.name not in only:
                continue
            if shot.login not in logins:
                print(f"{shot.name}: no login {shot.login}=NAME:PASSWORD was given")
                continue
            user, _, password = logins[shot.login].partition(":")
            if shot.login == "police" and "officer" in logins:
                send_patrol(url, logins["officer"].split(":", 1), [user, password])
            print(f"{shot.name}: {take(browser, url, shot, user, password) / 1000:.0f} kB")


def send_patrol(url: str, officer: list[str], police: list[str]) -> None:
    """The officer sends the patrol to a pictured incident that nobody drives to, unless it is under way to one."""
    patrol = log_in(url, *police)
    active = [row["id"] for row in ask(url, patrol, "GET", "/police/report/active")["data"]]
    if any(ask(url, patrol, "GET", f"/police/report/{report}")["report_image"] for report in active):
        return
    person = ask(url, patrol, "GET", "/me")["id"]
    desk = log_in(url, *officer)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        rows = ask(url, desk, "GET", "/officer/latest-report?limit=100")["data"]
        if waiting := [row["id"] for row in rows if row["status"] in ("new", "verified") and row["report_image"]]:
            ask(url, desk, "POST", f"/officer/assign/{waiting[0]}", {"officer_id": person})
            return
        if time.monotonic() > deadline:
            sys.exit("the demo has no open incident with a picture to send the patrol to")
        time.sleep(5)


def log_in(url: str, name: str, password: str) -> str:
    """A token."""
    return str(ask(url, "", "POST", "/login", {"username": name, "password": password})["token"])


def ask(url: str, token: str, method: str, path: str, body: Any = None) -> Any:
    """The data of the demo's answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.request(method, f"{url}/api{path}", json=body, headers=headers, timeout=30)
    return answer.raise_for_status().json()["data"]


def take(browser: Any, url: str, shot: Shot, user: str, password: str) -> int:
    """One picture as WebP; returns its size, at most LARGEST."""
    from core.testing.chromium import STILL, Visitor

    visitor = Visitor(
        browser, url, viewport=shot.view, color_scheme=shot.theme, reduced_motion="reduce",
        permissions=["geolocation"], geolocation=PATROL,
    )  # fmt: skip
    visitor.context.set_default_timeout(60_000)
    try:
        page = visitor.log_in(user, password)
        visitor.go(shot.path)
        page.wait_for_function(LOADED)
        if shot.opens:
            if shot.login == "officer":
                page.get_by_role("button", name="Semua", exact=True).first.click()
            page.locator(".row-button, #main .card, #main .cards a").first.click()
            page.locator(".viewer img, .shot img").first.wait_for()
        if shot.login == "police":
            following = page.locator(".steps .button-main")
            for words in ("Terima", "Saya berangkat"):
                following.wait_for()
                if words in following.inner_text():
                    following.click()
                    page.get_by_role("button", name=words).wait_for(state="detached")
            page.locator(".strip-waits").wait_for(state="detached")
            page.locator(".mark-me").wait_for()
        for _ in range(shot.out):
            page.locator(".leaflet-control-zoom-out").click()
            page.wait_for_timeout(400)
        page.wait_for_function(LOADED)
        page.evaluate("document.fonts.ready.then(() => 0)")
        page.evaluate(STILL)
        page.wait_for_timeout(500)  # charts draw after their data
        png = page.screenshot()
    finally:
        visitor.close()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in (82, 70, 55, 40):
        packed = io.BytesIO()
        image.save(packed, "WEBP", quality=quality, method=6)
        if packed.tell() <= LARGEST:
            break
    (FOLDER / f"{shot.name}.webp").write_bytes(packed.getvalue())
    return packed.tell()


if __name__ == "__main__":
    main()
