"""`tangkapin service-key`: keys of programs."""

from __future__ import annotations

import json

import click
import msgspec

from core.accounts.service_keys import add_service_key, list_service_keys, revoke_service_key
from core.cli.config import settings_of
from core.cli.user import deployment_database, operator


@click.group("service-key")
def command() -> None:
    """Give programs keys, such as an external detector that posts to /api/deteksi."""


@command.command("add")
@click.argument("name")
@click.option("--vendor", required=True, help="Code of the agency whose reports it makes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add(name: str, vendor: str, as_json: bool) -> None:
    """Make a key. It is shown this once: hand it to the program as X-API-KEY or as Bearer token."""
    key = add_service_key(deployment_database(settings_of()), name, vendor, by=operator())
    click.echo(json.dumps({"name": name, "vendor": vendor, "key": key}) if as_json else key)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_all(as_json: bool) -> None:
    """Show all keys, without their secrets."""
    rows = list_service_keys(deployment_database(settings_of()))
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        used = f"{row.last_used_at:%Y-%m-%d %H:%M}Z" if row.last_used_at else "never"
        state = "  (revoked)" if row.revoked_at else ""
        click.echo(f"{row.key_id:14} {row.name:32} {row.vendor:24} last used {used}{state}")
    if not rows:
        click.echo("No service keys yet: `tangkapin service-key add NAME --vendor CODE`")


@command.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """End a key at once, by the id that the list shows."""
    revoke_service_key(deployment_database(settings_of()), key_id, by=operator())
    click.echo("Revoked")
