"""The checker of the drills finds every kind of loss and doubling that is planted, and nothing in a sound record."""

from collections import Counter

import msgspec
import pytest

from core.testing.checker import Breach, Decided, History, Post, Seen, Stored, check

SENT = ("polda-banten", "A1234XYZ", "lampu_merah", "2026-03-01T01:02:03Z")
OTHER = ("polda-banten", "A777KL", "lampu_merah", "2026-03-01T01:02:09Z")


def sound():
    """Two vehicles: one posted twice and answered twice, approved, synced; one rejected, its first post unanswered."""
    return History(
        posts=[
            Post("cam-1", "A1234XYZ", "aa", 200),
            Post("cam-1", "A1234XYZ", "aa", 200),
            Post("cam-2", "A777KL", "bb", 0),
            Post("cam-2", "A777KL", "bb", 200),
        ],
        stored=[Stored(1, "cam-1", "aa"), Stored(2, "cam-1", "aa"), Stored(3, "cam-2", "bb"), Stored(4, "cam-2", "bb")],
        seen=[
            Seen(1, "cam-1", "A1234XYZ", 10),
            Seen(2, "cam-1", "A1234XYZ", 10),
            Seen(3, "cam-2", "A777KL", 11),
            Seen(4, "cam-2", "A777KL", 11),
        ],
        violations=[
            Decided(100, 10, "lampu_merah", "synced", SENT),
            Decided(101, 11, "lampu_merah", "rejected", OTHER),
        ],
        approvals={100},
        effects=Counter([SENT]),
    )


def broken(change):
    history = sound()
    change(history)
    return [breach.rule for breach in check(history)]


def test_a_sound_record_has_no_breach():
    assert [] == check(sound())


def test_a_breach_says_where():
    history = sound()
    history.stored[1] = Stored(2, "cam-1", "aa", whole=False)
    assert [Breach("stored is whole", "payload 2 of cam-1")] == check(history)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("answered 2xx is stored", lambda h: (h.stored.pop(0), h.seen.pop(0))),
        ("answered 2xx is stored", lambda h: h.posts.append(Post("cam-2", "A777KL", "cc", 201))),
        ("answered 2xx is stored", lambda h: h.stored.__setitem__(0, Stored(1, "cam-2", "aa"))),
        ("the inbox is empty", lambda h: setattr(h, "waiting", 1)),
        ("nothing is put aside", lambda h: h.aside.add(3)),
        ("stored is read once", lambda h: h.seen.pop(0)),
        ("stored is read once", lambda h: h.seen.append(Seen(3, "cam-2", "A777KL", 11))),
        ("a violation opens once", lambda h: h.violations.append(Decided(102, 11, "lampu_merah", "rejected", OTHER))),
        ("an approval is kept", lambda h: h.approvals.add(101)),
        ("an approval is kept", lambda h: h.approvals.add(999)),
        ("an approval reaches the centre once", lambda h: h.effects.clear()),
        ("an approval reaches the centre once", lambda h: h.effects.update([SENT])),
        ("nothing else reaches the centre", lambda h: h.effects.update([OTHER])),
        ("nothing else reaches the centre", lambda h: h.effects.update([("polda-banten", "B1X", "x", "y")])),
    ],
)
def test_a_planted_breach_is_found_alone(rule, change):
    assert [rule] == broken(change)


def test_a_vehicle_in_two_passages_is_found():
    def split(history):
        history.seen[1] = Seen(2, "cam-1", "A1234XYZ", 12)

    assert ["a vehicle is one passage"] == broken(split)


def test_a_vehicle_without_a_passage_is_found():
    def drop(history):
        history.seen[2:] = [Seen(3, "cam-2", "A777KL", None), Seen(4, "cam-2", "A777KL", None)]

    assert ["a vehicle is one passage"] == broken(drop)


def test_a_vehicle_that_was_read_as_another_is_found():
    def misread(history):
        history.seen[2:] = [Seen(3, "cam-2", "A778KL", 11), Seen(4, "cam-2", "A778KL", 11)]

    assert ["a vehicle is one passage"] == broken(misread)


def test_two_vehicles_in_one_passage_are_found():
    def lump(history):
        history.seen[2:] = [msgspec.structs.replace(seen, passage=10) for seen in history.seen[2:]]

    assert ["a passage is one vehicle"] == broken(lump)


def test_plates_one_edit_apart_may_share_a_passage():
    history = sound()
    history.posts.append(Post("cam-1", "A1234XYS", "dd", 200))
    history.stored.append(Stored(5, "cam-1", "dd"))
    history.seen.append(Seen(5, "cam-1", "A1234XYS", 10))
    assert [] == check(history)


def test_what_was_answered_no_is_owed_nothing():
    history = sound()
    history.posts += [Post("cam-9", "B1A", "ee", 503), Post("cam-9", "B1A", "ee", 0)]
    assert [] == check(history)


@pytest.mark.parametrize("status", ["approved", "queued", "uncertain", "refused"])
def test_an_approval_on_its_way_that_is_not_at_the_centre_is_found(status):
    def stay(history):
        history.violations[0] = msgspec.structs.replace(history.violations[0], status=status)
        history.effects.clear()

    assert ["an approval reaches the centre once"] == broken(stay)
