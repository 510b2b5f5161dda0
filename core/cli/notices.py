"""`tangkapin notices`: who could not be told, and telling again."""

from __future__ import annotations

import click

from core.accounts.audit import record
from core.cli.config import settings_of
from core.cli.show import local_time, show_json, show_table
from core.cli.user import deployment_database, operator
from core.notices import queries
from core.notices.states import RETRIABLE, State

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
_SHOWN = ("waiting", "pending", "sending", "accepted", "delivered", "undeliverable", "dead", "superseded")


@click.group("notices")
def command() -> None:
    """Show and retry deliveries of notices."""


@command.command("status")
@_JSON
def status(as_json: bool) -> None:
    """Each channel: how many deliveries in which state, since when the oldest is due."""
    with deployment_database(settings_of()).system() as connection:
        found, unplanned = queries.overview(connection)
    if as_json:
        show_json({"channels": found, "unplanned": unplanned})
        return
    rows = [
        (one.channel, *(one.rows.get(name, 0) for name in _SHOWN),
         local_time(one.oldest_due))
        for one in found
    ]  # fmt: skip
    show_table(("channel", *_SHOWN, "oldest due"), rows)
    if unplanned:
        click.echo(f"\n{unplanned} notices wait for a worker (`tangkapin worker`)")


@command.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice([s.value for s in State]))
@click.option("--channel", default="", help="Plugin instance.")
@click.option("--report", type=int, help="Id of a report.")
@click.option("--before", type=int, help="Ids below this one: the next page.")
@click.option("--limit", type=click.IntRange(1, queries.MAX_LIMIT), default=50, show_default=True)
@_JSON
def list_(
    statuses: tuple[str, ...], channel: str, report: int | None, before: int | None, limit: int, as_json: bool
) -> None:
    """Deliveries, the newest first."""
    with deployment_database(settings_of()).system() as connection:
        rows = queries.list_deliveries(
            connection, statuses=statuses, channel=channel, report_id=report, before_id=before, limit=limit
        )
    if as_json:
        show_json(rows)
        return
    show_table(
        ("id", "kind", "report", "to", "channel", "status", "tries", "why"),
        [(row.id, row.kind, row.report_id or "-", f"{row.role} {row.person_id}", row.channel, row.status,
          row.attempts, (row.last_error or "")[:70]) for row in rows],
    )  # fmt: skip


@command.command("retry")
@click.argument("delivery_ids", type=int, nargs=-1)
@click.option("--all", "everything", type=click.Choice([s.value for s in RETRIABLE]), multiple=True)
@click.option("--channel", default="", help="With --all: of this plugin instance only.")
@click.pass_context
def retry(ctx: click.Context, delivery_ids: tuple[int, ...], everything: tuple[str, ...], channel: str) -> None:
    """Tell again what is dead or undeliverable."""
    if bool(delivery_ids) == bool(everything):
        raise click.UsageError("name delivery ids, or --all dead|undeliverable")
    with deployment_database(settings_of()).system() as connection:
        if everything:
            delivery_ids = tuple(queries.ids_to_retry(connection, statuses=everything, channel=channel))
        again = queries.retry(connection, delivery_ids)
        for vendor_id, ids in again.items():
            record(connection, operator(), "notices_retried", vendor_ids=[vendor_id], object_kind="notice_delivery",
                   detail={"ids": ids})  # fmt: skip
    told = {one for ids in again.values() for one in ids}
    for one in delivery_ids:
        click.echo(f"{one}: {'will be told again' if one in told else 'unchanged, neither dead nor undeliverable'}")
    ctx.exit(0 if told == set(delivery_ids) else 1)
