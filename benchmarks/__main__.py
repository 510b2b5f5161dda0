"""`python -m benchmarks [name …]`: measure, print the tables, keep the figures where --json says."""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import alarm, detect, ingest, machine, parse, review, search, stages, sync
from core.log import configure

NAMES = ("ingest_json", "ingest_images", "parse", "stages", "sync_drain", "detect", "alarm", "review", "search")


def main() -> None:
    """Run the named benchmarks, all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a round (default 3)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each side (default 5)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, or under this folder by date")
    parser.add_argument("--dir", type=Path, help="where databases and pictures go; must be on a disk, not in memory")
    parser.add_argument("--pair", choices=("statement", "transaction"), default="statement",
                        help="how the peer inserts its two rows")  # fmt: skip
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    configure("json", "warning")
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="tkb-", dir=options.dir, ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        results["machine"] = machine.describe(folder)
        print(" · ".join(f"{key} {value}" for key, value in results["machine"].items()))
        for name in options.names or NAMES:
            results[name] = _run(name, folder, options)
    if options.json:
        _write(options.json, results)


def _run(name: str, folder: Path, options: argparse.Namespace) -> Any:
    if name == "parse":
        found = parse.run()
        parse.show(found)
        return found
    if name == "stages":
        found = stages.run(folder)
        stages.show(found)
        return found
    if name == "sync_drain":
        found = sync.run(folder)
        sync.show(found)
        return found
    if name == "detect":
        found = detect.run(rounds=options.rounds, seconds=10 * options.seconds)
        detect.show(found)
        return found
    if name == "alarm":
        found = alarm.run(folder / "alarm", alarms=3 * options.rounds)
        alarm.show(found)
        return found
    if name == "review":
        found = review.run(folder / "review")
        review.show(found)
        return found
    if name == "search":
        found = search.run(folder / "search", rounds=options.rounds)
        search.show(found)
        return found
    form = name.removeprefix("ingest_")
    found = ingest.run(folder, form, rounds=options.rounds, seconds=options.seconds, pair=options.pair)
    ingest.show(name, found)
    return found


def _write(path: Path, results: dict[str, Any]) -> None:
    if path.suffix != ".json":
        path = path / f"{datetime.now(UTC):%Y-%m-%d}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
