"""What Dahua firmwares hear, on the paths they insist on and on ours."""

import msgspec
import pytest

from core.ingest.answers import AnswerTable
from vendors.dahua.answers import TABLE

ACTIVE = b'{\n   "Active" : "keepAlive",\n   "DeviceID" : "uji-1"\n}\n'
MODEL = b'{"DeviceName":"UJI","DeviceModel":"UJI-1","Manufacturer":"Uji","DeviceID":"uji-1"}'
READ = b'{"Picture":{"Plate":{"PlateNumber":"B1234XYZ"},"SnapInfo":{"DeviceID":"uji-1","Active":true}}}'
STREAM = b"--b\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nHeartbeat\r\n\r\n"

PREFIXES = ("", "/cam/dahua", "/cam/dahua/simpang-uji", "/cam/dahua/simpang-uji/kunci")


def ask(path, body=b"", method="POST"):
    table = AnswerTable({"dahua": TABLE})
    route = table.route(path)
    assert route is not None, path
    answer = table.match(route, method, body)
    return answer.kind, answer.status, answer.body, answer.media_type


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("name", "body", "kind", "said"),
    [
        ("KeepAlive", ACTIVE, "heartbeat", {"Result": True}),
        ("KeepAlive", b"{}", "heartbeat", {"Result": True}),
        ("DeviceInfo", MODEL, "registration", {"Result": True, "Message": "Success"}),
        ("DeviceInfo", b'{"DeviceID":"x"}', "registration", {"Result": True, "Message": "Success"}),
        ("TollgateInfo", READ, "event", {"Result": True}),
        ("AlarmInfo", b'{"AlarmType":"AlarmLocal"}', "event", {"Result": True}),
        ("ParkingInfo", b'{"Space":1}', "event", {"Result": True}),
        ("KeepAlive", READ, "event", {"Result": True}),
        ("TollgateInfo", ACTIVE, "heartbeat", {"Result": True}),
        ("TollgateInfo", MODEL, "registration", {"Result": True, "Message": "Success"}),
    ],
)
def test_itsapi_hears_what_it_waits_for(prefix, name, body, kind, said):
    heard, status, answer, media_type = ask(f"{prefix}/NotificationInfo/{name}", body)

    assert (kind, 200, said, "application/json") == (heard, status, msgspec.json.decode(answer), media_type)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("service", ["EventHttpUpload", "PictureHttpUpload"])
def test_upload_services_are_kept_alive_by_get(prefix, service):
    kind, status, body, media_type = ask(f"{prefix}/{service}/keepalive", method="GET")

    assert ("probe", 200, b'{"result":true}', "application/json") == (kind, status, body, media_type)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ACTIVE, "heartbeat"),
        (b'{ "Active": true, "DeviceID": "uji-1" }', "heartbeat"),
        (b"Heartbeat", "heartbeat"),
        (STREAM, "heartbeat"),
        (MODEL, "registration"),
        (READ, "event"),
        (b'{"eventType":"VideoLoss","status":"active","deviceId":"1"}', "event"),
        (STREAM + b"--b\r\n\r\nCode=VideoMotion;action=Start;index=0\r\n", "event"),
        (b"Code=TrafficJunction;action=Pulse;index=0", "event"),
        (b"", "event"),
    ],
)
def test_on_our_own_path_the_body_tells(body, kind):
    assert kind == ask("/cam/dahua/simpang-uji", body)[0]


def test_every_event_is_answered_with_a_result():
    assert ("event", 200, b'{"Result":true}', "application/json") == ask("/cam/dahua", b"anything")
