"""`tangkapin worker`: background work alone, for a machine of its own or under `serve`."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

import click

from core.cli.config import settings_of
from core.settings import Settings


@click.command("worker")
def command() -> None:
    """Send what is due to the centres, sweep, keep partitions; until SIGTERM or Ctrl-C."""
    from core import log

    settings = settings_of()
    log.configure(settings.log_style, settings.log_level)
    run(settings)


def run(settings: Settings) -> None:
    """Work with these settings until SIGTERM or SIGINT; call it in the main thread. The services run already."""
    from core.db.engine import Database
    from core.db.partitions import ensure_partitions
    from core.db.runtime import open_services
    from core.evidence.fetch import fetch_due
    from core.evidence.links import MediaLinks
    from core.hooks.host import Host
    from core.incidents.waiting import remind
    from core.notices.journal import Journal
    from core.signals import stop_at_signals
    from core.sync.cases import open_media
    from core.tasks.worker import run_worker

    services = open_services(settings, start=False)
    database = Database(services.database_url)
    host = Host.load(settings.plugins_file, environ=os.environ, data_dir=settings.home / "plugins")
    media = open_media(database, settings.home / "media")
    stop = threading.Event()
    links = MediaLinks(settings.signing_key(), settings.media_url_s)
    base = settings.public_url or f"http://{settings.host}:{settings.port}"

    def partitions() -> None:
        with database.owner() as connection:
            ensure_partitions(connection)

    stop_at_signals(stop)
    try:
        run_worker(
            database,
            host,
            media,
            services.redis_url,
            stop,
            deadline=timedelta(days=settings.letter_days),
            upkeep={
                "partitions": partitions,
                "pictures": lambda: fetch_due(database, media),
                "unanswered": lambda: remind(database, settings.unanswered_s),
            },
            journal=Journal(settings.home / "told"),
            link=lambda vendor_id, sha256, holder: links.url(base, vendor_id, sha256, holder),
        )
    finally:
        host.close()
        media.close()
        database.dispose()
