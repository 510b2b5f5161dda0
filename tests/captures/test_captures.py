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
MISSED = bool(GIVEN and os.environ.get("CI")) and not PRESENT
_FIRST = (
    "event",
    "plate_number",
    "confidence",
    "capture_time",
    "direction",
    "lane_no",
    "vehicle_type",
    "vehicle_color",
)
"""What is compared on the first read, or the first observation where there is no read; times to the second."""


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


def test_absent_captures_are_said_aloud(capsys):
    with capsys.disabled():
        if PRESENT:
            print(f"\n{len(ROWS)} captures of {FOLDER} are checked (pytest -s tests/captures lists each)")
        else:
            print(f"\nNO CAPTURES: {FOLDER} is not here; the {len(ROWS)} given captures were not checked in this run")
    assert not MISSED, f"TANGKAPIN_CAPTURES names {FOLDER}, which is no folder"


if PRESENT:  # no skipped row stands for captures that are not here; the test above speaks for them

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
    def test_a_given_capture_decodes_to_its_expected_values(row):
        outcome, found = decode(row)
        reads = [o for o in found if o["kind"] == "plate_read"]
        pictures = [i for o in found for i in o["images"]]
        print(f"{row['file']:75} {outcome:13} {[o['plate_number'] for o in reads] or [o['event'] for o in found]}")

        assert row["outcome"] == outcome
        assert row["kinds"] == [o["kind"] for o in found]
        assert row.get("plates_as_written", []) == [o["plate_raw"] for o in reads]
        if "plates" in row:
            assert row["plates"] == [o["plate_number"] for o in reads]
        for first in (reads or found)[:1]:
            told = first | {"capture_time": first["capture_time"] and first["capture_time"][:19] + "Z"}
            assert {k: row[k] for k in _FIRST if k in row} == {k: told[k] for k in _FIRST if k in row}
        assert row["pictures"] == sorted(i["role"] for i in pictures if "sha256" in i)
        assert row["picture_urls"] == sorted(i["role"] for i in pictures if "url" in i)
