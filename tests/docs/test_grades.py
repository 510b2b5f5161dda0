"""Every plugin of ours carries the grade that `tangkapin plugins check` gave to the code that lies there."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.hooks.grades import read, sources_of

ROOT = Path(__file__).parents[2]
FOLDERS = {
    path.parent.relative_to(ROOT).as_posix(): path.parent
    for home in ("vendors", "detectors", "notifiers", "plugins/sinks", "plugins/poldas")
    for path in sorted((ROOT / home).glob("*/plugin.py"))
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_kept_grade_is_of_the_code_that_lies_there(folder):
    kept = read(FOLDERS[folder])

    assert kept is not None and sources_of(FOLDERS[folder]) == kept.sources, (
        f"run: tangkapin plugins check {folder} --keep"
    )
    assert ("gold", ()) == (kept.grade, kept.missing)
