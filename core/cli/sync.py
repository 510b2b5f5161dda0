"""`tangkapin sync`: what goes to the centres, what is stuck and why, and sending it again."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from core.cli.config import settings_of
from core.cli.show import local_time, show_json, show_table
from core.cli.user import deployment_database, operator
from core.db.engine import Database
from core.hooks.deployment import read_deployment
from core.hooks.host import Host
from core.settings import Settings
from core.sync import queries, service
from core.sync.states import State

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
_STATES = [state.value for state in State]
_RETRIABLE = ("refused", "uncertain", "dead")


@click.group("sync")
def command() -> None:
    """Show and retry deliveries to the centres."""


@command.command("status")
@_JSON
def status(as_json: bool) -> None:
    """Each sink: how many deliveries in which state, since when the oldest waits, its breaker."""
    settings = settings_of()
    host = _host(settings)
    with _database(settings).system() as connection:
        found = queries.overview(connection, host)
    if as_json:
        show_json(found)
        return
    show_table(
        ("sink", "pending", "sending", "accepted", "refused", "uncertain", "dead", "oldest due", "breaker"),
        [
            (
                one.sink,
                *(one.rows.get(name, 0) for name in ("pending", "sending", "accepted", "refused", "uncertain", "dead")),
                local_time(one.oldest_due),
                one.breaker if one.breaker == "closed" else f"{one.breaker}, probe {local_time(one.breaker_probe_at)}",
            )
            for one in found.sinks
        ],
    )
    for one in found.sinks:
        if one.breaker_error:
            click.echo(f"\n{one.sink}: {one.breaker_failures} failures in a row, the last: {one.breaker_error}")
    if found.approved_without_sink:
        click.echo(
            f"\n{found.approved_without_sink} approved violations wait: no sink in {settings.plugins_file} serves"
            " their vendor"
        )


@command.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(_STATES), help="May be repeated.")
@click.option("--sink", default="", help="Plugin instance.")
@click.option("--vendor", default="", help="Vendor code.")
@click.option("--violation", type=int, help="Id of a violation.")
@click.option("--before", type=int, help="Ids below this one: the next page.")
@click.option("--limit", type=click.IntRange(1, queries.MAX_LIMIT), default=50, show_default=True)
@_JSON
def list_(
    statuses: tuple[str, ...],
    sink: str,
    vendor: str,
    violation: int | None,
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Deliveries, the newest first."""
    with _database(settings_of()).system() as connection:
        rows = queries.list_outbox(
            connection,
            statuses=statuses,
            sink=sink,
            vendor_code=vendor,
            violation_id=violation,
            before_id=before,
            limit=limit,
        )
    if as_json:
        show_json(rows)
        return
    show_table(
        ("id", "violation", "vendor", "sink", "status", "retries", "next", "deadline", "why"),
        [
            (
                row.id,
                row.violation_id,
                row.vendor_code,
                row.sink,
                row.status,
                row.retry_count,
                local_time(row.next_attempt_at) if row.status == "pending" else "-",
                local_time(row.deadline_at),
                (row.last_error or "")[:70],
            )
            for row in rows
        ],
    )


@command.command("attempts")
@click.argument("sync_id", type=int)
@_JSON
def attempts(sync_id: int, as_json: bool) -> None:
    """One delivery: its stored request (secrets by name, pictures by hash), the last answer, every attempt."""
    with _database(settings_of()).system() as connection:
        row = queries.outbox_row(connection, sync_id)
        found = queries.attempts(connection, sync_id)
    if row is None:
        raise click.ClickException(f"there is no delivery {sync_id}; `tangkapin sync list` shows them")
    if as_json:
        show_json({"delivery": row, "attempts": found})
        return
    for name in ("id", "violation_id", "vendor_code", "sink", "status", "idempotency_key", "trace", "request_sha256",
                 "reference", "last_error"):  # fmt: skip
        click.echo(f"{name:16} {getattr(row, name) or '-'}")
    click.echo()
    show_table(
        ("at", "purpose", "outcome", "HTTP", "seconds", "detail"),
        [
            (local_time(a.at), a.purpose, a.outcome, a.http_status or "-", a.duration_s or 0, a.detail[:80])
            for a in found
        ],
    )


@command.command("retry")
@click.argument("sync_ids", type=int, nargs=-1)
@click.option("--all", "everything", type=click.Choice(_RETRIABLE), multiple=True, help="All in this state.")
@click.option("--sink", default="", help="With --all: of this plugin instance only.")
@_JSON
@click.pass_context
def retry(ctx: click.Context, sync_ids: tuple[int, ...], everything: tuple[str, ...], sink: str, as_json: bool) -> None:
    """Send refused, uncertain or dead deliveries again. An uncertain one may reach its centre twice: that is yours
    to know, so find out first (`sync confirm`)."""
    if bool(sync_ids) == bool(everything):
        raise click.UsageError("name delivery ids, or --all refused|uncertain|dead")
    database = _database(settings_of())
    if everything:
        with database.system() as connection:
            sync_ids = tuple(queries.ids_to_retry(connection, statuses=everything, sink=sink))
    _report(ctx, service.retry(database, sync_ids, operator()), "will be sent again", as_json=as_json)


@command.command("confirm")
@click.argument("sync_ids", type=int, nargs=-1, required=True)
@click.option("--note", required=True, help="How you know that the centre has it; kept in the audit log.")
@_JSON
@click.pass_context
def confirm(ctx: click.Context, sync_ids: tuple[int, ...], note: str, as_json: bool) -> None:
    """Say that the centre has these uncertain deliveries: they count as accepted and nothing is sent."""
    changes = service.confirm(_database(settings_of()), sync_ids, operator(), note=note)
    _report(ctx, changes, "counts as accepted", as_json=as_json)


def _report(ctx: click.Context, changes: Sequence[service.Change], done: str, *, as_json: bool) -> None:
    if as_json:
        show_json(changes)
    else:
        for change in changes:
            click.echo(f"{change.id}: {done if change.changed else 'unchanged, ' + change.refused_because}")
    ctx.exit(0 if all(change.changed for change in changes) else 1)


def _database(settings: Settings) -> Database:
    return deployment_database(settings)


def _host(settings: Settings) -> Host:
    """For showing only: an instance whose secret is not in this shell's environment must not hide the others."""
    path = settings.plugins_file
    return Host.build(read_deployment(path), file=path, environ=os.environ, strict=False)
