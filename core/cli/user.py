"""`tangkapin user`: accounts of officers, police, owners and admins."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from sqlalchemy import Connection

from core.accounts.audit import Actor
from core.accounts.service import Accounts
from core.cli.config import settings_of
from core.db.engine import Database
from core.db.runtime import open_services
from core.incidents.acting import Act
from core.incidents.leaving import release
from core.notices.service import announce
from core.settings import Settings

ROLES = ("owner", "officer", "police", "admin")


@click.group("user")
def command() -> None:
    """Make and manage accounts of people."""


@command.command("add")
@click.argument("username")
@click.option("--role", type=click.Choice(ROLES), default="officer", show_default=True)
@click.option("--vendor", help="Code of the agency; an admin without one is national.")
@click.option("--name", default="", help="Full name: it stands under every decision.")
@click.option("--email", help="They may log in with it too.")
@click.option("--phone", help="For people.")
@click.option("--station", help="Name of the station of an officer or police.")
@click.option("--badge", help="Badge number of an officer or police.")
@click.option("--vehicle", help="Vehicle of police, such as motor.")
@click.option("--plate", help="Its licence plate.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add(
    username: str, role: Any, vendor: str | None, name: str, email: str | None, phone: str | None,
    station: str | None, badge: str | None, vehicle: str | None, plate: str | None, password_stdin: bool, as_json: bool,
) -> None:  # fmt: skip
    """Add an account. The password is asked for, never an argument: those stand in the process list."""
    password = _password(password_stdin)
    user_id = _accounts().add_user(
        username, password, role=role, vendor_code=vendor, full_name=name, email=email, station=station,
        badge_no=badge, phone=phone, vehicle_type=vehicle, license_plate=plate, by=operator(),
    )  # fmt: skip
    if as_json:
        click.echo(json.dumps({"id": user_id, "username": username.strip().lower(), "role": role, "vendor": vendor}))
    else:
        click.echo(f"Added {role} {username.strip().lower()} of {vendor or 'the whole country'}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_users(as_json: bool) -> None:
    """Show all accounts."""
    rows = _accounts().list_users()
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        seen = f"{row.last_login_at:%Y-%m-%d %H:%M}Z" if row.last_login_at else "never"
        state = "" if row.is_active else "  (disabled)"
        click.echo(f"{row.username:24} {row.role:8} {row.vendor or 'national':24} last login {seen}{state}")
    if not rows:
        click.echo("No accounts yet: `tangkapin user add NAME --vendor CODE`")


@command.command("disable")
@click.argument("username")
def disable(username: str) -> None:
    """Disable an account: its tokens stop working at once."""
    _accounts().set_active(username, False, by=operator())
    click.echo(f"Disabled {username}; its sessions have ended")


@command.command("enable")
@click.argument("username")
def enable(username: str) -> None:
    """Enable a disabled account again."""
    _accounts().set_active(username, True, by=operator())
    click.echo(f"Enabled {username}")


@command.command("role")
@click.argument("username")
@click.argument("role", type=click.Choice(ROLES[1:]))
def set_role(username: str, role: Any) -> None:
    """Give a member of the staff another role: their tokens stop working at once."""
    _accounts().set_role(username, role, by=operator())
    click.echo(f"{username} is {role} now; their sessions have ended")


@command.command("password")
@click.argument("username")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
def set_password(username: str, password_stdin: bool) -> None:
    """Set a new password: the account's tokens stop working at once."""
    _accounts().set_password(username, _password(password_stdin), by=operator())
    click.echo(f"New password for {username}; its sessions have ended")


def operator() -> Actor:
    """Whoever runs the command, as the audit log names them."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a uid without a name, as in a container
        name = ""
    return Actor("cli", None, name)


def deployment_database(settings: Settings) -> Database:
    """The deployment's database; the embedded one is started for this command when no server runs it already."""
    services = open_services(settings)
    database = Database(services.database_url)
    context = click.get_current_context()
    context.call_on_close(services.close)
    context.call_on_close(database.dispose)
    return database


def _accounts() -> Accounts:
    settings = settings_of()
    return Accounts(deployment_database(settings), settings.signing_key().reveal(), _let_go)


def _let_go(connection: Connection, police_id: int, reason_code: str, by: Actor) -> Callable[[], None]:
    """The notices are rows, which the server's workers tell; plugins observe in servers only."""
    release(Act(connection, by, announce, datetime.now(UTC)), police_id, reason_code)
    return lambda: None


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
