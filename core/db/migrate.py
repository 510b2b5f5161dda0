"""The schema's version: what the code wants, what the database has, and the way between them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.db.engine import Database
from core.domain.errors import TangkapinError

_LOCK = 7300_0001
_SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"


class SchemaMismatch(TangkapinError):
    """The database's schema is not the one that this version works with."""


def head() -> str:
    """The revision that this version of the code wants."""
    return ScriptDirectory(str(_SCRIPTS)).get_current_head() or ""


def current(url: str) -> str:
    """The revision of the database, "" for an empty one."""
    database = Database(url, pool_size=1)
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        database.dispose()


def check(url: str) -> None:
    """Raise SchemaMismatch, saying what to run, unless the database is at head."""
    have, want = current(url), head()
    if have == want:
        return
    known = {script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions()}
    if have and have not in known:
        raise SchemaMismatch(
            f"the database is at schema {have}, which this version (schema {want}) does not know: it was migrated by a "
            "newer Tangkapin; install that version"
        )
    raise SchemaMismatch(
        f"the database is at schema {have or '(empty)'}, this version wants {want}: run `tangkapin migrate`"
    )


def upgrade(url: str, to: str = "head") -> None:
    """Bring the database to a revision. Several processes may try at once; one works, the others wait."""
    _run(url, lambda config: command.upgrade(config, to))


def downgrade(url: str, steps: int = 1) -> None:
    """Go back by steps; data of what is dropped is lost."""
    _run(url, lambda config: command.downgrade(config, f"-{steps}"))


def _run(url: str, act: object) -> None:
    database = Database(url, pool_size=1)
    try:
        with database.engine.connect() as guard, database.engine.connect() as connection:
            guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            act(_config(connection))  # type: ignore[operator]
            connection.commit()
            guard.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
    finally:
        database.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config
