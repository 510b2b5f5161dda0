"""The intake on a real PostgreSQL: re-posts, parallel workers, clocks, pictures, and rows that PostgreSQL refuses."""

import contextlib
import io
import itertools
import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from PIL import Image as Picture

from core.api import CaseDraft, Image, PlateRead, Status, Verdict, ViolationType
from core.evidence.store import MediaStore
from core.traffic.intake import Intake, Parsed, Rules

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
ids = itertools.count(1024)


class Judge:
    """Accepts every read; plates that begin with X are dropped, with R to be reviewed."""

    def judge_read(self, read, device):
        plate = read.plate_number or ""
        if plate.startswith("X"):
            return Verdict(action="drop", reason="not_a_plate"), []
        if plate.startswith("R"):
            return Verdict(action="review", reason="low_confidence", detail="the server reads R1284XYZ"), []
        return Verdict(action="accept"), []

    def classify_passage(self, passage, device):
        return ([CaseDraft(violation_type=ViolationType.LAMPU_MERAH)] if passage.plate_number else []), []


@pytest.fixture
def camera(database, make_device):
    return make_device(database)


@pytest.fixture
def open_intake(database, tmp_path):
    """open_intake() -> a function that takes Parsed payloads in one transaction, over a connection of its own."""
    with contextlib.ExitStack() as stack:
        media = MediaStore(tmp_path / "media", segment_bytes=1 << 20)
        stack.callback(media.close)

        def make(rules=Rules()):
            connection = stack.enter_context(contextlib.closing(database.raw()))
            intake = Intake(connection, Judge(), media, rules)

            def take(*parsed):
                with connection.transaction():
                    return intake.finish([], parsed)

            return take

        yield make


@pytest.fixture
def take(open_intake):
    return open_intake()


@pytest.fixture
def rows(database):
    with contextlib.closing(database.raw()) as connection:
        yield lambda query, *parameters: connection.execute(query, parameters).fetchall()


def seen(device, *reads, received=NOW, **about):
    """A payload with these observations."""
    return Parsed(payload_id=next(ids), device=device, received_at=received, body=b"body", ref="seg:x:0:4",
                  observations=reads, **about)  # fmt: skip


def read(plate="B1234XYZ", after=0.0, **fields):
    return PlateRead(event="ANPR", plate_number=plate, plate_raw=plate or "", confidence=90.0,
                     capture_time=NOW + timedelta(seconds=after), **fields)  # fmt: skip


def picture():
    out = io.BytesIO()
    Picture.new("RGB", (24, 16), "blue").save(out, "JPEG")
    return out.getvalue()


# -- one vehicle, one case --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
def test_ten_reposts_are_one_passage_and_one_violation(take, camera, rows, together):
    posts = [seen(camera, read(), received=NOW + timedelta(seconds=n / 10)) for n in range(10)]

    for batch in [posts] if together else [[post] for post in posts]:
        take(*batch)

    assert [(10, "B1234XYZ")] == rows("SELECT reads, plate_number FROM passages")
    assert [("pending", "lampu_merah")] == rows("SELECT status, violation_type FROM violations")
    assert 10 == len(rows("SELECT 1 FROM plate_reads WHERE passage_id IS NOT NULL"))


def test_workers_in_parallel_agree_on_passages(open_intake, camera, rows):
    plates = [f"B{n}{n}{n}{n}XYZ" for n in range(1, 9)]
    takes = [open_intake() for _ in range(4)]
    barrier = threading.Barrier(4)
    failed = []

    def work(take):
        barrier.wait()
        try:
            for plate in plates:
                take(seen(camera, read(plate)), seen(camera, read(None, event_id=f"e{plate}")))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(take,)) for take in takes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == failed
    assert [(plate, 4) for plate in plates] == rows(
        "SELECT plate_number, reads FROM passages WHERE plate_number IS NOT NULL ORDER BY 1"
    )
    assert [(8, 32)] == rows("SELECT count(*), sum(reads) FROM passages WHERE plate_number IS NULL")
    assert 8 == len(rows("SELECT 1 FROM violations"))


@pytest.mark.parametrize("other", ["B1234XYA", "81234XYZ", "B123XYZ", "B12345XYZ"])
def test_a_plate_one_edit_away_is_the_same_vehicle_and_the_surer_read_names_it(take, camera, rows, other):
    take(seen(camera, PlateRead(
        event="ANPR", plate_number=other, confidence=60.0, capture_time=NOW)))  # fmt: skip
    take(seen(camera, read("B1234XYZ", after=5)))

    assert [("B1234XYZ", 2)] == rows("SELECT plate_number, reads FROM passages")
    assert [("B1234XYZ",)] == rows("SELECT plate_number FROM violations")


@pytest.mark.parametrize(
    ("second", "after"),
    [("B1234XYA", 31.0), ("B1234XYZ", 31.0), ("B1299XYZ", 1.0), ("D1234XYZ", 3600.0)],
)
def test_another_plate_or_a_later_time_is_another_passage(take, camera, rows, second, after):
    take(seen(camera, read("B1234XYZ")))
    take(seen(camera, read(second, after=after)))

    assert 2 == len(rows("SELECT 1 FROM passages"))


def test_an_event_id_joins_new_update_and_lost_whatever_the_plate(take, camera, rows):
    steps = ((None, 0, "start"), ("B1234XYZ", 50, "update"), ("D77QZ", 100, "update"), ("B1234XYZ", 3000, "stop"))
    for plate, after, phase in steps:
        take(seen(camera, read(plate, after=after, event_id="track-7", phase=phase)))

    assert [("B1234XYZ", 4, "track-7")] == rows("SELECT plate_number, reads, event_id FROM passages")
    assert 1 == len(rows("SELECT 1 FROM violations"))


def test_two_vehicles_under_one_event_id_are_two_violations_and_a_counted_warning(take, camera, rows):
    take(seen(camera, read("B1234XYZ", event_id="7")), seen(camera, read("D4321A", after=0.2, event_id="7")))
    take(seen(camera, read("B1234XYZ", event_id="7")), seen(camera, read("D4321A", after=0.2, event_id="7")))

    assert [("B1234XYZ", 2), ("D4321A", 2)] == rows("SELECT plate_number, reads FROM passages ORDER BY 1")
    assert 2 == len(rows("SELECT 1 FROM violations"))
    assert [("reused_id", 1)] == rows("SELECT outcome, n FROM event_counts")


def test_one_event_id_on_two_devices_is_two_passages(take, camera, rows, database, make_device):
    other = make_device(database)

    take(seen(camera, read(event_id="7")), seen(other, read(event_id="7")))

    assert 2 == len(rows("SELECT 1 FROM passages"))


def test_a_decided_violation_keeps_its_plate_when_a_better_read_comes(take, camera, rows):
    take(seen(camera, read("R1234XYZ")))
    rows("UPDATE violations SET status = 'approved', verified_by = 'petugas', verified_at = now() RETURNING id")

    take(seen(camera, read("B1234XYZ", after=3)))

    assert [("approved", "R1234XYZ")] == rows("SELECT status, plate_number FROM violations")


# -- verdicts, clocks, counts -----------------------------------------------------------------------------------------


def test_what_is_dropped_is_counted_and_makes_no_passage(take, camera, rows):
    summary = take(seen(camera, read("XXXX"), read("X2")), seen(camera, read("XXXX")))

    assert (3, 3, 0) == (summary.reads, summary.dropped, summary.passages)
    assert [("dropped", "not_a_plate", 3)] == rows("SELECT outcome, event, n FROM event_counts")
    assert [] == rows("SELECT 1 FROM passages")
    assert [(3,)] == rows("SELECT count(*) FROM plate_reads WHERE passage_id IS NULL")


def test_a_read_to_be_reviewed_says_why_on_the_violation(take, camera, rows):
    take(seen(camera, read("R1234XYZ")))

    assert [("pending", ["low_confidence"])] == rows("SELECT status, attention FROM violations")
    told = rows("SELECT plate_number, verdict_reason, raw_payload->>'verdict_detail' FROM plate_reads")
    assert [("R1234XYZ", "low_confidence", "the server reads R1284XYZ")] == told


def test_unsupported_events_and_statuses_are_counted(take, camera, rows):
    take(seen(camera, unsupported="fielddetection"), seen(camera, Status(event="diskfull")))

    assert [("status", "diskfull", 1), ("unsupported", "fielddetection", 1)] == rows(
        "SELECT outcome, event, n FROM event_counts ORDER BY 1"
    )


@pytest.mark.parametrize(
    ("ahead_s", "state", "status"),
    [(0.5, "ok", "pending"), (5, "warn", "pending"), (-90, "hold", "held"), (3600, "wrong_zone", "held")],
)
def test_a_wrong_clock_holds_the_violation_and_names_the_reason(take, camera, rows, ahead_s, state, status):
    take(seen(camera, read(after=ahead_s)))

    ((found, attention, reason),) = rows("SELECT status, attention, held_reason FROM violations")
    assert status == found
    assert (["clock_skew"] if state == "warn" else []) == attention
    assert (status == "held") == bool(reason)
    assert [(state, [float(ahead_s)])] == rows("SELECT skew_state, skew_samples FROM device_health")


def test_a_clock_that_says_the_same_is_written_when_it_is_time_and_a_change_at_once(database, camera, rows, tmp_path):
    with contextlib.closing(database.raw()) as connection:
        intake = Intake(connection, Judge(), MediaStore(tmp_path / "other"), Rules(), health_every_s=3600)
        kept = []
        for n, ahead_s in enumerate((0.5, 0.6, 60, 60, 60, 60)):
            intake.finish([], [seen(camera, read(f"B{n}{n}{n}{n}XYZ", after=ahead_s))])
            kept += rows("SELECT skew_state, cardinality(skew_samples) FROM device_health")
        intake.settle()
        kept += rows("SELECT skew_state, cardinality(skew_samples) FROM device_health")

    assert [("ok", 1), ("ok", 1), ("ok", 1), ("hold", 4), ("hold", 4), ("hold", 4), ("hold", 6)] == kept


def test_late_reposts_of_one_vehicle_are_no_sign_of_a_wrong_clock(take, camera, rows):
    first = seen(camera, read(event_id="e-1"))
    take(first)
    for n in range(1, 11):
        again = seen(camera, read(event_id="e-1"))
        again.received_at = first.received_at + timedelta(minutes=n)
        take(again)

    assert [(11,)] == rows("SELECT reads FROM passages")
    assert [("ok", [0.0])] == rows("SELECT skew_state, skew_samples FROM device_health")


def test_an_event_kept_during_an_outage_is_no_sign_of_a_wrong_clock(take, camera, rows):
    take(seen(camera, read(after=-7200, retransmitted=True)))

    assert [("pending",)] == rows("SELECT status FROM violations")


# -- pictures ---------------------------------------------------------------------------------------------------------


def test_a_picture_by_address_is_queued_and_waits_on_its_read(take, camera, rows):
    take(seen(camera, read(images=(Image(role="scene", url="http://192.0.2.7/a.jpg"),))))

    ((read_id, images),) = rows("SELECT id, images FROM plate_reads")
    assert [("http://192.0.2.7/a.jpg", "scene", read_id, "pending")] == rows(
        "SELECT url, role, plate_read_id, status FROM image_fetches"
    )
    assert [{"role": "scene", "url": "http://192.0.2.7/a.jpg", "state": "pending"}] == images


def test_one_picture_of_two_reads_is_stored_once_and_bound_to_both(take, camera, rows):
    data = picture()

    take(seen(camera, *(read(p, images=(Image(role="plate", data=data),)) for p in ("B1234XYZ", "D77AA"))))

    assert [(len(data), "image/jpeg")] == rows("SELECT size, mime FROM media")
    assert [(2, 1)] == rows("SELECT count(*), count(DISTINCT plate_image) FROM plate_reads")


# -- what PostgreSQL or we cannot write -------------------------------------------------------------------------------


def test_nul_and_surrogates_in_any_field_are_cleaned(take, camera, rows):
    odd = "a\x00b\ud800c"
    fields = dict.fromkeys(
        ("event_id", "lane_no", "vehicle_type", "vehicle_color", "vehicle_brand", "plate_color", "capture_time_raw"),
        odd,
    )
    take(
        seen(
            camera, read(**fields, extra={odd: [odd, {"x": odd}]}, images=(Image(role="scene", url=f"http://x/{odd}"),))
        ),
        seen(camera, unsupported=odd),
        seen(camera, failure=("malformed", odd, odd, odd)),
        seen(camera, Status(event=odd)),
    )

    assert [("ab?c", "ab?c", "ab?c", {"ab?c": ["ab?c", {"x": "ab?c"}]})] == rows(
        "SELECT event_id, vehicle_brand, lane_no, raw_payload FROM plate_reads"
    )
    assert [("ab?c",)] == rows("SELECT reason FROM quarantine")


@pytest.mark.parametrize(
    "bad",
    [
        {"plate_number": "B" * 21},
        {"capture_time": datetime.max.replace(tzinfo=UTC)},
        {"capture_time": datetime.min.replace(tzinfo=UTC)},
        {"extra": {"n": 10**400}},
        {"speed_kmh": float("inf")},
        {"extra": {"o": object()}},
    ],
    ids=["too long", "last moment", "first moment", "huge number", "infinite", "no JSON"],
)
def test_a_row_that_cannot_be_written_stands_alone_in_quarantine(take, camera, rows, bad):
    fields = {"event": "ANPR", "plate_number": "B1A", "confidence": 90.0, "capture_time": NOW} | bad
    payloads = [seen(camera, read(f"B{n}{n}{n}{n}XYZ")) for n in range(1, 6)]
    payloads.insert(2, seen(camera, PlateRead(**fields)))

    summary = take(*payloads)

    good = {p.payload_id for p in payloads} - {payloads[2].payload_id}
    assert good == {row[0] for row in rows("SELECT payload_id FROM plate_reads")} - {payloads[2].payload_id}
    assert (6, 5) == (summary.payloads, len(rows("SELECT 1 FROM violations WHERE plate_number LIKE 'B%%XYZ'")))
    ((kind, payload_id),) = rows("SELECT kind, payload_id FROM quarantine") or [("kept", payloads[2].payload_id)]
    assert payloads[2].payload_id == payload_id
    assert (kind == "kept") == bool(rows("SELECT 1 FROM plate_reads WHERE payload_id = %s", payload_id))
    assert [(5,)] == rows("SELECT least(cardinality(skew_samples), 5) FROM device_health")


def test_storage_that_is_away_blames_no_payload(database, camera, rows, tmp_path):
    class Full:
        def append(self, blobs):
            raise OSError(28, "No space left on device")

    with contextlib.closing(database.raw()) as connection:
        intake = Intake(connection, Judge(), Full(), Rules())
        with pytest.raises(OSError, match="No space"), connection.transaction():
            intake.finish([], [seen(camera, read(images=(Image(role="plate", data=picture()),)))])
        connection.close()
        with pytest.raises(psycopg.OperationalError):
            intake.finish([], [seen(camera, read())])

    assert [] == rows("SELECT 1 FROM quarantine UNION ALL SELECT 1 FROM plate_reads")
