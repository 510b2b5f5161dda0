"""The two roles that row-level security knows. They belong to the whole cluster, so they are made before the schema.

`tangkapin_system` sees all vendors, `tangkapin_api` those in `app.vendors`. The connecting user takes them on for a
transaction (SET ROLE); the policies ask for the role itself, so a statement that names none sees no row.
"""

from __future__ import annotations

import time

import psycopg
from psycopg import errors, sql

from core.db.engine import API_ROLE, CONNECT_TIMEOUT_S, SYSTEM_ROLE, dsn
from core.domain.errors import TangkapinError

ROLES = (API_ROLE, SYSTEM_ROLE)
_ATTEMPTS = 20


class RolesMissing(TangkapinError):
    """The database's user may not make or take on the roles; the text has the statements for its administrator."""


def ensure_roles(url: str) -> None:
    """Make the roles and let the connecting user take them on. Safe twice and by several processes at once."""
    with psycopg.connect(dsn(url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        for role in ROLES:
            for attempt in range(_ATTEMPTS):
                try:
                    _ensure(connection, role)
                    break
                except (errors.UniqueViolation, errors.DuplicateObject, errors.InternalError_):
                    # Roles are shared by all databases of the cluster: another migration works on the same row.
                    if attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(0.05)
                except errors.InsufficientPrivilege as error:
                    raise RolesMissing(_advice(connection)) from error


def _ensure(connection: psycopg.Connection, role: str) -> None:
    name = sql.Identifier(role)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
    # Before PostgreSQL 16 every member may take on the role; since then a membership may lack just that.
    may_take_on = "SET" if connection.info.server_version >= 160000 else "MEMBER"
    row = connection.execute("SELECT pg_has_role(current_user, %s, %s)", (role, may_take_on)).fetchone()
    if not (row and row[0]):
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))


def _advice(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT quote_ident(current_user)").fetchone()
    assert row is not None
    statements = [f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO {row[0]};" for role in ROLES]
    return (
        f"the database user {row[0]} needs the roles {' and '.join(ROLES)} and may not see to it itself; let the "
        "database's administrator run (a role that is there already needs its GRANT only), then migrate again:\n  "
        + "\n  ".join(statements)
    )
