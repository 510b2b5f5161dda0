"""The checker of the weapon flow's drills finds every kind of loss and doubling that is planted, and nothing else."""

from collections import Counter

import msgspec
import pytest

from core.testing.watch_checker import Told, WatchHistory, check_watch


def told(notice_id, notice, kind, *, report=1, channel="pusher", status="accepted", attempts=1, role="owner",
         unsure=False):  # fmt: skip
    return Told(notice_id=notice_id, notice=notice, kind=kind, report=report, role=role, channel=channel,
                status=status, attempts=attempts, is_unsure=unsure)  # fmt: skip


def sound():
    """One report is driven to, one is recalled before its assignment was told; one telling went out twice."""
    return WatchHistory(
        posted=[("a", 1), ("a", 1), ("b", 2)],
        points=[(1, "p1"), (1, "p1")],
        sent=[(1, 9), (2, 9)],
        recalled=[2],
        reports={1: "in_progress", 2: "rejected"},
        frames={1: 1, 2: 1},
        stored=Counter({(1, "p1"): 1, (1, "p2"): 1}),
        assigned=[(1, 9), (2, 9)],
        opened=Counter({1: 1, 2: 1}),
        tellings=[
            told("10", 1, "incident_opened", channel="websocket", status="undeliverable"),
            told("10", 1, "incident_opened", attempts=2, unsure=True),
            told("16", 7, "arrived", attempts=2, unsure=True, role="dashboard"),
            told("11", 2, "assigned"),
            told("12", 3, "incident_opened", report=2),
            told("13", 4, "assigned", report=2, status="superseded", attempts=0),
            told("14", 5, "recalled", report=2, channel="websocket", status="delivered"),
        ],
        at_peer=Counter(
            {
                ("private-owner-1", "10"): 2,
                ("officers-dashboard", "10"): 1,
                ("private-owner-1", "11"): 1,
                ("private-owner-1", "12"): 1,
                ("private-officers-dashboard-1", "16"): 2,
                ("officers-dashboard", "16"): 1,
            }
        ),
        heard={"14"},
        shown=Counter({"10": 1, "16": 1}),
    )


def change(history, place, **columns):
    history.tellings[place] = msgspec.structs.replace(history.tellings[place], **columns)


def test_a_sound_record_has_no_breach():
    assert [] == check_watch(sound())


@pytest.mark.parametrize(
    ("rule", "plant"),
    [
        ("an acknowledged report is stored", lambda h: h.posted.append(("c", 3))),
        ("a repeated post is one report", lambda h: (h.posted.append(("a", 2)), h.frames.update({2: 2}))),
        ("each post is counted once", lambda h: h.frames.update({1: 2})),
        ("each post is counted once", lambda h: h.frames.update({4: 1})),
        ("an acknowledged point is stored once", lambda h: h.points.append((1, "p3"))),
        ("an acknowledged point is stored once", lambda h: h.stored.update([(1, "p1")])),
        ("an assignment that was confirmed is kept", lambda h: h.sent.append((1, 8))),
        ("a recall that was confirmed is kept", lambda h: h.recalled.append(1)),
        ("every happening is one notice", lambda h: h.assigned.append((1, 7))),
        ("every happening is one notice", lambda h: h.tellings.append(told("15", 6, "recalled", report=2))
         or h.at_peer.update([("x", "15")])),
        ("every telling comes to an end", lambda h: h.tellings.append(
            told("10", 1, "incident_opened", channel="fcm", status="dead"))),
        ("what the server is said to have taken, it has", lambda h: h.at_peer.pop(("private-owner-1", "11"))),
        ("everybody who is meant is reached", lambda h: change(h, 3, status="undeliverable")),
        ("everybody who is meant is reached", lambda h: (change(h, 6, status="undeliverable"), h.heard.clear())),
        ("nobody is told more often than it was tried", lambda h: h.at_peer.update([("private-owner-1", "11")])),
        ("only what may not have been told is told again", lambda h: change(h, 1, is_unsure=False)),
        ("a public name takes each notice once", lambda h: h.at_peer.update([("officers-dashboard", "16")])),
        ("a client that drops no repeats has each notice once", lambda h: h.shown.update(["16"])),
    ],
)  # fmt: skip
def test_a_planted_breach_is_found_alone(rule, plant):
    history = sound()
    plant(history)
    assert [rule] == [breach.rule for breach in check_watch(history)]
