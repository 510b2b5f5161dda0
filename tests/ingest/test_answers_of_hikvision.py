"""What Hikvision firmwares hear: 200 with nothing in it, whatever they send; only a plain heartbeat stores nothing."""

from pathlib import Path

import pytest

from core.hooks.plugin import PluginContext
from core.ingest.answers import AnswerTable
from core.testing.fixtures import fixture_pairs, load_http
from vendors.hikvision import plugin as make

FIXTURES = Path(make.__file__).parent / "fixtures"
INSTANCE = make.Plugin(make.Config(), PluginContext(instance="hikvision"))
IDLE = (
    b"<EventNotificationAlert><activePostCount>0</activePostCount><eventType>videoloss</eventType>"
    b"<eventState>inactive</eventState></EventNotificationAlert>"
)
MOTION = IDLE.replace(b"videoloss", b"VMD").replace(b">inactive", b">active")


def ask(body=b"", method="POST"):
    table = AnswerTable({"hikvision": INSTANCE.answers()})
    route = table.route("/cam/hikvision/simpang-uji")
    assert route is not None
    answer = table.match(route, method, body)
    return answer.kind, answer.status, answer.body


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (IDLE, "heartbeat"),
        (IDLE.replace(b"videoloss", b"VideoLoss"), "heartbeat"),
        (b'{"eventType": "videoloss", "eventState": "inactive", "activePostCount": 0}', "heartbeat"),
        (IDLE.replace(b">inactive", b">active"), "event"),
        (IDLE + MOTION, "event"),
        (b"--boundary\r\n\r\n" + IDLE + b"\r\n--boundary--\r\n", "event"),
        (IDLE + b" " * 4096, "event"),
        (MOTION, "event"),
        (b"", "event"),
    ],
)
def test_every_post_is_answered_by_an_empty_200(method, body, kind):
    assert (kind, 200, b"") == ask(body, method)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_devices_test_button_is_answered_too(method):
    assert ("probe", 200, b"") == ask(method=method)


def test_no_fixture_that_holds_an_observation_passes_for_a_heartbeat():
    for request, expected in fixture_pairs(FIXTURES):
        body = load_http(request)[3]
        assert ("heartbeat" if expected.read_text().strip() == "[]" else "event") == ask(body)[0], request.name
