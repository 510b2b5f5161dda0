"""The conformance grade of a plugin: bronze, silver, gold, and what is missing for the next one.

Here is what a grade means and what reading the plugin's folder shows; `core.testing.grading` runs what has to be run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from core.hooks.checks import inspect_plugin
from core.hooks.plugin import PluginConfig, SinkConfig

Grade = Literal["none", "bronze", "silver", "gold"]
GRADES: tuple[Grade, ...] = ("none", "bronze", "silver", "gold")
FILL_IN = "FILL IN"
FIXTURES_FOR_SILVER = 3
COVERAGE_FOR_GOLD = 90.0
US_FOR_GOLD = 2000.0
DOCUMENTS = ("doc.md", "README.md")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a grade asks. wrong: "" when it is kept, else what is missing."""

    grade: Grade
    name: str
    wrong: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and what it came to.

    coverage    per cent of the folder's own lines that its tests run; None when they did not run
    mutated     damaged bodies that were parsed (parsers)
    cost_us     the dearest fixture without pictures: median µs of thread CPU through the host (parsers)
    """

    use: str
    kind: str
    grade: Grade
    findings: tuple[Finding, ...]
    fixtures: int = 0
    coverage: float | None = None
    mutated: int = 0
    cost_us: float | None = None

    @property
    def next_grade(self) -> Grade | None:
        """The grade after this one; None at the top."""
        place = GRADES.index(self.grade) + 1
        return GRADES[place] if place < len(GRADES) else None

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What keeps it from the next grade."""
        return tuple(one for one in self.findings if one.wrong and one.grade == self.next_grade)


def grade_of(findings: Iterable[Finding]) -> Grade:
    """The highest grade of which everything was looked at and kept, and all below it."""
    found = list(findings)
    reached: Grade = "none"
    for grade in GRADES[1:]:
        asked = [one for one in found if one.grade == grade]
        if not asked or any(one.wrong for one in asked):
            return reached
        reached = grade
    return reached


def reaches(grade: Grade, least: Grade) -> bool:
    """Whether a grade is `least` or better."""
    return GRADES.index(grade) >= GRADES.index(least)


def folder_findings(cls: Any, folder: Path, kind: str) -> list[Finding]:
    """What the class and the files of a plugin show, without asking it anything."""
    document = document_of(folder)
    problems = inspect_plugin(cls)
    findings = [
        Finding(grade="bronze", name="loads", wrong="; ".join(problems)),
        Finding(grade="bronze", name="doc", wrong=_document_wrong(document)),
        Finding(
            grade="bronze", name="config documented", wrong="" if problems else _config_wrong(cls.Config, document)
        ),
    ]
    if kind == "parser":
        fixtures = fixtures_of(folder)
        findings.append(Finding(grade="bronze", name="one real fixture", wrong=_fixtures_wrong(fixtures)))
        few = "" if len(fixtures) >= FIXTURES_FOR_SILVER else f"{FIXTURES_FOR_SILVER} are wanted, found {len(fixtures)}"
        findings.append(Finding(grade="silver", name="fixtures", wrong=few))
    return findings


def document_of(folder: Path) -> str:
    """The text of its doc.md (or README.md); "" when there is none."""
    return next((p.read_text("utf-8") for name in DOCUMENTS if (p := folder / name).exists()), "")


def fixtures_of(folder: Path) -> list[Path]:
    """Its whole requests, by name."""
    return sorted((folder / "fixtures").glob("*.http"))


def bodies_findings(steps: Sequence[dict[str, Any]], ended: str, rounds: int) -> list[Finding]:
    """What core.testing.parser_drill told, step by step; `ended`: why it did not come to its end, "" when it did."""
    wrong = [f"{one['name']}: {one['wrong']}" for one in steps if one["step"] == "fixture" and one["wrong"]]
    decoded = any(one["step"] == "fixture" and not one["wrong"] for one in steps)
    failed = [f"body {one['n']}: {one['wrong']}" for one in steps if one["step"] == "failed"]
    parsed = max((one["n"] for one in steps if one["step"] == "body"), default=0)
    dear = [
        f"{one['name']} {one['us']:.0f} µs"
        for one in steps
        if one["step"] == "cost" and not one["pictures"] and one["us"] > US_FOR_GOLD
    ]
    if ended and not any(one["step"] == "body" for one in steps):
        return [Finding(grade="bronze", name="a fixture decodes", wrong=ended)]
    told = "; ".join([*failed[:3], *([ended] if ended else [])])
    if not told and parsed < rounds:
        told = f"only {parsed} of {rounds} were parsed"
    return [
        Finding(grade="bronze", name="a fixture decodes", wrong="" if decoded else "; ".join(wrong) or "there is none"),
        Finding(grade="silver", name="every fixture decodes", wrong="; ".join(wrong)),
        Finding(grade="gold", name=f"{rounds} damaged bodies", wrong=told),
        Finding(grade="gold", name=f"at most {US_FOR_GOLD:.0f} µs without pictures", wrong="; ".join(dear)),
    ]


def coverage_finding(percent: float | None) -> Finding:
    """Of the folder's own lines."""
    wrong = ""
    if percent is None:
        wrong = "not measured: its tests gave no result"
    elif percent <= COVERAGE_FOR_GOLD:
        wrong = f"its tests run {percent:.0f} % of its lines"
    return Finding(grade="gold", name=f"over {COVERAGE_FOR_GOLD:.0f} % coverage", wrong=wrong)


def _document_wrong(document: str) -> str:
    if not document:
        return f"there is no {DOCUMENTS[0]}"
    if FILL_IN in document:
        return f"{DOCUMENTS[0]} still says {FILL_IN}"
    return ""


def _config_wrong(config: type[PluginConfig], document: str) -> str:
    ours = set(SinkConfig.__struct_fields__)
    names = [name for name in config.__struct_fields__ if name not in ours or not issubclass(config, SinkConfig)]
    silent = [name for name in names if not re.search(rf"\b{re.escape(name)}\b", document)]
    return f"{DOCUMENTS[0]} says nothing of {', '.join(silent)}" if silent else ""


def _fixtures_wrong(fixtures: Sequence[Path]) -> str:
    if not fixtures:
        return "fixtures/ holds no request (.http)"
    expected = [path.with_suffix(".expected.json") for path in fixtures]
    if not any(path.exists() and FILL_IN not in path.read_text("utf-8") for path in expected):
        return f"no expected values without {FILL_IN}: {expected[0].name}"
    return ""
