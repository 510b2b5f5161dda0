"""docs/vendors.md says what the plugins and their kept grades say."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.hooks.deployment import find_class
from core.testing.makes_page import makes, page, read_grades, section

ROOT = Path(__file__).parents[2]
GRADES = read_grades(ROOT / "vendors")


def test_the_page_is_up_to_date():
    told = (ROOT / "docs" / "vendors.md").read_text("utf-8")

    assert page(ROOT / "vendors", GRADES) == told, "run: python -m core.testing.makes_page vendors docs"


@pytest.mark.parametrize("make", makes(ROOT / "vendors"))
def test_every_make_was_graded_with_10_000_damaged_bodies_and_is_gold(make):
    assert make in GRADES, "run: python -m core.testing.makes_page vendors docs --grade " + make
    assert ("gold", 10_000) == (GRADES[make].grade, GRADES[make].mutated)
    assert find_class(f"vendors.{make}").version == GRADES[make].version, "its version changed: grade it again"


@pytest.mark.parametrize("make", makes(ROOT / "vendors"))
def test_every_make_says_its_limits(make):
    assert len(section((ROOT / "vendors" / make / "doc.md").read_text("utf-8"), "Known limits")) > 20
