"""A redacted sample reads the same way and holds nobody's plate, face, serial or place."""

import base64
import importlib
import json
import pkgutil
from pathlib import Path

import pytest

import vendors
from core.capture.redaction import CannotRedact, grey_picture, plates_by_name, redact_body
from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.images import measure
from core.domain.observations import PlateRead
from core.testing.drawing import draw_plate
from core.testing.fixtures import as_payload, describe, fixture_pairs, load_http

SEED = b"benih untuk uji"
FIXTURES = [
    (maker, request)
    for maker in sorted(m.name for m in pkgutil.iter_modules(vendors.__path__))
    if (Path(vendors.__path__[0]) / maker / "fixtures").is_dir() and maker != "mapping"
    for request, _ in fixture_pairs(Path(vendors.__path__[0]) / maker / "fixtures")
]


def parse(maker, payload):
    cls = importlib.import_module(f"vendors.{maker}.plugin").Plugin
    return cls(cls.Config(), None).parse_payload(payload)


def shape(observations, escaped=False):
    """What must stay: everything but whose it is."""
    rows = describe(observations)
    for row in rows:
        row["plate_number"] = bool(row["plate_number"])
        row["plate_raw"] = len(row["plate_raw"])
        for image in row["images"]:
            image.pop("sha256", None)
            image.pop("url", None)
            if escaped:  # one letter of base64 in two bytes: the new picture fills both
                image.pop("bytes", None)
    return rows


@pytest.mark.parametrize(("maker", "request_"), FIXTURES, ids=lambda v: v if isinstance(v, str) else v.stem)
def test_every_fixture_reads_the_same_way_when_it_is_redacted(maker, request_):
    payload = as_payload(request_, maker)
    before = parse(maker, payload)
    plates = {p for o in before if isinstance(o, PlateRead) for p in (o.plate_raw, o.plate_number) if p}
    body = redact_body(payload.body, payload.content_type, plates, seed=SEED)
    after = parse(maker, as_payload(body, maker, content_type=payload.content_type))
    escaped = b"\\/" in payload.body

    assert len(payload.body) == len(body)
    assert shape(before, escaped) == shape(after, escaped)
    known = {o.plate_number for o in before if isinstance(o, PlateRead) and o.plate_number}
    found = {o.plate_number for o in after if isinstance(o, PlateRead) and o.plate_number}
    assert len(known) == len(found)
    assert {p for p in known if any(c.isdigit() for c in p)}.isdisjoint(found)


def redacted(text, *plates, kind="application/json"):
    return redact_body(text if isinstance(text, bytes) else text.encode(), kind, plates, seed=SEED)


def test_equal_values_become_equal_ones_and_other_installations_get_others():
    body = b'{"a": {"serialNo": "DS-2CD123"}, "b": {"SerialNo": "DS-2CD123"}, "plate": "B 1234 XYZ", "p2": "B1234XYZ"}'
    out = json.loads(redacted(body, "B1234XYZ"))

    assert out["a"]["serialNo"] == out["b"]["SerialNo"] != "DS-2CD123"
    assert out["plate"].replace(" ", "") == out["p2"] != "B1234XYZ"
    assert out["plate"].startswith("B ")
    assert out != json.loads(redact_body(body, "", ["B1234XYZ"], seed=b"lain"))


@pytest.mark.parametrize(
    ("body", "gone"),
    [
        ('{"latitude": -6.201600, "lng": "106.809800"}', ["201600", "809800"]),
        ("<a><n:macAddress>a4:14:37:01:02:03</n:macAddress><ipAddress>10.20.30.40</ipAddress></a>",
         ["a4:14:37:01:02:03", "10.20.30.40"]),
        ("serial=ABC12345&token=s3cr3t99&plate=x", ["ABC12345", "s3cr3t99"]),
        ('{"driverName": "Budi Santoso", "phone": "+62 812-3456-7890"}', ["Budi", "Santoso", "812-3456"]),
        ('{"gps": [106.8098001, -6.2016001]}', ["8098001", "2016001"]),
        ("Code=X;index=0\nSN=7L0123456PAZ\n", ["7L0123456PAZ"]),
    ],
)  # fmt: skip
def test_what_belongs_to_people_is_gone(body, gone):
    out = redacted(body).decode()

    assert len(body) == len(out)
    assert [] == [value for value in gone if value in out]


@pytest.mark.parametrize(
    ("body", "plates"),
    [
        ("<Msg><PLATE_STRING> 7459MTL </PLATE_STRING><PLATE_CHAR_HEIGHT>52</PLATE_CHAR_HEIGHT></Msg>", {"7459MTL"}),
        ('{"licensePlate": "KA-01-AB-1234", "plateType": "unknown", "plateColor": "blue"}', {"KA-01-AB-1234"}),
        ('{"a": {"teks": "B 1234 XYZ", "jalur": "2"}}', {"B 1234 XYZ"}),
        ("Events[0].TrafficCar.PlateNumber=AB123CD\r\nEvents[0].Lane=2\r\n", {"AB123CD"}),
        ("nopol=B+1+A&waktu=2026-03-02T17:20:00", {"B+1+A"}),
        ('{"time": "2026-03-02T17:20:00Z", "version": "V5.7.1", "model": "NC-2201", "speed": 41}', set()),
    ],
)  # fmt: skip
def test_plates_in_a_body_that_no_parser_reads_are_found_by_name_and_by_form(body, plates):
    assert plates == plates_by_name(body.encode())


def test_a_device_s_serial_has_many_names():
    body = '{"device_sn": "NC1"}<DEVICE_SN>TAT1234567</DEVICE_SN>{"deviceSn": "A7-55"}'
    assert [] == [gone for gone in ("TAT1234567", "A7-55") if gone in redacted(body).decode()]


def test_times_speeds_and_counts_stay():
    body = '{"time": "2026-03-02T17:20:00+07:00", "speed": 62, "lane": 2, "confidence": 0.97, "direction": "in"}'
    assert body == redacted(body).decode()


@pytest.mark.parametrize("wrap", ["{}", "data:image/jpeg;base64,{}"])
@pytest.mark.parametrize("cut", ["", "\\r\\n", "\\/"])
def test_pictures_in_base64_become_grey_ones_of_the_same_length(wrap, cut):
    picture = draw_plate("B 1234 XYZ")
    text = base64.b64encode(picture).decode()
    if cut == "\\r\\n":
        text = cut.join(text[at : at + 76] for at in range(0, len(text), 76))
    if cut == "\\/":
        text = text.replace("/", "\\/")
    body = f'{{"image": "{wrap.format(text)}"}}'
    out = json.loads(redacted(body))["image"].partition("base64,")[2] or json.loads(redacted(body))["image"]
    found = base64.b64decode("".join(out.split()))

    assert (200, 72) == (measure(found).width, measure(found).height)
    assert len(body) == len(redacted(body))
    assert cut == "\\/" or len(picture) == len(found)
    assert picture != found


@pytest.mark.parametrize("size", [400, 900, 70_000, 200_001])
def test_a_grey_picture_has_exactly_the_length_asked_for(size):
    data = draw_plate("A 1 B")
    data = data[:size] if len(data) >= size else data + b"\0" * (size - len(data))

    assert size == len(grey_picture(data))


def test_what_cannot_be_redacted_is_said():
    with pytest.raises(CannotRedact, match="UTF-16"):
        redacted("<a/>".encode("utf-16"))
    with pytest.raises(CannotRedact, match="too small"):
        grey_picture(b"\xff\xd8\xff\xd9")


def test_a_broken_sample_stays_as_broken():
    for request in (Path(vendors.__path__[0]) / "dahua" / "fixtures").glob("*.http"):
        _, _, headers, body = load_http(request)
        cut = body[: len(body) * 2 // 3]
        kind = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
        try:
            before = shape(parse("dahua", as_payload(cut, "dahua", content_type=kind)))
        except (MalformedPayload, UnsupportedEvent) as error:
            before = type(error)
        try:
            out = redact_body(cut, kind, (), seed=SEED)
            after = shape(parse("dahua", as_payload(out, "dahua", content_type=kind)))
        except (MalformedPayload, UnsupportedEvent) as error:
            after = type(error)
        except CannotRedact:
            continue
        assert before == after, request.name
