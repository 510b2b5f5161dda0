"""docs/hooks.md says what the code says."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from core.hooks.checks import HOOKS
from core.hooks.host import Host
from core.hooks.manual import manual, signature_line
from core.hooks.results import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text("utf-8")


def test_the_page_is_up_to_date():
    assert manual() == PAGE, "run: python -m core.hooks.manual docs/hooks.md"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_signature(hook):
    assert f"### {hook}\n\n`{signature_line(hook)}`" in PAGE


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_says_what_happens_on_errors_and_since_when(hook):
    text = inspect.getdoc(HOOKS[hook]) or ""
    assert "since" in text
    assert "errors " in text or "raises " in text or hook == "build_look_up"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_typed_method_of_the_host_and_a_check_of_its_result(hook):
    assert hook in CHECKS
    method = getattr(Host, hook)
    assert "return" in method.__annotations__
    assert method.__doc__


def test_the_example_of_the_page_runs(deployment, payload):
    code = PAGE.split("```python\n")[1].split("```")[0]
    table = PAGE.split("```toml\n")[1].split("```")[0]
    folder = deployment.folder / "planted_example"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "plugin.py").write_text(code + "    maker = 'acme'\n")
    deployment.write(table.replace("vendors.acme", "planted_example"))
    host = Host.load(deployment.file, environ={})
    read = host.parse_payload(payload("acme", vendor="polda-banten"))[0]
    assert ("B1234XYZ", 85.0) == (read.plate_number, read.confidence)
