"""Partitions ahead of the newest id, the net under them, and retention."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from core.accounts.tables import audit_log
from core.db.partitions import AHEAD, TABLES, drop_before, ensure_partitions
from core.ingest.tables import payloads

SPAN = TABLES[0].span
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def payload(id, received_at=NOW):
    return {
        "id": id, "vendor_id": 1, "device_id": 1, "received_at": received_at, "content_type": "", "headers": {},
        "sha256": b"", "size": 0,
    }  # fmt: skip


def partitions(database, table):
    with database.owner() as connection:
        statement = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1"
        return list(connection.exec_driver_sql(statement, (table,)).scalars())


def where(database, id):
    with database.system() as connection:
        return connection.scalar(text("SELECT tableoid::regclass::text FROM payloads WHERE id = :id"), {"id": id})


def store(database, *rows):
    with database.system() as connection:
        connection.execute(insert(payloads), list(rows))


def reach(database, sequence, value):
    with database.owner() as connection:
        connection.execute(text(f"SELECT setval('{sequence}', {value})"))


def ensure(database):
    with database.owner() as connection:
        return ensure_partitions(connection)


@pytest.mark.parametrize("one", TABLES, ids=lambda one: one.table)
def test_a_new_database_has_partitions_ahead_and_a_net(database, one):
    assert {f"{one.table}_p{n}" for n in range(AHEAD + 1)} | {f"{one.table}_default"} == set(
        partitions(database, one.table)
    )
    assert [] == ensure(database)


def test_partitions_are_made_ahead_of_the_newest_batch(database):
    reach(database, "batch_seq", 2 * SPAN // 1024)
    assert ["payloads_p3", "payloads_p4"] == ensure(database)
    store(database, payload(4 * SPAN + 5))
    assert "payloads_p4" == where(database, 4 * SPAN + 5)


def test_a_made_partition_has_the_indexes_defaults_and_guards_of_its_table(database):
    reach(database, "plate_reads_id_seq", 10_000_000)
    assert ["plate_reads_p3", "plate_reads_p4"] == ensure(database)
    with database.owner() as connection:
        of = "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass"
        assert (
            connection.exec_driver_sql(of, ("plate_reads_p0",)).scalar()
            == connection.exec_driver_sql(of, ("plate_reads_p3",)).scalar()
        )
        secured = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = 'plate_reads_p3'::regclass"
        assert connection.exec_driver_sql(secured).scalar()
    with database.tenant([1]) as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.exec_driver_sql("SELECT 1 FROM plate_reads_p3")


def test_a_row_beyond_all_partitions_is_kept_and_moved_to_its_own_later(database):
    far = 7 * SPAN + 3
    store(database, payload(far))
    assert "payloads_default" == where(database, far)
    reach(database, "batch_seq", far // 1024)
    assert ["payloads_p7", "payloads_p8", "payloads_p9"] == ensure(database)
    assert "payloads_p7" == where(database, far)


def test_audit_rows_that_fell_into_the_net_are_moved_unaltered(database):
    far = 5_000_000 * 6 + 1
    entry = {"id": far, "vendor_id": 1, "actor_role": "cli", "action": "tested"}
    with database.system() as connection:
        connection.execute(insert(audit_log).values(entry))
    reach(database, "audit_log_id_seq", far)
    assert "audit_log_p6" in ensure(database)
    with database.system() as connection:
        assert ["tested"] == list(connection.execute(select(audit_log.c.action)).scalars())
    with database.owner() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_log_p6 NO FORCE ROW LEVEL SECURITY")
        with pytest.raises(DBAPIError, match="append-only"):
            connection.exec_driver_sql("DELETE FROM audit_log_p6")
        connection.rollback()
    with database.owner() as connection:
        guarded = "SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'audit_log_default'::regclass AND NOT tgisinternal"
        assert ["O"] == [str(state) for state in connection.exec_driver_sql(guarded).scalars()]


def test_writers_and_readers_are_not_shut_out_while_a_partition_is_attached(database):
    reach(database, "batch_seq", 2 * SPAN // 1024)
    with database.owner() as connection:
        ensure_partitions(connection)
        store(database, payload(SPAN + 1))  # another connection, before the commit
        assert "payloads_p1" == where_without_net(database, SPAN + 1)


def where_without_net(database, id):
    with database.system() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        statement = text("SELECT tableoid::regclass::text FROM payloads WHERE id >= :low AND id < :high")
        return connection.scalar(statement, {"low": id, "high": id + 1})


def test_retention_drops_full_partitions_with_old_rows_only(database):
    old, young = NOW - timedelta(days=90), NOW - timedelta(days=1)
    store(database, payload(1, old), payload(SPAN + 1, old), payload(SPAN + 2, young), payload(2 * SPAN + 1, old))
    reach(database, "batch_seq", (2 * SPAN + 1024) // 1024)
    with database.owner() as connection:
        assert ["payloads_p0"] == drop_before(connection, "payloads", NOW - timedelta(days=30))
    with database.system() as connection:
        kept = connection.execute(select(payloads.c.id).order_by(payloads.c.id)).scalars()
        assert [SPAN + 1, SPAN + 2, 2 * SPAN + 1] == list(kept)


def test_retention_never_drops_the_partition_that_is_being_filled(database):
    store(database, payload(1, NOW - timedelta(days=90)))
    reach(database, "batch_seq", 10)
    with database.owner() as connection:
        assert [] == drop_before(connection, "payloads", NOW)
    assert "payloads_p0" == where(database, 1)


def test_retention_drops_old_parts_of_the_audit_log(database):
    with database.system() as connection:
        entry = {"id": 1, "vendor_id": 1, "actor_role": "cli", "action": "tested", "at": NOW - timedelta(days=4000)}
        connection.execute(insert(audit_log).values(entry))
    reach(database, "audit_log_id_seq", 5_000_001)
    with database.owner() as connection:
        assert ["audit_log_p0"] == drop_before(connection, "audit_log", NOW - timedelta(days=3650))
