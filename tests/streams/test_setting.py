"""`tangkapin device stream`: the operator's word on what is read."""

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from core.accounts.tables import devices
from core.cli.main import cli
from core.incidents.cctv import login_context
from core.secrets import SecretBox
from core.settings import Settings
from core.streams.cameras import load_cameras


@pytest.fixture
def run(database, make_vendor, tmp_path, valkey_url):
    vendor_id = make_vendor(database)
    with database.system() as connection:
        connection.execute(insert(devices).values(device_code="gerbang", maker="generic", vendor_id=vendor_id))
    environ = {"TANGKAPIN_HOME": str(tmp_path), "TANGKAPIN_DATABASE_URL": database.url,
               "TANGKAPIN_REDIS_URL": valkey_url}  # fmt: skip

    def call(*arguments):
        return CliRunner().invoke(cli, ["device", "stream", "gerbang", *arguments], env=environ)

    call.box = lambda: SecretBox(Settings(home=tmp_path).signing_key())
    return call


def row(database):
    with database.system() as connection:
        return connection.execute(select(devices).where(devices.c.device_code == "gerbang")).mappings().one()


def test_an_rtsp_camera_with_its_login_is_approved_at_its_own_address_only(run, database, tmp_path):
    login = tmp_path / "login"
    login.write_text("admin:rahasia\n")
    told = run("rtsp://192.0.2.7:8554/live", "--login-file", str(login))

    assert "gerbang: rtsp, opened at 192.0.2.7:8554\n" == told.output
    assert (["192.0.2.7:8554"], True) == (row(database)["stream_allow"], row(database)["detect"])
    assert b"rahasia" not in row(database)["stream_login"]
    box = run.box()
    assert b"admin:rahasia" == box.open(row(database)["stream_login"], login_context(row(database)["id"]))
    assert ("admin", "rahasia") == load_cameras(database, box)[0].plan.url.login


@pytest.mark.parametrize(
    ("where", "kind"),
    [("http://192.0.2.7/video", "mjpeg"), ("http://192.0.2.7/a/snap.JPG?x=1", "snapshot"), (__file__, "file")],
)
def test_the_kind_is_guessed(where, kind, run, database):
    assert 0 == run(where).exit_code
    assert kind == row(database)["stream_kind"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rtsp://admin:rahasia@192.0.2.7/"], "--login-file"),
        (["http://kamera.example/"], "which networks it may lead to"),
        (["concat:/etc/passwd", "--kind", "mjpeg"], "expected an rtsp, http or https address"),
        (["/ada/tidak.avi"], "there is no file"),
        (["rtsp://192.0.2.7/", "--kind", "mjpeg"], "does not go with"),
        (["rtsp://192.0.2.7/", "--allow", "semua"], "--allow"),
        ([], "say WHERE"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(arguments, said, run, database):
    told = run(*arguments)

    assert told.exit_code != 0
    assert said in told.output + str(told.exception)
    assert "rahasia" not in told.output + str(told.exception)
    assert row(database)["stream_kind"] is None


def test_a_removed_stream_is_forgotten(run, database):
    run("rtsp://192.0.2.7/")
    run("--remove")

    assert (None, None, []) == tuple(row(database)[c] for c in ("stream_kind", "stream_url", "stream_allow"))
