"""Searches for a plate read an index and not the table, as the application's role behind row-level security does it."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from core.accounts.principal import Principal
from core.db.engine import Database
from core.traffic import queries
from core.traffic.search import LOOK_ALIKES, plate_filter
from core.traffic.tables import SHOWN_PLATE, passages, violations

ROWS = 9_000
FILL = f"""
INSERT INTO vendors (id, vendor_code) SELECT v, 'polda-' || v FROM generate_series(1, 3) v;
INSERT INTO devices (id, device_code, vendor_id, maker)
    SELECT v, 'kamera-' || v, v, 'generic' FROM generate_series(1, 3) v;
CREATE TEMP TABLE seen ON COMMIT DROP AS
    SELECT i, 1 + mod(i, 3) AS vendor, now() - make_interval(secs => {ROWS} - i) AS at,
           CASE WHEN mod(i, 997) = 0 THEN '粤B' || 10000 + i
                ELSE (ARRAY['B', 'B', 'B', 'D', 'F', 'DK'])[1 + mod(i / 3, 6)] || 1 + mod(i * 7919, 9999)
                     || chr(65 + mod(i, 26)) || chr(65 + mod(i / 26, 26)) END AS plate
    FROM generate_series(1, {ROWS}) i;
INSERT INTO passages (id, vendor_id, device_id, plate_number, best_read_id, reads, first_at, last_at, verdict)
    SELECT i, vendor, vendor, plate, i, 1, at, at, 'accept' FROM seen ORDER BY i;
INSERT INTO plate_reads (id, vendor_id, device_id, plate_number, capture_time, payload_id, time_source, received_at,
                         verdict)
    SELECT i, vendor, vendor, plate, at, i, 'device', at, 'accept' FROM seen ORDER BY i;
INSERT INTO violations (id, plate_read_id, vendor_id, violation_type, device_id, passage_id, payload_id, capture_time,
                        plate_number, corrected_plate, due_at)
    SELECT i, i, vendor, 'helm', vendor, i, i, at, CASE WHEN mod(i, 100) = 0 THEN '' ELSE plate END,
           CASE WHEN mod(i, 100) = 0 THEN plate END, at FROM seen ORDER BY i;
"""
OFFICER = Principal(
    role="officer", id=1, username="rina", name="Rina", vendor_id=1, vendor_ids=(1,), jti="x",
    expires_at=datetime(2100, 1, 1, tzinfo=UTC),
)  # fmt: skip

Search = Callable[[Connection, str, bool], object]


def unsigned(_connection: Connection, _shown: Iterable[queries.Plated]) -> queries.Signs:
    return {}


def passages_of(connection: Connection, typed: str, alike: bool) -> object:
    wanted = queries.ReadFilter(plate=typed, look_alike=alike)
    return queries.search_passages(connection, wanted, limit=50, cursor=None, signs_of=unsigned)


def reads_of(connection: Connection, typed: str, alike: bool) -> object:
    wanted = queries.ReadFilter(plate=typed, look_alike=alike)
    return queries.search_reads(connection, wanted, limit=50, cursor=None)


def cases_of(connection: Connection, typed: str, alike: bool) -> object:
    wanted = queries.ViolationFilter(plate=typed, look_alike=alike)
    return queries.list_violations(
        connection, OFFICER, wanted, sort="newest", limit=50, cursor=None, undo_s=15, signs_of=unsigned
    )


@pytest.fixture(scope="module")
def filled(fresh_database: Any) -> Iterator[Database]:
    """Passages, reads and cases of three vendors, planned for by statistics as in a database that is at work."""
    with fresh_database() as url:
        database = Database(url, pool_size=1, max_overflow=0)
        with database.system() as connection:
            for statement in FILL.split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
        with database.owner() as connection:
            connection.exec_driver_sql("ANALYZE passages, plate_reads, violations")
        yield database
        database.dispose()


def asked(connection: Connection, search: Search, typed: str, alike: bool) -> tuple[str, Any]:
    """The statement that looks for the plate, and its values, as they reach the database."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        heard.append((statement, values))

    event.listen(connection, "before_cursor_execute", hear)
    search(connection, typed, alike)
    event.remove(connection, "before_cursor_execute", hear)
    return next(one for one in heard if "ORDER BY" in one[0])


@pytest.mark.parametrize(
    ("search", "index"),
    [
        (passages_of, "ix_passages_plate_number_first_at"),
        (reads_of, "plate_reads_p0_plate_number_idx"),
        (cases_of, "ix_violations_shown_plate"),
    ],
)
@pytest.mark.parametrize(
    ("typed", "alike"),
    [
        ("B 1234 XYZ", False), ("DK12*", False), ("B123?X*", False), ("B 1234 XYZ", True), ("8I234*", True),
        ("B8081BIL", True), ("D0010LIT", True), ("DK1??AZ", True),
    ],
)  # fmt: skip
def test_what_begins_with_something_is_found_by_an_index(
    filled: Database, search: Search, index: str, typed: str, alike: bool
) -> None:
    with filled.tenant([1]) as connection:
        statement, values = asked(connection, search, typed, alike)
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())
    assert index in plan, plan


def fits(plate: str, typed: str, alike: bool) -> bool:
    """By hand: one character for all that look alike, then a pattern."""
    for group in LOOK_ALIKES if alike else ():
        typed, plate = (re.sub(f"[{group}]", group[0], text) for text in (typed, plate))
    return re.fullmatch(typed.replace("*", ".*").replace("?", "."), plate) is not None


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize(
    "typed", ["B1*", "B1234??", "DK9*Z*", "D99*", "8I2*", "*99AB", "?1*0?", "B8080BI", "F*", "粤B*", "B??0*QZ", "0*"]
)
def test_an_index_finds_what_a_look_at_every_plate_finds(filled: Database, typed: str, alike: bool) -> None:
    with filled.tenant([1]) as connection:
        plates = connection.execute(select(passages.c.plate_number).order_by(passages.c.id)).scalars().all()
        expected = [plate for plate in plates if fits(plate or "", typed, alike)]
        for table, column in ((passages, passages.c.plate_number), (violations, SHOWN_PLATE)):
            query = select(column).where(plate_filter(column, typed, look_alike=alike)).order_by(table.c.id)
            assert expected == list(connection.execute(query).scalars())


def test_a_search_is_planned_with_what_was_typed_however_often_it_is_asked(filled: Database) -> None:
    """psycopg prepares a statement that came six times; PostgreSQL plans it for any value after five more."""
    for _ in range(14):
        for search in (passages_of, reads_of, cases_of):
            with filled.tenant([1]) as connection:
                search(connection, "DK12*", False)
    with filled.tenant([1]) as connection:
        plans = connection.exec_driver_sql(
            "SELECT generic_plans FROM pg_prepared_statements"
            " WHERE statement ~ '>= [$]' AND generic_plans + custom_plans > 5"
        )
        assert [0, 0, 0] == list(plans.scalars())
