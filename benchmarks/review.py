"""The review queue in a real Chromium against the demo: how long until the next case is before the officer's eyes.

The demo runs as `tangkapin demo` runs it, simulated cameras and scripted officers at work. Time is the page's own, from
the key press that approves to the first frame with another case's number and its large picture decoded.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.testing.chromium import Visitor, chromium
from core.web.client import DIST

if TYPE_CHECKING:
    from playwright.sync_api import Page

CASES = 20
"""Of each agency: its scripted officers leave 25 to people, so that the next case always lies there."""
READ_MS = 700
"""How long an officer looks at a case here; 200 cases in 20 minutes leave 6 s each."""
GOAL_MS = 300.0
RATE = 6.0
"""Events a second of the demo's cameras: twice its default, so that the queues fill sooner."""
FILL_S = 240.0
WAITING = """async (wanted) => {
  const answer = await fetch("/api/overview");
  return answer.ok && (await answer.json()).data.waiting.pending >= wanted;
}"""

MEASURE = """
async ({ key, readMs }) => {
  const number = () => document.querySelector(".review-head .mono")?.textContent ?? "";
  const shown = () => {
    const viewer = document.querySelector(".review-scene .viewer");
    const picture = viewer?.querySelector(":scope > img");
    return picture ? picture.complete && picture.naturalWidth > 0 : !!viewer?.querySelector(".viewer-none");
  };
  const frame = () => new Promise(requestAnimationFrame);
  await new Promise((read) => setTimeout(read, readMs));
  const before = number();
  const begun = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  while (number() === before || !number() || !shown()) {
    await frame();
    if (performance.now() - begun > 20000) return null;
  }
  await frame();
  return { ms: performance.now() - begun, picture: document.querySelector(".review-scene .viewer > img") !== null };
}
"""


def run(folder: Path, *, cases: int = CASES) -> dict[str, Any]:
    """Milliseconds from case to case, how many showed a picture, the machine's load, the size of the first load."""
    steps: list[dict[str, Any]] = []
    with _demo(folder) as told, chromium() as browser:
        logins = {one["agency"]: one for one in told["logins"] if one["role"] == "officer" and not one["scripted"]}
        load = os.getloadavg()[0]
        for login in logins.values():
            visitor = Visitor(browser, told["url"])
            page = visitor.log_in(login["username"], login["password"])
            _fill(page, cases + 2)
            visitor.go("/review")
            page.wait_for_selector(".review-scene .viewer", timeout=60_000)
            steps += [page.evaluate(MEASURE, {"key": "a", "readMs": READ_MS}) for _ in range(cases)]
            visitor.close()
    if None in steps:
        raise RuntimeError(f"after {steps.index(None)} cases no next one came")  # type: ignore[arg-type]
    times = sorted(step["ms"] for step in steps)
    return {
        "cases": len(times), "p50_ms": statistics.median(times), "p95_ms": times[int(len(times) * 0.95)],
        "max_ms": times[-1], "goal_ms": GOAL_MS, "with_picture": sum(step["picture"] for step in steps),
        "load_before": load, "load_after": os.getloadavg()[0], "first_load_bytes": first_load_bytes(),
    }  # fmt: skip


def _fill(page: Page, wanted: int) -> None:
    """Wait until so many lie in the queue. wait_for_function takes the promise of an async function for its answer."""
    until = time.monotonic() + FILL_S
    while not page.evaluate(WAITING, wanted):
        if time.monotonic() > until:
            raise RuntimeError(f"fewer than {wanted} cases in {FILL_S:.0f} s")
        page.wait_for_timeout(500)


def first_load_bytes() -> int:
    """Of the page and everything it names, as it travels (compressed)."""
    text = (DIST / "index.html").read_text("utf-8")
    files = [DIST / "index.html", *(path for path in (DIST / "assets").iterdir() if f"/assets/{path.name}" in text)]
    return sum((gz if (gz := path.with_name(path.name + ".gz")).exists() else path).stat().st_size for path in files)


def show(found: dict[str, Any]) -> None:
    """Print it."""
    print(f"\nreview: next case shown, of {found['cases']} decided by key in Chromium against the demo")
    print(f"  p50 {found['p50_ms']:.0f} ms · p95 {found['p95_ms']:.0f} ms (goal {found['goal_ms']:.0f}) · "
          f"longest {found['max_ms']:.0f} ms · {found['with_picture']} showed a picture")  # fmt: skip
    print(f"  load average {found['load_before']:.1f} → {found['load_after']:.1f} · "
          f"first load {found['first_load_bytes'] / 1000:.0f} kB compressed")  # fmt: skip


@contextlib.contextmanager
def _demo(folder: Path) -> Iterator[dict[str, Any]]:
    """The demo in a home of its own; yields what `--json` says when it is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    environ = os.environ | {"TANGKAPIN_HOME": str(folder)}
    command = [sys.executable, "-m", "core.cli.main", "demo", "--json", "--no-view", "--rate", str(RATE)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("{")), "")
            if not line:
                raise RuntimeError(f"the demo did not start; see {folder}/demo/processes.log")
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
