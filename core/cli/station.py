"""`tangkapin station`: the police stations."""

from __future__ import annotations

import json

import click
import msgspec

from core.accounts.stations import add_station, list_stations
from core.cli.config import settings_of
from core.cli.user import deployment_database, operator


@click.group("station")
def command() -> None:
    """Register police stations."""


@command.command("add")
@click.argument("name")
@click.option("--vendor", required=True, help="Code of the agency.")
@click.option("--latitude", type=click.FloatRange(-90, 90), required=True, help="Degrees, WGS84.")
@click.option("--longitude", type=click.FloatRange(-180, 180), required=True, help="Degrees, WGS84.")
@click.option("--address", default="", help="For people.")
@click.option("--phone", default="", help="For people.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add(name: str, vendor: str, latitude: float, longitude: float, address: str, phone: str, as_json: bool) -> None:
    """Add a station; reports go to the officers of the nearest one."""
    database = deployment_database(settings_of())
    station_id = add_station(
        database, name, vendor, latitude=latitude, longitude=longitude, address=address, phone=phone, by=operator()
    )
    told = json.dumps({"id": station_id, "name": name.strip(), "vendor": vendor})
    click.echo(told if as_json else f"Added station {name.strip()} of {vendor}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_all(as_json: bool) -> None:
    """Show all stations."""
    with deployment_database(settings_of()).system() as connection:
        rows = list_stations(connection)
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        state = "" if row.is_active else "  (switched off)"
        click.echo(f"{row.name:32} {row.vendor:24} {row.latitude:.5f}, {row.longitude:.5f}{state}")
    if not rows:
        click.echo("No stations yet: `tangkapin station add NAME --vendor CODE --latitude … --longitude …`")
