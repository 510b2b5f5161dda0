"""Whatever a client sends, it is never our fault: no 5xx for any parameter, cursor, body or token."""

from datetime import UTC
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from core.testing.review import Person, World
from core.traffic.states import State
from core.web.cursor import Cursor, decode_cursor, encode_cursor

LIMITS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
LISTS = ("/api/violations", "/api/plate-reads", "/api/passages", "/api/devices", "/api/quarantine", "/api/sync",
         "/api/audit")  # fmt: skip
NAMES = ("plate", "device", "vendor", "type", "from", "to", "cursor", "limit", "status", "sort", "look_alike", "held",
         "mine", "verdict", "kind", "sink", "violation", "skew", "maker", "action", "object_id", "open")  # fmt: skip
ODD = st.sampled_from(
    ["", "\x00", "'", "%", "*", "B*", "?" * 40, "1e999", "-1", str(2**63), "0001-01-01T00:00:00+14:00", "NaN",
     "\U0001f697", "9999-12-31T23:59:59-14:00", "true", "null", "[]", "B" * 41, "WyJ4Iiw5XQ",
     "2026-01-01", "../..", "1 OR 1=1"]
)  # fmt: skip
VALUES = st.one_of(ODD, st.text(max_size=45))


@pytest.fixture
def person(world: World) -> Person:
    world.violation()
    return world.admin(world.banten)


def encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


@pytest.mark.threat("T24")
@LIMITS
@given(
    path=st.sampled_from(LISTS),
    query=st.dictionaries(st.sampled_from(NAMES), VALUES.filter(encodable), max_size=4),
)
def test_no_filter_breaks_a_list(client: TestClient, person: Person, path: str, query: dict[str, str]) -> None:
    answer = client.get(path, params=query | {"purpose": "pemeriksaan uji"}, headers=person.headers)
    assert answer.status_code in (200, 422), (query, answer.text)


@LIMITS
@given(
    path=st.sampled_from(LISTS), cursor=st.one_of(st.binary(max_size=80).map(quote), st.text("AZaz09-_=", max_size=60))
)
def test_a_cursor_that_is_not_ours_is_refused(client: TestClient, person: Person, path: str, cursor: str) -> None:
    answer = client.get(f"{path}?purpose=pemeriksaan&cursor={cursor}", headers=person.headers)
    assert 422 == answer.status_code, answer.text


@given(
    order=st.text(max_size=20).filter(encodable),
    number=st.integers(0, 2**63 - 1),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_a_cursor_comes_back_as_it_went(order: str, number: int, at: Any) -> None:
    cursor = Cursor(order, number, at)
    assert cursor == decode_cursor(encode_cursor(cursor), order, timed=at is not None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20).filter(encodable),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8).filter(encodable), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
FIELDS = st.sampled_from(
    ["version", "note", "reason_code", "plate_number", "ids", "skip", "device", "username", "password", "new_password"]
)
ACTS = ("approve", "reject", "correct", "undo", "release", "reopen", "release-claim")


@LIMITS
@given(act=st.sampled_from(ACTS), body=st.one_of(JSON, st.dictionaries(FIELDS, JSON | st.just(1), max_size=4)))
def test_no_body_breaks_an_act_or_leaves_the_machine(
    world: World, client: TestClient, person: Person, act: str, body: Any
) -> None:
    answer = client.post(f"/api/violations/1/{act}", headers=person.headers, json=body)
    assert answer.status_code < 500, (body, answer.text)
    assert world.row(1)["status"] in set(State)


@LIMITS
@given(
    content=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "text/plain", "multipart/form-data", "x", ""]),
)
def test_no_bytes_break_the_login(client: TestClient, content: bytes, kind: str) -> None:
    answer = client.post("/api/auth/login", content=content, headers={"Content-Type": kind})
    assert 400 <= answer.status_code < 500, answer.text


@LIMITS
@given(value=st.binary(max_size=80).filter(lambda b: b"\r" not in b and b"\n" not in b and b"\x00" not in b))
def test_no_token_breaks_the_door(client: TestClient, value: bytes) -> None:
    answer = client.get("/api/auth/me", headers={b"authorization": b"Bearer " + value, b"if-match": value})
    assert 401 == answer.status_code


@LIMITS
@given(tag=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
def test_no_etag_breaks_a_decision(client: TestClient, person: Person, tag: str) -> None:
    answer = client.post("/api/violations/1/undo", headers=person.headers | {"If-Match": tag})
    assert answer.status_code in (409, 412, 422), answer.text
