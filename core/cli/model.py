"""`tangkapin model`: which detectors run here, what they are worth, and training one of one's own."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from core.cli.config import settings_of

if TYPE_CHECKING:
    from core.hooks.host import Host
    from core.hooks.instance import InstanceInfo


@click.group("model")
def command() -> None:
    """List, evaluate and train detectors of weapons."""


@command.command("list")
@click.option("--check", is_flag=True, help="Load each one and let it look at a blank frame; exit 1 when one cannot.")
def list_command(check: bool) -> None:
    """Show the detectors of plugins.toml, and with --check whether they can run and which weights they hold."""
    from core.streams.book import Book
    from core.streams.models import Models

    host = _host()
    detectors = _detectors(host)
    if not detectors:
        click.echo("plugins.toml names no detector of frames; docs/models.md says how to add one")
        return
    failed = Models(host, Book()).warm_up() if check else []
    health = host.health()
    for info in detectors:
        found = health[info.id]
        state = found.state if not found.detail else f"{found.state}: {found.detail}"
        if any(line.startswith(f"plugin {info.id}:") for line in failed):
            state = "cannot run"
        click.echo(f"{info.id}  {info.use} {info.version}  {state}")
        for key, value in info.config.items():
            click.echo(f"    {key} = {value}")
    if not check:
        click.echo("No model was loaded; --check loads them.")
    for line in failed:
        click.echo(f"cannot run: {line}", err=True)
    if failed:
        raise SystemExit(1)


@command.command("evaluate")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--detector", help="Instance of plugins.toml; needed when there are several.")
@click.option(
    "--fps", type=click.FloatRange(0.1, 60), default=5.0, show_default=True, help="Frames a second of videos."
)
@click.option("--score", type=click.FloatRange(0, 1), help="Score from which a sighting counts (a camera's `score`).")
@click.option("--mistakes", is_flag=True, help="Name every file that was judged otherwise than labelled.")
def evaluate_command(folder: Path, detector: str | None, fps: float, score: float | None, mistakes: bool) -> None:
    """Judge labelled pictures and videos: FOLDER has sub-folders knife, gun, other and none."""
    from core.incidents.confirm import DetectionRules
    from core.streams.evaluate import evaluate, labelled

    files = labelled(folder)
    host = _host()
    chosen = _chosen(host, detector)
    rules = DetectionRules() if score is None else DetectionRules(score=score)
    done = evaluate(host, chosen, files, rules, fps=fps)
    for model, digest in done.models.items():
        click.echo(f"model     {model}, weights {digest}")
    if not done.models:  # it saw nothing at all, and is named all the same
        click.echo(f"model     {host.health([chosen])[chosen].detail or chosen}")
    click.echo(f"counted   from a score of {rules.score:g}; a video's report needs {rules.needed} of {rules.of} frames")
    for kind in sorted({kind for kind, _ in (*done.pictures, *done.videos) if kind is not None}):
        click.echo(f"{kind.value}")
        click.echo(f"  recall on pictures      {done.recall(kind)}")
        click.echo(f"  precision on pictures   {done.precision(kind)}")
        click.echo(f"  recall on videos        {done.recall(kind, videos=True)}")
    click.echo("no weapon")
    click.echo(f"  pictures with an alarm  {done.false_pictures}")
    click.echo(f"  false alarms of videos  {done.false_rate}")
    if done.frames:
        click.echo(f"speed     {done.frames} frames, {1000 * done.seconds / done.frames:.0f} ms each")
    for line in done.unreadable:
        click.echo(f"not read  {line}", err=True)
    if mistakes:
        for mistake in done.mistakes:
            click.echo(f"mistake   {mistake.path}: labelled {mistake.expected}, found {mistake.found}")


@command.command("verdicts")
@click.option("--days", type=click.IntRange(1), help="Reports of the last days only.")
def verdicts_command(days: int | None) -> None:
    """Show what officers said of the detectors' reports, for each camera."""
    from core.cli.serve import open_database
    from core.incidents.verdicts import verdicts

    database = open_database(settings_of())
    since = datetime.now(UTC) - timedelta(days=days) if days else None
    with database.system() as connection:
        rows = verdicts(connection, since=since)
    database.dispose()
    if not rows:
        click.echo("no detector has opened a report yet")
    for row in rows:
        click.echo(f"{row.device}  {row.model or 'unknown model'}")
        click.echo(f"  precision     {row.precision}; undecided {row.undecided}")
        click.echo(f"  false alarms  {row.false_rate}")


@command.command("counts")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="Of the last days, UTC.")
def counts_command(days: int) -> None:
    """Show what each camera's frames came to: read, still, skipped, looked at, and how fast."""
    from core.cli.serve import open_database
    from core.streams.book import workloads

    database = open_database(settings_of())
    since = (datetime.now(UTC) - timedelta(days=days - 1)).date()
    with database.system() as connection:
        rows = workloads(connection, since=since)
    database.dispose()
    if not rows:
        click.echo("no camera has been watched")
    for row in rows:
        if not row.detector:
            told = f"watched {row.watched_h:.1f} h, read {row.read}, still {row.still}, skipped {row.skipped}"
            told += f"; reports {row.reports}, silenced {row.silenced}"
        else:
            pace = "" if row.latency_s is None else f", {row.latency_s:.2f} s after the frame"
            told = f"looked at {row.looked_at}{pace}, positive {row.positive}"
        click.echo(f"{row.device}  {row.detector or 'all frames'}: {told}")


@command.command("camera")
@click.argument("code")
@click.option("--detect/--no-detect", default=None, help="Whether its pictures go to the detectors.")
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file with its own score, zones and so on (docs/models.md); {} = the defaults.",
)
def camera_command(code: str, detect: bool | None, rules: Path | None) -> None:
    """Show or set what is looked for at one camera."""
    from core.cli.serve import open_database
    from core.cli.user import operator
    from core.streams.camera_rules import change_rules

    given = None
    if rules is not None:
        try:
            given = msgspec.json.decode(rules.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise click.ClickException(f"{rules}: {error}") from error
    database = open_database(settings_of())
    try:
        looked_at, read = change_rules(database, code, by=operator(), rules=given, detect=detect)
    finally:
        database.dispose()
    click.echo(f"{code}: its pictures {'go' if looked_at else 'do not go'} to the detectors")
    for name, value in read.shown().items():
        click.echo(f"    {name} = {value}")


@command.command("train")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--base", required=True, help="Weights to start from (.pt), or a network's .yaml to start from nothing.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("models"), show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=50, show_default=True)
@click.option("--image-size", type=click.IntRange(32, 2048), default=640, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--use", default="detectors.weapon_yolo", show_default=True, help="The detector that can be trained.")
def train_command(dataset: Path, base: str, out: Path, use: str, **options: Any) -> None:
    """Train weights of your own on a data set in ultralytics' form (DATASET is its .yaml)."""
    from core.hooks.deployment import find_class

    train = getattr(find_class(use), "train", None)
    if train is None:
        raise click.ClickException(f"{use} cannot be trained")
    try:
        weights, figures = train(dataset.resolve(), base, out.resolve(), **options)
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    for name, value in figures.items():
        click.echo(f"{name:24} {value:.3f}")
    click.echo(f"weights {weights}")
    click.echo(f"SHA-256 {hashlib.sha256(weights.read_bytes()).hexdigest()}")
    click.echo("These figures are of the data set's own validation pictures. Judge it on pictures of your cameras with")
    click.echo("`tangkapin model evaluate` before anybody is told by it.")


def _host() -> Host:
    from core.hooks.host import Host

    settings = settings_of()
    return Host.load(settings.plugins_file, environ=os.environ, data_dir=settings.home / "plugins")


def _detectors(host: Host) -> list[InstanceInfo]:
    return [info for info in host.instances if "detect_frames" in info.hooks]


def _chosen(host: Host, wanted: str | None) -> str:
    known = [info.id for info in _detectors(host)]
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted not in known:
        told = ", ".join(known) or "none"
        raise click.BadParameter(f"expected one of the detectors in plugins.toml: {told}", param_hint="--detector")
    return wanted
