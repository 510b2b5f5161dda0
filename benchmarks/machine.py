"""The machine, and what processes cost on it: CPU seconds out of /proc (Linux), since wall time there is noise."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from core.db.embedded import find_binaries

_TICKS = os.sysconf("SC_CLK_TCK")


def describe(folder: Path) -> dict[str, str]:
    """What a reader must know to judge a figure. `folder` is where the databases and pictures lie."""
    binaries, _ = find_binaries()
    postgres = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgres": postgres.split(") ")[-1].strip(),
        "disk": _file_system(folder),
    }


def cpu_s(roots: Iterable[int]) -> float:
    """User and system seconds so far of these processes and all below them, the ended ones that were waited for too."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it ended just now
        children.setdefault(int(fields[1]), []).append(int(entry.name))
        used[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS
    total, waiting = 0.0, list(roots)
    while waiting:
        pid = waiting.pop()
        total += used.get(pid, 0.0)
        waiting += children.get(pid, [])
    return total


def thread_cpu_s(pid: int) -> float:
    """CPU seconds of a single-threaded process (a PostgreSQL backend), to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """Of a RAM disk no figure here would mean anything: a commit would cost no sync."""
    best = ("", "unknown")
    resolved = str(folder.resolve())
    for line in Path("/proc/mounts").read_text().splitlines():
        _, at, kind, *_ = line.split()
        if (resolved + "/").startswith(at.rstrip("/") + "/") and len(at) >= len(best[0]):
            best = (at, kind)
    return best[1]
