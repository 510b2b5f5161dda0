"""What the documents name is there: links, commands with their options, settings, log events, metrics."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from core.cli.main import cli
from core.hooks.deployment import read_deployment
from core.settings import FIELDS, Settings

ROOT = Path(__file__).parents[2]
LISTED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True
)
DOCUMENTS = sorted(
    ROOT / name for name in LISTED.stdout.splitlines() if "fixtures" not in name and (ROOT / name).exists()
)
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CALL = re.compile(r"(?<![\w./-])tangkapin ([a-z-][^`\n|;&)>]*)")


def prose(text: str) -> str:
    """Without fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> list[str]:
    """Fenced blocks line by line, continued lines joined, and the inline spans of the prose."""
    fenced = "\n".join(re.findall(r"^```[a-z]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    return [*fenced.replace("\\\n", " ").splitlines(), *re.findall(r"`([^`]+)`", prose(text))]


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def wrong(words: list[str]) -> str:
    """Why this is no command line of ours; "" when it is."""
    command: click.Command = cli
    context = click.Context(cli)
    for word in words:
        word = word.rstrip(".,:")
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        if word.startswith("-"):
            if word.partition("=")[0] not in options | {"--help", "-h"}:
                return f"{command.name} has no option {word}"
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z-]*", word):
            found = command.get_command(context, word)
            if found is None:
                return f"{command.name} has no command {word}"
            command = found
    return ""


def test_the_documents_are_found():
    assert {"README.md", "docs/index.md", "docs/quick-start.md", "vendors/hikvision/doc.md"} <= {
        str(path.relative_to(ROOT)) for path in DOCUMENTS
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path):
    broken = []
    for target in LINK.findall(prose(path.read_text("utf-8"))):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name) if name else path
        if not there.exists() or (anchor and anchor not in anchors(there.read_text("utf-8"))):
            broken.append(target)
    assert [] == broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_named_is_there(path):
    found = []
    for line in code(path.read_text("utf-8")):
        for call in CALL.findall(line):
            try:
                words = shlex.split(call, comments=True)
            except ValueError:  # the end of a quoted text stands behind a | or ;
                words = call.split("'")[0].split('"')[0].split()
            if complaint := wrong(words):
                found.append(f"tangkapin {call.strip()}: {complaint}")
    assert [] == found


def test_a_wrong_command_would_be_noticed():
    assert "" == wrong(["device", "add", "simpang-5", "--maker", "generic"])
    assert wrong(["device", "ad"])
    assert wrong(["device", "add", "--makr"])
    assert wrong(["serv"])


def test_every_document_is_reached_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text("utf-8") + (ROOT / "docs" / "decisions" / "README.md").read_text(
        "utf-8"
    )
    named = {Path(target).name for target in LINK.findall(index)}
    there = {path.name for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")} - {"index.md", "README.md"}
    assert set() == there - named


def test_the_table_of_settings_has_every_setting_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", OPERATIONS, re.MULTILINE))
    shown = Settings().shown()
    assert {name: _default(shown[name]) for name in FIELDS} == rows


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def sources() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "core").rglob("*.py")))


def test_every_log_event_and_metric_named_is_written_somewhere():
    text = sources()
    (table,) = re.findall(r"^\| log event \|.*?\n\n", OPERATIONS, re.MULTILINE | re.DOTALL)
    events = [
        name for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[2:] for name in re.findall(r"`(\w+)`", cell)
    ]
    metrics = re.findall(r"`(tangkapin_\w+)`", OPERATIONS[OPERATIONS.index("/metrics") :])
    metrics = [name for name in metrics if name not in ("tangkapin_api", "tangkapin_system")]
    assert len(events) > 10
    assert len(metrics) > 5
    assert [] == [name for name in (*events, *metrics) if f'"{name}"' not in text]


def test_the_deployment_in_the_readme_can_be_read(tmp_path):
    (table,) = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "plugins.toml").write_text(table)
    assert {"hikvision", "polda_banten", "etnas_banten"} <= {d.id for d in read_deployment(tmp_path / "plugins.toml")}
