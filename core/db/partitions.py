"""Range partitions of the large tables: always two ahead, the default partition only as a net."""

from __future__ import annotations

import msgspec
import structlog
from sqlalchemy import Connection

log = structlog.get_logger(__name__)

AHEAD = 2


class Partitioned(msgspec.Struct, frozen=True):
    """A table partitioned by ranges of its id; `newest` is SQL for the highest id given out so far."""

    table: str
    span: int
    newest: str


TABLES = (
    Partitioned("payloads", 1 << 30, "SELECT last_value * 1024 FROM batch_seq"),
    Partitioned("plate_reads", 5_000_000, "SELECT last_value FROM plate_reads_id_seq"),
)


def ensure_partitions(connection: Connection) -> list[str]:
    """Make what is missing ahead of the newest id; returns the names. The connection must be the tables' owner's.

    (Open it by `database.engine.begin()`: neither the api nor the system role may create tables.)
    """
    made = []
    for one in TABLES:
        newest = int(connection.exec_driver_sql(one.newest).scalar_one())
        for number in range(newest // one.span, newest // one.span + AHEAD + 1):
            name = f"{one.table}_{number}"
            if connection.exec_driver_sql("SELECT to_regclass(%(name)s)", {"name": name}).scalar() is not None:
                continue
            low, high = number * one.span, (number + 1) * one.span
            connection.exec_driver_sql(
                f"CREATE TABLE {name} PARTITION OF {one.table} FOR VALUES FROM ({low}) TO ({high})"
            )
            log.info("partition_made", partition=name)
            made.append(name)
    return made


def drop_before(connection: Connection, table: str, lowest_kept_id: int) -> list[str]:
    """Drop the partitions that hold only ids below `lowest_kept_id` (retention); returns their names."""
    one = next(t for t in TABLES if t.table == table)
    dropped = []
    for number in range(lowest_kept_id // one.span):
        name = f"{table}_{number}"
        if connection.exec_driver_sql("SELECT to_regclass(%(name)s)", {"name": name}).scalar() is not None:
            connection.exec_driver_sql(f"DROP TABLE {name}")
            log.info("partition_dropped", partition=name)
            dropped.append(name)
    return dropped
