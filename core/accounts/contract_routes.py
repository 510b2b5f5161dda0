"""Log in, register, the own account: the written contract's routes, for clients that keep the token themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from core.accounts import profile
from core.accounts.passwords import WeakPassword
from core.accounts.people import AccountError, NameTaken
from core.accounts.profile import NotificationSettings, Profile
from core.accounts.routes import NO_STORE, NewPassword
from core.accounts.service import RegistrationClosed, Session, TooManyAttempts, WrongCredentials
from core.problems import FieldError, Problem
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented

_TAG = ["Akun"]
Text = Annotated[str, Meta(min_length=1, max_length=150)]
Phone = Annotated[str, Meta(max_length=30)]
Address = Annotated[str, Meta(max_length=500)]
Password = Annotated[str, Meta(min_length=1, max_length=1000)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class LoginBody(msgspec.Struct, kw_only=True):
    """E-mail or user name (either field takes either), and the password."""

    email: Annotated[str, Meta(max_length=254)] | None = None
    username: Annotated[str, Meta(max_length=254)] | None = None
    password: Password


class LoginData(msgspec.Struct, kw_only=True):
    """`token` goes into `Authorization: Bearer …`; it lasts one shift (12 h)."""

    token: str
    user: Profile


class Registration(msgspec.Struct, kw_only=True):
    """An owner of cameras who makes an account."""

    name: Text
    email: Annotated[str, Meta(min_length=3, max_length=100)]
    phone: Phone = ""
    address: Address = ""
    password: Password


class ProfileChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. `status` is the duty of officers and police; `busy` follows from assignments.

    latitude, longitude  home of an owner; of police where they are now, which is what nearest ones are found by
    """

    name: Text | UnsetType = UNSET
    email: Annotated[str, Meta(max_length=254)] | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET
    language: Literal["id", "en"] | UnsetType = UNSET
    vehicle_type: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    license_plate: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    status: Literal["available", "offline"] | UnsetType = UNSET


class SettingsChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays."""

    report: bool | UnsetType = UNSET
    cctv: bool | UnsetType = UNSET
    assignment: bool | UnsetType = UNSET
    tracking: bool | UnsetType = UNSET
    push: bool | UnsetType = UNSET


@post("/login", operation_id="app_log_in", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Log in by e-mail or user name", responses=documented(401, 429), security=[{}])  # fmt: skip
def log_in(data: JSONBody[LoginBody], call: NamedDependency[Call]) -> Response[Ok[LoginData]]:
    """Exchange name and password for a token. A token in the header, old or wrong, does not matter here."""
    name = data.email or data.username
    if not name:
        raise Problem("validation", errors=[FieldError("email", "expected email or username")])
    try:
        session = call.services.accounts.login(name, data.password, peer=call.peer, trace=call.trace)
    except WrongCredentials:
        raise Problem("wrong-credentials") from None
    except TooManyAttempts as error:
        raise slow_down(error) from None
    return _answer(call, session)


@post("/register", operation_id="app_register", tags=_TAG, status_code=201, sync_to_thread=True,
      summary="Register as an owner", responses=documented(409, 429), security=[{}])  # fmt: skip
def register(data: JSONBody[Registration], call: NamedDependency[Call]) -> Response[Ok[None]]:
    """Make an owner's account; log in with it afterwards. Other roles are made by an admin."""
    try:
        call.services.accounts.register(
            name=_name(data.name), email=data.email, phone=data.phone.strip(), address=data.address.strip(),
            password=data.password, vendor_code=call.settings.registration_vendor, peer=call.peer, trace=call.trace,
        )  # fmt: skip
    except TooManyAttempts as error:
        raise slow_down(error) from None
    except RegistrationClosed:
        words = ("Pendaftaran belum dibuka oleh pengelola", "Registration is not open here: ask the operator")
        raise Problem("not-available", words) from None
    except WeakPassword as error:
        raise weak(error, "password") from None
    except AccountError as error:
        raise refused(error, "email") from None
    return Response(call.ok(None, ("Akun dibuat; silakan masuk", "Account made; log in")), status_code=201)


@get("/me", operation_id="app_get_me", tags=_TAG, sync_to_thread=True,
     summary="The own account", responses=documented(401, 403))  # fmt: skip
def get_me(call: NamedDependency[Call]) -> Response[Ok[Profile]]:
    """The person behind the token, as the database knows them now."""
    return _me(call)


@patch("/me", operation_id="update_profile", tags=_TAG, sync_to_thread=True,
       summary="Change the own account", responses=documented(401, 403, 409))  # fmt: skip
def update_profile(data: JSONBody[ProfileChange], call: NamedDependency[Call]) -> Response[Ok[Profile]]:
    """Set what is named; an e-mail belongs to one person (409). What the role has not is left out. Police under way are
    busy: nobody's duty begins or ends meanwhile (409).
    """
    changes = given(data)
    if "name" in changes:
        changes["full_name"] = _name(changes.pop("name"))
    try:
        profile.change_profile(call.services.database, call.principal, changes, by=call.actor)
    except profile.UnderWay:
        words = ("Selesaikan penugasan dahulu", "Finish the assignment first")
        raise Problem("conflict", words) from None
    except AccountError as error:
        raise refused(error, "email") from None
    return _me(call)


@post("/logout", operation_id="app_log_out", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Log out", responses=documented(401, 403))  # fmt: skip
def log_out(call: NamedDependency[Call]) -> Ok[None]:
    """Revoke this token: it stops working at once."""
    call.services.accounts.logout(call.principal, peer=call.peer, trace=call.trace)
    return call.ok(None, ("Anda telah keluar", "Logged out"))


@post("/me/password", operation_id="app_change_password", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Change the own password", responses=documented(401, 403, 429))  # fmt: skip
def change_password(data: JSONBody[NewPassword], call: NamedDependency[Call]) -> Response[Ok[LoginData]]:
    """Set a new password. All tokens so far stop working; the one in the answer goes on."""
    try:
        session = call.services.accounts.change_password(
            call.principal, data.current_password, data.new_password, peer=call.peer, trace=call.trace
        )
    except WeakPassword as error:
        raise weak(error, "new_password") from None
    except WrongCredentials:
        words = ("Kata sandi sekarang salah", "The current password is wrong")
        raise Problem("validation", words, errors=[FieldError("current_password", words[1])]) from None
    except TooManyAttempts as error:
        raise slow_down(error) from None
    return _answer(call, session)


@get("/me/notification-settings", operation_id="get_notification_settings", tags=_TAG, sync_to_thread=True,
     summary="What one is told of", responses=documented(401, 403))  # fmt: skip
def get_settings(call: NamedDependency[Call]) -> Ok[NotificationSettings]:
    """The own choices, defaults filled in."""
    return call.ok(profile.load_settings(call.services.database, call.principal))


@patch("/me/notification-settings", operation_id="update_notification_settings", tags=_TAG, sync_to_thread=True,
       summary="Choose what one is told of", responses=documented(401, 403))  # fmt: skip
def update_settings(data: JSONBody[SettingsChange], call: NamedDependency[Call]) -> Ok[NotificationSettings]:
    """Set what is named. Recalls and emergencies are told in any case."""
    profile.change_settings(call.services.database, call.principal, given(data))
    return call.ok(profile.load_settings(call.services.database, call.principal))


def given(data: msgspec.Struct) -> dict[str, Any]:
    """The fields that the client sent."""
    return {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}


def weak(error: WeakPassword, field: str) -> Problem:
    """The problem of a password that does not do."""
    words = ("Kata sandi terlalu lemah", "The password is too weak")
    return Problem("validation", words, errors=[FieldError(field, str(error))])


def refused(error: AccountError, field: str) -> Problem:
    """The problem of an order that cannot be carried out: 409 for a name that is taken, else 422."""
    if isinstance(error, NameTaken):
        return Problem("conflict", ("Nama pengguna atau surel sudah dipakai", "The user name or e-mail is taken"))
    return Problem("validation", errors=[FieldError(field, str(error))])


def slow_down(error: TooManyAttempts) -> Problem:
    """The problem of too many guesses."""
    seconds = error.retry_after_s
    words = (f"Coba lagi dalam {seconds} detik", f"Try again in {seconds} seconds")
    return Problem("too-many-attempts", words, headers={"Retry-After": str(seconds)})


def _name(given: str) -> str:
    name = given.strip()
    if not name:
        raise Problem("validation", errors=[FieldError("name", "expected 1 to 150 characters")])
    return name


def _answer(call: Call, session: Session) -> Response[Ok[LoginData]]:
    person = session.principal
    user = profile.load_profile(call.services.database, person.role, person.id)
    return Response(call.ok(LoginData(token=session.token, user=user)), headers=NO_STORE)


def _me(call: Call) -> Response[Ok[Profile]]:
    person = call.principal
    return Response(call.ok(profile.load_profile(call.services.database, person.role, person.id)), headers=NO_STORE)


HANDLERS = [
    log_in, register, get_me, update_profile, log_out, change_password, get_settings, update_settings,
]  # fmt: skip
