"""Reads of one vehicle that arrive in different batches meet in the database: whichever character was misread."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from core.domain.cases import Verdict
from core.domain.observations import PlateRead
from core.evidence.store import MediaStore
from core.traffic.intake import Intake, Parsed, Rules

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class Lenient:
    """Accepts every read and finds no violation."""

    def judge_read(self, read, device):
        return Verdict(action="accept"), []

    def classify_passage(self, passage, device):
        return [], []


@pytest.fixture
def see(database, make_device, tmp_path):
    """see(plate, at): one read in a batch of its own."""
    device = make_device(database)
    numbers = iter(range(1024, 1 << 20))
    with contextlib.closing(database.raw()) as connection:
        intake = Intake(connection, Lenient(), MediaStore(tmp_path / "media", segment_bytes=1 << 20), Rules())

        def see(plate, at, event_id=""):
            read = PlateRead(event="ANPR", capture_time=at, plate_number=plate, confidence=90.0, event_id=event_id)
            with connection.transaction():
                intake.finish(
                    [], [Parsed(payload_id=next(numbers), device=device, received_at=at, observations=[read])]
                )

        yield see


def passages(database):
    with database.system() as connection:
        rows = connection.exec_driver_sql("SELECT plate_number, reads FROM passages ORDER BY id")
        return [tuple(row) for row in rows]


def misreadings(plate):
    """All that one exchange, one loss or one addition of a character can make of it."""
    for at in range(len(plate)):
        yield plate[:at] + "Q" + plate[at + 1 :]
        yield plate[:at] + plate[at + 1 :]
    for at in range(len(plate) + 1):
        yield plate[:at] + "Q" + plate[at:]


@pytest.mark.parametrize("plate", ["B123XYZ", "B1234XYZ", "BK1234XYZ", "B12XYZ", "B1XY"])
def test_a_misreading_in_a_later_batch_is_the_same_passage(database, see, plate):
    others = sorted(set(misreadings(plate)))
    for hour, other in enumerate(others):
        see(plate, START + timedelta(hours=hour))
        see(other, START + timedelta(hours=hour, seconds=2))
    assert [(plate, 2)] * len(others) == passages(database)


def test_two_vehicles_that_share_the_first_and_the_last_characters_stay_two(database, see):
    see("B1234XYZ", START)
    see("B1235AYZ", START + timedelta(seconds=2))
    assert [("B1234XYZ", 1), ("B1235AYZ", 1)] == passages(database)


def test_a_passage_found_by_plate_and_by_event_id_grows_once(database, see):
    see("B1234XYZ", START, "evt-1")
    see("B1234XYZ", START + timedelta(seconds=2), "evt-1")
    assert [("B1234XYZ", 2)] == passages(database)
