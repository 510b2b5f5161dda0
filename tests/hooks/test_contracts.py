"""Who may import whom: import-linter's contracts hold, and catch what is planted against them."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("core", "vendors", "detectors", "notifiers", "plugins")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "import sys; sys.path.insert(0, '.'); from importlinter.cli import *; "
               "sys.argv[1:] = ['--no-cache', '--no-logo']; lint_imports_command()"]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


def test_the_import_contracts_hold():
    result = lint(ROOT)
    assert 0 == result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("vendors/planted/plugin.py", "from core.hooks.host import Host", "Plugins import core.api only"),
        ("vendors/planted/plugin.py", "import detectors.anpr_filter", "Plugins never import each other"),
        ("vendors/planted/plugin.py", "import pluggy", "pluggy is used by the host and the specs alone"),
        ("core/planted.py", "import vendors", "Core imports no plugin folder"),
        ("core/domain/planted.py", "import core.settings", "The domain imports nothing else of core"),
        ("core/evidence/planted.py", "import core.traffic", "Slices of core import downwards only"),
    ],
)
def test_a_planted_import_breaks_its_contract(tmp_path, path, line, contract):
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "fixtures"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / path
    planted.parent.mkdir(exist_ok=True)
    (planted.parent / "__init__.py").touch()
    planted.write_text(line + "\n")
    result = lint(tmp_path)
    assert 1 == result.returncode, result.stdout + result.stderr
    broken = [text for text in result.stdout.splitlines() if text.endswith("BROKEN") or " BROKEN (" in text]
    assert any(text.startswith(contract) for text in broken), result.stdout


@pytest.mark.parametrize("path", modules("core/domain"), ids=lambda path: path.stem)
def test_the_domain_needs_only_the_standard_library_and_msgspec(path):
    foreign = {
        name
        for name in imports(path)
        if name.partition(".")[0] not in sys.stdlib_module_names | {"msgspec"} and not name.startswith("core.domain")
    }
    assert set() == foreign


def test_core_testing_is_for_tests_only():
    users = [
        path.relative_to(ROOT)
        for path in modules("vendors", "detectors", "notifiers", "plugins")
        if not path.name.startswith(("test_", "conftest")) and any(n.startswith("core.testing") for n in imports(path))
    ]
    assert [] == users


def test_hook_callers_are_used_in_the_host_alone():
    users = [path.name for path in modules(*FOLDERS) if {"manager.hook", "pm.hook"} & words(path)]
    assert ["host.py"] == users


def words(path: Path) -> set[str]:
    """Dotted names and string constants of a module; comments and docstrings may name devices."""
    tree = ast.parse(path.read_text("utf-8"))
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)}
    return found | {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    }


def test_the_code_of_core_names_no_maker():
    makers = {path.parent.name for path in (ROOT / "vendors").glob("*/__init__.py")} - {"generic", "mapping"}
    named = [
        (str(path.relative_to(ROOT)), maker)
        for path in modules("core")
        if "testing" not in path.parts
        for text in [" ".join(words(path)).lower()]
        for maker in makers
        if maker in text
    ]
    assert [] == named
