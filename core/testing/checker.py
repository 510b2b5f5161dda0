"""Judges what a drill recorded: was anything lost, taken twice, or told the centre once too often? Pure; no database.

The record is made from outside (what cameras and officers were answered, what the centre holds) and from the tables,
and the rules compare the two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import msgspec

from core.domain.plates import within_one_edit

Effect = tuple[str, str, str, str]
"""(vendor, plate, type, capture time): by this a centre knows a violation; see core.testing.fake_etnas."""
AT_CENTRE = frozenset({"approved", "queued", "synced", "refused", "uncertain"})
"""Statuses of a violation that was approved and not undone."""


class Post(msgspec.Struct, frozen=True):
    """What a camera sent, and the last answer it heard (0 = none)."""

    device: str
    plate: str
    sha256: str
    status: int


class Stored(msgspec.Struct, frozen=True):
    """A row of the inbox. whole: the bytes that it names have this SHA-256."""

    id: int
    device: str
    sha256: str
    whole: bool = True


class Seen(msgspec.Struct, frozen=True):
    """A plate read that is not voided, and the passage it went into."""

    payload: int
    device: str
    plate: str | None
    passage: int | None


class Decided(msgspec.Struct, frozen=True):
    """A violation as the table has it, and what it would be at the centre."""

    id: int
    passage: int
    kind: str
    status: str
    effect: Effect


class History(msgspec.Struct, kw_only=True):
    """Everything of one drill, after it settled.

    waiting    batches that are still in the inbox
    aside      payload ids in quarantine
    approvals  violations whose approval an officer was answered 200, and did not take back
    effects    how often each violation took effect at the centre
    """

    posts: list[Post] = []
    stored: list[Stored] = []
    waiting: int = 0
    aside: set[int] = msgspec.field(default_factory=set)
    seen: list[Seen] = []
    violations: list[Decided] = []
    approvals: set[int] = msgspec.field(default_factory=set)
    effects: Counter[Effect] = msgspec.field(default_factory=Counter)


class Breach(msgspec.Struct, frozen=True):
    """One rule that does not hold, and where."""

    rule: str
    where: str


def check(history: History) -> list[Breach]:
    """Every breach of every rule; [] when the drill was passed."""
    rules = (_answered_is_stored, _stored_is_read_once, _a_vehicle_is_one_passage, _a_violation_once, _approved_once)
    return [breach for rule in rules for breach in rule(history)]


def _answered_is_stored(history: History) -> Iterator[Breach]:
    """A repeat that is answered 2xx too is a row too: the inbox keeps what came, as often as it came."""
    answered = Counter((p.device, p.sha256) for p in history.posts if 200 <= p.status < 300)
    stored = Counter((s.device, s.sha256) for s in history.stored)
    for key, n in answered.items():
        if stored[key] < n:
            yield Breach("answered 2xx is stored", f"{key[0]} {key[1][:12]}: {n} answered, {stored[key]} stored")
    for row in history.stored:
        if not row.whole:
            yield Breach("stored is whole", f"payload {row.id} of {row.device}")


def _stored_is_read_once(history: History) -> Iterator[Breach]:
    if history.waiting:
        yield Breach("the inbox is empty", f"{history.waiting} batches wait")
    reads = Counter(seen.payload for seen in history.seen)
    for row in history.stored:
        if row.id in history.aside:
            yield Breach("nothing is put aside", f"payload {row.id} of {row.device}")
        elif reads[row.id] != 1:
            yield Breach("stored is read once", f"payload {row.id} of {row.device}: {reads[row.id]} reads")


def _a_vehicle_is_one_passage(history: History) -> Iterator[Breach]:
    passages: dict[tuple[str, str | None], set[int | None]] = defaultdict(set)
    vehicles: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for seen in history.seen:
        passages[seen.device, seen.plate].add(seen.passage)
        if seen.passage is not None:
            vehicles[seen.passage].add((seen.device, seen.plate or ""))
    for vehicle in sorted({(p.device, p.plate) for p in history.posts if 200 <= p.status < 300}):
        found = passages.get(vehicle, set())
        if len(found) != 1 or None in found:
            named = sorted(str(number) for number in found)
            yield Breach("a vehicle is one passage", f"{vehicle[0]} {vehicle[1]}: {', '.join(named) or 'none'}")
    for passage, together in vehicles.items():
        (device, plate), *others = sorted(together)
        if any(device != d or not within_one_edit(plate, p) for d, p in others):
            yield Breach("a passage is one vehicle", f"{passage}: {sorted(together)}")


def _a_violation_once(history: History) -> Iterator[Breach]:
    for (passage, kind), n in Counter((v.passage, v.kind) for v in history.violations).items():
        if n > 1:
            yield Breach("a violation opens once", f"passage {passage}, {kind}: {n} times")


def _approved_once(history: History) -> Iterator[Breach]:
    status = {v.id: v.status for v in history.violations}
    for number in sorted(history.approvals):
        if status.get(number) not in AT_CENTRE:
            yield Breach("an approval is kept", f"violation {number} is {status.get(number, 'gone')}")
    due = {v.effect: v for v in history.violations if v.status in AT_CENTRE}
    for effect, violation in due.items():
        if history.effects[effect] != 1:
            n = history.effects[effect]
            yield Breach("an approval reaches the centre once", f"violation {violation.id} ({violation.status}): {n}")
    for effect in history.effects:
        if effect not in due:
            yield Breach("nothing else reaches the centre", " ".join(effect))
