"""Where `tangkapin plugins plan` looks: the file in use, the new one, the plugins' classes, the database."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import click
import psycopg

from core.db.process import EmbeddedUnavailable
from core.hooks.deployment import Declared, find_class, read_deployment
from core.hooks.errors import PluginLoadError
from core.hooks.host import Host
from core.hooks.plan import InstanceChange, KeyChange, Plan, Site, Waiting, make_plan
from core.hooks.plugin import Plugin
from core.settings import Settings

_DEVICES = "SELECT d.device_code, d.maker, v.vendor_code FROM devices d JOIN vendors v ON v.id = d.vendor_id ORDER BY 1"
_OUTBOX = "SELECT sink, count(*) FROM etnas_sync WHERE status IN ('pending', 'sending', 'uncertain') GROUP BY 1"
_NOTICES = """
SELECT channel, count(*) FROM notice_deliveries WHERE status IN ('waiting', 'pending', 'sending') GROUP BY 1
"""


def in_use(settings: Settings) -> Path:
    """Where `tangkapin serve` keeps a copy of the plugins.toml that it loaded."""
    return settings.home / "run" / "plugins.in-use.toml"


def remember(settings: Settings) -> None:
    """Keep what was loaded now. It holds no secret, only where the secrets are."""
    copy = in_use(settings)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(settings.plugins_file.read_bytes())


def look(settings: Settings, file: Path | None) -> tuple[Plan, list[str]]:
    """The plan, and notes on what could not be looked at. Raises PluginLoadError: the file in use is unreadable."""
    notes = []
    current = in_use(settings)
    if not current.exists():
        current = settings.plugins_file
        notes.append(f"nothing has run here yet: compared with {current}")
    before = read_deployment(current)
    new = file or settings.plugins_file
    try:
        after = read_deployment(new)
    except PluginLoadError as error:
        return Plan(problems=tuple(error.problems)), notes
    devices: list[Site] = []
    waiting: list[Waiting] = []
    try:
        devices, waiting = _database(settings)
    except (EmbeddedUnavailable, psycopg.Error):
        notes.append("no database answers: devices and queues were not looked at")
    found = make_plan(
        before, after, classes=_classes((*before, *after)), devices=devices, waiting=waiting,
        problems=_problems(after, new),
    )  # fmt: skip
    return found, notes


def _classes(declared: Iterable[Declared]) -> dict[str, type[Plugin]]:
    found = {}
    for use in {one.use for one in declared}:
        with contextlib.suppress(Exception):  # what cannot be loaded is told by _problems
            found[use] = find_class(use)
    return found


def _problems(declared: list[Declared], file: Path) -> list[str]:
    """What would stop the start-up: required instances that cannot run."""
    host = Host.build(declared, file=file, environ=os.environ, strict=False)
    try:
        return [f"{info.id}: {info.reason}" for info in host.instances if info.reason and info.required]
    finally:
        host.close()


def _database(settings: Settings) -> tuple[list[Site], list[Waiting]]:
    from core.cli.serve import open_database

    database = open_database(settings)
    try:
        with contextlib.closing(database.raw()) as connection:
            devices = [
                Site(code=row[0], maker=row[1], vendor_code=row[2]) for row in connection.execute(_DEVICES).fetchall()
            ]
            waiting = [
                Waiting(instance=r[0], queue="outbox", rows=r[1]) for r in connection.execute(_OUTBOX).fetchall()
            ]
            waiting += [
                Waiting(instance=r[0], queue="notices", rows=r[1]) for r in connection.execute(_NOTICES).fetchall()
            ]
    finally:
        database.dispose()
    return devices, waiting


def show(plan: Plan) -> None:
    """The plan for people."""
    for problem in plan.problems:
        click.echo(f"would not start  {problem}")
    for change in plan.instances:
        _show(change)
    for device in plan.devices:
        told = f"parsed by {device.after} instead of {device.before}" if device.after else f"LOSES {device.before}"
        click.echo(f"device   {device.code} ({device.maker}, {device.vendor_code}): {told}")
    for row in plan.orphaned:
        click.echo(f"queue    {row.rows} rows of {row.queue} wait for {row.instance}, which would not be there")
    if not (plan.instances or plan.problems or plan.orphaned):
        click.echo("nothing changes")


def _show(change: InstanceChange) -> None:
    mark = {"added": "+", "removed": "-", "changed": "~"}[change.change]
    click.echo(f"{mark} {change.instance}  {change.use}, serves {', '.join(change.serves) or 'all'}")
    for key in change.keys:
        click.echo(f"    {_told(key)}")
    for word, hooks in (("gains", change.gained), ("loses", change.lost)):
        if hooks:
            click.echo(f"    {word} {' '.join(hooks)}")
    if change.position:
        click.echo(f"    place in the order of fallback: {change.position[0] + 1} -> {change.position[1] + 1}")


def _told(key: KeyChange) -> str:
    if key.before is None:
        return f"{key.key} = {key.after!r}"
    return f"{key.key}: {key.before!r} -> {key.after!r}" if key.after is not None else f"{key.key}: {key.before!r} gone"
