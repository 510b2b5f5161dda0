"""The second opinion on drawn plates: agreement is silent, disagreement is told beside the camera's value."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime

import pytest

from core.api import Image, PlateRead, PluginContext, Refused, normalise_plate
from core.testing.bombs import scan_bomb
from core.testing.drawing import draw_plate, draw_scene, indonesian_plate
from core.testing.fixtures import device
from detectors.plate_ocr.plugin import Plugin, Reading


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


def test_zero_and_o_are_told_apart_by_the_groups_of_the_plate(judge):
    judge.plugin.reader, reader = Fixed("L156800"), judge.plugin.reader
    try:
        assert judge("L 1568 OO", "") is None
        assert judge("L 1568 QZ", "") is not None
    finally:
        judge.plugin.reader = reader


class Fixed:
    """A recogniser that reads the same in every picture."""

    def __init__(self, text):
        self.text = text

    def line(self, picture):
        return [Reading(self.text, 0.9)] if self.text else []

    lines = line


def test_one_s_own_pictures_are_measured_by_a_command(judge, tmp_path):
    for name, plate in (("1", "B 7629 WB"), ("2", "D 1234 QX"), ("3", "F 88 AB")):
        (tmp_path / f"{name}.jpg").write_bytes(draw_plate(plate))
    table = tmp_path / "plates.csv"
    table.write_text("file,plate\n1.jpg,B 7629 WB\n2.jpg,D1234QY\n3.jpg,AB 1234 XYZ\n")
    assert ["measure"] == [command.name for command in judge.plugin.commands()]

    told = judge.plugin.run_command("measure", [str(table)]).splitlines()

    counts = [int(line.split()[-2]) for line in told[1:]]
    assert (told[0][:7], [1, 1, 0, 1, 3]) == ("3 crops", counts)


@pytest.mark.parametrize(
    ("table", "said"),
    [("file,plate\n", "has no row"), ("a,b\n", "expected the columns file, plate"),
     ("file,plate\n1.jpg,B1A\n", "line 2: no file"),
     ("file,plate\nplates.csv,-\n", "line 2: no plate"), (None, "cannot be read")],
)  # fmt: skip
def test_a_table_that_cannot_be_measured_says_why(judge, tmp_path, table, said):
    path = tmp_path / "plates.csv"
    if table is not None:
        path.write_text(table)

    with pytest.raises(Refused, match=said):
        judge.plugin.run_command("measure", [str(path)])
    with pytest.raises(Refused, match="one argument"):
        judge.plugin.run_command("measure", [])


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
