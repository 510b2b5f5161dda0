"""Log in, stay in, get out; and the operator's side: adding, disabling, new passwords.

Everything a token says is checked against the database on every request, so a logout, a disabled account, a changed
role or password act at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, exists, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from core.accounts.audit import Actor, actor_of, record
from core.accounts.passwords import check_new_password, hash_password, verify_password
from core.accounts.people import (
    TABLES,
    AccountError,
    checked_email,
    checked_username,
    find,
    station_id_of,
    take_names,
    vendor_id_of,
)
from core.accounts.principal import INSTALLATION, Principal, Role
from core.accounts.tables import revoked_tokens, stations, vendors
from core.accounts.throttle import account_key, count_attempt, forget
from core.accounts.tokens import Claims, TokenKey, TokenRefused
from core.db.engine import Database
from core.domain.errors import TangkapinError

__all__ = [
    "AccountError", "Accounts", "RegistrationClosed", "Session", "TooManyAttempts", "UserRow", "WrongCredentials",
]  # fmt: skip

_PLACES: frozenset[Role] = frozenset({"officer", "police"})
_OPTIONAL = ("badge_no", "phone", "address", "vehicle_type", "license_plate")


class WrongCredentials(TangkapinError):
    """No such user, wrong password or disabled account: the client is not told which."""


class TooManyAttempts(TangkapinError):
    """Wait `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many attempts, wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class RegistrationClosed(TangkapinError):
    """Nobody has said which vendor new owners belong to; the text says what the operator does about it."""


class Session(msgspec.Struct, frozen=True):
    """A token and whose it is."""

    token: str
    principal: Principal


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account as `user list` shows it."""

    id: int
    username: str
    email: str | None
    role: Role
    vendor: str | None
    station: str | None
    full_name: str
    phone: str
    is_active: bool
    last_login_at: datetime | None


LetGo = Callable[[Connection, int, str, Actor], Callable[[], None]]
"""(connection, id of police, account_disabled or role_changed, who) -> what is to be called after the commit."""


class Accounts:
    """All use cases of accounts. `secret` signs the tokens (Settings.signing_key).

    let_go  what police are at work on is taken off them when their account ends, in that transaction; None: nothing
            is at work here
    """

    def __init__(self, database: Database, secret: str, let_go: LetGo | None = None) -> None:
        self._database = database
        self._let_go = let_go
        self._key = TokenKey(secret)

    # -- people ---------------------------------------------------------------------------------------------------

    def login(self, username: str, password: str, *, peer: str, trace: str = "") -> Session:
        """Return a session; `username` may be the e-mail address. Raises WrongCredentials, TooManyAttempts."""
        username = username.strip().lower()
        with self._database.system() as connection:
            wait = count_attempt(connection, username, peer)
        if wait:
            raise TooManyAttempts(wait)
        with self._database.system() as connection:
            found = find(connection, username)
        right = verify_password(password, found["password_hash"] if found else None)
        with self._database.system() as connection:
            if found is None or not right or not _may_log_in(found):
                _record_refusal(connection, found, username, peer, trace)
                refused = True
            else:
                refused = False
                forget(connection, username, peer)
                table = TABLES[found["role"]]
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
        table = TABLES[claims.role]
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
        table = TABLES[principal.role]
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

    def register(
        self, *, name: str, email: str, phone: str, address: str, password: str, vendor_code: str = "",
        peer: str, trace: str = "",
    ) -> int:  # fmt: skip
        """Make an owner's account, by the owner; return its id. Each try counts as a guess does at the login.

        vendor_code  whose owner: the setting `registration_vendor`; "" = the only active vendor
        Raises AccountError (NameTaken), WeakPassword, TooManyAttempts, RegistrationClosed.
        """
        checked = checked_email(email)
        if checked is None or len(checked) > 100:
            raise AccountError("an e-mail address has 3 to 100 characters")
        check_new_password(password, checked)
        with self._database.system() as connection:
            wait = count_attempt(connection, f"register {checked}", peer)
        if wait:
            raise TooManyAttempts(wait)
        hashed = hash_password(password)
        with self._database.system() as connection:
            vendor_id = _open_vendor(connection, vendor_code)
            take_names(connection, checked, None)
            owners = TABLES["owner"]
            query = insert(owners).values(
                username=checked, email=checked, full_name=name, phone=phone, address=address, password_hash=hashed,
                vendor_id=vendor_id,
            )  # fmt: skip
            owner_id = int(connection.execute(query.returning(owners.c.id)).scalar_one())
            actor = Actor("owner", owner_id, name, peer, trace)
            record(
                connection, actor, "owner_registered", vendor_ids=[vendor_id], object_kind="owner", object_id=owner_id
            )
        return owner_id

    # -- the operator ---------------------------------------------------------------------------------------------

    def add_user(
        self,
        username: str,
        password: str,
        *,
        role: Role,
        vendor_code: str | None = None,
        full_name: str = "",
        email: str | None = None,
        station: str | None = None,
        by: Actor,
        **columns: str | None,
    ) -> int:
        """Add an account and return its id. Raises AccountError, WeakPassword.

        station  name of one of the vendor's stations, for officers and police
        columns  badge_no, phone, address, vehicle_type, license_plate: those that the role has and are not None
        """
        username, email = checked_username(username), checked_email(email)
        if role != "admin" and vendor_code is None:
            raise AccountError(f"an account of the role {role} belongs to a vendor: name it with --vendor")
        if station is not None and role not in _PLACES:
            raise AccountError("only officers and police belong to a station")
        table = TABLES[role]
        values: dict[str, Any] = {name: columns[name] for name in _OPTIONAL if columns.get(name) is not None}
        if foreign := sorted(name for name in values if name not in table.c):
            raise AccountError(f"an account of the role {role} has no {foreign[0]}")
        check_new_password(password, username)
        hashed = hash_password(password)
        with self._database.system() as connection:
            take_names(connection, username, email)
            vendor_id = vendor_id_of(connection, vendor_code) if vendor_code else None
            values |= {"username": username, "email": email, "full_name": full_name, "password_hash": hashed,
                       "vendor_id": vendor_id}  # fmt: skip
            if station is not None and vendor_id is not None:
                values["station_id"] = station_id_of(connection, vendor_id, station)
            user_id = int(connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())
            record(
                connection, by, "user_added", vendor_ids=[vendor_id or INSTALLATION],
                object_kind=role, object_id=user_id, detail={"username": username},
            )  # fmt: skip
        return user_id

    def set_active(self, username: str, active: bool, *, by: Actor) -> None:
        """Disable or enable an account; a disabled one's tokens stop working at once, and what police were sent to is
        taken off them.
        """
        with self._database.system() as connection:
            found = self._known(connection, username)
            afterwards = _nothing if active else self._leave(connection, found, "account_disabled", by)
            table = TABLES[found["role"]]
            connection.execute(
                update(table)
                .where(table.c.id == found["id"])
                .values(is_active=active, token_version=table.c.token_version + 1, updated_at=func.now())
            )
            record(
                connection, by, "user_enabled" if active else "user_disabled",
                vendor_ids=[found["vendor_id"] or INSTALLATION], object_kind=found["role"], object_id=found["id"],
            )  # fmt: skip
        afterwards()

    def set_password(self, username: str, password: str, *, by: Actor) -> None:
        """Give an account a new password; its tokens stop working at once."""
        with self._database.system() as connection:
            found = self._known(connection, username)
            check_new_password(password, found["username"])
            _set_password(connection, TABLES[found["role"]], found["id"], password)
            record(
                connection, by, "password_reset", vendor_ids=[found["vendor_id"] or INSTALLATION],
                object_kind=found["role"], object_id=found["id"],
            )  # fmt: skip

    def set_role(self, username: str, role: Role, *, by: Actor) -> int:
        """Give a member of the staff another role; return the new id. Their tokens stop working at once.

        What they did stays under their old (role, id): the old row is kept, disabled and without its name. What police
        were sent to is taken off them.
        """
        with self._database.system() as connection:
            found = self._known(connection, username)
            if "owner" in (role, found["role"]):
                raise AccountError("an owner is no member of the staff: add an account of its own")
            if role == found["role"]:
                return int(found["id"])
            if role != "admin" and found["vendor_id"] is None:
                raise AccountError("a national admin belongs to no vendor: add an account of its own")
            afterwards = self._leave(connection, found, "role_changed", by)
            old, new = TABLES[found["role"]], TABLES[role]
            row = dict(connection.execute(select(old).where(old.c.id == found["id"])).mappings().one())
            connection.execute(
                update(old)
                .where(old.c.id == found["id"])
                .values(
                    username=f"{found['username'][:70]}#{found['role']}-{found['id']}", email=None, is_active=False,
                    token_version=old.c.token_version + 1, updated_at=func.now(),
                )
            )  # fmt: skip
            kept = ("username", "full_name", "password_hash", "vendor_id", "email", "phone", "language", "notify",
                    "is_active", "badge_no", "station_id")  # fmt: skip
            values = {name: row[name] for name in kept if name in row and name in new.c}
            new_id = int(connection.execute(insert(new).values(**values).returning(new.c.id)).scalar_one())
            record(
                connection, by, "role_changed", vendor_ids=[found["vendor_id"] or INSTALLATION], object_kind=role,
                object_id=new_id, detail={"from": found["role"], "from_id": found["id"]},
            )  # fmt: skip
        afterwards()
        return new_id

    def list_users(self) -> list[UserRow]:
        """All accounts of all roles, by name."""
        rows: list[UserRow] = []
        with self._database.system() as connection:
            for role in TABLES:
                rows += [UserRow(**found) for found in connection.execute(select_users(role)).mappings()]
        return sorted(rows, key=lambda row: row.username)

    def _leave(self, connection: Connection, found: dict[str, Any], why: str, by: Actor) -> Callable[[], None]:
        if self._let_go is None or found["role"] != "police":
            return _nothing
        return self._let_go(connection, int(found["id"]), why, by)

    def _known(self, connection: Connection, username: str) -> dict[str, Any]:
        found = find(connection, username)
        if found is None:
            raise AccountError(f"there is no account {username!r}: `tangkapin user list` shows them")
        return found


def _nothing() -> None:
    pass


def select_users(role: Role) -> Any:
    """The accounts of a role with UserRow's columns. Row-level security says whose."""
    table = TABLES[role]
    source = table.outerjoin(vendors, vendors.c.id == table.c.vendor_id)
    station: Any = literal(None)
    if role in _PLACES:
        source, station = source.outerjoin(stations, stations.c.id == table.c.station_id), stations.c.name
    return select(
        table.c.id, table.c.username, table.c.email, literal(role).label("role"),
        vendors.c.vendor_code.label("vendor"), station.label("station"), table.c.full_name, table.c.phone,
        table.c.is_active, table.c.last_login_at,
    ).select_from(source)  # fmt: skip


def _open_vendor(connection: Connection, vendor_code: str) -> int:
    query = select(vendors.c.id).where(vendors.c.is_active)
    if vendor_code:
        query = query.where(vendors.c.vendor_code == vendor_code)
    found = connection.execute(query.limit(2)).scalars().all()
    if len(found) == 1:
        return int(found[0])
    if vendor_code:
        raise RegistrationClosed(f"the setting registration_vendor names no active vendor: {vendor_code!r}")
    raise RegistrationClosed("there is not exactly one active vendor: name it in the setting registration_vendor")


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
