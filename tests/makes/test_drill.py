"""`make drill`: 10,000 damaged bodies for each make, in a process of its own; `make test` has 200 in the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.testing.grade import bodies_findings
from core.testing.grading import ROUNDS, drilled
from core.testing.makes_page import makes

ROOT = Path(__file__).parents[2]


@pytest.mark.drill
@pytest.mark.parametrize("make", makes(ROOT / "vendors"))
def test_no_damaged_body_crashes_hangs_or_ends_a_parser(make):
    steps, ended = drilled(f"vendors.{make}", ROUNDS, {}, 60.0)

    assert [] == [f"{one.name}: {one.wrong}" for one in bodies_findings(steps, ended, ROUNDS) if one.wrong]


def test_there_are_makes_to_drill():
    assert {"hikvision", "dahua", "generic"} <= set(makes(ROOT / "vendors"))
