"""Transactions under roles, the raw connection of the hot path, and life after a restart of PostgreSQL."""

import time

import psycopg
import pytest
from sqlalchemy import insert, text

from core.accounts.tables import vendors
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database, dsn, sqlalchemy_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_a_url_is_understood(scheme):
    assert "postgresql://u:p@h/d?sslmode=require" == dsn(f"{scheme}://u:p@h/d?sslmode=require")
    assert "postgresql+psycopg://u@h/d" == sqlalchemy_url(f"{scheme}://u@h/d")


def test_another_databases_url_is_refused_without_quoting_it():
    with pytest.raises(ValueError, match="expected a database URL") as caught:
        Database("mysql://user:rahasia@host/db")
    assert "rahasia" not in str(caught.value)


def test_a_block_that_raises_leaves_nothing(database):
    with pytest.raises(RuntimeError, match="no"), database.system() as connection:
        connection.execute(insert(vendors).values(vendor_code="polda-uji"))
        raise RuntimeError("no")
    with database.system() as connection:
        assert 0 == connection.scalar(text("SELECT count(*) FROM vendors"))


def test_a_role_ends_with_its_transaction(database):
    roles = []
    for opened in (database.system, lambda: database.tenant([1]), database.owner):
        with opened() as connection:
            roles.append(connection.scalar(text("SELECT current_user::text")))
    assert ["tangkapin_system", "tangkapin_api", "tangkapin"] == roles


def test_vendor_ids_are_numbers_and_nothing_else(database):
    with pytest.raises(ValueError, match="invalid literal"), database.tenant(["1,2"]):
        raise AssertionError("never reached")


def test_the_raw_connection_sees_all_vendors_and_commits_by_itself(database, make_vendor):
    make_vendor(database, "polda-uji")
    with database.raw() as connection:
        row = connection.execute(
            "SELECT current_user::text, current_setting('synchronous_commit'), count(*) FROM vendors", prepare=True,
            binary=True,
        ).fetchone()  # fmt: skip
        assert ("tangkapin_system", "on", 1) == row
        connection.execute("INSERT INTO vendors (vendor_code) VALUES ('polda-dua')")
        with database.system() as other:
            assert 2 == other.scalar(text("SELECT count(*) FROM vendors"))


def test_the_raw_connection_may_commit_asynchronously(database):
    with database.raw(async_commit=True) as connection:
        assert ("off",) == connection.execute("SELECT current_setting('synchronous_commit')").fetchone()


def test_statements_of_the_raw_connection_are_prepared_at_once(database):
    with database.raw() as connection:
        connection.execute("SELECT 41 + %s::int", (1,))
        prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT 41%'")
        assert (1,) == prepared.fetchone()


def test_the_pool_outlives_a_restart_of_postgresql(short_dir):
    server = EmbeddedPostgres(short_dir / "pg")
    database = Database(server.start())
    with database.owner() as connection:
        connection.execute(text("SELECT 1"))
    server.stop()
    with pytest.raises(Exception, match="connection"), database.owner():
        raise AssertionError("never reached")
    server.start()
    with database.owner() as connection:
        assert 1 == connection.scalar(text("SELECT 1"))
    database.dispose()
    server.stop()


def test_raw_says_at_once_when_nobody_is_there(short_dir):
    begun = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        Database(f"postgresql://tangkapin@/tangkapin?host={short_dir}").raw()
    assert time.monotonic() - begun < 60


def test_a_disposed_database_can_be_used_again(database):
    database.dispose()
    with database.system() as connection:
        assert 1 == connection.scalar(text("SELECT 1"))
