"""The quick start is run as it stands, by bash, with a server really started."""

import os
import re
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def test_a_newcomer_who_follows_the_quick_start_finds_the_violation(tmp_path):
    text = (ROOT / "docs" / "quick-start.md").read_text()
    blocks = [block for block in BLOCK.findall(text) if "make setup" not in block]
    head = f'export TANGKAPIN_HOME="{tmp_path}/home" TANGKAPIN_PORT=0\ntangkapin init\n'
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TANGKAPIN_")}
    environ["PATH"] = f"{ROOT / '.venv' / 'bin'}:{environ['PATH']}"
    script = "set -euo pipefail\n" + head + "\n".join(blocks) + "\nkill %1; wait %1 || true\n"
    # its own session, so that nothing of it outlives the test
    process = subprocess.Popen(
        ["bash", "-c", script], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=150)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    assert 0 == process.returncode, f"{out}\n{err}"
    assert re.search(r'"plate_number": "A1234XYZ"', out), out
    assert re.search(r'"violation_type": "lampu_merah"', out), out


def test_every_relative_link_of_the_documents_leads_somewhere():
    broken = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            if not target.startswith(("http", "mailto:")) and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)} -> {target}")

    assert [] == broken
