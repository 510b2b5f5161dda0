"""How well plates of one's own cameras are read: a list of crops and what they show, against the plugin's judgement."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from core.api import Refused, Verdict, normalise_plate

COLUMNS = ("file", "plate")


class Crop(msgspec.Struct, frozen=True):
    """A picture file and the plate on it, normalised."""

    file: Path
    plate: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a list came to.

    exact    one of the readings that count is the plate
    near     none is, one is an edit away
    silent   no reading counts: the camera is believed
    wrong    the reading is another plate: a right camera is sent to review
    caught   a camera that had read the plate of the next row was sent to review
    cpu_s    of both judgements of all
    """

    crops: int
    exact: int
    near: int
    silent: int
    wrong: int
    caught: int
    cpu_s: float

    def told(self) -> str:
        """Lines for people."""

        def share(count: int) -> str:
            return f"{count:5}  {count / self.crops:6.1%}"

        return "\n".join(
            (
                f"{self.crops} crops, {1000 * self.cpu_s / (2 * self.crops):.0f} ms of CPU a judgement",
                f"read exactly                                     {share(self.exact)}",
                f"one edit away: silent as well                    {share(self.near)}",
                f"no opinion                                       {share(self.silent)}",
                f"sent to review though the camera was right       {share(self.wrong)}",
                f"sent to review when the camera was wrong         {share(self.caught)}",
            )
        )


def crops_of(table: Path) -> list[Crop]:
    """The rows of a CSV file with the columns file (beside it) and plate. Raises Refused saying what is amiss."""
    return list(_crops(table))


def _crops(table: Path) -> Iterator[Crop]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as opened:
            rows = csv.DictReader(opened)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise Refused(f"{table}: expected the columns {', '.join(COLUMNS)}, found {rows.fieldnames}")
            for number, row in enumerate(rows, start=2):
                plate = normalise_plate(row["plate"])
                file = table.parent / (row["file"] or "")
                if plate is None or not file.is_file():
                    what = "no plate" if plate is None else f"no file {file.name}"
                    raise Refused(f"{table}, line {number}: {what}; a row is a picture beside the table and its plate")
                yield Crop(file, plate)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{table} cannot be read: {error}") from None


def count(
    crops: list[Crop], readings: Callable[[bytes], list[str]], judge: Callable[[str, bytes], Verdict | None]
) -> Measured:
    """Judge each crop twice: as a camera that read it right, and as one that read the plate of the next row.

    readings  every text that counts in a crop, normalised
    """
    found = {"exact": 0, "near": 0, "silent": 0, "wrong": 0, "caught": 0}
    spent = 0.0
    for crop, other in zip(crops, crops[1:] + crops[:1], strict=True):
        picture = crop.file.read_bytes()
        texts = readings(picture)
        begun = time.thread_time()
        right, wrong = judge(crop.plate, picture), judge(other.plate, picture)
        spent += time.thread_time() - begun
        if crop.plate in texts:
            outcome = "exact"
        elif right is not None:
            outcome = "wrong"
        else:
            outcome = "near" if texts else "silent"
        found[outcome] += 1
        found["caught"] += wrong is not None
    return Measured(crops=len(crops), cpu_s=spent, **found)
