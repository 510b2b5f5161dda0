"""Log in, who am I, new password, log out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from core.accounts.passwords import MAX_LENGTH, MIN_LENGTH, WeakPassword
from core.accounts.principal import Principal, Role
from core.accounts.service import Session, TooManyAttempts, WrongCredentials
from core.accounts.tables import vendors
from core.problems import FieldError, Problem
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented

NO_STORE = {"Cache-Control": "no-store"}
_TAG = ["Akun"]


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """Name and password as typed."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """The current password again, and the one to come."""

    current_password: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    new_password: Annotated[str, msgspec.Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]


class Me(msgspec.Struct, kw_only=True):
    """The person behind the token. `vendor_code` is None for national admins and for people of no agency."""

    id: int
    username: str
    name: str
    role: Role
    vendor_code: str | None


class LoggedIn(msgspec.Struct, kw_only=True):
    """`token` goes into `Authorization: Bearer …` until `expires_at` (one shift, 12 h)."""

    token: str
    expires_at: datetime
    user: Me


@post("/api/auth/login", operation_id="log_in", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Log in", responses=documented(401, 429), security=[{}])  # fmt: skip
def log_in(data: JSONBody[Credentials], call: NamedDependency[Call]) -> Response[Ok[LoggedIn]]:
    """Exchange name and password for a token. Guessing is slowed down for each account and address (429)."""
    return _answer(call, session_of(call, data))


@post("/api/auth/logout", operation_id="log_out", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Log out", responses=documented(401, 403))  # fmt: skip
def log_out(call: NamedDependency[Call]) -> Ok[None]:
    """Revoke this token: it stops working at once."""
    call.services.accounts.logout(call.principal, peer=call.peer, trace=call.trace)
    return call.ok(None, ("Anda telah keluar", "Logged out"))


@get("/api/auth/me", operation_id="get_me", tags=_TAG, sync_to_thread=True,
     summary="Who am I", responses=documented(401, 403))  # fmt: skip
def get_me(call: NamedDependency[Call]) -> Response[Ok[Me]]:
    """The person behind the token, as the database knows them now."""
    return Response(call.ok(me_of(call, call.principal)), headers=NO_STORE)


@post("/api/auth/password", operation_id="change_password", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Change the own password", responses=documented(401, 403, 429))  # fmt: skip
def change_password(data: JSONBody[NewPassword], call: NamedDependency[Call]) -> Response[Ok[LoggedIn]]:
    """Set a new password. All tokens so far stop working; the one in the answer goes on."""
    return _answer(call, renewed_session(call, data))


def session_of(call: Call, given: Credentials) -> Session:
    """Log in. Raises Problem."""
    try:
        return call.services.accounts.login(given.username, given.password, peer=call.peer, trace=call.trace)
    except WrongCredentials:
        raise Problem("wrong-credentials") from None
    except TooManyAttempts as error:
        raise _slow_down(error) from None


def renewed_session(call: Call, given: NewPassword) -> Session:
    """Set the caller's new password; all sessions so far end. Raises Problem."""
    try:
        return call.services.accounts.change_password(
            call.principal, given.current_password, given.new_password, peer=call.peer, trace=call.trace
        )
    except WeakPassword as error:
        words = ("Kata sandi baru terlalu lemah", "The new password is too weak")
        raise Problem("validation", words, errors=[FieldError("new_password", str(error))]) from None
    except WrongCredentials:
        words = ("Kata sandi sekarang salah", "The current password is wrong")
        raise Problem("validation", words, errors=[FieldError("current_password", words[1])]) from None
    except TooManyAttempts as error:
        raise _slow_down(error) from None


def me_of(call: Call, principal: Principal) -> Me:
    """The person, with the code of their agency."""
    code = None
    if principal.vendor_id is not None:
        with call.services.database.tenant(principal.vendor_ids) as connection:
            query = vendors.select().with_only_columns(vendors.c.vendor_code).where(vendors.c.id == principal.vendor_id)
            code = connection.execute(query).scalar()
    return Me(id=principal.id, username=principal.username, name=principal.name, role=principal.role, vendor_code=code)


def _answer(call: Call, session: Session) -> Response[Ok[LoggedIn]]:
    principal = session.principal
    body = LoggedIn(token=session.token, expires_at=principal.expires_at, user=me_of(call, principal))
    return Response(call.ok(body), headers=NO_STORE)


def _slow_down(error: TooManyAttempts) -> Problem:
    seconds = error.retry_after_s
    words = (f"Coba lagi dalam {seconds} detik", f"Try again in {seconds} seconds")
    return Problem("too-many-attempts", words, headers={"Retry-After": str(seconds)})


HANDLERS = [log_in, log_out, get_me, change_password]
