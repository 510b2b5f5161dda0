"""Event posted -> violation row committed, against the peer: rounds in turn, on the same machine, in the same run."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import peer as peer_module
from benchmarks.house import DEVICES, House, end, postmaster, wait_for_file
from benchmarks.machine import cpu_s
from core.db.embedded import EmbeddedPostgres
from core.db.engine import dsn

FORMS = {
    "json": {"maker": "generic", "path": "/api/violation", "connections": 64, "size": "611 B JSON"},
    "images": {"maker": "hikvision", "path": "/cam/hikvision", "connections": 16, "size": "598 kB Hikvision multipart"},
}
WARM_UP_S = 1.5
_WHERE = """
SELECT concat_ws(', ', (SELECT count(*) FROM payloads) || ' payloads', (SELECT count(*) FROM plate_reads) || ' reads',
  (SELECT count(*) FROM passages) || ' passages',
  (SELECT count(*) FROM passages WHERE reads > 1) || ' of several reads',
  (SELECT count(*) FROM violations) || ' violations', (SELECT count(*) FROM quarantine) || ' quarantined ',
  (SELECT string_agg(DISTINCT kind || ': ' || reason, '; ') FROM quarantine))
"""


class Load:
    """A load generator's process, kept over all rounds."""

    def __init__(self, folder: Path, port: int, form: str, keys: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        keys_file = folder / "keys.json"
        keys_file.write_text(json.dumps(keys))
        options = FORMS[form]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load", "--port", str(port), "--connections", str(options["connections"]),
             "--form", form, "--path", str(options["path"]), "--keys", str(keys_file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError("the load generator did not start")

    def run(self, first: int, seconds: float) -> dict[str, Any]:
        """One round; event numbers start at `first`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"first": first, "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator ended; its error is above")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        end(self._process)


class Ours:
    """Tangkapin: one ingest process, one parse stage, embedded PostgreSQL."""

    name = "tangkapin"

    def __init__(self, house: House, form: str) -> None:
        self._house = house
        keys = house.add_cameras(str(FORMS[form]["maker"]))
        pids = [house.start("parse"), house.start("ingest")]
        self._roots = {"server": [pids[1]], "parse": [pids[0]], "postgres": [house.postgres_pid()]}
        self._load = Load(house.folder / f"load-{form}", house.port, form, keys)
        self._next = 0

    def round(self, seconds: float) -> dict[str, Any]:
        """Load, drain, count."""
        violations = self._count()
        since, before = time.time(), self._cpu()
        told = self._load.run(self._next, seconds)
        drained = self._house.wait_until_parsed()
        after = self._cpu()
        self._next += told["sent"]
        committed = self._count() - violations
        if committed != told["acknowledged"]:
            raise AssertionError(
                f"{told['acknowledged']} acknowledged, {committed} violations; {told['statuses']}; in all: "
                f"{self._house.scalar(_WHERE)}; last messages: {self._house.last_problems()}"
            )
        lags = self._house.parse_lags_ms(since, time.time())
        return _figures(told, before, after, drained) | {
            "lag_p50_ms": lags[len(lags) // 2],
            "lag_p99_ms": lags[len(lags) * 99 // 100],
        }

    def close(self) -> None:
        """The house ends its processes itself."""
        self._load.close()

    def _count(self) -> int:
        return int(self._house.scalar("SELECT count(*) FROM violations"))

    def _cpu(self) -> dict[str, float]:
        return {part: cpu_s(pids) for part, pids in self._roots.items()}


class Theirs:
    """The peer with a PostgreSQL of its own: the same binaries and settings, so that each server's CPU is known."""

    name = "peer"

    def __init__(self, folder: Path, form: str, pair: str) -> None:
        self._folder = folder
        self._postgres = EmbeddedPostgres(folder / "postgres")
        url = dsn(self._postgres.start())
        peer_module.make_database(url, DEVICES)
        self._connection = psycopg.connect(url, autocommit=True)
        keys = [f"tk_peer{n:02d}_0123456789abcdefghijklmnopqrstuvwxyz" for n in range(DEVICES)]
        keys_file, ready = folder / "keys.json", folder / "peer.ready"
        keys_file.write_text(json.dumps(keys))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peer", "--url", url, "--keys", str(keys_file), "--folder",
             str(folder / "pictures"), "--ready-file", str(ready), "--pair", pair]
        )  # fmt: skip
        port = int(wait_for_file(ready, self._process))
        self._roots = {"server": [self._process.pid], "postgres": [postmaster(self._postgres)]}
        self._load = Load(folder / f"load-{form}", port, form, keys)
        self._next = 0

    def round(self, seconds: float) -> dict[str, Any]:
        """Load, count."""
        violations = self._count()
        before = {part: cpu_s(pids) for part, pids in self._roots.items()}
        told = self._load.run(self._next, seconds)
        after = {part: cpu_s(pids) for part, pids in self._roots.items()}
        self._next += told["sent"]
        committed = self._count() - violations
        if committed != told["acknowledged"]:
            raise AssertionError(f"{told['acknowledged']} acknowledged, {committed} violations; {told['statuses']}")
        return _figures(told, before, after, told["ended"])

    def close(self) -> None:
        """End the peer and its database, remove its pictures."""
        self._load.close()
        end(self._process)
        self._connection.close()
        self._postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _count(self) -> int:
        row = self._connection.execute("SELECT count(*) FROM violations").fetchone()
        assert row is not None
        return int(row[0])


def run(folder: Path, form: str, *, rounds: int, seconds: float, pair: str) -> dict[str, Any]:
    """All rounds; medians of each side, medians of the ratios of each pair of rounds."""
    found: dict[str, list[dict[str, Any]]] = {"tangkapin": [], "peer": []}
    with House(folder / f"ours-{form}") as house:
        theirs = Theirs(folder / f"peer-{form}", form, pair)
        try:
            ours = Ours(house, form)
            try:
                for side in (ours, theirs):
                    side.round(WARM_UP_S)
                for number in range(rounds):
                    for side in (ours, theirs) if number % 2 == 0 else (theirs, ours):
                        found[side.name].append(side.round(seconds))
            finally:
                ours.close()
        finally:
            theirs.close()
    result: dict[str, Any] = {
        "payload": FORMS[form]["size"],
        "connections": FORMS[form]["connections"],
        "rounds": found,
        "median": {name: _median(rows) for name, rows in found.items()},
    }
    pairs = list(zip(found["tangkapin"], found["peer"], strict=True))
    result["ratio"] = {
        "cpu_per_event": statistics.median(o["cpu_us"]["total"] / t["cpu_us"]["total"] for o, t in pairs),
        "events_per_s": statistics.median(o["events_per_s"] / t["events_per_s"] for o, t in pairs),
        "acknowledged_per_s": statistics.median(o["acknowledged_per_s"] / t["acknowledged_per_s"] for o, t in pairs),
    }
    return result


def show(name: str, result: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n## {name}: {result['payload']}, {result['connections']} connections, violations committed = acknowledged")
    print(
        f"{'':10} {'events/s':>9} {'acked/s':>9} {'ack p50':>8} {'p99 ms':>7}  "
        f"{'CPU µs an event: server':>24} {'parse':>6} {'postgres':>9} {'total':>7}  {'lag p50':>8} {'p99 ms':>7}"
    )
    for side, row in result["median"].items():
        cpu = row["cpu_us"]
        lag = f"{row['lag_p50_ms']:8.0f} {row['lag_p99_ms']:7.0f}" if "lag_p50_ms" in row else f"{'-':>8} {'-':>7}"
        print(
            f"{side:10} {row['events_per_s']:9.0f} {row['acknowledged_per_s']:9.0f} {row['p50_ms']:8.1f} "
            f"{row['p99_ms']:7.1f}  {cpu['server']:24.0f} {cpu.get('parse', 0):6.0f} {cpu['postgres']:9.0f} "
            f"{cpu['total']:7.0f}  {lag}"
        )
    ratio = result["ratio"]
    print(
        f"ratio to the peer: CPU an event {ratio['cpu_per_event']:.2f}, committed events/s "
        f"{ratio['events_per_s']:.2f}, acknowledged/s {ratio['acknowledged_per_s']:.2f}"
    )
    each = " ".join(
        f"{r['cpu_us']['total']:.0f}/{t['cpu_us']['total']:.0f}"
        for r, t in zip(result["rounds"]["tangkapin"], result["rounds"]["peer"], strict=True)
    )
    print(f"CPU µs an event in each pair of rounds: {each}")


def _figures(
    told: dict[str, Any], before: dict[str, float], after: dict[str, float], committed_at: float
) -> dict[str, Any]:
    events = told["acknowledged"]
    cpu = {part: (after[part] - before[part]) * 1e6 / events for part in before}
    return {
        "events": events,
        "statuses": told["statuses"],
        "acknowledged_per_s": events / (told["ended"] - told["started"]),
        "events_per_s": events / (committed_at - told["started"]),
        "drain_s": committed_at - told["ended"],
        "p50_ms": told["p50_ms"],
        "p99_ms": told["p99_ms"],
        "cpu_us": cpu | {"total": sum(cpu.values())},
    }


def _median(rows: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in rows[0].items():
        if isinstance(value, dict):
            if key != "statuses":
                out[key] = _median([row[key] for row in rows])
        else:
            out[key] = statistics.median(row[key] for row in rows)
    return out
