"""docs/quick-start.md is executed as it stands, in a home of its own."""

from __future__ import annotations

import json
import re

PAGE = "quick-start.md"


def test_only_the_installation_is_not_executed(blocks):
    assert [["make setup", 'export PATH="$PWD/.venv/bin:$PATH"']] == [
        block.splitlines() for block in blocks(PAGE, "sh")
    ]


def test_a_newcomer_sees_the_event_become_a_violation_and_reach_the_sink(home, blocks, run):
    result = run("\n".join(blocks(PAGE, "bash")))

    assert 0 == result.returncode, result.stdout
    assert '{"status":"ok","id":' in result.stdout
    (delivered,) = (home / "tangkapin-mulai" / "keluar" / "polda-banten").glob("*.json")
    case = json.loads(delivered.read_text())
    assert ("polda-banten", "A1234XYZ", "lampu_merah", "Simpang Lima, Serang", "Petugas Satu") == (
        case["vendor_id"], case["plate_number"], case["violation_type"], case["location"], case["verified_by"],
    )  # fmt: skip
    listed = result.stdout[result.stdout.rindex("violation  vendor") :]
    assert re.search(r"\bdrop +accepted\b", listed)
    payload_id = re.search(r'\{"status":"ok","id":"?(\d+)', result.stdout)[1]
    assert f"p{payload_id}" == case["trace"]
