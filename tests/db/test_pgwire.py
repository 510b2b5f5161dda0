"""Columns built by hand arrive in PostgreSQL as what they were: every kind, NULLs, empty ones, text it cannot hold."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.db import pgwire

WIB = timezone(timedelta(hours=7))


@pytest.fixture
def arrived(database):
    """arrived(column) -> the list that PostgreSQL made of it."""
    with contextlib.closing(database.raw()) as connection:
        pgwire.teach(connection)
        yield lambda column: connection.execute("SELECT %s", (column,)).fetchone()[0]


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (pgwire.int8s, [1, -(2**62), None, 0]),
        (pgwire.int8s, [7, 8, 9]),
        (pgwire.int4s, [1, None, -5]),
        (pgwire.float8s, [96.4, None, -0.5, 1e300]),
        (pgwire.float8s, [96.4, 12.0]),
        (pgwire.bools, [True, False, None]),
        (pgwire.texts, ["B 1234 XYZ", None, "", "蓝京A12345", "B 1234 XYZ", "{a,\"b\\'"]),
        (pgwire.texts, [None, None]),
        (pgwire.timestamps, [datetime(2026, 3, 2, 10, 20, 30, 123456, tzinfo=UTC), None]),
        (pgwire.timestamps, [datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=WIB)]),
    ],
)
def test_a_column_arrives_as_it_was(arrived, make, values):
    assert values == arrived(make(values))
    assert [] == arrived(make([]))


def test_documents_arrive_decoded(arrived):
    assert [{"lane": 2, "note": "é"}, None, []] == arrived(
        pgwire.jsonbs([b'{"lane":2,"note":"\xc3\xa9"}', None, b"[]"])
    )


def test_text_that_postgresql_cannot_hold_is_cleaned(arrived):
    assert ["B1234", "a?b", ""] == arrived(pgwire.texts(["B\x001234", "a\ud800b", "\x00"]))
