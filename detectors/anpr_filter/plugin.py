"""Is a read good enough to act on? Confidence, plate grammar, regions, look-alike characters.

Everything here is an opinion of the text alone; whether a passage is a violation is for the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from core.api import (
    Device,
    PlateRead,
    PluginConfig,
    Verdict,
    hookimpl,
    read_indonesian_plate,
    repair_plate,
)
from core.api import Plugin as Base

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Action = Literal["accept", "review", "drop"]
_SEVERITY = ("accept", "review", "drop")
_OFFICIAL = {"diplomatic": "diplomatic", "state": "state (RI)", "service": "TNI or Polri"}
_REGIONS = {
    f"polda-{code}": tuple(letters.split())
    for code, letters in {
        "aceh": "BL", "sumut": "BB BK", "sumbar": "BA", "riau": "BM", "kepri": "BP", "jambi": "BH", "sumsel": "BG",
        "babel": "BN", "bengkulu": "BD", "lampung": "BE",
        "banten": "A B", "metro-jaya": "B", "jabar": "B D E F T Z", "jateng": "G H K R AA AD", "diy": "AB",
        "jatim": "L M N P S W AE AG",
        "bali": "DK", "ntb": "DR EA", "ntt": "DH EB ED",
        "kalbar": "KB", "kalteng": "KH", "kalsel": "DA", "kaltim": "KT", "kaltara": "KU",
        "sulut": "DB DL", "gorontalo": "DM", "sulteng": "DN", "sulbar": "DC", "sulsel": "DD DP DW", "sultra": "DT",
        "maluku": "DE", "malut": "DG", "papua": "PA PS PT PG", "papua-barat": "PB PY",
    }.items()
}  # fmt: skip
"""Vendor code -> region letters at home there. B is issued in Tangerang, Depok and Bekasi too."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Percent: from `accept` on a read passes by itself, from `review` on a person looks, below it is dropped."""

    accept: Percent = 80.0
    review: Percent = 30.0

    def __post_init__(self) -> None:
        if self.review > self.accept:
            raise ValueError(f"review ({self.review:g}) must not be above accept ({self.accept:g})")


class Rules(Thresholds, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds and what becomes of reads that no threshold decides; a device's settings may set any of them.

    no_plate       the device saw a vehicle and read no plate
    no_confidence  the device gave no confidence
    grammar        the plate follows no Indonesian form and nothing like it does (foreign plates, misreads)
    """

    no_plate: Action = "review"
    no_confidence: Action = "review"
    grammar: Action = "review"


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`default` for all, `makers` by maker, and over both a device's `settings.anpr_filter`.

    regions  region letters at home with a vendor; others are normal traffic and only mentioned
    """

    default: Rules = Rules()
    makers: dict[str, Rules] = msgspec.field(default_factory=dict)
    regions: dict[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: dict(_REGIONS))


class Plugin(Base):
    """The strictest of its findings is its verdict; of equals, the first in the order of `_findings`."""

    Config = Config

    @hookimpl
    def judge_read(self, read: PlateRead, device: Device) -> Verdict | None:
        rules: Rules = self.config.makers.get(device.maker, self.config.default)
        own = device.settings.get("anpr_filter")
        if own:
            try:
                rules = msgspec.convert({**msgspec.structs.asdict(rules), **own}, Rules)
            except (msgspec.ValidationError, TypeError) as error:
                detail = f"settings.anpr_filter of {device.code} cannot be used: {error}"
                return Verdict(action="review", reason="bad_settings", detail=detail)
        verdict = Verdict(action="accept", reason="other_region" if self._from_elsewhere(read, device) else "")
        for found in _findings(read, rules):
            if _SEVERITY.index(found.action) > _SEVERITY.index(verdict.action):
                verdict = found
        return verdict

    def _from_elsewhere(self, read: PlateRead, device: Device) -> bool:
        home = self.config.regions.get(device.vendor_code)
        plate = read_indonesian_plate(read.plate_number) if home else None
        if not home or plate is None or plate.kind != "civil":
            return False
        return plate.known_region and plate.region not in home


def _findings(read: PlateRead, rules: Rules) -> Iterator[Verdict]:
    if read.plate_number is None:
        yield Verdict(action=rules.no_plate, reason="no_plate", detail="a vehicle whose plate was not read")
        return
    if read.confidence is None:
        yield Verdict(action=rules.no_confidence, reason="confidence_missing", detail="the device gave no confidence")
    elif read.confidence < rules.review:
        detail = f"{read.confidence:g} % is below {rules.review:g} %"
        yield Verdict(action="drop", reason="confidence_below_review", detail=detail)
    plate = read_indonesian_plate(read.plate_number)
    if plate is not None and plate.kind != "civil":
        yield Verdict(action="review", reason="official_plate", detail=f"looks like a {_OFFICIAL[plate.kind]} plate")
    elif plate is None or not plate.known_region:
        suggestions = repair_plate(read.plate_number)
        if suggestions:
            detail = f"may be {' or '.join(suggestions)}: letters and digits that look alike"
            yield Verdict(action="review", reason="homoglyph", detail=detail)
        elif plate is not None:
            detail = f"no region has the letters {plate.region}"
            yield Verdict(action="review", reason="region_unknown", detail=detail)
        else:
            yield Verdict(action=rules.grammar, reason="plate_grammar", detail="follows no Indonesian plate form")
    if read.confidence is not None and read.confidence < rules.accept:
        detail = f"{read.confidence:g} % is below {rules.accept:g} %"
        yield Verdict(action="review", reason="confidence_below_accept", detail=detail)
