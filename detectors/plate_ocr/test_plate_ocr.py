"""The second opinion on drawn plates: agreement is silent, disagreement is told beside the camera's value."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime

import pytest

from core.api import Image, PlateRead, PluginContext, normalise_plate
from core.testing.bombs import scan_bomb
from core.testing.drawing import draw_plate, draw_scene, indonesian_plate
from core.testing.fixtures import device
from detectors.plate_ocr.plugin import Plugin


@pytest.fixture(scope="module")
def judge():
    """judge(plate of the camera, plate in the picture) -> the verdict."""
    plugin = Plugin(Plugin.Config(), PluginContext(instance="plate_ocr"))

    def ask(said, shown, *, picture=None, role="plate", confidence=90.0):
        image = Image(role=role, data=picture or draw_plate(shown))
        read = PlateRead(
            event="plate", plate_number=normalise_plate(said), plate_raw=said, confidence=confidence, images=(image,)
        )
        return plugin.judge_read(read, device("generic"))

    ask.plugin = plugin
    return ask


def test_a_plate_that_both_read_alike_is_left_alone(judge):
    assert judge("B 7629 WB", "B 7629 WB") is None


def test_one_character_of_difference_is_no_disagreement(judge):
    assert judge("B 7629 WD", "B 7629 WB") is None


def test_a_disagreement_goes_to_review_with_both_values(judge):
    verdict = judge("D 1111 QQ", "B 7629 WB")

    assert ("review", "second_opinion") == (verdict.action, verdict.reason)
    assert "D1111QQ" in verdict.detail and "B7629WB" in verdict.detail


def test_a_plate_that_the_camera_could_not_read_is_told(judge):
    assert "no plate, the server reads B7629WB" in judge("", "B 7629 WB").detail


def test_most_drawn_plates_are_read_as_they_are(judge):
    chance = random.Random(11)
    plates = [indonesian_plate(chance) for _ in range(12)]

    assert 11 <= sum(judge(plate, plate) is None for plate in plates)
    assert 12 == sum(judge("XX 9090 OOO", plate) is not None for plate in plates)


def test_there_is_no_opinion_without_a_crop_that_can_be_read(judge):
    scene = draw_scene("B 1 A", "white", datetime(2026, 1, 1, tzinfo=UTC), "x", random.Random(1), width=960)

    assert judge("D 1 A", "", picture=scene) is None
    assert judge("D 1 A", "B 7629 WB", role="scene") is None
    assert judge("D 1 A", "", picture=b"not a picture") is None
    for kept in (200, 2000, -10):
        assert judge("D 1 A", "", picture=draw_plate("B 7629 WB")[:kept]) is None
    assert judge("D 1 A", "", picture=scan_bomb(480, scans=100_000)) is None


def test_a_sure_camera_is_not_asked_again_where_the_config_says_so(judge):
    plugin = Plugin(Plugin.Config(ask_below=80), PluginContext(instance="plate_ocr"))
    read = PlateRead(
        event="plate", plate_number="D1111QQ", confidence=85.0, images=(Image(role="plate", data=draw_plate("B 7 A")),)
    )

    assert plugin.judge_read(read, device("generic")) is None


def test_a_forked_parser_reads_with_the_models_loaded_before_the_fork(judge):
    judge("B 7629 WB", "B 7629 WB")
    pid = os.fork()
    if not pid:
        verdict = judge("D 1111 QQ", "B 7629 WB")
        os._exit(7 if verdict is not None and "B7629WB" in verdict.detail else 1)

    assert 7 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
