"""The fake centre tells the truth about itself: what the other tests lean on."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from core.testing.fake_etnas import BEHAVIOURS, FakeEtnas

CASE = {
    "vendor_id": "polda-banten", "plate_number": "B1234XYZ", "violation_type": "lampu_merah",
    "capture_time": "2026-03-02T10:20:00Z", "location": "Simpang XYZ", "evidence_plate": "eA==", "evidence_vehicle": "",
}  # fmt: skip


def post(url, payload=CASE, key="k1"):
    """The status; 0 for a dropped connection."""
    request = urllib.request.Request(
        url, json.dumps(payload).encode(), {"Idempotency-Key": key, "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.mark.parametrize(
    ("behaviour", "status", "effects"),
    [
        ("ok", 200, 1), ("slow", 200, 1), ("slow_before", 200, 1), ("too_many", 429, 0), ("error_before", 500, 0),
        ("error_after", 500, 1), ("error_body", 200, 0), ("garbage", 200, 1), ("garbage_before", 200, 0),
        ("drop_before", 0, 0), ("drop_after", 0, 1), ("refuse", 422, 0), ("denied", 401, 0),
    ],
)  # fmt: skip
def test_each_behaviour_does_what_its_name_says(behaviour, status, effects):
    with FakeEtnas(slow_s=0.01) as etnas:
        etnas.script(behaviour)
        assert status == post(etnas.url)
        assert effects == etnas.report()["effects"]


def test_all_behaviours_are_tried_above():
    marks = test_each_behaviour_does_what_its_name_says.pytestmark[0].args[1]
    assert set(BEHAVIOURS) == {mark[0] for mark in marks}


def test_it_notices_a_violation_that_reached_it_twice():
    with FakeEtnas(honours_key=False) as etnas:
        post(etnas.url)
        post(etnas.url, key="another")
        assert [["polda-banten", "B1234XYZ", "lampu_merah", "2026-03-02T10:20:00Z", 2]] == etnas.report()["doubled"]


def test_an_honoured_key_has_one_effect():
    with FakeEtnas() as etnas:
        assert [200, 200] == [post(etnas.url), post(etnas.url)]
        assert (1, 1, []) == tuple(etnas.report()[name] for name in ("effects", "repeats", "doubled"))


@pytest.mark.parametrize("change", [{"extra": "x"}, {"evidence_plate": "not base64!"}, {"location": 5}])
def test_anything_but_the_agreed_payload_is_refused(change):
    with FakeEtnas() as etnas:
        assert 422 == post(etnas.url, {**CASE, **change})


def test_as_a_process_it_remembers_over_a_restart(tmp_path):
    command = [sys.executable, "-m", "core.testing.fake_etnas", "--state", str(tmp_path / "etnas.jsonl")]
    for expected in (0, 1):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        told = json.loads(process.stdout.readline())
        post(told["url"])
        report = json.loads(urllib.request.urlopen(told["report"]).read())
        assert (1, expected) == (report["effects"], report["repeats"])
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait()
        process.stdout.close()
