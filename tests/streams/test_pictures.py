"""The annotated copy of a frame: what stands on it is Indonesian, and the frame itself stays as it was."""

import numpy as np
import pytest

from core.domain.frames import Box, Sighting
from core.domain.incidents import IncidentType
from core.streams.pictures import CONTEXT, WEAPON, annotate, words_of


def sighting(label: str, score: float, kind: IncidentType | None) -> Sighting:
    return Sighting(label=label, score=score, box=Box(x=0.25, y=0.25, width=0.5, height=0.5), incident_type=kind)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (IncidentType.KNIFE, "senjata tajam 87%"),
        (IncidentType.GUN, "senjata api 87%"),
        (IncidentType.GUNS, "senjata api 87%"),
        (IncidentType.OTHER, "benda berbahaya 87%"),
        (None, "87%"),
    ],
)
def test_a_box_is_named_in_indonesian_whatever_the_model_calls_it(kind: IncidentType | None, words: str) -> None:
    assert words == words_of(sighting("knife \N{HOCHO}", 0.874, kind))


def test_weapons_are_drawn_red_over_the_grey_context_and_the_frame_stays_as_it_was() -> None:
    frame = np.zeros((400, 400, 3), np.uint8)
    copy = annotate(frame, [sighting("knife", 0.5, IncidentType.KNIFE), sighting("person", 0.9, None)])
    assert WEAPON == tuple(copy[300, 200])
    assert CONTEXT == tuple(copy[399, 0]), "the strip that says it is a copy"
    assert not frame.any()
