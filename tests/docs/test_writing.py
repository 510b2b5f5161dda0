"""docs/writing-a-*.md: the example of each page, written over what the scaffold made, loads and keeps its contract."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from core.cli.main import cli
from core.domain.cases import Passage, ViolationType
from core.hooks.host import Host
from core.testing.contract_rules import AT
from core.testing.fixtures import device

PAGES = {
    "writing-a-detector.md": ("detector", "merah"),
    "writing-a-notifier.md": ("notifier", "papan"),
    "writing-a-sink.md": ("sink", "pusat"),
    "writing-a-polda-set.md": ("rules", "batas"),
}


@pytest.fixture
def packages(tmp_path, monkeypatch, blocks):
    """The folder of each page's package, written as the page says, and importable."""
    made = {}
    for page, (kind, name) in PAGES.items():
        (command,) = blocks(page, "bash")
        assert f"tangkapin plugins new {kind} {name} --package\n" == command
        told = CliRunner().invoke(cli, [*command.split()[1:], "--into", str(tmp_path)])
        assert 0 == told.exit_code, told.output
        made[name] = tmp_path / f"tangkapin-{name}" / f"tangkapin_{name}"
        code, *test = blocks(page, "python")
        (made[name] / "plugin.py").write_text(code)
        for text in test:
            (made[name] / f"test_{name}.py").write_text(text)
        monkeypatch.syspath_prepend(made[name].parent)
    yield made
    for module in [m for m in sys.modules if m.startswith("tangkapin_")]:
        del sys.modules[module]


def test_every_example_keeps_its_contract(packages):
    path = ":".join(str(folder.parent) for folder in packages.values())
    files = [str(folder / f"test_{name}.py") for name, folder in packages.items()]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *files],
        env={"PYTHONPATH": f"{path}:{':'.join(filter(None, sys.path))}", "PATH": "/usr/bin:/bin"},
        cwd=packages["batas"].parent, capture_output=True, text=True, timeout=150,
    )  # fmt: skip

    assert 0 == ran.returncode, ran.stdout[-3000:]


def test_the_set_of_the_page_loads_and_judges_its_own_polda_only(packages, blocks, tmp_path):
    (table,) = blocks("writing-a-polda-set.md", "toml")
    (tmp_path / "plugins.toml").write_text(table)
    host = Host.load(tmp_path / "plugins.toml", environ={})
    passage = Passage(device_id=1, vendor_id=1, plate_number="DK1A", first_at=AT, last_at=AT, speed_kmh=50.0)

    def drafted(polda, **camera):
        drafts, failures = host.classify_passage(passage, device("generic", vendor_code=polda, **camera))
        assert [] == failures
        return [draft.violation_type for draft in drafts]

    assert [ViolationType.BATAS_KECEPATAN] == drafted("polda-bali", speed_limit_kmh=40.0)
    assert [] == drafted("polda-bali", speed_limit_kmh=43.0)
    assert [] == drafted("polda-banten", speed_limit_kmh=40.0)
