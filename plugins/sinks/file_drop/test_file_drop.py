"""The drop: complete under its name or not there; once for each key."""

import errno
import json
import os
from typing import ClassVar

import msgspec
import pytest

from core.api import Refused, Transient
from core.testing.contract_sink import SinkContract


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "drop"
    found.mkdir()
    return found


def test_a_case_lies_in_the_vendor_s_folder_under_its_key(make_sink, case, folder):
    receipt = make_sink("file_drop", folder="drop").push_sync(case, b'{"a":1}')
    assert ("accepted", f"polda-banten/{case.idempotency_key}.json") == (receipt.outcome, receipt.reference)
    assert {"a": 1} == json.loads((folder / receipt.reference).read_bytes())


def test_dropping_twice_leaves_one_untouched_file(make_sink, case, folder):
    sink = make_sink("file_drop", folder="drop")
    path = folder / sink.push_sync(case, b"same").reference
    before = path.stat().st_ino
    assert "accepted" == sink.push_sync(case, b"same").outcome
    assert (1, before) == (len(list(path.parent.iterdir())), path.stat().st_ino)


def test_another_content_under_the_same_key_is_refused(make_sink, case, folder):
    sink = make_sink("file_drop", folder="drop")
    sink.push_sync(case, b"one")
    with pytest.raises(Refused):
        sink.push_sync(case, b"two")


def test_a_failed_write_leaves_nothing_behind(make_sink, case, folder, monkeypatch):
    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Transient):
        make_sink("file_drop", folder="drop").push_sync(case, b"x")
    assert [] == list((folder / "polda-banten").iterdir())


def test_a_folder_that_is_not_mounted_is_waited_for(make_sink, case, tmp_path):
    with pytest.raises(Transient):
        make_sink("file_drop", folder="elsewhere").push_sync(case, b"x")
    assert not (tmp_path / "elsewhere").exists()


def test_names_cannot_lead_out_of_the_folder(make_sink, case, folder):
    vendor = msgspec.structs.replace(case.vendor, code="../../etc")
    odd = msgspec.structs.replace(case, vendor=vendor, idempotency_key="../../passwd")
    make_sink("file_drop", folder="drop").push_sync(odd, b"x")
    (written,) = [path for path in folder.rglob("*") if path.is_file()]
    assert folder == written.parent.parent


def test_the_content_tells_the_case(make_sink, case, folder):
    body = make_sink("file_drop", folder="drop").build_sync(case).body
    assert ("B1234XYZ", "2026-03-02T10:20:00Z", case.plate_image) == (
        body["plate_number"], body["capture_time"], body["evidence_plate"],
    )  # fmt: skip


class TestContract(SinkContract):
    use = "plugins.sinks.file_drop"
    config: ClassVar = {"folder": "."}
