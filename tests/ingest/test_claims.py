"""How much a parser takes at once: little in quiet times, more and more of a backlog of small batches."""

import contextlib
import time

import pytest
from sqlalchemy.exc import OperationalError

from core.domain.cases import CaseDraft, Verdict
from core.domain.observations import Device, PlateRead, ViolationType
from core.evidence.store import MediaStore
from core.hooks.host import Host
from core.ingest.board import Board
from core.ingest.parse_worker import CLAIM_BATCHES, CLAIM_ROWS, ParseWorker
from core.ingest.tables import ORDINALS
from core.ingest.writer import Arrival, InboxWriter
from core.traffic.intake import Rules


class Nobody:
    """No device is known: every payload goes to quarantine, which is as good as any other way out of the inbox."""

    def device(self, device_id):
        return Device(id=device_id, code="uji", maker="tiada", vendor_id=1, vendor_code="polda-contoh")

    def behind(self, device_id, hint):
        return None

    def refresh(self):
        pass


class Away(Nobody):
    """The database is away at the first look: SQLAlchemy says so in words of its own. The second look ends the run."""

    def __init__(self):
        self.looks = 0
        self.end = None

    def refresh(self):
        self.looks += 1
        if self.looks == 1:
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))
        self.end()


class Ignored:
    def done(self):
        return True


@pytest.fixture
def inbox(database, make_device, tmp_path):
    """inbox(batches, rows): so many batches of so many payloads wait."""
    device = make_device(database)
    writer = InboxWriter(database, MediaStore(tmp_path / "media"))

    def fill(batches, rows):
        for _ in range(batches):
            writer._store(
                [
                    Arrival(Ignored(), device.vendor_id, device.id, time.time(), "text/plain", b"{}", b"x")
                    for _ in range(rows)
                ]
            )

    yield fill
    writer._disconnect()


@pytest.fixture
def worker(database, tmp_path):
    made = ParseWorker(
        database, Host([]), Nobody(), MediaStore(tmp_path / "media"), Board(tmp_path / "board"), Rules(),
        wait=lambda seconds: False,
    )  # fmt: skip
    with contextlib.closing(made._host):
        yield made
    made.disconnect()


def taken(worker):
    found = []
    while (summary := worker.work()) is not None:
        found.append(summary.payloads)
    return found


def test_a_backlog_of_small_batches_is_taken_in_growing_claims_and_whole(inbox, worker):
    inbox(100, 1)

    assert [CLAIM_BATCHES, 2 * CLAIM_BATCHES, 4 * CLAIM_BATCHES, 44] == taken(worker)


def test_large_batches_are_taken_as_far_as_their_rows_fit(inbox, worker):
    inbox(12, 128)

    claims = taken(worker)

    assert 12 * 128 == sum(claims)
    assert CLAIM_BATCHES * 128 == claims[0]
    assert max(claims[1:]) <= CLAIM_ROWS


def test_after_a_backlog_claims_are_small_again(inbox, worker):
    inbox(100, 1)
    taken(worker)
    inbox(9, 1)

    assert [CLAIM_BATCHES, 1] == taken(worker)


class Overdone:
    """Reads a plate from every payload; of the fourth it says a confidence that no column can hold."""

    on_call = None
    on_quarantine = None
    instances = ()

    def parse_payload(self, payload):
        confidence = 1e9 if payload.id % ORDINALS == 3 else 90.0
        plate = f"B{1000 + 1111 * (payload.id % ORDINALS)}XYZ"
        return [PlateRead(event="ANPR", plate_number=plate, confidence=confidence, event_id=str(payload.id))]

    def judge_read(self, read, device):
        return Verdict(action="accept"), []

    def classify_passage(self, passage, device):
        return [CaseDraft(violation_type=ViolationType.LAMPU_MERAH)], []


def test_an_event_that_cannot_be_written_costs_its_neighbours_nothing(database, inbox, tmp_path):
    inbox(1, 8)
    worker = ParseWorker(
        database, Overdone(), Nobody(), MediaStore(tmp_path / "media"), Board(tmp_path / "board"), Rules(),
        wait=lambda seconds: False,
    )  # fmt: skip

    summary = worker.work()
    worker.disconnect()

    assert (8, 7, 7, 1) == (summary.payloads, summary.reads, summary.violations, summary.quarantined)
    with database.system() as connection:
        told = connection.exec_driver_sql("SELECT kind, reason FROM quarantine").all()
        left = connection.exec_driver_sql("SELECT count(*) FROM inbox").scalar()
    assert 0 == left
    assert ["rejected"] == [kind for kind, _ in told]
    assert "numeric field overflow" in told[0][1]


def test_a_database_that_is_away_at_the_first_look_is_waited_for(worker):
    worker._devices = away = Away()
    away.end = worker.stop

    worker.run()

    assert 2 == away.looks
