"""Range partitions of the large tables: always some ahead of the newest id, the default partition only as a net.

Everything here runs as the tables' owner (`Database.owner()`): neither the api nor the system role may make tables.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import structlog
from psycopg import errors
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core.db.base import ORDINALS
from core.db.engine import API_ROLE, SYSTEM_ROLE

log = structlog.get_logger(__name__)

AHEAD = 2
"""Empty partitions kept beyond the one being filled."""
LOCK_TIMEOUT_S = 3


class Partitioned(msgspec.Struct, frozen=True):
    """A table partitioned by ranges of its id: table_p<n> holds ids from n * span.

    newest   SQL for the highest id given out so far
    moment   the column that retention goes by
    """

    table: str
    span: int
    newest: str
    moment: str


TABLES = (
    Partitioned("payloads", 1 << 30, f"SELECT last_value * {ORDINALS} FROM batch_seq", "received_at"),  # noqa: S608
    Partitioned("plate_reads", 5_000_000, "SELECT last_value FROM plate_reads_id_seq", "received_at"),
    Partitioned("audit_log", 5_000_000, "SELECT last_value FROM audit_log_id_seq", "at"),
)


def ensure_partitions(connection: Connection) -> list[str]:
    """Make the partitions that are missing ahead of the newest ids; returns their names. Safe by several at once.

    Rows that fell into the default partition meanwhile are moved to where they belong. Raises DBAPIError when a lock
    cannot be had within seconds: nothing waits behind us, and the next call makes up for it.
    """
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(73000002)")
    made = []
    for one in TABLES:
        newest = int(connection.exec_driver_sql(one.newest).scalar_one())
        there = set(_partitions(connection, one))
        for number in range(newest // one.span, newest // one.span + AHEAD + 1):
            if number not in there:
                made.append(_make(connection, one, number))
    return made


def drop_before(connection: Connection, table: str, before: datetime) -> list[str]:
    """Retention: drop the partitions that are full and hold only rows older than `before`; returns their names.

    Whole partitions only, so a row may stay longer than asked, and never shorter.
    """
    one = next(t for t in TABLES if t.table == table)
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
    newest = int(connection.exec_driver_sql(one.newest).scalar_one())
    dropped = []
    for number in _partitions(connection, one):
        name = f"{table}_p{number}"
        if (number + 1) * one.span > newest:
            continue
        connection.exec_driver_sql(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # the owner itself sees no rows
        youngest = connection.exec_driver_sql(f"SELECT max({one.moment}) FROM {name}").scalar()  # noqa: S608
        connection.exec_driver_sql("RESET ROLE")
        if youngest is None or youngest < before:
            connection.exec_driver_sql(f"DROP TABLE {name}")
            log.info("partition_dropped", partition=name)
            dropped.append(name)
    return dropped


def _partitions(connection: Connection, one: Partitioned) -> list[int]:
    """The numbers of the table's range partitions, in order."""
    names = connection.exec_driver_sql(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = %s::regclass",
        (one.table,),
    ).scalars()
    prefix = f"{one.table}_p"
    return sorted(int(n.removeprefix(prefix)) for n in names if n.removeprefix(prefix).isdigit())


def _make(connection: Connection, one: Partitioned, number: int) -> str:
    """A table of its own, then ATTACH: unlike CREATE … PARTITION OF that does not shut readers and writers out."""
    name, low, high = f"{one.table}_p{number}", number * one.span, (number + 1) * one.span
    run = connection.exec_driver_sql
    attach = f"ALTER TABLE {one.table} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})"
    run(f"CREATE TABLE {name} (LIKE {one.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)")
    try:
        with connection.begin_nested():
            run(attach)
    except DBAPIError as error:
        if not isinstance(error.orig, errors.CheckViolation):
            raise
        _move_from_default(connection, one, name, low, high)
        run(attach)
    run(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    run(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    run(f"CREATE POLICY {name}_system ON {name} FOR SELECT TO {SYSTEM_ROLE} USING (current_user = '{SYSTEM_ROLE}')")
    run(f"REVOKE ALL ON {name} FROM {API_ROLE}, {SYSTEM_ROLE}")
    run(f"GRANT SELECT ON {name} TO {SYSTEM_ROLE}")
    log.info("partition_made", partition=name)
    return name


def _move_from_default(connection: Connection, one: Partitioned, name: str, low: int, high: int) -> None:
    """Rows of the range went into the default partition because nobody made partitions for a long while."""
    run = connection.exec_driver_sql
    source = f"{one.table}_default"
    run(f"LOCK TABLE {source} IN ACCESS EXCLUSIVE MODE")
    run(f"ALTER TABLE {source} NO FORCE ROW LEVEL SECURITY")
    run(f"ALTER TABLE {source} DISABLE TRIGGER USER")  # the audit log refuses DELETE
    moved = run(
        f"WITH gone AS (DELETE FROM {source} WHERE id >= {low} AND id < {high} RETURNING *) "  # noqa: S608
        f"INSERT INTO {name} SELECT * FROM gone"
    ).rowcount
    run(f"ALTER TABLE {source} ENABLE TRIGGER USER")
    run(f"ALTER TABLE {source} FORCE ROW LEVEL SECURITY")
    log.warning("partition_rows_moved", partition=name, rows=moved)
