"""`tangkapin plugins`: what plugins.toml enables, and whether it can run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import msgspec
import psycopg

from core.cli.config import settings_of
from core.cli.show import show_json, show_table
from core.db.process import EmbeddedUnavailable
from core.hooks import grades
from core.hooks.checks import closest
from core.hooks.deployment import ENTRY_POINTS, read_deployment
from core.hooks.errors import UnknownInstance
from core.hooks.host import Host
from core.hooks.instance import InstanceInfo
from core.scaffold.writing import KINDS, write
from core.settings import Settings
from core.testing.grade import GRADES, Report, reaches

_FILE = click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="Instead of plugins_file.")


@click.group("plugins")
def command() -> None:
    """List, write, check, grade and release plugins and their instances."""


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
        show_json(infos)
        return
    show_table(
        ("id", "use", "kind", "version", "stability", "state", "serves", "hooks"),
        [
            (
                i.id,
                i.use,
                i.kind,
                i.version or "-",
                i.stability or "-",
                "shadow" if i.shadow and not i.reason else i.state,
                _serves(i),
                " ".join(i.hooks) or "-",
            )
            for i in infos
        ],
    )
    for info in infos:
        if info.reason:
            click.echo(f"\n{info.id} is quarantined: {info.reason}")
        if info.shadow:
            click.echo(f"\n{_told_shadow(settings.home, info.id)}")


@command.command("check")
@click.argument("name", required=False)
@_FILE
@click.option("--at-least", type=click.Choice(GRADES), default="bronze", show_default=True, help="With NAME.")
@click.option("--rounds", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True, help="Damaged bodies.")
@click.option("--json", "as_json", is_flag=True, help="With NAME: the report as JSON.")
@click.option("--keep", is_flag=True, help="With NAME: write grade.json beside plugin.py, for the page of plugins.")
@click.pass_context
def check(
    ctx: click.Context, name: str | None, file: Path | None, at_least: Any, rounds: int, as_json: bool, keep: bool
) -> None:  # fmt: skip
    """Load everything that plugins.toml enables and say what is wrong; exit 1 if anything is.

    With NAME, an instance or a plugin's import path or folder: its grade (bronze, silver, gold) and what is missing
    for the next one; exit 1 below --at-least. Its tests are run, and a parser reads damaged bodies: half a minute.
    """
    if name is None:
        infos = _look(settings_of(plugins_file=file).plugins_file)
        for info in infos:
            _say(info)
        ctx.exit(1 if any(info.reason for info in infos) else 0)
    use, config = _plugin(name, file)
    if use is None:
        ctx.exit(1)
    from core.testing.grading import grade, kept

    report = grade(use, config=config, rounds=rounds)
    if keep:
        grades.keep(grades.folder_of(use), kept(report))
    if as_json:
        show_json(report)
    else:
        _show(name, report)
    ctx.exit(0 if reaches(report.grade, at_least) else 1)


def _plugin(name: str, file: Path | None) -> tuple[str | None, dict[str, Any]]:
    """What a name means: the `use` of a plugin and its raw config; None for an instance that cannot run (said)."""
    folder = Path(name)
    if (folder / "plugin.py").is_file():
        absolute = folder.resolve()
        inside = absolute.is_relative_to(Path.cwd())
        sys.path.insert(0, str(Path.cwd() if inside else absolute.parent))
        return ".".join(absolute.relative_to(Path.cwd()).parts) if inside else absolute.name, {}
    path = settings_of(plugins_file=file).plugins_file
    declared = {one.id: one for one in read_deployment(path)} if path.exists() else {}
    if name in declared:
        (info,) = [info for info in _look(path) if info.id == name]
        _say(info, quiet=True)
        return (None if info.reason else info.use), declared[name].config
    if "." in name or name in {point.name for point in entry_points(group=ENTRY_POINTS)} or _is_package(name):
        return name, {}
    raise UnknownInstance(
        f"{path} has no instance {name!r}; {closest(name, declared)}; it is no plugin's folder or import path either"
    )


def _is_package(name: str) -> bool:
    try:
        return importlib.util.find_spec(f"{name}.plugin") is not None
    except (ImportError, ValueError):
        return False


def _say(info: InstanceInfo, *, quiet: bool = False) -> None:
    if info.reason:
        click.echo(f"{info.id}: {info.reason}", err=True)
    elif not quiet:
        click.echo(f"{info.id}: right ({info.kind}, {info.use} {info.version}, {info.stability})")


def _show(name: str, report: Report) -> None:
    click.echo(f"{name}: {report.grade} ({report.kind or 'no plugin'}, {report.use})")
    for finding in report.findings:
        click.echo(f"  {finding.grade:7}{'missing' if finding.wrong else 'kept':9}{finding.name}")
        if finding.wrong:
            click.echo(f"           {finding.wrong}")
    measured = [
        f"{report.fixtures} fixtures" if report.kind == "parser" else "",
        f"{report.mutated} damaged bodies" if report.mutated else "",
        f"{report.coverage:.0f} % coverage" if report.coverage is not None else "",
        f"{report.cost_us:.0f} µs the dearest fixture without pictures" if report.cost_us is not None else "",
    ]
    click.echo(f"  {', '.join(filter(None, measured))}")
    if report.missing:
        click.echo(f"For {report.next_grade}: {'; '.join(f'{f.name}: {f.wrong}' for f in report.missing)}")


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


@command.command("plan")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="The new file. [default: plugins_file]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def plan(ctx: click.Context, file: Path | None, as_json: bool) -> None:
    """Show what a changed plugins.toml would do against the one that the running deployment loaded.

    Instances and hooks that come, go or change (secrets masked), devices that would lose their parser, queued rows
    that no plugin would send. Exit 0: nothing is lost; 1: the new file would not start; 3: something is lost.
    """
    from core.cli.plan import look, show

    found, notes = look(settings_of(), file)
    if as_json:
        show_json(found)
    else:
        show(found)
    for note in notes:
        click.echo(note, err=True)
    ctx.exit(1 if found.problems else 3 if found.loses else 0)


@command.command("shadow")
@click.argument("instance")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--forget", is_flag=True, help="Start counting anew (at its next start).")
def shadow(instance: str, as_json: bool, forget: bool) -> None:
    """Show how the shadow INSTANCE differs from the live plugins: counts by hook and kind, with examples.

    Examples hold plate numbers as the payloads do.
    """
    from core.hooks.shadow import open_book
    from core.streams.shadow import book_path

    settings = settings_of()
    known = [one.id for one in read_deployment(settings.plugins_file) if one.shadow]
    path = book_path(settings.home, instance)
    if instance not in known and not path.exists():
        raise UnknownInstance(f"{settings.plugins_file} has no shadow {instance!r}; {closest(instance, known)}")
    book = open_book(path, instance)
    if as_json:
        show_json(book)
    else:
        click.echo(_told_shadow(settings.home, instance))
        click.echo(f"since {book.since:%Y-%m-%d %H:%M} UTC, {book.skipped} payloads skipped")
        for hook, asked in book.asked.items():
            click.echo(f"\n{hook}: asked {asked} times")
            kinds = book.differences.get(hook, {})
            for kind, count in sorted(kinds.items(), key=lambda item: -item[1].n):
                click.echo(f"  {count.n:7}  {kind}")
                for one in count.examples:
                    click.echo(f"           payload {one.payload_id}: live {one.live!r}, shadow {one.shadow!r}")
    if forget:
        path.unlink(missing_ok=True)


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
    declared = read_deployment(path)
    host = Host.build(declared, file=path, environ=os.environ, strict=False)
    try:
        infos = {info.id: info for info in host.instances}
    finally:
        host.close()
    for one in declared:
        if one.shadow:  # by itself, since it may speak for the make of a live one
            alone = Host.build([one], file=path, environ=os.environ, strict=False, shadows=True)
            infos[one.id] = alone.instances[0]
            alone.close()
    return list(infos.values())


def _told_shadow(home: Path, instance: str) -> str:
    from core.hooks.shadow import open_book
    from core.streams.shadow import book_path

    book = open_book(book_path(home, instance), instance)
    if not book.asked:
        return f"{instance} is a shadow: nothing was compared yet ({book.state or 'not started'})"
    return f"{instance} is a shadow: asked {sum(book.asked.values())} times, {book.total()} differences ({book.state})"


def _serves(info: InstanceInfo) -> str:
    return ",".join((*info.vendors, *info.devices)) or "all"


@command.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("instance", required=False)
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_FILE
def run(instance: str | None, name: str | None, arguments: tuple[str, ...], file: Path | None) -> None:
    """Run a command that a plugin adds; without NAME, list them."""
    path = settings_of(plugins_file=file).plugins_file
    host = Host.load(path, environ=os.environ, data_dir=settings_of(plugins_file=file).home / "plugins")
    try:
        if instance is None or name is None:
            for one in [instance] if instance else host.extended("commands"):
                for known in host.commands(one):
                    click.echo(f"{one} {known.name}  {known.help}".rstrip())
            return
        names = [known.name for known in host.commands(instance)]
        if name not in names:
            raise UnknownInstance(f"{instance} has no command {name!r}; {closest(name, names)}")
        click.echo(host.run_command(instance, name, list(arguments)))
    finally:
        host.close()
