"""Log in, stay in, get out; and the operator's side: adding, disabling, new passwords.

Everything a token says is checked against the database on every request, so a logout, a disabled account, a changed
role or password act at once.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, exists, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from core.accounts.audit import Actor, actor_of, record
from core.accounts.passwords import check_new_password, hash_password, verify_password
from core.accounts.principal import INSTALLATION, Principal, Role
from core.accounts.tables import admins, officers, revoked_tokens, vendors
from core.accounts.throttle import account_key, count_attempt, forget
from core.accounts.tokens import Claims, TokenKey, TokenRefused
from core.db.engine import Database
from core.domain.errors import TangkapinError

_TABLES: dict[Role, Table] = {"officer": officers, "admin": admins}
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{2,99}")


class WrongCredentials(TangkapinError):
    """No such user, wrong password or disabled account: the client is not told which."""


class TooManyAttempts(TangkapinError):
    """Wait `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many attempts, wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class AccountError(TangkapinError):
    """The operator's order cannot be carried out; the text says why and what to do."""


class Session(msgspec.Struct, frozen=True):
    """A token and whose it is."""

    token: str
    principal: Principal


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account as `user list` shows it."""

    username: str
    role: Role
    vendor: str | None
    full_name: str
    is_active: bool
    last_login_at: datetime | None


class Accounts:
    """All use cases of accounts. `secret` signs the tokens (Settings.signing_key)."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._key = TokenKey(secret)

    # -- people ---------------------------------------------------------------------------------------------------

    def login(self, username: str, password: str, *, peer: str, trace: str = "") -> Session:
        """Return a session. Raises WrongCredentials, TooManyAttempts."""
        username = username.strip().lower()
        with self._database.system() as connection:
            wait = count_attempt(connection, username, peer)
        if wait:
            raise TooManyAttempts(wait)
        with self._database.system() as connection:
            found = _find(connection, username)
        right = verify_password(password, found["password_hash"] if found else None)
        with self._database.system() as connection:
            if found is None or not right or not _may_log_in(found):
                _record_refusal(connection, found, username, peer, trace)
                refused = True
            else:
                refused = False
                forget(connection, username, peer)
                table = _TABLES[found["role"]]
                connection.execute(update(table).where(table.c.id == found["id"]).values(last_login_at=func.now()))
                token, claims = self._key.issue(found["role"], found["id"], found["token_version"])
                principal = _principal(connection, found, claims)
                record(connection, actor_of(principal, peer=peer, trace=trace), "logged_in", vendor_ids=_of(principal))
        if refused:
            raise WrongCredentials("wrong user name or password")
        return Session(token, principal)

    def authenticate(self, token: str) -> Principal:
        """Return whose token it is, as the database knows them now. Raises TokenRefused."""
        claims = self._key.read(token)
        table = _TABLES[claims.role]
        query = (
            select(
                literal(claims.role).label("role"),
                table.c.id, table.c.username, table.c.full_name, table.c.vendor_id, table.c.token_version,
                table.c.is_active, vendors.c.is_active.label("vendor_active"),
                exists(select(1).where(revoked_tokens.c.jti == claims.jti)).label("revoked"),
            )
            .select_from(table.outerjoin(vendors, vendors.c.id == table.c.vendor_id))
            .where(table.c.id == claims.id)
        )  # fmt: skip
        with self._database.system() as connection:
            found = connection.execute(query).mappings().first()
            if found is None or found["revoked"] or found["token_version"] != claims.version or not _may_log_in(found):
                raise TokenRefused
            return _principal(connection, found, claims)

    def logout(self, principal: Principal, *, peer: str = "", trace: str = "") -> None:
        """Revoke this very token. Twice is once; revocations of expired tokens are swept."""
        with self._database.system() as connection:
            row = {"jti": principal.jti, "actor_role": principal.role, "actor_id": principal.id}
            connection.execute(
                upsert(revoked_tokens).values(**row, expires_at=principal.expires_at).on_conflict_do_nothing()
            )
            connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < func.now()))
            record(connection, actor_of(principal, peer=peer, trace=trace), "logged_out", vendor_ids=_of(principal))

    def change_password(self, principal: Principal, current: str, new: str, *, peer: str, trace: str = "") -> Session:
        """Set the caller's own password: every token so far stops working, the session returned goes on.

        Raises WrongCredentials, TooManyAttempts (guessing counts as at the login), WeakPassword.
        """
        check_new_password(new, principal.username)
        table = _TABLES[principal.role]
        with self._database.system() as connection:
            wait = count_attempt(connection, principal.username, peer)
            stored = connection.execute(select(table.c.password_hash).where(table.c.id == principal.id)).scalar()
        if wait:
            raise TooManyAttempts(wait)
        if not verify_password(current, stored):
            raise WrongCredentials("wrong password")
        with self._database.system() as connection:
            version = _set_password(connection, table, principal.id, new)
            forget(connection, principal.username, peer)
            record(
                connection, actor_of(principal, peer=peer, trace=trace), "password_changed", vendor_ids=_of(principal)
            )
        token, claims = self._key.issue(principal.role, principal.id, version)
        return Session(token, msgspec.structs.replace(principal, jti=claims.jti, expires_at=claims.expires_at))

    # -- the operator ---------------------------------------------------------------------------------------------

    def add_user(
        self,
        username: str,
        password: str,
        *,
        role: Role,
        vendor_code: str | None = None,
        full_name: str = "",
        badge_no: str | None = None,
        by: Actor,
    ) -> int:
        """Add an account and return its id. Raises AccountError, WeakPassword."""
        username = username.strip().lower()
        if not _USERNAME.fullmatch(username):
            raise AccountError("a user name has 3 to 100 of a-z 0-9 . _ @ - and starts with a letter or digit")
        if role == "officer" and vendor_code is None:
            raise AccountError("an officer belongs to a vendor: name it with --vendor")
        check_new_password(password, username)
        hashed = hash_password(password)
        with self._database.system() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('tangkapin staff names', 0))"))
            if _find(connection, username):
                raise AccountError(f"there is an account {username!r} already")
            vendor_id = _vendor_id(connection, vendor_code) if vendor_code else None
            values: dict[str, Any] = {
                "username": username, "full_name": full_name, "password_hash": hashed, "vendor_id": vendor_id,
            }  # fmt: skip
            if role == "officer":
                values["badge_no"] = badge_no
            table = _TABLES[role]
            user_id = int(connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())
            record(
                connection, by, "user_added", vendor_ids=[vendor_id or INSTALLATION],
                object_kind=role, object_id=user_id, detail={"username": username},
            )  # fmt: skip
        return user_id

    def set_active(self, username: str, active: bool, *, by: Actor) -> None:
        """Disable or enable an account; a disabled one's tokens stop working at once."""
        with self._database.system() as connection:
            found = self._known(connection, username)
            table = _TABLES[found["role"]]
            connection.execute(
                update(table)
                .where(table.c.id == found["id"])
                .values(is_active=active, token_version=table.c.token_version + 1, updated_at=func.now())
            )
            record(
                connection, by, "user_enabled" if active else "user_disabled",
                vendor_ids=[found["vendor_id"] or INSTALLATION], object_kind=found["role"], object_id=found["id"],
            )  # fmt: skip

    def set_password(self, username: str, password: str, *, by: Actor) -> None:
        """Give an account a new password; its tokens stop working at once."""
        with self._database.system() as connection:
            found = self._known(connection, username)
            check_new_password(password, found["username"])
            _set_password(connection, _TABLES[found["role"]], found["id"], password)
            record(
                connection, by, "password_reset", vendor_ids=[found["vendor_id"] or INSTALLATION],
                object_kind=found["role"], object_id=found["id"],
            )  # fmt: skip

    def list_users(self) -> list[UserRow]:
        """All accounts, officers and admins, by name."""
        rows: list[UserRow] = []
        with self._database.system() as connection:
            for role, table in _TABLES.items():
                query = select(
                    table.c.username, table.c.full_name, table.c.is_active, table.c.last_login_at, vendors.c.vendor_code
                ).select_from(table.outerjoin(vendors, vendors.c.id == table.c.vendor_id))
                for found in connection.execute(query).mappings():
                    rows.append(
                        UserRow(
                            username=found["username"], role=role, vendor=found["vendor_code"],
                            full_name=found["full_name"], is_active=found["is_active"],
                            last_login_at=found["last_login_at"],
                        )
                    )  # fmt: skip
        return sorted(rows, key=lambda row: row.username)

    def _known(self, connection: Connection, username: str) -> dict[str, Any]:
        found = _find(connection, username.strip().lower())
        if found is None:
            raise AccountError(f"there is no account {username!r}: `tangkapin user list` shows them")
        return found


def _find(connection: Connection, username: str) -> dict[str, Any] | None:
    if not username.isprintable():
        return None
    for role, table in _TABLES.items():
        query = (
            select(literal(role).label("role"), table, vendors.c.is_active.label("vendor_active"))
            .select_from(table.outerjoin(vendors, vendors.c.id == table.c.vendor_id))
            .where(table.c.username == username)
        )
        found = connection.execute(query).mappings().first()
        if found is not None:
            return dict(found)
    return None


def _record_refusal(connection: Connection, found: dict[str, Any] | None, username: str, peer: str, trace: str) -> None:
    """One row in any case, so that an unknown name takes as long as a known one."""
    if found is None:
        actor, vendor_id = Actor("unknown", None, "", peer, trace), INSTALLATION
    else:
        actor = Actor(found["role"], found["id"], found["username"], peer, trace)
        vendor_id = found["vendor_id"] or INSTALLATION
    detail = {"account_sha256": account_key(username)[:16]}
    record(connection, actor, "login_refused", vendor_ids=[vendor_id], detail=detail)


def _may_log_in(found: Any) -> bool:
    return bool(found["is_active"]) and found["vendor_active"] is not False


def _principal(connection: Connection, found: Any, claims: Claims) -> Principal:
    vendor_id = found["vendor_id"]
    if vendor_id is None:
        everyone = connection.execute(select(vendors.c.id).order_by(vendors.c.id)).scalars()
        vendor_ids = (INSTALLATION, *everyone)
    else:
        vendor_ids = (vendor_id,)
    return Principal(
        role=claims.role, id=found["id"], username=found["username"], name=found["full_name"], vendor_id=vendor_id,
        vendor_ids=vendor_ids, jti=claims.jti, expires_at=claims.expires_at,
    )  # fmt: skip


def _of(principal: Principal) -> list[int]:
    return [INSTALLATION if principal.vendor_id is None else principal.vendor_id]


def _set_password(connection: Connection, table: Table, user_id: int, password: str) -> int:
    return int(
        connection.execute(
            update(table)
            .where(table.c.id == user_id)
            .values(
                password_hash=hash_password(password),
                token_version=table.c.token_version + 1,
                updated_at=func.now(),
            )
            .returning(table.c.token_version)
        ).scalar_one()
    )


def _vendor_id(connection: Connection, vendor_code: str) -> int:
    vendor_id = connection.execute(select(vendors.c.id).where(vendors.c.vendor_code == vendor_code)).scalar()
    if vendor_id is None:
        raise AccountError(f"there is no vendor {vendor_code!r}: `tangkapin vendor list` shows them")
    return int(vendor_id)
