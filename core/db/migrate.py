"""The schema's version: what the code wants, what the database has, and the way between them.

Alembic is imported by the functions that move the schema; `check`, which every start of a process runs, needs neither
it nor SQLAlchemy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from core.db.engine import CONNECT_TIMEOUT_S, SYSTEM_ROLE, Database, dsn
from core.db.roles import ensure_roles, inherits
from core.domain.errors import TangkapinError

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"
_LOCK = 7300_0001


class SchemaMismatch(TangkapinError):
    """The database's schema is not the one that this version works with."""


def revisions() -> list[str]:
    """All revisions in order. Files are named <revision>_<words>.py and numbered, and history is a line."""
    found = (re.match(r"\d{4}(?=_)", path.name) for path in (SCRIPTS / "versions").glob("*.py"))
    return sorted(match[0] for match in found if match)


def head() -> str:
    """The revision that this version of the code wants."""
    return revisions()[-1]


def current(url: str) -> str:
    """The revision of the database, "" for an empty one. Raises psycopg.OperationalError."""
    with psycopg.connect(dsn(url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except errors.UndefinedTable:
            return ""
    return str(row[0]) if row else ""


def check(url: str) -> None:
    """Raise SchemaMismatch, saying what to run, unless the database is at head and its user inherits no role."""
    have, want = current(url), head()
    if have == want:
        with psycopg.connect(dsn(url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            if inherits(connection, SYSTEM_ROLE):
                raise SchemaMismatch(
                    f"the database's user inherits {SYSTEM_ROLE} and would see all vendors' rows without SET ROLE: run "
                    "`tangkapin migrate`"
                )
        return
    if have and have not in revisions():
        raise SchemaMismatch(
            f"the database is at schema {have}, which this version (schema {want}) does not know: it was migrated by a "
            "newer Tangkapin; install that version"
        )
    raise SchemaMismatch(
        f"the database is at schema {have or '(empty)'}, this version wants {want}: run `tangkapin migrate`"
    )


def upgrade(url: str, to: str = "head") -> None:
    """Bring the database to a revision. Several processes may try at once: one works, the others wait.

    Raises RolesMissing where the database's user may not make the roles, SchemaMismatch for an unknown revision.
    """
    from alembic import command

    if to != "head" and to not in revisions():
        raise SchemaMismatch(f"there is no schema {to!r}; known: {', '.join(revisions())}")
    ensure_roles(url)
    _run(url, lambda config: command.upgrade(config, to))


def downgrade(url: str, steps: int = 1) -> None:
    """Go back by steps; what the dropped tables and columns held is lost."""
    from alembic import command

    have = current(url)
    known = revisions()
    if have and have not in known:
        raise SchemaMismatch(f"the database is at schema {have}, which this version does not know how to undo")
    behind = known.index(have) + 1 if have else 0
    if not 0 < steps <= behind:
        raise SchemaMismatch(f"cannot go back {steps} steps: the database is at schema {have or '(empty)'}")
    _run(url, lambda config: command.downgrade(config, f"-{steps}"))


def _run(url: str, act: Callable[[Config], None]) -> None:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    database = Database(url, pool_size=1, max_overflow=0)
    try:
        # The lock has a connection of its own, since a migration's transaction may end before the work does.
        with (
            psycopg.connect(dsn(url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as guard,
            database.engine.connect() as connection,
        ):
            guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            config.attributes["connection"] = connection
            act(config)
            connection.commit()
    finally:
        database.dispose()
