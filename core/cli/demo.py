"""`tangkapin demo`: the whole house on one machine with simulated cameras, validators and a fake ETNAS."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from core.cli.config import settings_of
from core.domain.errors import TangkapinError

if TYPE_CHECKING:
    from core.testing.demo import Demo


LEFT_TO_PEOPLE = 25
"""Cases of an agency that the scripted validators leave in the queue: whoever logs in finds work."""

PICTURED = 0.95
"""Share of events with a plate crop and the vehicle: a validator judges by pictures; makes send others too."""

CLONED = 0.05
"""Share of events with a plate that hangs on another vehicle: the review tells of some."""


@click.command("demo")
@click.option("--once", is_flag=True, help="Run a bounded scenario; exit 1 unless every stage's counts agree.")
@click.option("--events", type=click.IntRange(12), default=72, show_default=True, help="With --once: how many.")
@click.option("--rate", type=click.FloatRange(0.1, 200), default=3.0, show_default=True, help="Events a second.")
@click.option("--json", "as_json", is_flag=True, help="One line with URLs and logins when ready (and the result).")
@click.option("--no-view", is_flag=True, help="No live view, only lines.")
def command(once: bool, events: int, rate: float, as_json: bool, no_view: bool) -> None:
    """Start everything on embedded defaults: no server, docker or root needed. Ctrl-C ends it; the next start goes on.

    Data lie under TANGKAPIN_HOME (default ./var).
    """
    from core.log import configure
    from core.testing.world import WATCHED

    settings = settings_of()
    ours: dict[str, Any] = {"registration_vendor": WATCHED} | ({"undo_s": 2.0} if once else {})
    ours = {name: value for name, value in ours.items() if settings.origin.get(name, "default") == "default"}
    settings = msgspec.structs.replace(settings, **ours, origin=settings.origin | dict.fromkeys(ours, "demo"))
    settings.home.mkdir(parents=True, exist_ok=True)
    logs = settings.home / "demo" / "processes.log"
    logs.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    view = sys.stdout.isatty() and not (no_view or once or as_json)
    try:
        with _messages_to(logs):
            configure("json", "info")
            asyncio.run(_main(settings, once=once, events=events, rate=rate, as_json=as_json, view=view))
    except TangkapinError as error:
        click.echo(f"demo: {error}\nThe processes' messages are in {logs}", err=True)
        sys.exit(1)


async def _main(settings: Any, *, once: bool, events: int, rate: float, as_json: bool, view: bool) -> None:
    from core.testing.demo import Demo, run_once

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if not as_json:
        click.echo("Starting PostgreSQL, Valkey, the camera endpoint, parsers, workers and a fake ETNAS …")
    async with contextlib.AsyncExitStack() as stack:
        demo = await _unless(stop, stack.enter_async_context(Demo(settings)))
        _introduce(demo, as_json)
        if once:
            work = run_once(demo, events=events, rate=max(rate, 12.0), say=lambda t: None if as_json else click.echo(t))
            result = await _unless(stop, work)
            click.echo(msgspec.json.encode(result).decode() if as_json else f"All {result['checks']} checks agree.")
            return
        await _go_on(demo, rate, stop, view=view, quiet=as_json)
    if not as_json:
        click.echo("Everything is down; the next start goes on where this one ended.")


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, Any]) -> Any:
    """What `work` returns. Raises TangkapinError when it is told to stop before; then it has ended what it began."""
    task, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        raise TangkapinError("interrupted")
    return task.result()


async def _go_on(demo: Demo, rate: float, stop: asyncio.Event, *, view: bool, quiet: bool) -> None:
    from core.testing.watch import keep_watch

    fleet = demo.fleet(rate=rate, pictured=PICTURED, cloned=CLONED)
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(fleet.run())]
    tasks += [asyncio.create_task(v.run(stop)) for v in demo.validators(leave=LEFT_TO_PEOPLE)]
    watchers = demo.watchers(demo.events.append)
    watch = asyncio.create_task(keep_watch(watchers, stop))
    tasks.append(watch)
    try:
        if view:
            await _watch(demo, stop)
        else:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 5)
                if not quiet and not stop.is_set():
                    counts = await asyncio.to_thread(demo.counts)
                    click.echo(
                        f"payloads {counts.payloads}  reads {counts.reads}  passages {counts.passages}  "
                        f"violations {counts.violations}  pending {counts.pending}  held {counts.held}  "
                        f"synced {counts.synced}  rejected {counts.rejected}  "
                        f"alarms {counts.reports}  open {counts.reports_open}"
                    )
    finally:
        stop.set()
        fleet.stop()
        watch.cancel()  # a story takes minutes; whoever presses Ctrl-C does not wait for its end
        await asyncio.gather(*tasks, return_exceptions=True)
        await watchers.close_sessions()


async def _watch(demo: Demo, stop: asyncio.Event) -> None:
    from rich.console import Group
    from rich.live import Live
    from rich.panel import Panel
    from rich.table import Table

    def screen(counts: Any) -> Group:
        stages = Table(expand=True, title="Tangkapin demo (simulated cameras, simulated plates)")
        for name in ("payloads", "reads", "passages", "violations", "pending", "held", "synced", "rejected"):
            stages.add_column(name, justify="right")
        stages.add_row(
            *(str(getattr(counts, n)) for n in ("payloads", "reads", "passages", "violations", "pending", "held",
                                                "synced", "rejected"))
        )  # fmt: skip
        queues = (
            f"inbox {counts.inbox} batches   to the centre {counts.approved + counts.queued} "
            f"(oldest {counts.outbox_age_s:.0f} s, {counts.attempts} attempts)   quarantine {counts.quarantined}   "
            f"wrong clocks {counts.clocks_wrong}\nalarms {counts.reports}   open {counts.reports_open}   "
            f"notices delivered {counts.told}"
        )
        return Group(stages, Panel(queues, title="queues"), Panel("\n".join(demo.events) or "…", title="last events"))

    counts = await asyncio.to_thread(demo.counts)
    with Live(screen(counts), refresh_per_second=4) as live:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
            counts = await asyncio.to_thread(demo.counts)
            live.update(screen(counts))


def _introduce(demo: Demo, as_json: bool) -> None:
    if as_json:
        told = {
            "url": demo.url, "api": f"{demo.url}/schema/swagger", "openapi": f"{demo.url}/schema/openapi.json",
            "etnas": f"{demo.etnas_url}/report", "logins": msgspec.to_builtins(demo.logins),
        }  # fmt: skip
        click.echo(msgspec.json.encode(told).decode())
        return
    click.echo(f"API        {demo.url}/schema/swagger\nReadiness  {demo.url}/readyz")
    click.echo(f"ETNAS      {demo.etnas_url}/report (fake)")
    for login in demo.logins:
        click.echo(f"Login      {login.username:22} {login.password}   {login.role} {login.agency}")


@contextlib.contextmanager
def _messages_to(path: Path) -> Any:
    """The processes' messages go to a file: the terminal is for the view."""
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
