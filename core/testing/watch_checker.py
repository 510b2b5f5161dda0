"""Judges what a drill of the weapon flow recorded: was anything acknowledged lost, was anybody told twice? Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import msgspec

from core.testing.checker import Breach

OPENING = ("weapon_detected", "incident_opened")
REACHED = frozenset({"accepted", "delivered"})
ENDED = frozenset({"accepted", "delivered", "undeliverable", "superseded", "waiting"})
"""Where a delivery may rest: `dead` and what never came to an end are losses. `waiting` waits for nobody's answer."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery with its notice, as the tables have it."""

    notice_id: str
    notice: int
    kind: str
    report: int
    role: str
    channel: str
    status: str
    attempts: int
    is_unsure: bool = False
    is_heard: bool = False


class WatchHistory(msgspec.Struct, kw_only=True):
    """Everything of one drill, after it settled.

    posted     (client id, report id) that a program was told with a 2xx
    points     (report, client id) of positions that a phone was told with a 2xx
    sent, recalled  (report, police) and reports of an officer's acts that were answered 2xx
    reports    id -> status
    frames     report of a program -> how many posts it counts
    stored     (report, client id) -> rows of track points
    assigned   (report, police) of all assignments
    opened     timeline: report -> how often it opened
    tellings   all deliveries; `notice_id` is what the peer and the apps see
    at_peer    (channel name, notice id) -> how often the Pusher server took it
    heard      notice ids that the open websocket had
    settled    tellings that ended by what their channel heard of them
    shown      notice id -> how often a client of the public name, which drops no repeats, had it
    """

    posted: list[tuple[str, int]] = []
    points: list[tuple[int, str]] = []
    sent: list[tuple[int, int]] = []
    recalled: list[int] = []
    reports: dict[int, str] = {}
    frames: dict[int, int] = {}
    stored: Counter[tuple[int, str]] = msgspec.field(default_factory=Counter)
    assigned: list[tuple[int, int]] = []
    opened: Counter[int] = msgspec.field(default_factory=Counter)
    tellings: list[Told] = []
    at_peer: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    heard: set[str] = set()
    settled: int = 0
    shown: Counter[str] = msgspec.field(default_factory=Counter)


def check_watch(history: WatchHistory) -> list[Breach]:
    """All breaches; [] when nothing was lost and nobody was told twice."""
    return [*_kept(history), *_announced(history), *_reached(history), *_once(history)]


def _kept(h: WatchHistory) -> Iterator[Breach]:
    meant: dict[str, set[int]] = defaultdict(set)
    for client_id, report in h.posted:
        meant[client_id].add(report)
        if report not in h.reports:
            yield Breach("an acknowledged report is stored", f"{client_id} as report {report}")
    for client_id, found in meant.items():
        if len(found) > 1:
            yield Breach("a repeated post is one report", f"{client_id} as {sorted(found)}")
    for report, number in h.frames.items():
        posts = sum(report in found for found in meant.values())
        if number != posts:
            yield Breach("each post is counted once", f"report {report}: {posts} posts, {number} counted")
    for point in set(h.points):
        if h.stored[point] != 1:
            yield Breach("an acknowledged point is stored once", f"{point} has {h.stored[point]} rows")
    for report, police in h.sent:
        if (report, police) not in h.assigned:
            yield Breach("an assignment that was confirmed is kept", f"police {police} to report {report}")
    for report in h.recalled:
        if h.reports.get(report) != "rejected":
            yield Breach("a recall that was confirmed is kept", f"report {report} is {h.reports.get(report)}")


def _announced(h: WatchHistory) -> Iterator[Breach]:
    notices: dict[tuple[int, str], set[int]] = defaultdict(set)
    for told in h.tellings:
        notices[told.report, told.kind].add(told.notice)
    assigned = Counter(report for report, _ in h.assigned)
    for report, status in h.reports.items():
        wanted = {"opened": h.opened[report], "assigned": assigned[report], "recalled": int(status == "rejected")}
        found = {
            "opened": sum(len(notices[report, kind]) for kind in OPENING),
            "assigned": len(notices[report, "assigned"]),
            "recalled": len(notices[report, "recalled"]),
        }
        for what, number in wanted.items():
            if number != found[what]:
                yield Breach("every happening is one notice", f"report {report}: {number} {what}, {found[what]} told")


def _reached(h: WatchHistory) -> Iterator[Breach]:
    people: dict[str, list[Told]] = defaultdict(list)
    for told in h.tellings:
        people[told.notice_id].append(told)
        if told.status not in ENDED:
            yield Breach("every telling comes to an end", f"{told.notice_id} by {told.channel} is {told.status}")
    at_peer = {notice_id for _, notice_id in h.at_peer}
    for notice_id, tellings in people.items():
        taken = notice_id in at_peer or any(
            t.is_heard for t in tellings
        )  # one that was killed before its answer has it
        if any(t.channel == "pusher" and t.status in REACHED for t in tellings) and not taken:
            yield Breach("what the server is said to have taken, it has", notice_id)
        reached = notice_id in h.heard or any(t.status in REACHED for t in tellings)
        if not reached and not _replaced(h, tellings):
            how = ", ".join(f"{t.channel} {t.status}" for t in tellings)
            yield Breach("everybody who is meant is reached", f"{notice_id} ({tellings[0].kind}): {how}")


def _replaced(h: WatchHistory, tellings: list[Told]) -> bool:
    """A recall ends what still waits to be told of its report, a newer position what waits of the one before."""
    told = tellings[0]
    ended = h.reports.get(told.report) == "rejected" and told.kind != "recalled"
    return (ended or told.kind == "tracking_update") and any(t.status == "superseded" for t in tellings)


def _once(h: WatchHistory) -> Iterator[Breach]:
    """The same id again is a repeat that apps drop, right only after a lost answer: each costs an attempt. Who listens
    to a public name may not drop it: there it never is."""
    by_pusher = {told.notice_id: told for told in h.tellings if told.channel == "pusher"}
    for (channel, notice_id), number in h.at_peer.items():
        told = by_pusher.get(notice_id)
        if told is None or number > told.attempts:
            yield Breach("nobody is told more often than it was tried", f"{notice_id} on {channel}: {number}")
        elif number > 1 and not told.is_unsure:
            yield Breach("only what may not have been told is told again", f"{notice_id} on {channel}: {number}")
        elif number > 1 and not channel.startswith("private-"):
            yield Breach("a public name takes each notice once", f"{notice_id} ({told.kind})")
    for notice_id, number in h.shown.items():
        if number > 1:
            yield Breach("a client that drops no repeats has each notice once", f"{notice_id}: {number}")
