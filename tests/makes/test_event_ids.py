"""Which reads of a make under one event id are one vehicle, from the body to the passage."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from core.domain.cases import Verdict
from core.hooks.plugin import PluginContext
from core.testing.fixtures import as_payload
from core.traffic.passages import JudgedRead, merge

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)


def passages(make, *bodies):
    cls = importlib.import_module(f"vendors.{make}.plugin").Plugin
    plugin = cls(cls.Config(), PluginContext(instance=make))
    reads = [one for body in bodies for one in plugin.parse_payload(as_payload(body, make))]
    judged = [
        JudgedRead(
            id=n, payload_id=n, ordinal=0, device_id=1, vendor_id=1, read=read, capture_time=read.capture_time or NOW,
            received_at=NOW, verdict=Verdict(action="accept"), event_id=read.event_id,
        )
        for n, read in enumerate(reads, 1)
    ]  # fmt: skip
    assert len(bodies) == len([one for one in judged if one.event_id])
    return len(merge(judged, {}, window=timedelta(seconds=30), new_id=count(1).__next__))


def frigate(kind, plate):
    after = {"id": "1772446800.1-ab", "camera": "c", "label": "car", "frame_time": 1772446800.1,
             "recognized_license_plate": plate}  # fmt: skip
    told = {"type": "lpr", "id": after["id"], "camera": "c", "timestamp": 1772446801.2, "plate": plate, "score": 0.9}
    return json.dumps(told if kind == "lpr" else {"type": kind, "before": {}, "after": after}).encode()


def openalpr(kind, plate):
    told = {"uuid": "u-1", "epoch_time": 1772446800000, "results": [{"plate": plate}]}
    group = {"best_uuid": "u-1", "epoch_start": 1772446800000, "best_plate_number": plate}
    return json.dumps({"data_type": kind} | (told if kind == "alpr_results" else group)).encode()


def tattile(plate, at):
    fields = f"<PLATE_STRING>{plate}</PLATE_STRING><ID>17</ID><DATE>2026-03-02</DATE><TIME>{at}</TIME>"
    return f"<Msg>{fields}</Msg>".encode()


@pytest.mark.parametrize(
    ("make", "bodies"),
    [
        ("frigate", [frigate("new", "B 1234 XYZ"), frigate("update", "8I2"), frigate("lpr", "D 77"),
                     frigate("end", "B 1234 XYZ")]),
        ("openalpr", [openalpr("alpr_results", "B1234"), openalpr("alpr_group", "D77QZ")]),
        ("tattile", [tattile("B 1234 XYZ", "17:20:00"), tattile("8I234XYZ", "17:20:00")]),
    ],
)  # fmt: skip
def test_messages_of_one_vehicle_are_one_passage_however_it_was_read(make, bodies):
    assert 1 == passages(make, *bodies)


def test_a_camera_that_counts_from_anew_hides_no_vehicle_behind_an_old_one():
    assert 2 == passages("tattile", tattile("B 1234 XYZ", "17:20:00"), tattile("D 77 QZ", "17:20:00"))
    assert 2 == passages("tattile", tattile("B 1234 XYZ", "09:00:00"), tattile("B 1234 XYA", "17:20:00"))
