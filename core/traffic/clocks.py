"""What devices' clocks say: the last samples in memory, judged with each batch, written when it changes or in time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import psycopg

from core.domain.clock import KEPT, Skew, judge_skew
from core.traffic import intake_sql as sql


class Look(NamedTuple):
    """A device's samples, in seconds that its clock is ahead, and what they come to."""

    samples: list[float]
    skew: Skew


class Clocks:
    """Of the devices whose reads an intake writes, over its connection.

    every_s  what a clock says is written at most so often while it says the same; `owed` gives what was put off
    """

    def __init__(self, connection: psycopg.Connection, *, warn_s: float, hold_s: float, every_s: float) -> None:
        self._connection = connection
        self._warn_s = warn_s
        self._hold_s = hold_s
        self._every_s = every_s
        self._samples: dict[int, list[float]] = {}
        self._told: dict[int, tuple[float, str]] = {}
        self._owed: dict[int, int] = {}

    def look(self, devices: Iterable[int], more: Mapping[int, list[float]]) -> dict[int, Look]:
        """Each device's clock with the samples of a batch; `keep` makes them last once they are written."""
        devices = list(devices)
        missing = [device for device in devices if device not in self._samples]
        if missing:
            rows = self._connection.execute(sql.SKEW_SAMPLES, (missing,), prepare=True).fetchall()
            found = {row[0]: list(row[1]) for row in rows}
            self._samples.update({device: found.get(device, []) for device in missing})
        looks = {}
        for device in devices:
            samples = (self._samples[device] + more.get(device, []))[-KEPT:]
            looks[device] = Look(samples, judge_skew(samples, warn_s=self._warn_s, hold_s=self._hold_s))
        return looks

    def keep(self, looks: Mapping[int, Look]) -> None:
        """The batch is written: the next one goes on from here."""
        self._samples.update({device: look.samples for device, look in looks.items()})

    def due(
        self, looks: Mapping[int, Look], sampled: Iterable[int], problems: Mapping[int, int], vendor_of: dict[int, int]
    ) -> list[dict[str, Any]]:
        """Rows of sql.ASIDE for the devices that gave samples or had so many problems, less those that are put off."""
        rows = []
        now = time.monotonic()
        for device in sorted({*problems, *sampled}):
            look = looks[device] if device in looks else self.look([device], {})[device]
            at, told = self._told.get(device, (0.0, ""))
            if device not in problems and look.skew.state == told and now - at < self._every_s:
                self._owed[device] = vendor_of[device]
                continue
            self._told[device] = now, look.skew.state
            self._owed.pop(device, None)
            rows.append(_row(device, vendor_of[device], problems.get(device, 0), look))
        return rows

    def owed(self) -> list[dict[str, Any]]:
        """Rows of what was put off; the caller writes them."""
        owed, self._owed = self._owed, {}
        looks = self.look(owed, {})
        return [_row(device, vendor, 0, looks[device]) for device, vendor in sorted(owed.items())]


def _row(device: int, vendor: int, problems: int, look: Look) -> dict[str, Any]:
    skew = look.skew
    return {
        "d": device, "v": vendor, "n": problems, "sa": look.samples, "ss": skew.seconds, "st": skew.state,
        "no": skew.note or None,
    }  # fmt: skip
