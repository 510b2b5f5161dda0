"""Nothing secret in a log line, whoever wrote it and however it got there."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
import uvicorn

from core import log as logs
from core.api import PlateRead, Secret
from core.redact import mask_plate, redact_text

PLATES = ("B 1234 XYZ", "B1234XYZ", "AB-12-CD", "b1234xyz", "B%201234%20XYZ")
SECRETS = (
    "tk_cam7_PLANTEDsecret",
    "eyJhbGciOiJI.eyJzdWIiOiIx.PLANTEDsig",
    "Authorization: Basic PLANTEDbasic==",
    'authorization=\'Digest username="cam", response="PLANTED0"\'',
    "Bearer PLANTED.token-1234",
    "password=PLANTEDpw",
    '{"api_key": "PLANTEDkey", "x": 1}',
    "X-API-KEY: PLANTEDheader",
    "POST /cam/x?token=PLANTEDquery&n=1",
    "postgresql://app:PLANTEDdsn@db/x",
    "$argon2id$v=19$m=1$PLANTEDsalt$PLANTEDhash",
)


@pytest.fixture
def lines():
    """Everything logged so far, as text; logging is put back afterwards."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.configure("json", "debug", stream)
    yield stream.getvalue
    structlog.reset_defaults()
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


def last(lines) -> dict:
    return json.loads(lines().splitlines()[-1])


@pytest.mark.threat("T28")
@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_appear_nowhere_at_any_level(lines, secret):
    log = structlog.get_logger("t")
    log.debug("seen", text=secret, nested={"list": [secret]}, secret_object=Secret("PLANTED"))
    log.info(secret)
    try:
        raise ValueError(f"could not use {secret}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("uvicorn").exception("request %s", secret)
    logging.getLogger("other").warning("%s", [secret], extra={"authorization": secret, "headers": {"cookie": secret}})
    assert 5 == len(lines().splitlines())
    assert "PLANTED" not in lines()


@pytest.mark.parametrize("key", ["api_key", "password", "token", "Authorization", "x-api-key", "sign_secret", "cookie"])
def test_fields_with_a_secret_name_are_hidden_whatever_they_hold(lines, key):
    structlog.get_logger("t").debug("seen", **{key: "PLANTED"})
    assert "***" == last(lines)[key]


@pytest.mark.threat("T28")
@pytest.mark.parametrize("plate", PLATES)
def test_plates_are_blurred_in_fields_messages_and_tracebacks_at_info(lines, plate):
    log = structlog.get_logger("t")
    log.info("read", plate_number=plate, text=f"vehicle {plate} passed", read=PlateRead(event="x", plate_number=plate))
    try:
        raise KeyError(plate)
    except KeyError:
        log.exception("failed")
    logging.getLogger("uvicorn.access").info('"%s %s"', "GET", f"/api/plates/{plate}")
    assert 3 == len(lines().splitlines())
    assert plate not in lines()
    assert "1234" not in lines().replace("B****", "")


@pytest.mark.threat("T28")
def test_what_uvicorn_set_up_for_itself_before_is_redacted_too():
    uvicorn.Config("core.app:app", log_level="error")
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.configure("json", "info", stream)
    logging.getLogger("uvicorn.access").info('"%s %s"', "GET", "/cam/x?token=PLANTEDquery")
    structlog.reset_defaults()
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    assert 1 == len(stream.getvalue().splitlines())
    assert "PLANTED" not in stream.getvalue()


def test_a_plate_is_shown_at_debug(lines):
    structlog.get_logger("t").debug("read", plate_number="B1234XYZ")
    assert "B1234XYZ" == last(lines)["plate_number"]


@pytest.mark.parametrize(
    ("plate", "masked"),
    [("B1234XYZ", "B****XYZ"), ("ab 12 cd", "AB****CD"), ("B 1", "B****"), ("51F12345", "****"), ("", "****")],
)
def test_the_form_of_a_masked_plate(plate, masked):
    assert masked == mask_plate(plate)


@pytest.mark.parametrize(
    "text",
    ["DS-2CD2T46G2 H264 V5.8.1", "HTTP/1.1 200 in 10 ms", "2026-02-11T10:00:00Z", "e4f1a2b3c4d5e6f7", "cam-17 lane 2"],
)
def test_text_without_plates_stays_as_it_is(text):
    assert text == redact_text(text)


def test_places_are_rounded_to_three_decimals(lines):
    structlog.get_logger("t").info(
        "moved", latitude=-6.1234567, at={"lng": 106.7654321}, text="-6.1234567, 106.7654321", more="lat=-6.1234567"
    )
    assert (-6.123, {"lng": 106.765}) == (last(lines)["latitude"], last(lines)["at"])
    assert "234567" not in lines()
    assert "654321" not in lines()


def test_a_line_carries_level_and_utc_time_whoever_wrote_it(lines):
    structlog.get_logger("t").warning("held", device=3, trace="p7")
    logging.getLogger("library").error("down")
    first, second = map(json.loads, lines().splitlines())
    assert ("held", "warning", "p7", 3) == (first["event"], first["level"], first["trace"], first["device"])
    assert first["time"].endswith("Z")
    assert ("error", "library") == (second["level"], second["logger"])


def test_lines_below_the_level_are_not_written():
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        logs.configure("console", "warning", stream)
        structlog.get_logger("t").info("quiet")
        logging.getLogger("library").info("quiet")
        structlog.get_logger("t").warning("plate seen", plate="B1234XYZ")
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = before
        logging.captureWarnings(False)
    assert "quiet" not in stream.getvalue()
    assert "plate=B****XYZ" in stream.getvalue()


def test_a_line_that_cannot_be_formatted_does_not_print_its_arguments(lines, capsys):
    root = logging.getLogger()
    root.handlers[:] = [
        handler for handler in root.handlers if type(handler).__module__ == logs.__name__
    ]  # not pytest's
    logging.getLogger("library").info("%d", "PLANTED")
    assert "PLANTED" not in lines() + (told := capsys.readouterr().err)
    assert "log line lost (library INFO): TypeError" in told


def test_objects_and_bytes_do_not_cost_the_line(lines):
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError

    deep: list = []
    for _ in range(50):
        deep = [deep]
    structlog.get_logger("t").info("odd", mute=Mute(), body=b"\xff\xd8PLANTED", deep=deep)
    assert ("<Mute>", "<9 bytes>") == (last(lines)["mute"], last(lines)["body"])
