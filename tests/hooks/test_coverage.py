"""Every hook is implemented, by a plugin of the tree or one that a test plants, and exercised by a test."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest

from core.hooks.checks import HOOKS, implemented
from core.hooks.deployment import find_class

ROOT = Path(__file__).parents[2]
HOMES = ("vendors", "detectors", "notifiers", "plugins/sinks", "plugins/poldas")


@lru_cache
def implementations() -> dict[str, list[str]]:
    """Hook -> the plugins of the tree that implement it."""
    found: dict[str, list[str]] = {hook: [] for hook in HOOKS}
    for home in HOMES:
        for path in sorted((ROOT / home).glob("*/plugin.py")):
            use = ".".join(path.parent.relative_to(ROOT).parts)
            for hook in implemented(find_class(use)):
                found[hook].append(use)
    return found


@lru_cache
def _tests() -> str:
    """All tests, and the contracts that they inherit."""
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("core/testing/*contract*.py")]
    files += [path for home in HOMES for path in (ROOT / home).glob("*/test_*.py")]
    return "\n".join(path.read_text("utf-8") for path in sorted(files))


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_implemented_by_a_plugin(hook):
    assert implementations()[hook] or re.search(rf"def {hook}\(self", _tests())


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_exercised_by_a_test(hook):
    """Called by its name, or planted into the house and asked there."""
    assert re.search(rf"\.{hook}\(|def {hook}\(self", _tests())


def test_the_hooks_of_each_kind_have_a_plugin_of_the_tree():
    theirs = ("answers", "parse_payload", "recognise_payload", "open_stream", "judge_read", "classify_passage",
              "detect_frames", "deliver_notice", "build_sync", "read_receipt", "build_look_up", "push_sync", "health",
              "close")  # fmt: skip

    assert [] == [hook for hook in theirs if not implementations()[hook]]
