"""The cookie of pages: what a script, another site, another port and a stranger cannot do with it (T21, T22)."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import update

from core.accounts.passwords import hash_password
from core.accounts.tables import officers
from core.testing.review import PASSWORD, World
from core.web.sessions import COOKIE, csrf_token

PAGE = {"Origin": "https://tangkapin.test", "Sec-Fetch-Site": "same-origin"}
OWN = "https://tangkapin.test"


class Page:
    """A browser's page: keeps the cookie and the CSRF token."""

    def __init__(self, client: TestClient, username: str) -> None:
        self.client = client
        answer = client.post(f"{OWN}/api/session", headers=PAGE, json={"username": username, "password": PASSWORD})
        assert 200 == answer.status_code, answer.text
        self.set_cookie = answer.headers["set-cookie"]
        self.token = self.set_cookie.partition("=")[2].partition(";")[0]
        self.data = answer.json()["data"]

    def ask(self, method: str, path: str, body: Any = None, *, csrf: str | None = None, **headers: str) -> Any:
        wanted = {"Cookie": f"{COOKIE}={self.token}"} | PAGE | headers
        if csrf is None and method != "GET":
            wanted["X-CSRF-Token"] = self.data["csrf_token"]
        elif csrf:
            wanted["X-CSRF-Token"] = csrf
        self.client.cookies.clear()
        wanted = {name: value for name, value in wanted.items() if value}
        return self.client.request(method, f"{OWN}{path}", headers=wanted, json=body)


@pytest.fixture
def page(world: World) -> Iterator[Page]:
    officer = world.officer()
    world.execute(update(officers).where(officers.c.id == officer.id).values(password_hash=hash_password(PASSWORD)))
    with world.client() as client:
        yield Page(client, officer.username)


def test_the_cookie_is_for_no_script_no_other_site_and_no_open_line(page: Page) -> None:
    parts = {part.strip().lower() for part in page.set_cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert COOKIE.startswith("__Host-")
    assert page.token not in str(page.data)


def test_a_page_reads_and_decides_with_cookie_and_csrf_token(page: Page, world: World) -> None:
    case = world.violation()
    assert page.data["user"]["role"] == "officer"
    assert page.data["csrf_token"] == page.ask("GET", "/api/session").json()["data"]["csrf_token"]
    assert 200 == page.ask("GET", f"/api/violations/{case}").status_code
    assert 200 == page.ask("POST", f"/api/violations/{case}/approve", {"version": 1}).status_code
    assert "approved" == world.row(case)["status"]


@pytest.mark.threat("T22")
def test_a_change_without_the_right_csrf_token_is_refused(page: Page, world: World) -> None:
    case = world.violation()
    others = csrf_token("another secret of another installation", "a" * 32)
    for wrong in ("", "x", others, page.data["csrf_token"][:-1], page.data["csrf_token"] + "0"):
        answer = page.ask("POST", f"/api/violations/{case}/approve", {"version": 1}, csrf=wrong)
        assert (wrong, 403) == (wrong, answer.status_code)
    assert 403 == page.ask("DELETE", "/api/session", csrf="").status_code
    assert "pending" == world.row(case)["status"]


@pytest.mark.threat("T22")
def test_a_change_from_another_origin_is_refused_even_with_the_csrf_token(page: Page, world: World) -> None:
    case = world.violation()
    for origin in (
        "https://evil.example",
        "https://tangkapin.test:8443",
        "https://tangkapin.test.evil.example",
        "null",
    ):
        answer = page.ask("POST", f"/api/violations/{case}/approve", {"version": 1}, Origin=origin)
        assert (origin, 403) == (origin, answer.status_code)
    assert "pending" == world.row(case)["status"]


@pytest.mark.threat("T22")
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_the_browser_calls_foreign_is_anonymous(page: Page, world: World, site: str) -> None:
    case = world.violation()
    foreign = {"Sec-Fetch-Site": site}
    assert 401 == page.ask("GET", f"/api/violations/{case}", **foreign).status_code
    assert 401 == page.ask("POST", f"/api/violations/{case}/approve", {"version": 1}, **foreign).status_code
    assert page.ask("GET", "/api/session", **foreign).json()["data"] is None


@pytest.mark.threat("T22")
def test_nobody_is_logged_in_from_another_site(world: World) -> None:
    with world.client() as client:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            body = {"username": "someone", "password": "something"}
            answer = client.post(f"{OWN}/api/session", headers=headers, json=body)
            assert 403 == answer.status_code and "set-cookie" not in answer.headers


def test_logging_out_ends_the_token_and_takes_the_cookie_away(page: Page) -> None:
    answer = page.ask("DELETE", "/api/session")
    assert 200 == answer.status_code
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert 401 == page.ask("GET", "/api/violations").status_code
    assert page.ask("GET", "/api/session").json()["data"] is None


def test_a_disabled_account_is_out_at_once(page: Page, world: World) -> None:
    world.execute(update(officers).values(is_active=False))
    assert 401 == page.ask("GET", "/api/violations").status_code
    assert page.ask("GET", "/api/session").json()["data"] is None


def test_a_new_password_ends_other_sessions_and_goes_on_with_a_new_cookie(page: Page, world: World) -> None:
    body = {"current_password": PASSWORD, "new_password": "lain-kuda-baterai-77"}
    answer = page.ask("POST", "/api/session/password", body)
    assert 200 == answer.status_code
    assert 401 == page.ask("GET", "/api/violations").status_code
    page.token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert 200 == page.ask("GET", "/api/violations").status_code


def test_a_bearer_token_needs_no_csrf_token_whatever_cookies_come_along(page: Page, world: World) -> None:
    case = world.violation()
    bearer = {"Authorization": f"Bearer {world.officer().token}"}
    answer = page.ask("POST", f"/api/violations/{case}/approve", {"version": 1}, csrf="", **bearer)
    assert 200 == answer.status_code


def test_nonsense_in_the_cookie_is_nobody(page: Page) -> None:
    for nonsense in ("x", "a.b.c", "=", '"', "%00", page.token[:-3]):
        page.token = nonsense
        assert 401 == page.ask("GET", "/api/violations").status_code
