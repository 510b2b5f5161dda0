"""`tangkapin serve --only detect`: from a camera's picture to a report with evidence, by the real parts."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import select

from core.cli import serve
from core.cli.serve import wants_detection
from core.evidence.tables import media
from core.incidents.tables import camera_health, report_evidence, reports
from core.settings import Settings

PATIENCE_S = 60.0
HANGS = """
import time
from core.api import DomainEvent, Plugin as Base, hookimpl

class Plugin(Base):
    @hookimpl
    def observe_event(self, event: DomainEvent) -> None:
        time.sleep(600)
"""
PLUGINS = """
[plugin.weapon_nanodet]
use = "detectors.weapon_nanodet"
config = { threads = 1 }

[plugin.hangs]
use = "hangs"
"""


@pytest.mark.parametrize(("said", "holds"), [(None, "passive"), ("active", "active")])
def test_the_models_threads_wait_without_spinning_unless_the_operator_says_otherwise(monkeypatch, said, holds):
    class Reached(Exception):
        pass

    def stop_here(settings):
        raise Reached

    monkeypatch.setenv("OMP_WAIT_POLICY", said or "")
    if said is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setattr(serve, "open_database", stop_here)
    with pytest.raises(Reached):
        serve.run_detect(Settings(), None)
    assert holds == os.environ["OMP_WAIT_POLICY"]


def test_a_blade_before_a_camera_becomes_a_report_with_its_pictures(
    database, make_device, tmp_path, redis_url, demo_clip
):
    camera = make_device(
        database, code="toko-1", device_name="Toko Emas", detect=True, stream_kind="file", stream_url=str(demo_clip),
        settings={"detection": {"needed": 3, "cooldown_s": 600, "repeat_s": 0.2}},
    )  # fmt: skip
    (tmp_path / "plugins.toml").write_text(f"hooks = 1\n\n{PLUGINS}")
    (tmp_path / "hangs").mkdir()
    (tmp_path / "hangs" / "__init__.py").touch()
    (tmp_path / "hangs" / "plugin.py").write_text(HANGS)
    environ = {
        **os.environ, "PYTHONPATH": str(tmp_path), "TANGKAPIN_HOME": str(tmp_path),
        "TANGKAPIN_PLUGINS_FILE": str(tmp_path / "plugins.toml"),
        "TANGKAPIN_DATABASE_URL": database.url, "TANGKAPIN_REDIS_URL": redis_url,
    }  # fmt: skip
    command = [sys.executable, "-m", "core.cli.main", "serve", "--only", "detect"]
    process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        found = None
        while found is None:
            assert process.poll() is None, "the process ended"
            assert time.monotonic() < deadline, "no report opened, or its observer holds the next frames up"
            time.sleep(0.2)
            with database.system() as connection:
                found = connection.execute(select(reports).where(reports.c.version > 1)).mappings().first()
    finally:
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)
    assert ("knife", "detection", True, "new") == (
        found["incident_type"], found["source"], found["is_confirmed"], found["status"]
    )  # fmt: skip
    assert camera.id == found["device_id"]
    assert ("nanodet-g@416", 64) == (found["detection"]["model"], len(found["detection"]["model_sha256"]))
    assert 3 == found["detection"]["thresholds"]["needed"]
    with database.system() as connection:
        query = select(report_evidence.c.role, media.c.mime).join(media, media.c.sha256 == report_evidence.c.sha256)
        kept = connection.execute(query.where(report_evidence.c.report_id == found["id"])).all()
        health = connection.execute(select(camera_health.c.state)).scalar_one()
    assert {("frame", "image/jpeg"), ("annotated", "image/jpeg")} == {tuple(row) for row in kept}
    assert "online" == health


def test_a_deployment_without_detectors_and_cameras_spends_no_process_on_them(database, make_device, tmp_path):
    file = tmp_path / "plugins.toml"
    settings = Settings(home=tmp_path, plugins_file=file)
    file.write_text('hooks = 1\n\n[plugin.anpr_filter]\nuse = "detectors.anpr_filter"\n')
    make_device(database, stream_kind="vendor")
    assert not wants_detection(settings, database.url)
    make_device(database, stream_kind="mjpeg")
    assert wants_detection(settings, database.url)
    file.write_text(f"hooks = 1\n\n{PLUGINS}")
    assert wants_detection(settings, "postgresql://nobody@127.0.0.1:1/none")
