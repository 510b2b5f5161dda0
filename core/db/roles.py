"""The two roles that row-level security knows. They belong to the whole cluster, so they are made before the schema.

`tangkapin_system` sees all vendors, `tangkapin_api` those in `app.vendors`. The connecting user may take them on (SET
ROLE) but does not inherit them: a statement that names no role sees no row.
"""

from __future__ import annotations

import contextlib
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
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT").format(name))
    if _is_superuser(connection):
        return
    with_options = connection.info.server_version >= 160000
    may_set = "SET" if with_options else "MEMBER"
    if not _has(connection, role, may_set):
        options = " WITH SET TRUE, INHERIT FALSE" if with_options else ""
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER" + options).format(name))
    if _has(connection, role, "USAGE"):
        if with_options:
            connection.execute(sql.SQL("REVOKE INHERIT OPTION FOR {} FROM CURRENT_USER").format(name))
        else:
            connection.execute("ALTER ROLE CURRENT_USER NOINHERIT")
        if _has(connection, role, "USAGE"):
            raise RolesMissing(_advice(connection))


def _has(connection: psycopg.Connection, role: str, privilege: str) -> bool:
    row = connection.execute("SELECT pg_has_role(current_user, %s, %s)", (role, privilege)).fetchone()
    return bool(row and row[0])


def _is_superuser(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return bool(row and row[0])


def _advice(connection: psycopg.Connection) -> str:
    user = "the user of TANGKAPIN_DATABASE_URL"
    with contextlib.suppress(psycopg.Error):
        row = connection.execute("SELECT quote_ident(current_user)").fetchone()
        user = row[0] if row else user
    options = " WITH SET TRUE, INHERIT FALSE" if connection.info.server_version >= 160000 else ""
    statements = [f"CREATE ROLE {role} NOLOGIN NOINHERIT; GRANT {role} TO {user}{options};" for role in ROLES]
    if not options:
        statements.append(f"ALTER ROLE {user} NOINHERIT;")
    return (
        f"the database user {user} needs the roles {' and '.join(ROLES)} without inheriting them, and may not see "
        "to it itself; let the database's administrator run, then migrate again:\n  " + "\n  ".join(statements)
    )
