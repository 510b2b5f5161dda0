"""The two roles that row-level security knows. They belong to the whole cluster, so they are made before the schema.

`tangkapin_system` sees all vendors, `tangkapin_api` those in `app.vendors`. The connecting user takes them on for a
transaction (SET ROLE). From PostgreSQL 16 on its memberships are for SET ROLE only, not inherited: a statement that
names no role sees no row. Before that the policies themselves ask for the role (migration 0002).
"""

from __future__ import annotations

import time

import psycopg
from psycopg import errors, sql

from core.db.engine import API_ROLE, CONNECT_TIMEOUT_S, SYSTEM_ROLE, dsn
from core.domain.errors import TangkapinError

ROLES = (API_ROLE, SYSTEM_ROLE)
_ATTEMPTS = 20
_SET_ONLY = 160000
"""The first PostgreSQL whose memberships can be of SET ROLE only."""


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
    if connection.info.server_version < _SET_ONLY:  # every member may take the role on, and inherits it
        if not _has(connection, role, "MEMBER"):
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    elif not _has(connection, role, "SET") or inherits(connection, role):
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE").format(name))
        if inherits(connection, role):  # by a grant of somebody else
            raise RolesMissing(_advice(connection))


def inherits(connection: psycopg.Connection, role: str) -> bool:
    """Whether policies made for the role hold for the connecting user as well (PostgreSQL 16 on; else False).

    A superuser counts as a member of everything and passes every policy anyway: False.
    """
    if connection.info.server_version < _SET_ONLY:
        return False
    row = connection.execute(
        "SELECT pg_has_role(oid, %s, 'USAGE') AND NOT rolsuper FROM pg_roles WHERE rolname = current_user", (role,)
    ).fetchone()
    return bool(row and row[0])


def _has(connection: psycopg.Connection, role: str, what: str) -> bool:
    row = connection.execute("SELECT pg_has_role(current_user, %s, %s)", (role, what)).fetchone()
    return bool(row and row[0])


def _advice(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT quote_ident(current_user)").fetchone()
    assert row is not None
    how = " WITH INHERIT FALSE, SET TRUE" if connection.info.server_version >= _SET_ONLY else ""
    statements = [f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO {row[0]}{how};" for role in ROLES]
    return (
        f"the database user {row[0]} needs the roles {' and '.join(ROLES)} and may not see to it itself; let the "
        "database's administrator run (a role that is there already needs its GRANT only; a membership that is "
        "inherited, REVOKE first), then migrate again:\n  " + "\n  ".join(statements)
    )
