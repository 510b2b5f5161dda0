"""The grade that a plugin's folder carries: `tangkapin plugins check NAME --keep` writes it, the client shows it."""

from __future__ import annotations

import contextlib
import functools
import sys
from pathlib import Path
from typing import Literal

import msgspec

from core.hooks.deployment import find_class

FILE = "grade.json"


class KeptGrade(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when the plugin was graded last.

    version   of the plugin that was graded: of another one nothing is known
    coverage  per cent of its own lines; None when its tests did not run
    mutated   damaged bodies that it was asked to read (parsers)
    cost_us   its dearest fixture without pictures (parsers)
    missing   what keeps it from the next grade
    """

    grade: Literal["none", "bronze", "silver", "gold"]
    version: str
    coverage: float | None = None
    mutated: int = 0
    cost_us: float | None = None
    missing: tuple[str, ...] = ()


def folder_of(use: str) -> Path:
    """The folder of what `use` names. Raises what importing it does, and PluginNotFound."""
    return Path(sys.modules[find_class(use).__module__].__file__ or "").parent


def keep(folder: Path, grade: KeptGrade) -> Path:
    """Write it beside plugin.py."""
    file = folder / FILE
    file.write_bytes(msgspec.json.format(msgspec.json.encode(grade), indent=1) + b"\n")
    return file


def read(folder: Path) -> KeptGrade | None:
    """The folder's grade; None where it has none that can be read."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / FILE).read_bytes(), type=KeptGrade)
    return None


@functools.cache
def grade_of(use: str, version: str) -> KeptGrade | None:
    """The grade of an enabled plugin, as it lay there when this process asked first; None for another version's."""
    with contextlib.suppress(Exception):  # it cannot be loaded: its reason is told elsewhere
        found = read(folder_of(use))
        return found if found is not None and found.version == version else None
    return None
