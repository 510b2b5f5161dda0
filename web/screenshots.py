"""Pictures of the main pages for README and manual, taken from a running demo: `make screenshots`.

The demo must run (`make demo`); its address and the logins that it printed are arguments:

    python web/screenshots.py http://127.0.0.1:8097 officer=polsek:PASSWORD traffic=petugas.metro-jaya:PASSWORD …

Each shot names the login that it needs; shots whose login was not given are left out. Names of shots after the logins:
only these.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
LARGEST = 150_000
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PATROL = {"latitude": -6.1932, "longitude": 106.8151, "accuracy": 8}
"""Some hundred metres from the demo's camera."""


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
            print(f"{shot.name}: {take(browser, url, shot, user, password) / 1000:.0f} kB")


def take(browser: Any, url: str, shot: Shot, user: str, password: str) -> int:
    """One picture as WebP; returns its size, at most LARGEST."""
    from core.testing.chromium import Visitor

    visitor = Visitor(
        browser, url, viewport=shot.view, color_scheme=shot.theme, reduced_motion="reduce",
        permissions=["geolocation"], geolocation=PATROL,
    )  # fmt: skip
    visitor.context.set_default_timeout(60_000)
    try:
        page = visitor.log_in(user, password)
        visitor.go(shot.path)
        page.locator(".loading").first.wait_for(state="detached")
        if shot.opens:
            if shot.login == "officer":
                page.get_by_role("button", name="Semua", exact=True).first.click()
            page.locator(".row-button, #main .card, #main .cards a").first.click()
            page.locator(".viewer img, .shot img").first.wait_for()
        for _ in range(shot.out):
            page.locator(".leaflet-control-zoom-out").click()
            page.wait_for_timeout(400)
        page.wait_for_timeout(2500)  # maps and charts draw after their data
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
