"""`tangkapin plugins`: what plugins.toml enables, and whether it can run."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from core.cli.config import settings_of
from core.hooks.checks import closest
from core.hooks.deployment import read_deployment
from core.hooks.errors import UnknownInstance
from core.hooks.host import Host
from core.hooks.instance import InstanceInfo

_FILE = click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="Instead of plugins_file.")


@click.group("plugins")
def command() -> None:
    """List, check and release plugin instances."""


@command.command("list")
@_FILE
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(file: Path | None, as_json: bool) -> None:
    """Show every instance: version, stability, hooks, whom it serves, state and the reason of a quarantine."""
    infos = _look(settings_of(plugins_file=file).plugins_file)
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


def _look(path: Path) -> list[InstanceInfo]:
    """Load all instances as if none were required, so that one that cannot run hides no other."""
    host = Host.build(read_deployment(path), file=path, environ=os.environ, strict=False)
    try:
        return host.instances
    finally:
        host.close()


def _serves(info: InstanceInfo) -> str:
    return ",".join((*info.vendors, *info.devices)) or "all"
