"""The schema: what the migrations make is what the code says, up, down and up again; a mismatch is refused."""

import threading

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from core.db import migrate
from core.db.engine import SYSTEM_ROLE, Database, dsn
from core.db.migrate import SchemaMismatch
from core.db.roles import ROLES, RolesMissing
from core.db.schema import metadata

COLUMNS = """
SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attcollation,
  pg_get_expr(adbin, adrelid)
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND attnum > 0 AND NOT attisdropped AND relname <> 'alembic_version'
"""
CONSTRAINTS = """
SELECT c.relname, conname, pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN pg_class c ON c.oid = conrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT relispartition AND contype <> 'n' AND relname <> 'alembic_version'
"""
INDEXES = """
SELECT i.relname, regexp_replace(pg_get_indexdef(i.oid), ' ONLY ', ' ') FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE i.relnamespace = 'public'::regnamespace AND NOT t.relispartition AND t.relname <> 'alembic_version'
"""
PARTITIONING = "SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table"
COMMENTS = """
SELECT objoid::regclass::text, objsubid, description FROM pg_description JOIN pg_class c ON c.oid = objoid
WHERE classoid = 'pg_class'::regclass AND c.relnamespace = 'public'::regnamespace AND NOT relispartition
"""
SEQUENCES = "SELECT sequencename, data_type::text, increment_by FROM pg_sequences"


def rows(url, statement):
    with psycopg.connect(dsn(url), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def empty_url(fresh_database):
    with fresh_database(migrated=False) as url:
        yield url


def test_the_migrated_schema_is_what_alembic_finds_in_the_metadata(database):
    def ours(thing, name, kind, *_):
        return not (kind == "table" and name not in metadata.tables)

    with database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
        assert [] == compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


@pytest.mark.parametrize("what", [COLUMNS, CONSTRAINTS, INDEXES, PARTITIONING, COMMENTS, SEQUENCES])
def test_the_migrated_schema_is_what_the_metadata_would_make(database_url, empty_url, what):
    """Constraints, partial indexes, defaults and comments too, which Alembic does not compare."""
    database = Database(empty_url)
    with database.engine.begin() as connection:
        metadata.create_all(connection)
    database.dispose()
    expected = rows(empty_url, what)
    assert expected
    assert sorted(map(repr, expected)) == sorted(map(repr, rows(database_url, what)))


def test_up_one_step_down_and_up_again(empty_url):
    assert "" == migrate.current(empty_url)
    migrate.upgrade(empty_url)
    made = rows(empty_url, COLUMNS), rows(empty_url, INDEXES)
    assert migrate.head() == migrate.current(empty_url)
    migrate.downgrade(empty_url)
    before = migrate.revisions()[-2] if len(migrate.revisions()) > 1 else ""
    assert before == migrate.current(empty_url)
    migrate.upgrade(empty_url)
    assert migrate.head() == migrate.current(empty_url)
    assert [sorted(map(repr, part)) for part in made] == [
        sorted(map(repr, part)) for part in (rows(empty_url, COLUMNS), rows(empty_url, INDEXES))
    ]


def test_all_steps_down_leave_nothing_behind(empty_url):
    migrate.upgrade(empty_url)
    migrate.downgrade(empty_url, len(migrate.revisions()))
    left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')"
    assert [("alembic_version",)] == rows(empty_url, left)
    assert [] == rows(empty_url, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")


def test_a_second_upgrade_changes_nothing(database_url):
    before = rows(database_url, "SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    migrate.upgrade(database_url)
    after = rows(database_url, "SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    assert sorted(before) == sorted(after)


def test_upgrades_at_once_make_the_schema_once(empty_url):
    failures = []

    def upgrade():
        try:
            migrate.upgrade(empty_url)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures
    assert migrate.head() == migrate.current(empty_url)


def test_the_head_is_the_one_that_alembic_sees():
    scripts = ScriptDirectory(str(migrate.SCRIPTS))
    assert scripts.get_current_head() == migrate.head()
    assert [script.revision for script in scripts.walk_revisions()][::-1] == migrate.revisions()


def test_the_right_schema_passes_the_check(database_url):
    assert None is migrate.check(database_url)


def test_an_empty_database_is_refused_and_told_what_to_run(empty_url):
    with pytest.raises(SchemaMismatch, match=r"\(empty\).*wants .*run `tangkapin migrate`"):
        migrate.check(empty_url)


def test_a_newer_schema_is_refused_and_asks_for_the_newer_version(database_url):
    rows(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match=r"9999.*newer Tangkapin; install that version"):
        migrate.check(database_url)
    with pytest.raises(SchemaMismatch, match="does not know how to undo"):
        migrate.downgrade(database_url)


def test_an_unknown_revision_and_too_many_steps_are_refused(database_url):
    with pytest.raises(SchemaMismatch, match=r"no schema '0000'; known: 0001"):
        migrate.upgrade(database_url, "0000")
    with pytest.raises(SchemaMismatch, match="cannot go back 99 steps"):
        migrate.downgrade(database_url, 99)


@pytest.fixture
def modest_url(postgres_url, empty_url):
    """An empty database of a user who may not make roles."""
    admin = dsn(postgres_url)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE ROLE modest LOGIN PASSWORD 'modest'")
        connection.execute(f"GRANT ALL ON DATABASE {make_url(empty_url).database} TO modest")
    with psycopg.connect(dsn(empty_url), autocommit=True) as connection:
        connection.execute("GRANT ALL ON SCHEMA public TO modest")
    yield make_url(empty_url).set(username="modest", password="modest").render_as_string(hide_password=False)
    with psycopg.connect(dsn(empty_url), autocommit=True) as connection:
        connection.execute("REVOKE ALL ON SCHEMA public FROM modest")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"REVOKE ALL ON DATABASE {make_url(empty_url).database} FROM modest")
        connection.execute("DROP ROLE modest")


def test_a_user_who_may_not_make_roles_is_told_what_the_administrator_runs(modest_url, template_url):
    with pytest.raises(RolesMissing, match="GRANT tangkapin_system TO modest WITH INHERIT FALSE, SET TRUE;"):
        migrate.upgrade(modest_url)
    assert "" == migrate.current(modest_url)


@pytest.fixture
def inheriting(database):
    """The connecting user inherits the system role, as somebody's careless GRANT would have it."""
    with psycopg.connect(dsn(database.url), autocommit=True) as connection:
        connection.execute(f"GRANT {SYSTEM_ROLE} TO CURRENT_USER WITH INHERIT TRUE")
        yield database
        connection.execute(f"GRANT {SYSTEM_ROLE} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")


def test_the_connecting_user_may_take_the_roles_on_and_inherits_none(database):
    with database.owner() as connection:
        for role in ROLES:
            asked = "SELECT pg_has_role(%s, 'SET'), pg_has_role(%s, 'USAGE')"
            assert (True, False) == tuple(connection.exec_driver_sql(asked, (role, role)).one())


def test_a_user_who_inherits_the_system_role_is_refused_until_migrate_mends_it(inheriting, make_vendor):
    make_vendor(inheriting)
    with pytest.raises(SchemaMismatch, match=r"inherits tangkapin_system .*run `tangkapin migrate`"):
        migrate.check(inheriting.url)
    migrate.upgrade(inheriting.url)
    assert None is migrate.check(inheriting.url)
    with inheriting.owner() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM vendors").scalar()


def test_without_the_last_condition_the_system_role_still_sees_every_vendor(fresh_database, make_vendor):
    """Down to 0001 the policy asks for the role; up again it does not. Both times only that role sees rows."""
    with fresh_database() as url:
        database = Database(url)
        make_vendor(database)
        for step in (0, len(migrate.revisions()) - 1):
            if step:
                migrate.downgrade(url, step)
            with database.system() as connection:
                assert 1 == connection.exec_driver_sql("SELECT count(*) FROM vendors").scalar()
            with database.owner() as connection:
                assert 0 == connection.exec_driver_sql("SELECT count(*) FROM vendors").scalar()
        database.dispose()


def test_the_planner_is_told_that_the_system_role_sees_everything(database):
    with database.system() as connection:
        plan = connection.exec_driver_sql("EXPLAIN SELECT * FROM violations").scalars().all()
    assert not [line for line in plan if "current_user" in line.lower()]
