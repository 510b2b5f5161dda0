"""`tangkapin init`: a deployment out of nothing; what is there already is left as it is."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import msgspec.structs

from core.cli.config import settings_of
from core.settings import FILE_NAME, Settings

SETTINGS = """\
# Settings of this deployment. Defaults < this file < environment (TANGKAPIN_<NAME>) < flags.
# `tangkapin config show --origin` lists all of them with where each value came from.
{lines}
# host = "0.0.0.0"
# port = 8097
# database_url = "postgresql://tangkapin@db.example/tangkapin"   # instead of the embedded PostgreSQL
# redis_url = "redis://broker.example:6379/0"                    # instead of the embedded Valkey
# trusted_proxies = ["10.0.0.0/8"]
"""

PLUGINS = """\
# Which plugins run here. An allow-list: what is not named is not loaded. Check it with `tangkapin plugins check`.
hooks = 1

{makes}[plugin.anpr_filter]
use = "detectors.anpr_filter"

# Weapons in the pictures of cameras that have `detect`; needs the extra `detect`, and sees no guns (docs/models.md):
# [plugin.weapon_nanodet]
# use = "detectors.weapon_nanodet"
#
# Rules of a Polda, and where its approved violations go:
# [plugin.rules_banten]
# use = "plugins.poldas.polda_banten"
# vendors = ["polda-banten"]
#
# [plugin.etnas]
# use = "plugins.sinks.etnas"
"""


def plugins_text() -> str:
    """A plugins.toml that speaks every make this installation has a folder for and that needs no config."""
    folders = Path(importlib.import_module("vendors").__path__[0]).glob("*/plugin.py")
    makes = sorted(path.parent.name for path in folders if _needs_no_config(f"vendors.{path.parent.name}"))
    return PLUGINS.format(makes="".join(f'[plugin.{make}]\nuse = "vendors.{make}"\n\n' for make in makes))


def _needs_no_config(use: str) -> bool:
    """False for a parser of templates, which somebody has to describe first."""
    from core.hooks.deployment import find_class

    fields = msgspec.structs.fields(find_class(use).Config)
    return not any(field.required for field in fields)


@click.command("init")
def command() -> None:
    """Make a deployment: home folder, settings, plugins.toml, secret key, database with its schema. Safe twice."""
    from core.db import migrate
    from core.db.runtime import open_services

    settings = settings_of()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in write_files(settings):
        click.echo(f"wrote   {path}")
    settings.signing_key()
    click.echo(f"key     {'from the settings' if settings.secret_key else settings.home / 'secret.key'}")
    with open_services(settings, broker=False) as services:
        before = migrate.current(services.database_url)
        migrate.upgrade(services.database_url)
    where = "external" if settings.database_url else f"embedded in {settings.home / 'postgres'}"
    schema = migrate.head()
    click.echo(f"schema  {schema}{' (was there)' if before == schema else ''}, PostgreSQL {where}")
    click.echo("Next: tangkapin vendor add, device add, user add, then serve; `tangkapin doctor` looks after it all.")


def write_files(settings: Settings) -> list[Path]:
    """Write tangkapin.toml and plugins.toml where they are missing; returns what was written."""
    wrote = []
    plugins, lines = settings.plugins_file, ""
    own = settings.home / FILE_NAME
    if not plugins.exists():
        if settings.origin.get("plugins_file", "default") == "default" and not own.exists():
            plugins = settings.home / "plugins.toml"
            lines = 'plugins_file = "plugins.toml"\n'
        plugins.parent.mkdir(parents=True, exist_ok=True)
        plugins.write_text(plugins_text())
        wrote.append(plugins)
    if not own.exists():
        own.write_text(SETTINGS.format(lines=lines))
        wrote.append(own)
    return wrote
