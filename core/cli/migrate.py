"""`tangkapin migrate`: the database's schema, up to this version's or one step back."""

from __future__ import annotations

import click

from core.cli.config import settings_of


@click.command("migrate")
@click.option("--to", metavar="REVISION", help="Not to the newest, but to this revision.")
@click.option("--check", is_flag=True, help="Change nothing; exit 1 unless the schema is this version's.")
@click.option("--downgrade", is_flag=True, help="One step back; what it had added is lost.")
@click.option("--yes", is_flag=True, help="Do not ask before going back.")
def command(to: str | None, check: bool, downgrade: bool, yes: bool) -> None:
    """Bring the database to this version's schema. Safe beside a running `serve` and by several at once."""
    from core.db import migrate
    from core.db.runtime import open_services

    if sum((to is not None, check, downgrade)) > 1:
        raise click.UsageError("--to, --check and --downgrade exclude each other")
    with open_services(settings_of(), broker=False) as services:
        url = services.database_url
        before = migrate.current(url)
        if check:
            migrate.check(url)
        elif downgrade:
            if not yes:
                click.confirm(f"Go back from schema {before or '(empty)'}? What it had added is lost", abort=True)
            migrate.downgrade(url)
        else:
            migrate.upgrade(url, to or "head")
        after = migrate.current(url)
    click.echo(
        f"schema {after or '(empty)'}" if before == after else f"schema {before or '(empty)'} -> {after or '(empty)'}"
    )
