"""docs/tutorial-first-camera.md is executed as it stands: from a capture alone to decoded reads of a new make."""

from __future__ import annotations

import json
import re

import pytest

PAGE = "tutorial-first-camera.md"


def written_code(blocks):
    """What a reader types as code: the files of the page, without blank lines and comments."""
    files = re.findall(r"<<END\n(.*?)^END$", "\n".join(blocks(PAGE, "bash")), re.MULTILINE | re.DOTALL)
    return [line for text in files for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_a_new_make_takes_under_60_lines_of_written_code(blocks):
    assert 25 < len(written_code(blocks)) < 60


def test_only_the_installation_is_not_executed(blocks):
    assert [["make setup", 'export PATH="$PWD/.venv/bin:$PATH"']] == [
        block.splitlines() for block in blocks(PAGE, "sh")
    ]


@pytest.mark.timeout(630)
def test_a_make_is_added_from_a_capture_alone_to_decoded_reads_in_the_inbox(home, blocks, run):
    result = run("\n".join(blocks(PAGE, "bash")), timeout_s=600)

    assert 0 == result.returncode, result.stdout
    assert not re.search(r"^[5-9]\d%|^100%", result.stdout, re.MULTILINE), "no plugin is sure of it"
    assert "nothing is read yet of device, dir, event, lane, plate, result, score, sn, time" in result.stdout
    assert re.search(r"^nusacam: none \(parser, tangkapin_nusacam\)$", result.stdout, re.MULTILINE)
    assert re.search(r"kept +ParserContract clean", result.stdout)
    assert "For bronze: doc: doc.md still says FILL IN" in result.stdout
    reads = json.loads((home / "kamera-pertama" / "reads.json").read_text())["data"]["data"]
    assert {("A1234XYZ", 93.4), ("A4321ZYX", 93.4)} == {(one["plate_number"], one["confidence"]) for one in reads}
