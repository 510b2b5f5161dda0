"""Polda Banten: by the purpose a camera was installed for, and what the camera itself claims."""

from __future__ import annotations

from typing import Literal

from core.api import CaseDraft, Device, Passage, PluginConfig, ViolationType, hookimpl
from core.api import Plugin as Base

_ALL = tuple(ViolationType)
_NAMED = tuple((kind, kind.value) for kind in ViolationType)


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the violation types are drafted, and on what grounds.

    claimed        drafted when the camera claims it and was installed for it
    every_passage  drafted for every passage of a camera installed for it: one that posts only the vehicles that it
                   caught (a red-light camera that triggers on the loop behind the line)
    beyond_purpose "draft": a claim counts at a camera that was not installed for it, too; "ignore": it does not
    without_plate  draft passages without a plate as well; they are for people to read the plate in the picture
    """

    claimed: tuple[ViolationType, ...] = _ALL
    every_passage: tuple[ViolationType, ...] = ()
    beyond_purpose: Literal["ignore", "draft"] = "ignore"
    without_plate: bool = False


class Plugin(Base):
    """Purposes that are no violation type ("parking") are not this rule's."""

    Config = Config

    @hookimpl
    def classify_passage(self, passage: Passage, device: Device) -> list[CaseDraft]:
        if passage.plate_number is None and not self.config.without_plate:
            return []
        drafts = []
        for kind, name in _NAMED:
            purpose = name in device.purposes
            claim = kind in passage.offences and kind in self.config.claimed
            if not purpose and not claim:
                continue
            if purpose and kind in self.config.every_passage:
                ground = "every_passage"
            elif claim and purpose:
                ground = "claimed"
            elif claim and self.config.beyond_purpose == "draft":
                ground = "claimed_beyond_purpose"
            else:
                continue
            detail = {"ground": ground, "purposes": list(device.purposes), "claimed": kind in passage.offences}
            if passage.lane_no:
                detail["lane_no"] = passage.lane_no
            drafts.append(CaseDraft(violation_type=kind, detail=detail))
        return drafts
