from typing import Any

import pytest
import sqlalchemy.exc
from litestar import Litestar, get
from litestar.testing import TestClient

from core.problems import CATALOGUE, EXCEPTION_HANDLERS, PREFIX, Problem
from core.testing.review import World

MEMBERS = {"type", "title", "status", "detail", "instance", "success", "message"}
UNREADABLE = b'{"username": '
DEEP = b"[" * 100_000 + b"]" * 100_000


def problem(answer: Any) -> dict[str, Any]:
    assert "application/problem+json" == answer.headers["content-type"]
    body = answer.json()
    assert body.keys() >= MEMBERS
    assert (answer.status_code, False) == (body["status"], body["success"])
    assert body["type"].removeprefix(PREFIX) in CATALOGUE
    assert body["instance"].endswith(answer.headers["x-request-id"])
    return body


@pytest.mark.parametrize(
    ("method", "path", "content", "content_type", "status", "slug"),
    [
        ("GET", "/nowhere", b"", "", 404, "not-found"),
        ("GET", "/schema/nowhere", b"", "", 404, "not-found"),
        ("GET", "/api/violations/x", b"", "", 404, "not-found"),
        ("DELETE", "/api/auth/me", b"", "", 405, "method-not-allowed"),
        ("GET", "/api/auth/me", b"", "", 401, "unauthenticated"),
        ("POST", "/api/auth/login", UNREADABLE, "application/json", 400, "malformed"),
        ("POST", "/api/auth/login", b"\xff\xfe", "application/json", 400, "malformed"),
        ("POST", "/api/auth/login", b'{"username": NaN}', "application/json", 400, "malformed"),
        ("POST", "/api/auth/login", b"{}", "application/json", 422, "validation"),
        ("POST", "/api/auth/login", b"x" * 300_000, "application/json", 413, "too-large"),
    ],
)
def test_every_error_is_a_problem_document(
    client: TestClient, method: str, path: str, content: bytes, content_type: str, status: int, slug: str
) -> None:
    answer = client.request(method, path, content=content, headers={"Content-Type": content_type})
    assert (status, PREFIX + slug) == (answer.status_code, problem(answer)["type"])


def test_a_form_where_json_is_read_is_told_so(client: TestClient) -> None:
    answer = client.post("/api/login", data={"email": "a@b.example", "password": "x"})
    assert (400, True) == (answer.status_code, "kirim JSON" in problem(answer)["message"])


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("violations?from=kemarin", "from"),
        ("violations?to=besok", "to"),
        ("violations?type=" + "x" * 101, "type"),
        ("quarantine?open=barangkali", "open"),
        ("passages?purpose=LP/17/2026&from=kemarin", "from"),
        ("devices?limit=0", "limit"),
    ],
)
def test_a_wrong_parameter_is_named_as_it_was_sent(world: World, client: TestClient, path: str, named: str) -> None:
    answer = client.get(f"/api/{path}", headers=world.admin().headers)
    assert (422, [named]) == (answer.status_code, [error["field"] for error in problem(answer)["errors"]])


@pytest.mark.threat("T11")
def test_nesting_without_end_is_the_clients_mistake(client: TestClient) -> None:
    answer = client.post("/api/auth/login", content=DEEP, headers={"Content-Type": "application/json"})
    assert 400 == answer.status_code, answer.text
    problem(answer)


@pytest.mark.threat("T25")
def test_a_field_that_nobody_asked_for_is_refused_by_name(world: World, client: TestClient) -> None:
    case = world.violation()
    body = {"version": 1, "status": "synced"}
    answer = client.post(f"/api/violations/{case}/approve", headers=world.officer().headers, json=body)
    assert (422, True) == (answer.status_code, "status" in str(problem(answer)["errors"]))
    assert "pending" == world.row(case)["status"]


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        (
            "POST",
            "/api/auth/login",
            {"username": 7, "password": "x"},
            ("username", "seharusnya teks, bukan bilangan bulat"),
        ),
        ("POST", "/api/auth/login", {"username": "a"}, ("data", "isian wajib tidak ada: password")),
        ("POST", "/api/login", {"password": "x"}, ("email", "isi surel atau nama pengguna")),
        ("GET", "/api/officer/latest-report?page=0", None, ("page", "bilangan bulat paling kecil 1")),
        ("POST", "/api/officer/verify/1", {"status": "beres"}, ("status", "pilihan tidak dikenal: 'beres'")),
    ],
)
def test_what_is_wrong_with_a_field_is_told_in_indonesian_and_in_the_message(
    world: World, client: TestClient, method: str, path: str, body: Any, told: tuple[str, str]
) -> None:
    def ask(language: str) -> dict[str, Any]:
        headers = world.officer().headers | {"Accept-Language": language}
        return problem(client.request(method, path, json=body, headers=headers))

    found, english = ask("id"), ask("en")
    field, words = told
    assert {"field": field, "message": words} == found["errors"][0]
    assert f"{found['detail']} ({field}: {words})" == found["message"]
    assert english["errors"][0]["message"] not in (words, "")


@pytest.mark.parametrize("text", ["B\x00", "\ud800"])
@pytest.mark.threat("T11")
def test_text_that_postgresql_cannot_hold_is_refused(world: World, client: TestClient, text: str) -> None:
    case = world.violation()
    content = b'{"version": 1, "note": "' + text.encode("unicode_escape").replace(b"\\x00", b"\\u0000") + b'"}'
    answer = client.post(
        f"/api/violations/{case}/approve", content=content,
        headers=world.officer().headers | {"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code in (400, 422), answer.text


def broken(error: Exception) -> TestClient:
    @get("/broken", sync_to_thread=True)
    def handler() -> None:
        raise error

    app = Litestar([handler], exception_handlers=EXCEPTION_HANDLERS, openapi_config=None)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (RuntimeError("password=hunter2 at /srv/x"), 500, "internal"),
        (RecursionError(), 400, "malformed"),
        (sqlalchemy.exc.OperationalError("SELECT hunter2", {}, Exception("host=/srv/x")), 503, "not-available"),
        (sqlalchemy.exc.DataError("SELECT hunter2", {}, Exception("/srv/x")), 422, "validation"),
        (KeyError("hunter2"), 500, "internal"),
    ],
)
def test_what_breaks_inside_tells_nothing_of_the_inside(error: Exception, status: int, slug: str) -> None:
    with broken(error) as client:
        answer = client.get("/broken")
    assert (status, PREFIX + slug) == (answer.status_code, answer.json()["type"])
    assert "hunter2" not in answer.text and "/srv/x" not in answer.text and "Error" not in answer.text


@pytest.mark.parametrize(
    ("languages", "expected"),
    [("", "id"), ("en", "en"), ("id,en;q=0.8", "id"), ("en-GB,en;q=0.9,id;q=0.5", "en"), ("de", "id"), ("en;q=0", "id"),
     (";;;,=", "id")],
)  # fmt: skip
def test_texts_are_indonesian_unless_english_is_preferred(client: TestClient, languages: str, expected: str) -> None:
    answer = client.get("/api/auth/me", headers={"Accept-Language": languages})
    assert expected == answer.headers["content-language"]
    assert {"id": "Masuk dahulu: token tidak ada", "en": "Log in first: there is no token"}[expected] == problem(
        answer
    )["detail"]


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"X-Request-Id": "abc-12345678"}, "abc-12345678"),
        (
            {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            "0af7651916cd43dd8448eb211c80319c",
        ),
    ],
)
def test_the_clients_own_request_id_is_kept(client: TestClient, headers: dict[str, str], trace: str) -> None:
    assert trace == client.get("/nowhere", headers=headers).headers["x-request-id"]


def test_a_request_id_with_a_line_of_its_own_is_replaced(client: TestClient) -> None:
    assert "<script>x" not in client.get("/nowhere", headers={"X-Request-Id": "<script>x"}).headers["x-request-id"]


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/violations", "/schema", "/version"])
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert ("nosniff", "DENY", "no-referrer") == (
        headers["x-content-type-options"], headers["x-frame-options"], headers["referrer-policy"],
    )  # fmt: skip
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


def test_the_list_of_problems_is_the_catalogue(client: TestClient) -> None:
    listed = {row["type"]: row["status"] for row in client.get("/problems").json()}
    assert {PREFIX + slug: status for slug, (status, _) in CATALOGUE.items()} == listed


def test_a_problem_outside_the_catalogue_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        Problem("made-up")
