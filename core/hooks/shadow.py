"""How a shadow's opinions differ from the live plugins', counted with a few examples. Pure but for the book's file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.domain.cases import CaseDraft, Verdict
from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.frames import Sighting
from core.domain.observations import Observation
from core.hooks.errors import PluginFailed, PluginQuarantined, UnknownMaker

EXAMPLES = 5
MAX_TEXT = 300
MAX_KINDS = 200
T = TypeVar("T")


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs: its kind ("field plate_number", "raised"), and both sides as text for people."""

    kind: str
    live: str = ""
    shadow: str = ""


class Example(msgspec.Struct, frozen=True):
    """A difference on one payload; `tangkapin parse` shows the payload itself."""

    payload_id: int
    live: str
    shadow: str


class Count(msgspec.Struct):
    """How often one kind of difference was seen; the newest examples, at most EXAMPLES."""

    n: int = 0
    last_at: datetime | None = None
    examples: list[Example] = []


class Book(msgspec.Struct):
    """What is known of one shadow. Kept as JSON in a file of its own; it holds plate numbers, so it is private.

    asked        hook -> how often it was asked (faults included)
    differences  hook -> kind -> count
    skipped      payloads passed over since the shadow could not keep up
    """

    instance: str
    since: datetime
    asked: dict[str, int] = {}
    differences: dict[str, dict[str, Count]] = {}
    skipped: int = 0
    state: str = ""

    def note(self, hook: str, payload_id: int, found: Sequence[Difference]) -> None:
        """Count one question and what came of it; [] = the same."""
        self.asked[hook] = self.asked.get(hook, 0) + 1
        kinds = self.differences.setdefault(hook, {}) if found else {}
        for one in found:
            kind = one.kind if one.kind in kinds or len(kinds) < MAX_KINDS else "other"
            count = kinds.setdefault(kind, Count())
            count.n += 1
            count.last_at = datetime.now(UTC)
            example = Example(payload_id, one.live[:MAX_TEXT], one.shadow[:MAX_TEXT])
            count.examples = [*count.examples[1 - EXAMPLES :], example]

    def total(self) -> int:
        """All differences."""
        return sum(count.n for kinds in self.differences.values() for count in kinds.values())

    def save(self, path: Path) -> None:
        """Replace the file at once."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_bytes(msgspec.json.encode(self))
        new.replace(path)


def open_book(path: Path, instance: str) -> Book:
    """The book as it lies there; a new one where there is none or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Book)
    except (OSError, msgspec.DecodeError):
        return Book(instance, datetime.now(UTC))


def attempt(ask: Callable[[], T]) -> tuple[T | None, str]:
    """What was answered, or how it failed in one line."""
    try:
        return ask(), ""
    except (MalformedPayload, UnsupportedEvent, UnknownMaker) as error:
        return None, f"{type(error).__name__}: {error}"
    except PluginQuarantined as error:
        return None, f"quarantined: {error.error_text}"
    except PluginFailed as error:
        return None, f"raised: {error.error_text}"


def compare(
    live: tuple[T | None, str], shadow: tuple[T | None, str], differ: Callable[[T, T], Iterable[Difference]]
) -> list[Difference]:
    """Two attempts; two refusals of one kind are the same."""
    told_live, told_shadow = live[1].partition(":")[0], shadow[1].partition(":")[0]
    if told_live or told_shadow:
        if told_live == told_shadow:
            return []
        kind = told_shadow or f"understood what the live one does not: {told_live}"
        return [Difference(kind, live[1] or "answered", shadow[1] or "answered")]
    if live[0] is None or shadow[0] is None:
        return []
    return list(differ(live[0], shadow[0]))


def observations(live: list[Observation], shadow: list[Observation]) -> Iterator[Difference]:
    """Number, types, then field by field; pictures by role and content."""
    if [type(one) for one in live] != [type(one) for one in shadow]:
        yield Difference("other observations", _types(live), _types(shadow))
        return
    for mine, other in zip(live, shadow, strict=True):
        for name in mine.__struct_fields__:
            one, two = _comparable(name, getattr(mine, name)), _comparable(name, getattr(other, name))
            if one != two:
                yield Difference(f"field {name}", str(one), str(two))


def verdicts(live: Verdict, shadow: Verdict) -> Iterator[Difference]:
    """By action, then by reason."""
    if live.action != shadow.action:
        kind = f"{live.action} -> {shadow.action}"
        yield Difference(kind, f"{live.reason} {live.detail}".strip(), f"{shadow.reason} {shadow.detail}".strip())
    elif live.reason != shadow.reason:
        yield Difference("reason", live.reason, shadow.reason)


def drafts(live: list[CaseDraft], shadow: list[CaseDraft]) -> Iterator[Difference]:
    """By violation type."""
    one = {draft.violation_type.value: draft.detail for draft in live}
    two = {draft.violation_type.value: draft.detail for draft in shadow}
    for name in sorted(one.keys() | two.keys()):
        if name not in two:
            yield Difference(f"no {name}", str(one[name]))
        elif name not in one:
            yield Difference(f"also {name}", "", str(two[name]))
        elif one[name] != two[name]:
            yield Difference(f"detail of {name}", str(one[name]), str(two[name]))


def sightings(live: list[list[Sighting]], shadow: list[list[Sighting]]) -> Iterator[Difference]:
    """By how many of each reported kind are seen in all frames; boxes and scores are each model's own."""
    one, two = _seen(live), _seen(shadow)
    for name in sorted(one.keys() | two.keys()):
        if one[name] != two[name]:
            yield Difference(f"{'fewer' if two[name] < one[name] else 'more'} {name}", str(one[name]), str(two[name]))


def _seen(frames: list[list[Sighting]]) -> Counter[str]:
    return Counter(one.incident_type.value for found in frames for one in found if one.incident_type is not None)


def _types(found: list[Observation]) -> str:
    return ", ".join(type(one).__name__ for one in found) or "nothing"


def _comparable(name: str, value: Any) -> Any:
    if name != "images":
        return value
    return [
        (image.role, image.url, hashlib.sha256(image.data).hexdigest()[:12] if image.data is not None else "")
        for image in value
    ]
