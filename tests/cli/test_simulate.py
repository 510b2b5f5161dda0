"""`tangkapin simulate` against the real server."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from contextlib import suppress

import pytest

from core.accounts.audit import Actor
from core.accounts.service import AccountError
from core.accounts.vendors import add_vendor
from core.testing.house import VENDOR


@pytest.fixture
def simulate(house):
    """simulate("generic", "--count", "3") -> the finished process, over the module's house."""
    with suppress(AccountError):
        add_vendor(house.database, VENDOR, by=Actor("cli"))

    def run(*arguments):
        return house.cli("simulate", *arguments, "--url", f"http://127.0.0.1:{house.port}")

    return run


def found(house, table, maker):
    return house.one(
        f"SELECT count(*) FROM {table} t JOIN devices d ON d.id = t.device_id WHERE d.device_code LIKE %s",
        f"sim-{maker}-%",
    )


@pytest.mark.parametrize("maker", ["hikvision", "dahua", "generic"])
def test_every_event_of_a_simulated_camera_becomes_a_plate_read(house, simulate, maker):
    result = simulate(maker, "--vendor", VENDOR, "--count", "6", "--rate", "20", "--json")

    assert 0 == result.returncode, result.stderr
    told = json.loads(result.stdout)
    assert ([f"sim-{maker}-1", f"sim-{maker}-2"], 6, 6) == (told["devices"], told["accepted"], told["vehicles"])
    assert told["accepted"] == sum(told["forms"].values())
    house.settle()
    assert (6, 6) == (found(house, "payloads", maker), found(house, "plate_reads", maker))


def test_a_second_run_takes_the_same_cameras_with_new_keys(house, simulate):
    first = simulate("generic", "--devices", "1", "--count", "2", "--rate", "20")
    second = simulate("generic", "--devices", "1", "--count", "2", "--rate", "20")

    assert (0, 0) == (first.returncode, second.returncode), first.stderr + second.stderr
    assert "2 posts, 2 accepted" in second.stdout
    assert 1 == house.one("SELECT count(*) FROM devices WHERE device_code = 'sim-generic-1'")


def test_repeats_and_a_wrong_clock_are_posted_as_asked(house, simulate):
    result = simulate(
        "generic", "--devices", "1", "--count", "4", "--rate", "20", "--duplicates", "100%", "--reorder", "50%",
        "--skew", "3600", "--json",
    )  # fmt: skip

    told = json.loads(result.stdout)
    assert 4 == told["vehicles"]
    assert 4 <= told["repeats"] == told["posts"] - 4
    house.settle()
    ahead = house.one(
        "SELECT max(extract(epoch FROM capture_time - received_at)) FROM plate_reads r"
        " JOIN devices d ON d.id = r.device_id WHERE d.device_code = 'sim-generic-1'"
    )
    assert 3500 < ahead < 3700


def test_a_make_that_the_server_does_not_run_is_refused_with_those_it_has(simulate):
    result = simulate("acme", "--count", "1")

    assert 1 == result.returncode
    assert "acme" in result.stderr
    assert "Traceback" not in result.stderr


def test_where_nothing_answers_it_says_what_to_start(house):
    result = house.cli("simulate", "generic", "--url", "http://127.0.0.1:1", "--count", "1")

    assert 1 == result.returncode
    assert "tangkapin serve" in result.stderr


def test_cameras_of_another_agency_are_not_taken_over(house, simulate):
    assert 0 == simulate("generic", "--vendor", VENDOR, "--count", "1").returncode
    result = simulate("generic", "--vendor", "polda-lain", "--count", "1")

    assert 1 == result.returncode
    assert VENDOR in result.stderr


@pytest.mark.parametrize("share", ["150%", "five", "-1", "1.5"])
def test_a_share_that_is_none_is_a_usage_error(house, share):
    assert 2 == house.cli("simulate", "generic", f"--duplicates={share}").returncode


def test_ctrl_c_ends_it_with_the_summary(house, simulate):
    before = found(house, "payloads", "generic")
    command = house.command("simulate", "generic", "--rate", "10", "--url", f"http://127.0.0.1:{house.port}")
    with subprocess.Popen(command, env=house.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        watchdog = threading.Timer(60, run.kill)
        watchdog.start()
        house.wait_until(lambda: found(house, "payloads", "generic") > before + 3)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate()
        watchdog.cancel()

    assert (0, "") == (run.returncode, err)
    assert " accepted" in out
    assert "x 200" in out
