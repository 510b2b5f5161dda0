"""The grade that a plugin's folder carries: `tangkapin plugins check NAME --keep` writes it, the client shows it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sys
from pathlib import Path
from typing import Literal

import msgspec

from core.hooks.deployment import find_class

FILE = "grade.json"


class KeptGrade(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when the plugin was graded last.

    version   of the plugin that was graded: of another one nothing is known
    sources   of what was graded, as sources_of tells: of changed code nothing is known either
    coverage  per cent of its own lines; None when its tests did not run
    mutated   damaged bodies that it was asked to read (parsers)
    cost_us   its dearest fixture without pictures (parsers)
    missing   what keeps it from the next grade
    """

    grade: Literal["none", "bronze", "silver", "gold"]
    version: str
    sources: str = ""
    coverage: float | None = None
    mutated: int = 0
    cost_us: float | None = None
    missing: tuple[str, ...] = ()


def folder_of(use: str) -> Path:
    """The folder of what `use` names. Raises what importing it does, and PluginNotFound."""
    return Path(sys.modules[find_class(use).__module__].__file__ or "").parent


def sources_of(folder: Path) -> str:
    """A digest of what a grade speaks of: the plugin's code and fixtures, whatever the line ends; not its tests."""
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.http") for path in folder.rglob(kind)):
        if not path.name.startswith(("test_", "conftest")):
            content = path.read_bytes()
            if path.suffix == ".py":
                content = content.replace(b"\r\n", b"\n")
            digest.update(b"%s %d\n" % (path.relative_to(folder).as_posix().encode(), len(content)))
            digest.update(content)
    return digest.hexdigest()[:16]


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
    """The grade of an enabled plugin, as it lay there when this process asked first; None for other code's."""
    with contextlib.suppress(Exception):  # it cannot be loaded: its reason is told elsewhere
        folder = folder_of(use)
        found = read(folder)
        current = found is not None and (found.version, found.sources) == (version, sources_of(folder))
        return found if current else None
    return None
