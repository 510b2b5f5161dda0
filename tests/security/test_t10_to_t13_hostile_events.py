"""Hostile XML, JSON, multipart and re-posts on the real server: all are answered, and none hurts a neighbour."""

import base64
import json
import socket
import time
from datetime import UTC, datetime

import pytest

from core.domain.errors import MalformedPayload
from core.domain.multipart import split_parts
from core.safe_json import decode_json
from core.testing.bodies import MULTIPART, alert, form, jpeg, multipart
from core.testing.house import event
from core.xml import parse_xml

# -- T10 XML ----------------------------------------------------------------------------------------------------------

LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
)
HOSTILE_XML = {
    "laughs": alert(plate="&j;", head=LAUGHS),
    "xxe": alert(plate="&x;", head=b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "parameter": alert(head=b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>'),
    "doctype": alert(head=b"<!DOCTYPE a>"),
    "doctype in utf-16": alert(head=b"<!DOCTYPE a>").decode().encode("utf-16"),
    "utf-7": b'<?xml version="1.0" encoding="utf-7"?><EventNotificationAlert>+ADw-script</EventNotificationAlert>',
    "ebcdic": b'<?xml version="1.0" encoding="cp037"?><a/>',
    "utf-32": alert().decode().encode("utf-32"),
    "entity": alert(plate="&unknown;"),
    "deep": b"<EventNotificationAlert>" * 10_000,
    "open": b"<EventNotificationAlert><ANPR>",
}


@pytest.mark.threat("T10")
@pytest.mark.parametrize("name", HOSTILE_XML)
def test_the_reader_refuses_hostile_xml(name):
    with pytest.raises(MalformedPayload):
        parse_xml(HOSTILE_XML[name])


@pytest.mark.threat("T10")
@pytest.mark.parametrize("name", HOSTILE_XML)
def test_hostile_xml_expands_nothing_and_opens_nothing(house, name):
    """A make's dialect may cut a declaration off and read the event behind it; entities then stay what was written."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        camera = house.spare("hikvision")
        body = HOSTILE_XML[name].replace(b"127.0.0.1:9/", b"127.0.0.1:%d/" % listener.getsockname()[1])

        house.send(camera, body, "application/xml")

        reads, kept = house.outcome(camera)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert 1 == len(reads) + len(kept)
    assert set(kept) <= {"malformed"}
    assert set(reads) <= {None, "B1234XYZ", "&J", "&X", "&UNKNOWN"}
    told = json.dumps([
        house.rows("SELECT to_jsonb(r)::text FROM plate_reads r WHERE device_id = %s", camera.id),
        house.rows("SELECT to_jsonb(q)::text FROM quarantine q WHERE device_id = %s", camera.id),
    ])  # fmt: skip
    assert not [expanded for expanded in ("root:", "haha", "<script") if expanded in told]


@pytest.mark.threat("T10")
@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("GB2312", "gb18030"),
        ("ISO-8859-1", "latin-1"),
    ],
)
def test_encodings_of_real_cameras_are_read(declared, codec):
    text = alert(head=b'<?xml version="1.0" encoding="%s"?>' % declared.encode()).decode()

    assert "B1234XYZ" == parse_xml(text.encode(codec)).get("ANPR/licensePlate")


# -- T11 JSON ---------------------------------------------------------------------------------------------------------


@pytest.mark.threat("T11")
@pytest.mark.parametrize(
    "body",
    [
        b'{"plateNumber":"B 1 A","confidence":NaN}',
        b'{"plateNumber":"B 1 A"',
        b'{"plateNumber":"\xff\xfe\xfd"}'[:-1],
        b'{"plateNumber":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'"' + b"x" * 100_000,
    ],
    ids=["nan", "cut off", "bytes", "deep", "string"],
)
def test_json_that_cannot_be_read_is_a_400_with_a_reason_and_kept(house, body):
    with pytest.raises(MalformedPayload):
        decode_json(body)
    camera = house.spare("generic")

    answer = house.send(camera, body)

    assert 400 == answer.status
    assert answer.json["error"]
    assert ([], ["malformed"]) == house.outcome(camera)


@pytest.mark.threat("T11")
@pytest.mark.parametrize(
    ("body", "note"),
    [
        ('{"plate":"B1A","note":"caf\u00e9"}'.encode("latin-1"), "caf\ufffd"),
        (b'{"plate":"B1A","note":"\\ud83dx"}', "\ufffdx"),
        (b'{"plate":"B1A","note":"\\ude00"}', "\ufffd"),
        (b'{"plate":"B1A","note":"\\ud83d\\ude00 \xff"}', "\U0001f600 \ufffd"),
        (b'{"plate":"B1A","note":"\\\\ud83d \xff"}', "\\ud83d \ufffd"),
        ('{"plate":"B1A","note":"\u00e9"}'.encode("utf-16"), "\u00e9"),
        ('{"plate":"B1A","note":"\u00e9"}'.encode("utf-16-le"), "\u00e9"),
        ('{"plate":"B1A","note":"\u00e9"}'.encode("utf-16-be"), "\u00e9"),
    ],
    ids=["latin-1", "high half", "low half", "a pair", "escaped backslash", "utf-16", "utf-16-le", "utf-16-be"],
)
def test_text_that_is_no_text_does_not_cost_the_event(body, note):
    assert {"plate": "B1A", "note": note} == decode_json(body)


@pytest.mark.threat("T11")
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(event("B 1234 XYZ", note="a\x00b")).encode(),
        json.dumps(event("B 1234 XYZ", note="\ud800")).encode(),
        json.dumps(event("B 1234 XYZ", lane=10**300)).encode(),
        json.dumps(event("B 1234 XYZ", confidence=1e308)).encode(),
        json.dumps(event("B 1234 XYZ", speed=-(2**70))).encode(),
        json.dumps(event("B 1234 XYZ")).encode()[:-1] + b',"plateNumber":"B 1234 XYZ"}',
        json.dumps(event("B 1234 XYZ", **{"x" * 5000: ["y"] * 500})).encode(),
    ],
    ids=["nul", "surrogate", "big int", "big float", "negative", "twice", "wide"],
)
def test_odd_json_values_never_stop_the_parser(house, serves_others, body):
    camera = house.spare("generic")

    house.send(camera, body)

    reads, kept = house.outcome(camera)
    assert 1 == len(reads) + len(kept)
    assert set(kept) <= {"malformed"}
    serves_others()


# -- T12 multipart as real firmwares send it --------------------------------------------------------------------------

XML_PART, PICTURE = form(b"anpr.xml", alert()), jpeg()
QUIRKS = {
    "no file names": (MULTIPART, multipart(XML_PART, form(b"pic", PICTURE, b"image/jpeg"))),
    "quoted": ('multipart/form-data; boundary="MIME_boundary"', multipart(XML_PART)),
    "more parameters": ("multipart/form-data; charset=utf-8; boundary=MIME_boundary; x=y;", multipart(XML_PART)),
    "mixed": ("multipart/mixed; boundary=MIME_boundary", multipart(XML_PART, form(b"p", PICTURE, b"image/jpeg"))),
    "replace": ("multipart/x-mixed-replace; boundary=MIME_boundary", multipart(XML_PART, end=False)),
    "line feeds": (MULTIPART, multipart(XML_PART, form(b"p", PICTURE, b"image/jpeg"), eol=b"\n")),
    "no boundary": ("multipart/form-data", multipart(XML_PART)),
    "wrong boundary": ("multipart/form-data; boundary=other", multipart(XML_PART)),
    "dashes": ("multipart/form-data; boundary=--MIME_boundary", multipart(XML_PART)),
    "preamble": (MULTIPART, b"This is a preamble\r\n" + multipart(XML_PART)),
    "no end": (MULTIPART, multipart(XML_PART, form(b"p", PICTURE, b"image/jpeg"), end=False)),
    "length 0": (MULTIPART, multipart(([*XML_PART[0], b"Content-Length: 0"], XML_PART[1]))),
    "length wrong": (MULTIPART, multipart(([*XML_PART[0], b"Content-Length: 99999999"], XML_PART[1]))),
    "trailing semicolon": (
        MULTIPART, multipart(([b'Content-Disposition: form-data; name="a.xml";', XML_PART[0][1]], XML_PART[1])),
    ),
    "doubled delimiter": (MULTIPART, b"--MIME_boundary\r\n" + multipart(XML_PART)),
    "empty part first": (MULTIPART, multipart(([b"X: y"], b""), XML_PART)),
    "folded header": (
        MULTIPART,
        multipart(([b"Content-Disposition: form-data;", b' name="anpr.xml"', XML_PART[0][1]], XML_PART[1])),
    ),
    "picture holds the delimiter": (
        MULTIPART, multipart(XML_PART, ([b"Content-Type: image/jpeg", b"Content-Length: %d" % (len(PICTURE) + 21)],
                                        PICTURE + b"\r\n--MIME_boundary--\r\n")),
    ),
}  # fmt: skip


@pytest.mark.threat("T12")
@pytest.mark.parametrize("name", QUIRKS)
def test_multipart_as_real_firmwares_send_it_is_read(house, name):
    content_type, body = QUIRKS[name]
    camera = house.spare("hikvision")

    assert 200 == house.send(camera, body, content_type).status

    assert (["B1234XYZ"], []) == house.outcome(camera)


@pytest.mark.threat("T12")
@pytest.mark.parametrize("name", QUIRKS)
def test_a_part_stands_in_the_body_where_it_says(name):
    content_type, body = QUIRKS[name]

    for part in split_parts(body, content_type):
        assert bytes(part.data) == body[part.offset : part.offset + len(part.data)]


# -- T13 replayed events ----------------------------------------------------------------------------------------------


@pytest.mark.threat("T13")
def test_a_captured_event_sent_ten_times_is_answered_ten_times_and_is_one_violation(house):
    camera = house.spare("generic")
    body = json.dumps(event("B 1313 XYZ", vehicleImage=base64.b64encode(jpeg(color="blue")).decode())).encode()

    answers = [house.send(camera, body).status for _ in range(9)]
    house.settle()
    answers.append(house.send(camera, body).status)
    house.settle()

    assert [200] * 10 == answers
    assert 10 == house.count("payloads", camera)
    assert [(10,)] == house.rows("SELECT reads FROM passages WHERE device_id = %s", camera.id)
    assert 1 == house.count("violations", camera)


@pytest.mark.threat("T13")
def test_an_old_event_with_a_new_arrival_is_held_for_its_clock(house):
    camera = house.spare("generic")
    yesterday = datetime.fromtimestamp(time.time() - 40 * 3600, UTC)

    house.send(camera, event("B 1314 XYZ", yesterday))
    house.settle()

    ((status, reason),) = house.rows("SELECT status, held_reason FROM violations WHERE device_id = %s", camera.id)
    assert "held" == status
    assert "behind" in reason
