"""What the watchdog of the parsers takes for a hang."""

import os
import subprocess
import sys
import time

import pytest

from core.ingest import parse_stage
from core.ingest.board import Work
from core.ingest.parse_stage import ParseStage, waited_s

BUSY = "import os, time; os.sched_setaffinity(0, {%d}); end = time.monotonic() + 20\nwhile time.monotonic() < end: pass"


@pytest.fixture
def stage(tmp_path):
    return ParseStage(None, None, tmp_path)


def at(payload, seconds_ago):
    return Work(payload, time.monotonic_ns() - int(seconds_ago * 1e9), "vendors.generic")


def test_a_parser_that_waits_for_a_core_is_not_at_its_payload_meanwhile(stage, monkeypatch):
    waits = iter([100.0, 104.0])
    monkeypatch.setattr(parse_stage, "waited_s", lambda pid: next(waits))
    work = at(5, seconds_ago=10)
    assert 10 == round(stage._seconds(1, work))
    assert 6 == round(stage._seconds(1, work))


def test_what_it_waited_at_the_payload_before_does_not_count(stage, monkeypatch):
    waits = iter([100.0, 104.0])
    monkeypatch.setattr(parse_stage, "waited_s", lambda pid: next(waits))
    stage._seconds(1, at(5, seconds_ago=10))
    assert 3 == round(stage._seconds(1, at(6, seconds_ago=3)))


def test_processes_on_one_core_wait_for_it():
    core = min(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", BUSY % core]) for _ in range(2)]
    try:
        deadline = time.monotonic() + 15
        while waited_s(busy[0].pid) < 0.2:
            assert time.monotonic() < deadline, "two busy processes on one core, and neither waits"
            time.sleep(0.05)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_of_a_process_that_is_gone_nothing_is_known():
    assert 0.0 == waited_s(2**22 + 1)
