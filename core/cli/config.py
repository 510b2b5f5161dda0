"""`tangkapin config`: what the settings are and where each came from. `settings_of` is how every command reads them."""

from __future__ import annotations

import json
from typing import Any

import click

from core.settings import FIELDS, Settings, load_settings


def settings_of(ctx: click.Context | None = None, **flags: Any) -> Settings:
    """The settings of this command line: its own `flags` win over `tangkapin --set`; None means not given."""
    given, file = (ctx or click.get_current_context()).find_object(tuple) or ({}, None)
    return load_settings({**given, **{name: value for name, value in flags.items() if value is not None}}, file=file)


@click.group("config")
def command() -> None:
    """Check and show the settings."""


@command.command("check")
def check() -> None:
    """Say whether the settings can be used; exit 1 and name every mistake otherwise."""
    settings = settings_of()
    changed = sum(origin != "default" for origin in settings.origin.values())
    click.echo(f"The settings are right: {changed} given, {len(FIELDS) - changed} defaults; home {settings.home}")


@command.command("show")
@click.option("--origin", is_flag=True, help="Also say where each value came from.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(origin: bool, as_json: bool) -> None:
    """Print every setting, secrets masked."""
    settings = settings_of()
    shown = settings.shown()
    if as_json:
        told = {n: {"value": v, "origin": settings.origin[n]} for n, v in shown.items()} if origin else shown
        click.echo(json.dumps(told, indent=2))
        return
    width = max(map(len, shown))
    for name, value in shown.items():
        line = f"{name:{width}}  {json.dumps(value)}"
        click.echo(f"{line}  # {settings.origin[name]}" if origin else line)
