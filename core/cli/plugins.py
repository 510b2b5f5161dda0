"""`tangkapin plugins`: what plugins.toml enables, and whether it can run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import click
import msgspec
import psycopg

from core.cli.config import settings_of
from core.db.process import EmbeddedUnavailable
from core.hooks.checks import closest
from core.hooks.deployment import read_deployment
from core.hooks.errors import UnknownInstance
from core.hooks.host import Host
from core.hooks.instance import InstanceInfo
from core.scaffold.writing import KINDS, write
from core.settings import Settings

_FILE = click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="Instead of plugins_file.")


@click.group("plugins")
def command() -> None:
    """List, check and release plugin instances."""


@command.command("list")
@_FILE
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(file: Path | None, as_json: bool) -> None:
    """Show every instance: version, stability, hooks, whom it serves, state and the reason of a quarantine.

    What the running parsers quarantined is known to the database; where none answers, only what loading shows.
    """
    settings = settings_of(plugins_file=file)
    infos = _with_states(_look(settings.plugins_file), settings)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(infos), indent=2).decode())
        return
    rows = [("id", "use", "kind", "version", "stability", "state", "serves", "hooks")]
    rows += [
        (i.id, i.use, i.kind, i.version or "-", i.stability or "-", i.state, _serves(i), " ".join(i.hooks) or "-")
        for i in infos
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for info in infos:
        if info.reason:
            click.echo(f"\n{info.id} is quarantined: {info.reason}")


@command.command("check")
@click.argument("instance", required=False)
@_FILE
@click.pass_context
def check(ctx: click.Context, instance: str | None, file: Path | None) -> None:
    """Load everything that plugins.toml enables (or one INSTANCE) and say what is wrong; exit 1 if anything is."""
    path = settings_of(plugins_file=file).plugins_file
    infos = _look(path)
    if instance is not None:
        if instance not in (known := [info.id for info in infos]):
            raise UnknownInstance(f"{path} has no instance {instance!r}; {closest(instance, known)}")
        infos = [info for info in infos if info.id == instance]
    for info in infos:
        if info.reason:
            click.echo(f"{info.id}: {info.reason}", err=True)
        else:
            click.echo(f"{info.id}: right ({info.kind}, {info.use} {info.version}, {info.stability})")
    ctx.exit(1 if any(info.reason for info in infos) else 0)


@command.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--from-capture",
    "capture",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For vendors: a request (.http) or a bare body, which becomes the first fixture.",
)
@click.option("--package", is_flag=True, help="A distribution of its own with an entry point, outside the tree.")
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The project's folder; with --package where the distribution's folder goes. [default: .]",
)
def new(kind: Any, name: str, capture: Path | None, package: bool, into: Path) -> None:
    """Write a new plugin's folder, with a fixture and a first test that fails until the bulk is written."""
    written = write(kind, name, into, capture=capture, package=package)
    for path in written.files:
        click.echo(f"wrote  {path}")
    for step in written.steps:
        click.echo(f"next   {step}")
    click.echo(f"then   plugins.toml:\n\n{written.table}")
    if capture is not None:
        click.echo("The fixture is the capture as it is: replace plates, serials and pictures before you share it.")


@command.command("release")
@click.argument("instance")
def release(instance: str) -> None:
    """Let a quarantined INSTANCE work again; the running parsers follow within seconds.

    Changed plugin code is loaded by a restart of `tangkapin serve`; `tangkapin replay --quarantine` reads what lies.
    """
    from core.cli.serve import open_database

    settings = settings_of()
    known = [declared.id for declared in read_deployment(settings.plugins_file)]
    database = open_database(settings)
    try:
        with contextlib.closing(database.raw()) as connection:
            gone = connection.execute("DELETE FROM plugin_states WHERE instance = %s RETURNING reason", (instance,))
            found = gone.fetchone()
    finally:
        database.dispose()
    if found is None and instance not in known:
        raise UnknownInstance(f"{settings.plugins_file} has no instance {instance!r}; {closest(instance, known)}")
    click.echo(f"{instance}: released (was quarantined: {found[0]})" if found else f"{instance} was not quarantined")


def _with_states(infos: list[InstanceInfo], settings: Settings) -> list[InstanceInfo]:
    """What the installation's database says of instances that load well."""
    from core.cli.serve import open_database

    try:
        database = open_database(settings)
        with contextlib.closing(database.raw()) as connection:
            rows = connection.execute(
                "SELECT instance, reason, failures FROM plugin_states WHERE state = 'quarantined'"
            ).fetchall()
    except (EmbeddedUnavailable, psycopg.Error):
        return infos
    out = {row[0]: (row[1], row[2]) for row in rows}
    return [
        msgspec.structs.replace(info, state="quarantined", reason=out[info.id][0], failures=out[info.id][1])
        if info.id in out and info.state == "ready"
        else info
        for info in infos
    ]


def _look(path: Path) -> list[InstanceInfo]:
    """Load all instances as if none were required, so that one that cannot run hides no other."""
    host = Host.build(read_deployment(path), file=path, environ=os.environ, strict=False)
    try:
        return host.instances
    finally:
        host.close()


def _serves(info: InstanceInfo) -> str:
    return ",".join((*info.vendors, *info.devices)) or "all"
