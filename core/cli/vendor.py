"""`tangkapin vendor`: the reporting agencies."""

from __future__ import annotations

import json

import click
import msgspec

from core.accounts.vendors import add_vendor, list_vendors
from core.cli.config import settings_of
from core.cli.user import deployment_database, operator


@click.group("vendor")
def command() -> None:
    """Register reporting agencies (Poldas)."""


@command.command("add")
@click.argument("code")
@click.option("--name", help="For people.")
@click.option("--region", help="Where it is.")
@click.option("--etnas-url", help="Where its cases are sent to, if it has an address of its own.")
@click.option("--api-key", help="Where its key is: env:NAME or file:/path; never the key itself.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add(
    code: str, name: str | None, region: str | None, etnas_url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Add an agency, like polda-banten."""
    database = deployment_database(settings_of())
    vendor_id = add_vendor(
        database, code, name=name, region=region, etnas_url=etnas_url, api_key=api_key, by=operator()
    )
    click.echo(json.dumps({"id": vendor_id, "vendor_code": code}) if as_json else f"Added vendor {code}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_all(as_json: bool) -> None:
    """Show all agencies."""
    rows = list_vendors(deployment_database(settings_of()))
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        state = "" if row.is_active else "  (switched off)"
        click.echo(
            f"{row.vendor_code:24} {row.devices:5} devices  key {row.api_key or '-'}  {row.etnas_url or ''}{state}"
        )
    if not rows:
        click.echo("No vendors yet: `tangkapin vendor add CODE`")
