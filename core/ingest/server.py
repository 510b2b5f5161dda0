"""The serving process: the cameras' front, the REST application behind it, one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import structlog
import uvicorn

from core.db.engine import Database
from core.evidence.store import MediaStore, tune_malloc
from core.ingest.answers import AnswerTable
from core.ingest.bell import BellPush
from core.ingest.collector import rest_the_collector
from core.ingest.front import App, Front, Gate
from core.ingest.health_book import HealthBook
from core.ingest.protocol import CameraProtocol
from core.ingest.writer import InboxWriter
from core.settings import Settings

log = structlog.get_logger(__name__)

HEALTH_EVERY_S = 2.0
SEGMENT_BYTES = 128 * 1024 * 1024


class Serving:
    """The parts of the serving process, built once; run() serves until SIGTERM or SIGINT.

    refresh   called every few seconds in a thread: what the gate knows of devices
    on_ready  called with the bound port when requests are answered
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        inner: App,
        table: AnswerTable,
        gate: Gate,
        *,
        refresh: Callable[[], None],
        on_ready: Callable[[int], None] = lambda port: None,
    ) -> None:
        self._settings = settings
        self._refresh = refresh
        self._on_ready = on_ready
        self.media = MediaStore(settings.home / "media", segment_bytes=SEGMENT_BYTES)
        self._push = BellPush(settings.home / "run" / "parse-bell")
        self.writer = InboxWriter(
            database,
            self.media,
            queue_limit=settings.ingest_queue_limit,
            batch=settings.ingest_batch,
            ring=self._push.ring,
        )
        self.health = HealthBook(database)
        self.front = Front(
            inner,
            table=table,
            gate=gate,
            writer=self.writer,
            health=self.health,
            max_body_bytes=settings.max_body_bytes,
            body_timeout_s=settings.body_timeout_s,
        )

    def run(self) -> None:
        """Serve until told to stop; what waits in the queue is committed and answered first."""
        tune_malloc()
        rest_the_collector()
        config = uvicorn.Config(
            self.front,
            host=self._settings.host,
            port=self._settings.port,
            loop="uvloop",
            http=CameraProtocol,
            ws="websockets-sansio",
            ws_max_size=64 * 1024,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
            backlog=4096,
        )
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(self._main(uvicorn.Server(config)))

    async def _main(self, server: uvicorn.Server) -> None:
        self.writer.start(asyncio.get_running_loop())
        keeper = asyncio.create_task(self._keep())
        ready = asyncio.create_task(self._announce(server))
        try:
            await server.serve()
        finally:
            for task in (keeper, ready):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(self.writer.stop)
            await asyncio.to_thread(self.health.flush)
            self.media.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_EVERY_S)
            try:
                await asyncio.to_thread(self.health.flush)
                await asyncio.to_thread(self._refresh)
            except Exception as error:
                log.warning("serving_upkeep_failed", error=str(error)[:200])

    async def _announce(self, server: uvicorn.Server) -> None:
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        log.info("serving", host=self._settings.host, port=port, pid=os.getpid())
        self._on_ready(port)


def write_ready_file(path: Path) -> Callable[[int], None]:
    """An on_ready that leaves the bound port in a file, for whoever waits for it."""

    def write(port: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(str(port))
        fresh.replace(path)

    return write
