"""A plate searched among the passages of several agencies: by an index, against a look at every row.

Both conditions say the same, in the same query, as the role of the API behind row-level security; PostgreSQL has to try
a LIKE and a regular expression on each row there, since it does not take them for leakproof.
"""

from __future__ import annotations

import os
import random
import statistics
import string
import time
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select, text

from benchmarks.machine import thread_cpu_s
from core.db import migrate
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.traffic import search
from core.traffic.tables import passages

ROWS = 300_000
AGENCIES = 4
CAMERAS = 10
SEARCHES = (("B1234XYZ", True), ("B8081BIL", True), ("DK12*", False), ("DK12*", True), ("B123?X*", False))
"""What is typed, and whether look-alikes count."""


def run(folder: Path, *, rounds: int) -> dict[str, Any]:
    """For each search: rows found, median wall ms and CPU ms of PostgreSQL either way, median ratio of the pairs."""
    load = os.getloadavg()[0]
    with EmbeddedPostgres(folder) as server:
        url = server.start()
        migrate.upgrade(url)
        database = Database(url)
        _fill(database)
        found = [_compare(database, typed, alike, rounds) for typed, alike in SEARCHES]
        database.dispose()
    return {
        "rows": ROWS,
        "agencies": AGENCIES,
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "searches": found,
    }


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n## search: passages of a plate, one of {found['agencies']} agencies, {found['rows']} rows in all; "
          f"load average {found['load_before']:.1f} → {found['load_after']:.1f}")  # fmt: skip
    print("wall ms / CPU ms of PostgreSQL, medians; ratio: medians of the pairs")
    for one in found["searches"]:
        name = one["typed"] + (", look-alikes" if one["look_alike"] else "")
        print(f"  {name:24} {one['found']:3} found · index {one['index_ms']:6.1f} / {one['index_cpu_ms']:6.1f}"
              f" · every row {one['rows_ms']:7.1f} / {one['rows_cpu_ms']:7.1f}"
              f" · {one['ratio_ms']:.3f} / {one['ratio_cpu_ms']:.3f}")  # fmt: skip


def _compare(database: Database, typed: str, alike: bool, rounds: int) -> dict[str, Any]:
    conditions = search.plate_filter(passages.c.plate_number, typed, look_alike=alike), _each_row(typed, alike)
    times: list[list[tuple[float, float]]] = []
    for _ in range(rounds + 1):  # the first warms both
        (found, *index), (same, *rows) = (_search(database, condition) for condition in conditions)
        if same != found:
            raise RuntimeError(f"{typed}: {found} found by the index, {same} by a look at every row")
        times.append([(index[n], rows[n]) for n in (0, 1)])
    middle = {}
    for n, unit in enumerate(("ms", "cpu_ms")):
        pairs = [one[n] for one in times[1:]]
        middle |= {f"index_{unit}": statistics.median(one for one, _ in pairs),
                   f"rows_{unit}": statistics.median(other for _, other in pairs),
                   f"ratio_{unit}": statistics.median(one / other for one, other in pairs)}  # fmt: skip
    return {"typed": typed, "look_alike": alike, "found": found, **middle}


def _each_row(typed: str, alike: bool) -> ColumnElement[bool]:
    """What a search is without a thought for the index."""
    if not alike:
        return passages.c.plate_number.like(typed.replace("*", "%").replace("?", "_"))
    groups = {char: f"[{group}]" for group in search.LOOK_ALIKES for char in group}
    expression = "".join(groups.get(char, char) for char in typed).replace("*", ".*").replace("?", ".")
    return passages.c.plate_number.op("~")(f"^{expression}$")


def _search(database: Database, condition: ColumnElement[bool]) -> tuple[int, float, float]:
    """Rows found, wall ms, CPU ms of the backend."""
    with database.tenant([1]) as connection:
        search.plan_for_what_was_typed(connection)
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        used, begun = thread_cpu_s(pid), time.perf_counter()
        rows = connection.execute(select(passages).where(condition).order_by(passages.c.id.desc()).limit(51)).all()
        return len(rows), (time.perf_counter() - begun) * 1000, (thread_cpu_s(pid) - used) * 1000


def _fill(database: Database) -> None:
    """Passages of plates as they are issued, some vehicles far more often than others."""
    rng = random.Random(5)
    regions = ["B"] * 40 + ["D"] * 10 + ["F", "A", "T"] * 6 + ["L", "W", "N"] * 5 + ["DK", "AB", "H", "AD", "BK"] * 2

    def plate() -> str:
        series = "".join(rng.choices(string.ascii_uppercase, k=rng.choice((2, 3, 3))))
        return f"{rng.choice(regions)}{rng.randint(1, 9999)}{series}"

    fleet = [plate() for _ in range(ROWS * 2 // 3)]
    seen = [fleet[int(rng.random() ** 1.6 * len(fleet))] for _ in range(ROWS)]
    with database.system() as connection:
        connection.execute(
            text("""
                INSERT INTO passages
                    (vendor_id, device_id, plate_number, best_read_id, reads, first_at, last_at, verdict)
                SELECT 1 + n % :agencies, n % :cameras, plate, n, 1, at, at, 'accept'
                FROM unnest(CAST(:seen AS text[])) WITH ORDINALITY AS seen (plate, n),
                     LATERAL (SELECT now() - make_interval(secs => 20 * (:rows - n)) AS at) AS clock
            """),
            {"seen": seen, "agencies": AGENCIES, "cameras": AGENCIES * CAMERAS, "rows": ROWS},
        )
    with database.owner() as connection:
        connection.exec_driver_sql("ANALYZE passages")
