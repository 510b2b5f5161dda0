"""Row-level security, table by table: the list is the metadata's, so a new table cannot be forgotten."""

from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from psycopg import errors
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    Numeric,
    String,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import ProgrammingError

from core.db.engine import API_ROLE, SYSTEM_ROLE, Database
from core.db.schema import UNTENANTED, metadata

TENANTED = sorted({table.name for table in metadata.tables.values() if "vendor_id" in table.c} | {"vendors"})
TOLD = {
    ("device_credentials", "kind"): "api_key",
    ("quarantine", "kind"): "malformed",
    ("devices", "device_code"): "kamera-{vendor}",
    ("vendors", "vendor_code"): "polda-{vendor}",
    ("officers", "username"): "petugas-{vendor}",
    ("admins", "username"): "admin-{vendor}",
    ("reports", "incident_type"): "knife",
    ("reports", "source"): "manual",
    ("report_evidence", "type"): "IMAGE",
    ("report_messages", "kind"): "note",
    ("track_points", "status"): "on_the_way",
    ("notices", "type"): "report",
    ("notice_recipients", "role"): "officer",
    ("push_addresses", "role"): "owner",
    ("push_addresses", "channel"): "fcm",
}
"""Columns whose value a constraint narrows."""
ALSO = {("image_fetches", "plate_read_id")}
"""Columns that may be NULL, but not together with others."""


def key(table):
    return table.c.id if table.name == "vendors" else table.c.vendor_id


def value(table, column, vendor):
    """Any value that the column takes, another one for another vendor."""
    if (table.name, column.name) in TOLD:
        return TOLD[table.name, column.name].format(vendor=vendor)
    kinds = (
        (Boolean, True), (ARRAY, []), (JSONB, {}), (LargeBinary, b"%d" % vendor), (String, f"x{vendor}"),
        (DateTime, datetime(2026, 3, 2, tzinfo=UTC)), (Date, date(2026, 3, 2)), (BigInteger, vendor),
        (Integer, vendor), (Numeric, vendor), (Double, vendor),
    )  # fmt: skip
    return next(one for kind, one in kinds if isinstance(column.type, kind))


def row(table, vendor):
    """The least that the table takes: what may not be NULL and has no default; all ids are the vendor's."""
    needed = [c for c in table.c if (not c.nullable and c.server_default is None) or (table.name, c.name) in ALSO]
    values = {c.name: value(table, c, vendor) for c in needed}
    if "id" in table.c:
        values["id"] = vendor
    if table.name != "vendors":
        values["vendor_id"] = vendor
    return values


def fill(connection, vendor):
    for table in metadata.sorted_tables:
        if table.name in TENANTED:
            connection.execute(table.insert().values(row(table, vendor)))


@pytest.fixture(scope="module")
def world(fresh_database):
    """A database with one row of vendor 1 and one of vendor 2 in every tenanted table."""
    with fresh_database() as url:
        database = Database(url)
        with database.system() as connection:
            fill(connection, 1)
            fill(connection, 2)
        yield database
        database.dispose()


@contextmanager
def tried(world, *, vendors, table=None, unguarded=False):
    """A transaction that is rolled back, as vendors or (None) as the api role that was told none.

    unguarded  the api role is granted everything on the table first: only row-level security is left
    """
    with world.engine.connect() as connection:
        if unguarded:
            connection.exec_driver_sql(f"GRANT ALL ON {table} TO {API_ROLE}")
        if vendors is not None:
            connection.execute(select(func.set_config("app.vendors", ",".join(map(str, vendors)), True)))
        connection.exec_driver_sql(f"SET LOCAL ROLE {API_ROLE}")
        yield connection
        connection.rollback()


def test_every_table_is_either_a_tenants_or_listed_as_the_installations():
    assert set(metadata.tables) == set(TENANTED) | UNTENANTED
    assert not set(TENANTED) & UNTENANTED


def test_every_table_with_a_vendor_has_forced_row_level_security_partitions_too(world):
    with world.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class c"
            " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND (relname = 'vendors' OR EXISTS"
            " (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname = 'vendor_id'))"
        ).all()
    assert set(TENANTED) <= {name for name, _ in found}
    assert [] == sorted(name for name, secured in found if not secured)


@pytest.mark.parametrize("name", TENANTED)
def test_without_a_tenant_no_query_sees_a_row(world, name):
    table = metadata.tables[name]
    count = select(func.count(key(table)))
    with world.system() as connection:
        assert 2 == connection.execute(count).scalar_one()
    with world.owner() as connection:
        assert 0 == connection.execute(count).scalar_one()
    for vendors in (None, []):
        with tried(world, vendors=vendors, table=name, unguarded=True) as connection:
            assert 0 == connection.execute(count).scalar_one()


@pytest.mark.parametrize("name", TENANTED)
def test_a_tenant_sees_its_own_rows_only(world, name):
    table = metadata.tables[name]
    with tried(world, vendors=[1], table=name, unguarded=True) as connection:
        assert [1] == list(connection.execute(select(key(table))).scalars())
    with tried(world, vendors=[1, 2], table=name, unguarded=True) as connection:
        assert [1, 2] == sorted(connection.execute(select(key(table))).scalars())


@pytest.mark.parametrize("name", TENANTED)
def test_a_tenant_neither_changes_nor_deletes_anothers_row(world, name):
    table = metadata.tables[name]
    column = next(c for c in table.c if not c.primary_key and c.name != "vendor_id")
    theirs = key(table) == 2
    for vendors in (None, [], [1]):
        with tried(world, vendors=vendors, table=name, unguarded=True) as connection:
            assert 0 == connection.execute(table.update().where(theirs).values({column: column})).rowcount
            assert 0 == connection.execute(table.delete().where(theirs)).rowcount


@pytest.mark.parametrize("name", TENANTED)
def test_a_tenant_cannot_add_a_row_for_another(world, name):
    table = metadata.tables[name]
    for vendors in (None, [], [1]):
        with tried(world, vendors=vendors, table=name, unguarded=True) as connection:
            with pytest.raises(ProgrammingError, match="row-level security") as caught:
                connection.execute(table.insert().values(row(table, 3)))
            assert isinstance(caught.value.orig, errors.InsufficientPrivilege)


@pytest.mark.parametrize("name", sorted(set(TENANTED) - {"audit_log"}))
def test_a_tenant_cannot_hand_a_row_to_another(world, name):
    table = metadata.tables[name]
    with tried(world, vendors=[1], table=name, unguarded=True) as connection:
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(table.update().where(key(table) == 1).values({key(table): 3}))


def test_the_admins_of_the_nation_are_invisible_to_a_polda(world):
    admins = metadata.tables["admins"]
    with world.engine.connect() as connection:
        connection.exec_driver_sql(f"SET LOCAL ROLE {SYSTEM_ROLE}")
        connection.execute(admins.insert().values(id=99, username="nasional", password_hash="x", vendor_id=None))
        connection.exec_driver_sql(f"SET LOCAL ROLE {API_ROLE}")
        connection.execute(select(func.set_config("app.vendors", "1,2", True)))
        assert {1, 2} == set(connection.execute(select(admins.c.id)).scalars())
        connection.rollback()


def test_a_vendor_list_is_gone_with_its_transaction(world):
    """One connection serves one principal after the other."""
    single = Database(world.url, pool_size=1, max_overflow=0)
    devices = metadata.tables["devices"]
    for vendors, expected in (([1], [1]), ([2], [2]), ([], [])):
        with single.tenant(vendors) as connection:
            assert expected == list(connection.execute(select(devices.c.vendor_id)).scalars())
    with single.owner() as connection:
        assert [] == list(connection.execute(select(devices.c.vendor_id)).scalars())
        assert "tangkapin" == connection.exec_driver_sql("SELECT current_user").scalar()
    single.dispose()


@pytest.mark.parametrize("vendors", ["1,2) OR true --", "abc", "{1}"])
def test_a_vendor_list_that_is_none_is_an_error_and_shows_nothing(world, vendors):
    with tried(world, vendors=[vendors]) as connection:
        with pytest.raises(sa.exc.DBAPIError, match="invalid input syntax"):
            connection.execute(select(metadata.tables["devices"].c.id)).all()


def privileges(world, role):
    with world.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT relname, privilege_type FROM pg_class, aclexplode(relacl)"
            " WHERE relkind IN ('r', 'p') AND grantee = %s::regrole AND NOT relispartition",
            (role,),
        ).all()
    return {(table, verb) for table, verb in found}


def test_the_api_role_deletes_nothing_and_changes_only_what_review_is_about(world):
    granted = privileges(world, API_ROLE)
    assert set() == {table for table, verb in granted if verb in ("DELETE", "TRUNCATE", "TRIGGER", "REFERENCES")}
    assert {"etnas_sync", "quarantine", "violations"} == {table for table, verb in granted if verb == "UPDATE"}
    assert {"audit_log", "sync_attempts"} == {table for table, verb in granted if verb == "INSERT"}


def test_the_api_role_reads_no_password_no_credential_and_no_table_of_the_installation(world):
    readable = {table for table, verb in privileges(world, API_ROLE) if verb == "SELECT"}
    assert {"plugin_states", "sink_breakers"} == readable & UNTENANTED
    assert set() == readable & {"device_credentials", "officers", "admins"}
    with world.tenant([1]) as connection:
        officers = metadata.tables["officers"]
        assert ["petugas-1"] == list(connection.execute(select(officers.c.username)).scalars())
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(select(officers.c.password_hash))


def test_not_even_the_system_role_changes_stored_evidence(world):
    granted = privileges(world, SYSTEM_ROLE)
    verbs = {table: {v for t, v in granted if t == table} for table in metadata.tables}
    assert {"SELECT", "INSERT"} == verbs["audit_log"]
    for table in ("media", "payloads", "sync_attempts"):
        assert {"SELECT", "INSERT", "DELETE"} == verbs[table]


def test_a_partition_gives_no_way_round_its_table(world):
    for partition in ("payloads_p0", "payloads_default", "plate_reads_p1", "audit_log_p0"):
        with world.owner() as connection:
            assert 0 == connection.exec_driver_sql(f"SELECT count(*) FROM {partition}").scalar()
        with tried(world, vendors=[1, 2]) as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.exec_driver_sql(f"SELECT count(*) FROM {partition}")


@pytest.mark.parametrize("verb", ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"])
@pytest.mark.parametrize("role", [API_ROLE, SYSTEM_ROLE, None])
def test_no_role_alters_the_audit_log(world, verb, role):
    with world.engine.connect() as connection:
        connection.exec_driver_sql(f"GRANT ALL ON audit_log TO {API_ROLE}, {SYSTEM_ROLE}")
        if role is None:
            connection.exec_driver_sql("ALTER TABLE audit_log NO FORCE ROW LEVEL SECURITY")
        else:
            connection.exec_driver_sql("SELECT set_config('app.vendors', '1,2', true)")
            connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
        with pytest.raises(ProgrammingError, match="audit_log is append-only"):
            connection.exec_driver_sql(verb)
        connection.rollback()
