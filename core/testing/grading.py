"""Runs what a plugin's grade asks to be run, each in a process of its own: its tests, its fixtures, damaged bodies.

A plugin that hangs or exits is then a finding, not the end of whoever grades it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec

from core.domain.errors import TangkapinError
from core.hooks.checks import implemented, kind_of
from core.hooks.deployment import find_class
from core.hooks.errors import PluginNotFound
from core.hooks.grades import KeptGrade, folder_of, sources_of
from core.hooks.loading import describe
from core.testing.grade import (
    Finding,
    Report,
    bodies_findings,
    coverage_finding,
    fixtures_of,
    folder_findings,
    grade_of,
)

ROUNDS = 10_000
SILENCE_S = 20.0
"""How long a parser may say nothing: the house allows 2 s a body, and shared machines are slow."""
START_S, TESTS_S = 60.0, 600.0
KITS = {
    "parser": ("core.testing.contract", "ParserContract"),
    "sink": ("core.testing.contract_sink", "SinkContract"),
    "detector": ("core.testing.contract_detector", "DetectorContract"),
    "rules": ("core.testing.contract_rules", "RulesContract"),
    "channel": ("core.testing.notifier_contract", "NotifierContract"),
}
"""Kind of plugin -> the contract that its tests inherit. Others are graded by their own tests."""
_KIT = """from {module} import {kit}


class TestKit({kit}):
    use = package = {use!r}
    maker = {maker!r}
    config = {config!r}
"""


class NotGradable(TangkapinError):
    """What is named is no plugin; the text says why."""


class TestRun(msgspec.Struct, frozen=True):
    """One test that ran. wrong: "" when it passed."""

    owner: str
    name: str
    wrong: str


def grade(
    use: str, *, config: Mapping[str, Any] | None = None, rounds: int = ROUNDS, silence_s: float = SILENCE_S,
    tests_s: float = TESTS_S,
) -> Report:  # fmt: skip
    """Grade what `use` names in plugins.toml: an import path or an installed entry point.

    config     of an instance, raw; where the plugin's own contract test has one, that is used
    silence_s  after which a parser counts as hanging
    tests_s    after which its tests do
    Raises NotGradable.
    """
    try:
        cls = find_class(use)
    except PluginNotFound as error:
        raise NotGradable(str(error)) from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        wrong = f"could not be loaded: {describe(error)}"
        return Report(use=use, kind="", grade="none", findings=(Finding(grade="bronze", name="loads", wrong=wrong),))
    folder = Path(sys.modules[cls.__module__].__file__ or "").parent
    package = cls.__module__.rpartition(".")[0]
    kind = kind_of(implemented(cls)) if isinstance(cls, type) else ""
    findings = folder_findings(cls, folder, kind)
    if any(one.wrong for one in findings if one.name == "loads"):
        return Report(use=use, kind=kind, grade="none", findings=tuple(findings))
    steps: list[dict[str, Any]] = []
    if kind == "parser":
        steps, ended = drilled(package, rounds, dict(config or {}), silence_s)
        findings += bodies_findings(steps, ended, rounds)
        if ended and not steps:  # it hung or left at its first fixture: its tests would only do so again
            tests_s = min(tests_s, silence_s)
    tested, coverage = _tested(package, folder, kind, dict(config or {}), tests_s)
    findings += [*tested, coverage_finding(coverage)]
    return Report(
        use=use, kind=kind, grade=grade_of(findings), findings=tuple(findings), fixtures=len(fixtures_of(folder)),
        coverage=coverage, mutated=max((one["n"] for one in steps if one["step"] == "body"), default=0),
        cost_us=max((one["us"] for one in steps if one["step"] == "cost" and not one["pictures"]), default=None),
    )  # fmt: skip


def kept(report: Report) -> KeptGrade:
    """What the plugin's folder keeps of a report, in figures that do not change with every run."""
    return KeptGrade(
        grade=report.grade, version=find_class(report.use).version, mutated=report.mutated,
        sources=sources_of(folder_of(report.use)),
        coverage=None if report.coverage is None else round(report.coverage),
        cost_us=None if report.cost_us is None else round(report.cost_us),
        missing=tuple(f"{one.name}: {one.wrong}" for one in report.missing),
    )  # fmt: skip


def drilled(
    package: str, rounds: int, config: dict[str, Any], silence_s: float
) -> tuple[list[dict[str, Any]], str]:  # fmt: skip
    """The steps that core.testing.parser_drill told, and why it did not come to its end ("" when it did)."""
    command = [sys.executable, "-m", "core.testing.parser_drill", package, str(rounds), json.dumps(config, default=str)]
    with tempfile.TemporaryFile() as trouble:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=trouble, env=_environ())
        lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(child, lines), daemon=True).start()
        steps: list[dict[str, Any]] = []
        ended = ""
        try:
            wait = START_S
            while (line := lines.get(timeout=wait)) is not None:
                steps.append(json.loads(line))
                wait = silence_s
        except queue.Empty:
            ended = f"hung: no answer within {silence_s:.0f} s {_place(steps)}"
        finally:
            child.kill()
            child.wait()
        if not ended and not (steps and steps[-1]["step"] == "done"):
            trouble.seek(0)
            last = trouble.read().decode(errors="replace").strip().rpartition("\n")[2][:300]
            ended = f"ended its process {_place(steps)}, exit status {child.returncode} {last}".rstrip()
        return [one for one in steps if one["step"] not in ("start", "done")], ended


def _read(child: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith(b'{"step"'):  # not what the plugin prints
            lines.put(line)
    lines.put(None)


def _place(steps: list[dict[str, Any]]) -> str:
    if not steps:
        return "when it was loaded"
    if steps[-1]["step"] == "start":
        return "at its first fixture"
    return f"after {steps[-1].get('name') or 'body ' + str(steps[-1]['n'])}"


def _tested(
    package: str, folder: Path, kind: str, config: dict[str, Any], tests_s: float
) -> tuple[list[Finding], float | None]:  # fmt: skip
    """What its own tests and its kind's contract say, and the share of its lines that they run."""
    if any(importlib.util.find_spec(name) is None for name in ("pytest", "coverage")):
        return [Finding(grade="silver", name="tests", wrong="needs the extra `dev` (pytest, coverage)")], None
    module, kit = KITS.get(kind, ("", ""))
    asked = (
        [name for name in dir(getattr(importlib.import_module(module), kit)) if name.startswith("test_")] if kit else []
    )
    own = sorted(folder.glob("test_*.py"))
    with tempfile.TemporaryDirectory(prefix="tkp-") as scratch:
        made = Path(scratch) / "test_the_kit.py"
        inherited = any(kit in path.read_text("utf-8") for path in own) if kit else True
        if not inherited and kind != "channel":
            cls = find_class(package)
            made.write_text(_KIT.format(module=module, kit=kit, use=package, maker=cls.maker or "uji", config=config))
            own = [*own, made]
        cases, ended, coverage = run_tests(own, folder, tests_s) if own else ([], "", None)
    owners = {case.owner for case in cases}
    whole = [o for o in owners if set(asked) <= {_plain(case.name) for case in cases if case.owner == o}]
    kit_wrong = sorted({_told(case) for case in cases if case.wrong and _plain(case.name) in asked})
    own_wrong = sorted({_told(case) for case in cases if case.wrong and _plain(case.name) not in asked})
    if ended:
        own_wrong.append(ended)
    if asked and not whole and not ended:
        kit_wrong.append(f"no test class inherits {kit}" if not inherited else f"not every test of {kit} was run")
    if not cases and not ended:
        own_wrong.append("it has none")
    findings = [Finding(grade="silver", name="tests", wrong="; ".join(own_wrong[:5]))]
    if kit:
        findings.insert(0, Finding(grade="silver", name=f"{kit} clean", wrong="; ".join(kit_wrong[:5])))
    return findings, coverage


def run_tests(files: list[Path], folder: Path, tests_s: float) -> tuple[list[TestRun], str, float | None]:
    """Each test of the files, why they did not come to their end ("" when they did), and the folder's coverage."""
    with tempfile.TemporaryDirectory(prefix="tkp-") as scratch:
        return _run(files, folder, Path(scratch), tests_s)


def _run(
    files: list[Path], folder: Path, scratch: Path, tests_s: float
) -> tuple[list[TestRun], str, float | None]:  # fmt: skip
    told, data = scratch / "tests.xml", scratch / "coverage"
    command = [
        sys.executable, "-m", "coverage", "run", f"--data-file={data}", f"--source={folder}",
        "--omit=*/test_*.py,*/conftest.py", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
        "core.testing.pytest_plugin", "--import-mode=importlib", "-m", "not drill", f"--junitxml={told}",
        *map(str, files),
    ]  # fmt: skip
    project = next((p / "pyproject.toml" for p in folder.parents if (p / "pyproject.toml").exists()), None)
    if project is not None:
        command += ["-c", str(project), f"--rootdir={project.parent}"]
    try:
        ran = subprocess.run(
            command, env=_environ(), cwd=project.parent if project else folder, capture_output=True, text=True,
            timeout=tests_s, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [], f"its tests hung: no end within {tests_s:.0f} s", None
    if not told.exists():
        return [], f"its tests ended their process, exit status {ran.returncode}: {ran.stdout.strip()[-300:]}", None
    cases = [
        TestRun(case.get("classname", ""), case.get("name", ""), _failure(case))
        for case in ElementTree.parse(told).iter("testcase")
        if case.find("skipped") is None
    ]
    measured = subprocess.run(
        [sys.executable, "-m", "coverage", "json", f"--data-file={data}", "-o", "-", "-q"],
        env=_environ(), cwd=scratch, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    try:
        percent = float(json.loads(measured.stdout)["totals"]["percent_covered"])
    except (ValueError, KeyError):
        percent = None
    return cases, "", percent


def _failure(case: ElementTree.Element) -> str:
    found = next((child for child in case if child.tag in ("failure", "error")), None)
    return "" if found is None else " ".join((found.get("message") or "failed").split())[:200]


def _plain(name: str) -> str:
    return name.partition("[")[0]


def _told(case: TestRun) -> str:
    return f"{_plain(case.name)}: {case.wrong}"


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
