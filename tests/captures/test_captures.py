"""Every capture that we were given decodes to what it says (they are other people's and stay outside the repository).

TANGKAPIN_CAPTURES names their folder; without it ../shared/captures beside the project is taken where it exists.
`pytest tests/captures -s` lists capture -> result.
"""

import importlib
import json
import os
from pathlib import Path

import pytest

from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.hooks.plugin import PluginContext
from core.testing.fixtures import as_payload, describe

HERE = Path(__file__).parent
ROWS = json.loads((HERE / "expected.json").read_text())
GIVEN = os.environ.get("TANGKAPIN_CAPTURES")
FOLDER = Path(GIVEN) if GIVEN else HERE.parents[1].parent / "shared" / "captures"
PRESENT = FOLDER.is_dir()
_SAME = ("event", "direction", "lane_no", "vehicle_type", "vehicle_color")


def decode(row):
    """(outcome, observations) of a capture, by the plugin of its make with the default config."""
    plugin = importlib.import_module(f"vendors.{row['maker']}.plugin").Plugin
    payload = as_payload(FOLDER / row["file"], row["maker"], content_type=row["content_type"])
    try:
        found = describe(plugin(plugin.Config(), PluginContext(instance=row["maker"])).parse_payload(payload))
    except UnsupportedEvent:
        return "unsupported", []
    except MalformedPayload as error:
        return f"malformed: {error}", []
    return ("observations" if found else "heartbeat"), found


def test_a_named_captures_folder_exists_and_an_absent_one_is_said_aloud(capsys):
    with capsys.disabled():
        if not PRESENT:
            print(f"\nNO CAPTURES: {FOLDER} is not here; the {len(ROWS)} given captures were not checked in this run")
    assert PRESENT or not GIVEN, f"TANGKAPIN_CAPTURES names {FOLDER}, which is no folder"


@pytest.mark.parametrize("row", ROWS if PRESENT else [], ids=lambda row: row["file"])
def test_a_given_capture_decodes_to_its_expected_values(row):
    outcome, found = decode(row)
    reads = [o for o in found if o["kind"] == "plate_read"]
    print(f"{row['file']:75} {outcome:13} {[o['plate_number'] for o in reads] or [o['event'] for o in found]}")

    assert row["outcome"] in (None, outcome)
    assert row["reads"] == len(reads)
    first = (reads or found or [None])[0]
    if "plates" in row:
        assert row["plates"] == [o["plate_number"] for o in reads]
    if first is not None:
        assert {k: row[k] for k in _SAME if k in row} == {k: first[k] for k in _SAME if k in row}
        if "plate_number" in row:
            assert row["plate_number"] == first["plate_number"]
        if "confidence" in row:
            assert row["confidence"] == first["confidence"]
        if "capture_time" in row:
            told = first["capture_time"] and first["capture_time"][:19] + "Z"
            assert row["capture_time"] == told
    pictures = [i for o in found for i in o["images"]]
    assert row.get("images", 0) == sum("sha256" in i for i in pictures)
    assert row.get("image_urls", 0) == sum("url" in i for i in pictures)
