"""Evaluation on a labelled folder: figures with n and interval, honest about what could not be read."""

import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from core.cli.main import cli
from core.domain.frames import Box, Sighting
from core.domain.incidents import IncidentType
from core.incidents.confirm import DetectionRules
from core.streams.evaluate import NothingToEvaluate, evaluate, labelled

KNIFE, GUN = IncidentType.KNIFE, IncidentType.GUN


def sighting(kind, score=0.8):
    box = Box(x=0.4, y=0.4, width=0.2, height=0.2)
    return Sighting(label="x", score=score, incident_type=kind, box=box, model="uji@1", model_sha256="cd" * 32)


class ByColour:
    """White is a knife, blue a gun (which this model calls guns), all else nothing."""

    def detect_frames(self, instance_id, frames):
        return [self._one(*frame.image.reshape(-1, 3).mean(0)) for frame in frames]

    def _one(self, blue, green, red):
        if min(blue, green, red) > 200:
            return [sighting(KNIFE)]
        return [sighting(IncidentType.GUNS)] if blue > 200 else []


COLOURS = {"knife": (250, 250, 250), "gun": (0, 0, 250), "none": (10, 10, 10)}


def picture(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), COLOURS[colour]).save(path)


def video(path, *parts, fps=10):
    """parts: (colour, seconds)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (64, 48))
    for colour, seconds in parts:
        for _ in range(round(seconds * fps)):
            writer.write(np.full((48, 64, 3), COLOURS[colour][::-1], np.uint8))
    writer.release()


def judge(folder, **how):
    return evaluate(ByColour(), "uji", labelled(folder), DetectionRules(**how), fps=5.0)


def test_pictures_give_precision_and_recall_with_n(tmp_path):
    for n in range(3):
        picture(tmp_path / "knife" / f"{n}.png", "knife")
        picture(tmp_path / "none" / f"{n}.png", "none")
    picture(tmp_path / "knife" / "missed.png", "none")
    picture(tmp_path / "none" / "deep" / "poster.png", "knife")
    picture(tmp_path / "guns" / "a.png", "gun")
    done = judge(tmp_path)
    assert (3, 4) == (done.recall(KNIFE).hits, done.recall(KNIFE).n)
    assert (3, 4) == (done.precision(KNIFE).hits, done.precision(KNIFE).n)
    assert (1, 1) == (done.recall(GUN).hits, done.recall(GUN).n), "gun and guns are one kind here"
    assert (1, 4) == (done.false_pictures.hits, done.false_pictures.n)
    assert {"missed.png": "none", "poster.png": "knife"} == {m.path.name: m.found for m in done.mistakes}
    assert {"uji@1": "cd" * 32} == done.models


def test_videos_are_judged_as_a_cameras_would_be(tmp_path):
    video(tmp_path / "knife" / "robbery.avi", ("none", 1), ("knife", 2))
    video(tmp_path / "knife" / "blink.avi", ("none", 1), ("knife", 0.5), ("none", 1))  # never 5 of 8
    video(tmp_path / "none" / "street.avi", ("none", 5), ("knife", 2), ("none", 3))
    done = judge(tmp_path)
    assert (1, 2) == (done.recall(KNIFE, videos=True).hits, done.recall(KNIFE, videos=True).n)
    assert (0, 0) == (done.recall(KNIFE).hits, done.recall(KNIFE).n)
    assert 1 == done.false_alarms, "one report, to which frames are added"
    assert 10 / 3600 == pytest.approx(done.hours, rel=0.02)
    assert 360 == pytest.approx(done.false_rate.value, rel=0.02)


def test_a_cameras_rules_hold_here_too(tmp_path):
    picture(tmp_path / "knife" / "a.png", "knife")
    assert 0 == judge(tmp_path, score=0.9).recall(KNIFE).hits
    assert 0 == judge(tmp_path, max_area=0.01).recall(KNIFE).hits


def test_what_cannot_be_read_is_named_and_counted_nowhere(tmp_path):
    picture(tmp_path / "knife" / "a.png", "knife")
    (tmp_path / "knife" / "b.jpg").write_bytes(b"<html>")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "c.mp4").write_bytes(b"no video")
    done = judge(tmp_path)
    assert (1, 0) == (len(done.pictures), len(done.videos))
    assert ["b.jpg", "c.mp4"] == sorted(line.partition(":")[0].rpartition("/")[2] for line in done.unreadable)


@pytest.mark.parametrize(("make", "told"), [
    (lambda folder: (folder / "pisau").mkdir(), "sub-folder 'pisau'; expected sub-folders of none, knife"),
    (lambda folder: (folder / "knife").mkdir(), "nothing to look at"),
    (lambda folder: folder.rmdir(), "is no folder"),
])  # fmt: skip
def test_a_folder_that_is_laid_out_otherwise_is_refused_with_how_it_must_be(tmp_path, make, told):
    folder = tmp_path / "pictures"
    folder.mkdir()
    make(folder)
    with pytest.raises(NothingToEvaluate, match=told):
        labelled(folder)


# -- the command ------------------------------------------------------------------------------------------------------


def run(home, *arguments, plugins='[plugin.weapon_nanodet]\nuse = "detectors.weapon_nanodet"\n', **how):
    (home / "plugins.toml").write_text(f"hooks = 1\n\n{plugins}")
    given = ["--home", str(home), "--set", f"plugins_file={home / 'plugins.toml'}", "model", *arguments]
    return CliRunner().invoke(cli, given, **how)


def test_the_detectors_of_a_deployment_are_listed(tmp_path):
    result = run(tmp_path, "list")
    assert 0 == result.exit_code, result.output
    assert "weapon_nanodet  detectors.weapon_nanodet 1  ok" in result.output
    assert "threshold = 0.35" in result.output
    assert "No model was loaded" in result.output
    assert "names no detector" in run(tmp_path, "list", plugins="").output


def test_list_check_loads_what_it_lists_and_names_the_weights_or_what_is_wrong(tmp_path):
    result = run(tmp_path, "list", "--check")
    assert 0 == result.exit_code, result.output
    assert "1  ok: nanodet-g@416, weights " in result.output
    (tmp_path / "torn.pt").write_bytes(b"no tensors")
    torn = '[plugin.torn]\nuse = "detectors.weapon_nanodet"\n[plugin.torn.config]\nweights = "torn.pt"\n'
    result = run(tmp_path, "list", "--check", plugins=torn.replace("torn.pt", str(tmp_path / "torn.pt")))
    assert 1 == result.exit_code
    assert "torn  detectors.weapon_nanodet 1  cannot run\n" in result.output
    assert "torn.pt does not hold the tensors of NanoDet-g" in result.output


def test_a_model_that_saw_nothing_is_named_all_the_same(tmp_path):
    picture(tmp_path / "pictures" / "none" / "dark.png", "none")
    assert "model     nanodet-g@416, weights 4a72db80" in run(tmp_path, "evaluate", str(tmp_path / "pictures")).output


def test_evaluate_prints_figures_with_n_and_interval(tmp_path, demo_clip):
    folder = tmp_path / "labelled"
    (folder / "knife").mkdir(parents=True)
    shutil.copy(demo_clip, folder / "knife" / "clip.avi")
    picture(folder / "none" / "dark.png", "none")
    result = run(tmp_path, "evaluate", str(folder), "--fps", "10")
    assert 0 == result.exit_code, result.output
    assert "model     nanodet-g@416, weights " in result.output
    assert "recall on videos        1.00 (1/1, 95 % 0.21 to 1.00)" in result.output
    assert "pictures with an alarm  0.00 (0/1, 95 % 0.00 to 0.79)" in result.output
    assert "ms each" in result.output


def test_a_detector_that_is_not_there_is_named(tmp_path):
    picture(tmp_path / "pictures" / "none" / "dark.png", "none")
    result = run(tmp_path, "evaluate", str(tmp_path / "pictures"), "--detector", "yolo")
    assert 2 == result.exit_code
    assert "expected one of the detectors in plugins.toml: weapon_nanodet" in result.output


def test_what_cannot_be_trained_says_so(tmp_path):
    (tmp_path / "data.yaml").write_text("names: {0: knife}\n")
    result = run(tmp_path, "train", str(tmp_path / "data.yaml"), "--base", "x.pt", "--use", "detectors.anpr_filter")
    assert "detectors.anpr_filter cannot be trained" in result.output
