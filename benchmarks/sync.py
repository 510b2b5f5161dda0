"""Draining approved violations to a centre: queueing, claiming, building, sending, settling, roll-up, all durable."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.house import House, end, wait_for_file
from benchmarks.machine import cpu_s
from core.testing.deliveries import Deliveries

COUNT = 5000
LATENCIES_MS = (0, 20)


def run(folder: Path, *, count: int = COUNT) -> dict[str, Any]:
    """Violations a second from `approved` to `synced` at each latency of the centre, and CPU a violation."""
    with House(folder / "sync") as house:
        ready = house.folder / "centre.ready"
        centre = subprocess.Popen([sys.executable, "-m", "benchmarks.centre", str(ready)])
        try:
            port = int(wait_for_file(ready, centre))
            world = Deliveries(house.database, house.folder)
            return {f"{latency} ms": _drain(house, world, port, latency, count) for latency in LATENCIES_MS}
        finally:
            end(centre)


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print("\n## sync_drain: approved violations with two small pictures each, to a local centre, one worker")
    print(f"{'centre answers after':22} {'violations/s':>13} {'CPU µs each: worker':>21} {'postgres':>9}")
    for latency, row in found.items():
        print(f"{latency:22} {row['per_s']:13.0f} {row['cpu_us']['worker']:21.0f} {row['cpu_us']['postgres']:9.0f}")


def _drain(house: House, world: Deliveries, port: int, latency_ms: int, count: int) -> dict[str, Any]:
    approved = world.approve(count, vendor="polda-uji")
    config: Any = {"url": f"http://127.0.0.1:{port}/{latency_ms}", "api_key": {"env": "ETNAS_KEY"}}
    host = world.host(etnas=config)
    desk = world.desk(host)
    worker, postgres = time.process_time(), cpu_s([house.postgres_pid()])
    started = time.monotonic()
    desk.enqueue()
    sent = desk.drain("etnas")
    wall = time.monotonic() - started
    worker, postgres = time.process_time() - worker, cpu_s([house.postgres_pid()]) - postgres
    synced = house.scalar("SELECT count(*) FROM violations WHERE status = 'synced' AND id = ANY(:ids)", ids=approved)
    if synced != count:
        raise AssertionError(f"{count} approved, {sent} sent, {synced} synced")
    host.close()
    return {
        "per_s": count / wall,
        "cpu_us": {"worker": worker * 1e6 / count, "postgres": postgres * 1e6 / count},
    }
