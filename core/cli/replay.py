"""`tangkapin replay`: parse stored payloads again, show the difference, write it when asked to."""

from __future__ import annotations

import contextlib
import getpass
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from core.cli.config import settings_of

SHOWN = 20


class _Moment(click.ParamType[datetime]):
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"expected ISO 8601 like 2026-03-02T17:20:00+07:00, got {value!r}", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no time zone: append +07:00 or Z", param, ctx)
        return moment.astimezone(UTC)


@click.command("replay")
@click.option("--from", "since", type=_Moment(), help="Payloads that arrived at or after this time.")
@click.option("--to", "until", type=_Moment(), help="Payloads that arrived before this time.")
@click.option("--device", help="Only of this device code.")
@click.option("--maker", help="Only of this make.")
@click.option("--payload", "payload_id", type=click.IntRange(0), help="Only this payload.")
@click.option("--quarantine", "quarantined", is_flag=True, help="Only what lies in quarantine.")
@click.option("--limit", type=click.IntRange(1), default=1_000_000, show_default=True)
@click.option("--apply", "write", is_flag=True, help="Write it; without this nothing is changed.")
@click.option("--yes", is_flag=True, help="With --apply: do not ask.")
@click.option("--by", default="", help="Who asks, for the audit log.  [default: who runs it]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    since: datetime | None,
    until: datetime | None,
    device: str | None,
    maker: str | None,
    payload_id: int | None,
    quarantined: bool,
    limit: int,
    write: bool,
    yes: bool,
    by: str,
    as_json: bool,
) -> None:
    """Parse stored payloads again with today's plugins.

    First shows what would be new, changed, same, lost or still failing. What a person decided on is never altered.
    """
    from core.cli.serve import load_host, open_database, rules
    from core.evidence.store import MediaStore
    from core.ingest.board import Board
    from core.ingest.directory import DeviceDirectory
    from core.ingest.known_devices import KnownDevices
    from core.ingest.parse_worker import ParseWorker
    from core.ingest.replay import Change, Replay, Selection
    from core.log import configure

    settings = settings_of()
    configure(settings.log_style, "warning")
    selection = Selection(
        since=since, until=until, device=device, maker=maker, payload_id=payload_id, quarantined=quarantined,
        limit=limit,
    )  # fmt: skip
    host = load_host(settings)
    database = open_database(settings)
    media = MediaStore(settings.home / "media", segment_bytes=32 * 1024 * 1024)
    devices = KnownDevices(DeviceDirectory(database))
    devices.refresh()
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(database.raw()) as connection:
        board = Board(Path(folder) / "board")

        def wait(seconds: float) -> bool:
            time.sleep(seconds)
            return False

        worker = ParseWorker(database, host, devices, media, board, rules(settings), wait=wait)
        host.on_quarantine = None  # a rehearsal takes no plugin of the running parsers out of service
        run = Replay(connection, worker, host, media, rules(settings), by or _who(), timeout_s=settings.parse_timeout_s)
        changes: list[Change] = []
        counts: Counter[str] = Counter()
        for change in _progress(run.plan(selection), as_json):
            counts[change.kind] += 1
            if change.kind != "same" and len(changes) < 1000:
                changes.append(change)
        if not as_json:
            _show(counts, changes)
        work = counts["new"] + counts["changed"] + counts["lost"]
        work += (
            counts["same"] if quarantined or payload_id is not None else 0
        )  # understood now, and no longer a case for the quarantine
        written = False
        if write and work and (yes or as_json or click.confirm(f"Write {work} payloads?")):
            counts = Counter(change.kind for change in _progress(run.apply(selection), as_json))
            written = True
        if as_json:
            told = {"written": written, "counts": dict(counts), "changes": msgspec.to_builtins(changes)}
            click.echo(msgspec.json.encode(told).decode())
        elif written:
            click.echo("Written: " + _line(counts))
        elif work and not write:
            click.echo("Nothing was written; --apply does it.")
    media.close()
    database.dispose()


def _who() -> str:
    with contextlib.suppress(KeyError, OSError):
        return getpass.getuser()
    return "unknown"


def _progress(changes: Any, quiet: bool) -> Any:
    if quiet:
        return changes
    from rich.progress import track

    return track(changes, description="parsing", transient=True)


def _line(counts: Counter[str]) -> str:
    kinds = ("new", "changed", "same", "lost", "failed", "decided")
    return ", ".join(f"{counts[kind]} {kind}" for kind in kinds)


def _show(counts: Counter[str], changes: list[Any]) -> None:
    click.echo(_line(counts))
    for change in changes[:SHOWN]:
        what = ", ".join(change.fields) or change.note or f"{change.before} -> {change.after} reads"
        click.echo(f"  {change.kind:8} p{change.payload_id}  {change.device}  {what}")
    if len(changes) > SHOWN:
        click.echo(f"  … and {sum(counts.values()) - counts['same'] - SHOWN} more")
