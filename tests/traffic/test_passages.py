"""One vehicle, one place, one passage (REQUIREMENTS I7)."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cases import Verdict
from core.domain.observations import PlateRead, ViolationType
from core.traffic.passages import JudgedRead, merge

START = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
WINDOW = timedelta(seconds=30)
_ids = count(1)


def read(plate="B1234XYZ", at=0.0, *, device=7, event_id="", confidence=90.0, verdict="accept", **fields):
    return JudgedRead(
        id=next(_ids),
        payload_id=next(_ids),
        ordinal=0,
        device_id=device,
        vendor_id=1,
        read=PlateRead(event="ANPR", plate_number=plate, confidence=confidence, **fields),
        capture_time=START + timedelta(seconds=at),
        received_at=START,
        verdict=Verdict(action=verdict),
        event_id=event_id,
    )


def merged(*reads, known=None):
    return merge(list(reads), known if known is not None else {}, window=WINDOW, new_id=count(100).__next__)


def test_the_same_capture_ten_times_is_one_passage():
    passages = merged(*[read() for _ in range(10)])

    assert [10] == [p.reads for p in passages]


def test_a_repost_hours_later_counts_by_its_capture_time():
    known = {}
    merged(read(), known=known)

    again = merged(read(), known=known)

    assert [(2, False)] == [(p.reads, False) for p in again]
    assert 1 == len(known[7])


def test_reads_one_edit_apart_within_the_window_are_one_vehicle():
    passages = merged(read("B1234XYZ"), read("B1234XY", 5), read("8I234XYZ", 6))

    assert [2, 1] == [p.reads for p in passages]


def test_reads_just_outside_the_window_are_two_passages():
    assert 1 == len(merged(read(at=0), read(at=30)))
    assert 2 == len(merged(read(at=0), read(at=30.001)))


def test_the_window_slides_with_the_vehicle_but_a_parked_one_opens_a_new_passage():
    slow = merged(*[read(at=25 * n) for n in range(20)])
    parked = merged(*[read(at=25 * n) for n in range(80)])

    assert 1 == len(slow)
    assert 2 == len(parked)


def test_the_same_plate_at_another_device_is_another_passage():
    assert 2 == len(merged(read(device=7), read(device=8)))


def test_a_followed_vehicle_s_new_update_and_lost_are_one_whatever_the_plate_says():
    passages = merged(
        read(None, event_id="car-9", phase="start"),
        read("B1234XYZ", 40, event_id="car-9", phase="update"),
        read("D4321A", 80, event_id="car-9", phase="stop"),
    )

    assert [(3, "B1234XYZ")] == [(p.reads, p.plate_number) for p in passages]


@pytest.mark.parametrize(
    ("second", "after"),
    [("B1234XYZ", 80_000), ("B1234XVZ", 1_700), ("8I234XYZ", 1_700), ("B1834XV2", 60), ("B1234", 60), (None, 1_700)],
)
def test_under_one_event_id_what_can_be_one_plate_is_one_vehicle(second, after):
    plates = {"B1234": "B123", None: "B1234XYZ"}
    first, again = read(plates.get(second, "B1234XYZ"), event_id="7"), read(second, after, event_id="7")

    assert [2] == [p.reads for p in merged(first, again)]
    assert not again.id_reused


@pytest.mark.parametrize(
    ("first", "second", "after"),
    [("B1234XYZ", "D4321A", 0.1), ("B1A", "B2C", 0.1), ("B1234XYZ", "B1299XYA", 60), ("B1234XYZ", "B1234XYA", 1_900),
     ("B1234XYZ", None, 1_900), ("B1234XYZ", "B1234XYZ", 90_000)],
)  # fmt: skip
@pytest.mark.parametrize("phase", ["single", "start"])
def test_a_counter_that_starts_again_swallows_no_vehicle(first, second, after, phase):
    known = {}
    merged(read(first, event_id="7"), known=known)
    again = read(second, after, event_id="7", phase=phase, capture_time=START)

    assert [(second, 1)] == [(p.plate_number, p.reads) for p in merged(again, known=known)]
    assert again.id_reused == (after < 86_400)


def test_of_a_device_with_one_id_for_everything_only_a_few_are_kept_under_it():
    known = {}
    reads = [read(f"B{n}{n}{n}{n}XYZ", n, event_id="1") for n in range(10)]
    merged(*reads, known=known)
    again = [read(f"B{n}{n}{n}{n}XYZ", n, event_id="1") for n in range(10)]
    merged(*again, known=known)

    assert [one.passage_id for one in reads] == [one.passage_id for one in again]
    assert (10, 4) == (len(known[7]), sum(p.event_id == "1" for p in known[7]))


def test_after_a_restart_an_update_belongs_to_the_latest_vehicle_of_that_id():
    old, new = read("B1234XYZ", event_id="7"), read("D4321A", 3_600, event_id="7", phase="start")
    update = read("D43Z1AB", 3_605, event_id="7", phase="update")

    assert [1, 2] == [p.reads for p in merged(old, new, update)]
    assert new.passage_id == update.passage_id != old.passage_id


def test_a_new_that_comes_after_its_update_is_no_other_vehicle():
    known = {}
    merged(read("B1234XYZ", 5, event_id="7", phase="update"), known=known)

    assert [2] == [p.reads for p in merged(read("8", event_id="7", phase="start"), known=known)]


def test_the_same_bytes_and_a_post_without_a_clock_are_repeats_for_a_day():
    for event_id in ("sha256:aa:0", "7"):
        assert [2] == [p.reads for p in merged(read(None, event_id=event_id), read(None, 80_000, event_id=event_id))]


def test_reads_without_plate_merge_only_by_event_id():
    assert 2 == len(merged(read(None), read(None, 1)))
    assert 1 == len(merged(read(None, event_id="a"), read(None, 1, event_id="a")))


def test_the_surest_accepted_read_gives_the_plate():
    passages = merged(
        read("B1234XYZ", confidence=70), read("B1234XY2", 1, confidence=95), read("B1234XYZ", 2, confidence=80)
    )

    assert ["B1234XY2"] == [p.plate_number for p in passages]


def test_an_accepted_read_beats_a_surer_one_under_review():
    passages = merged(read("B1234XYZ", confidence=99, verdict="review"), read("B1234XYZ", 1, confidence=60))

    assert [("accept", 60)] == [(p.verdict, p.confidence) for p in passages]


def test_a_dropped_read_makes_no_passage():
    dropped = read(verdict="drop")

    assert [] == merged(dropped)
    assert dropped.passage_id is None


def test_offences_and_the_highest_speed_are_kept_from_all_reads():
    passages = merged(
        read(speed_kmh=52.0, offences=(ViolationType.HELM,)),
        read(at=1, speed_kmh=49.0, offences=(ViolationType.LAMPU_MERAH,)),
    )

    assert [(52.0, ["helm", "lampu_merah"])] == [(p.speed_kmh, p.offences) for p in passages]


@given(st.lists(st.tuples(st.sampled_from(["B1A", "B12A", "B1234XYZ"]), st.integers(0, 300)), min_size=1, max_size=12),
       st.randoms())  # fmt: skip
def test_one_batch_or_many_make_the_same_number_of_reads(steps, chance):
    known = {}
    ids = count(1000)
    reads = [read(plate, at) for plate, at in steps]
    chance.shuffle(reads)
    for one in reads:
        merge([one], known, window=WINDOW, new_id=ids.__next__)

    assert len(reads) == sum(p.reads for ps in known.values() for p in ps)
    assert all(r.passage_id for r in reads)
