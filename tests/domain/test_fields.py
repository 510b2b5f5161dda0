"""Fields, pictures and bodies: what many makes share."""

import base64
import io

import pytest
from PIL import Image

from core.bodies import read_body, read_form
from core.domain.camera_time import read_moment
from core.domain.confidence import percent_of_fraction
from core.domain.errors import MalformedPayload
from core.domain.fields import Fields, named_values, objects, records
from core.domain.pictures import read_picture
from core.testing.fixtures import device
from core.xml import MAX_XML, parse_xml

CAMERA = device("generic")
MOMENT = "2026-03-02T10:20:00+00:00"


def jpeg():
    out = io.BytesIO()
    Image.new("RGB", (32, 24), "red").save(out, "JPEG")
    return out.getvalue()


def test_a_key_is_found_in_every_spelling_and_nothing_is_nothing():
    fields = Fields({"camera_id": None, "CameraID": " 7 ", "Deep": {"Inner-Value": 7.0}, "blank": " "})

    assert "7" == fields.text("cameraId")
    assert "7" == fields.text("blank", "deep/inner_value")
    assert fields.value("blank", "missing", "deep/missing") is None
    assert fields.has("blank") and not fields.has("missing")


@pytest.mark.parametrize(
    ("written", "number"),
    [(92, 92), ("92,5 %", 92.5), ("0.93", 0.93), ("82 km/h", 82), ("-", None), (None, None), ("1e400", None)],
)
def test_numbers_are_read_as_devices_write_them(written, number):
    assert number == Fields({"n": written}).number("n")


def test_a_list_of_objects_and_one_object_are_read_alike():
    assert ["1", "2"] == [n.text("a") for n in Fields({"l": [{"a": 1}, None, {"a": 2}]}).nodes("l")]
    assert ["1"] == [n.text("a") for n in Fields({"l": {"a": 1}}).nodes("none", "l")]
    assert not Fields({"l": "text"}).node("l")


def test_objects_are_walked_from_outside_in_and_not_for_ever():
    deep = {}
    for _ in range(500):
        deep = {"in": deep}

    assert [3, 1, 1] == [len(n.raw) for n in objects([{"a": {"b": 1}, "c": [{"d": 2}], "e": 3}])]
    assert len(list(objects(deep))) < 100


@pytest.mark.parametrize(
    ("body", "content_type", "root"),
    [
        (b'\xef\xbb\xbf {"a": 1}', "", {"a": 1}),
        (b'{"a": 1}\r\n{"a": 2}\n', "text/plain", [{"a": 1}, {"a": 2}]),
        (b'{"a": "{\\"b\\": 1}"}', "application/json", {"a": {"b": 1}}),
        (b'{"a": "{B 1 A}"}', "", {"a": "{B 1 A}"}),
        (b"json=%7B%22a%22%3A1%7D&b=%20x", "", {"json": {"a": 1}, "b": " x"}),
        (b"a=1&a=2", "application/x-www-form-urlencoded", {"a": ["1", "2"]}),
        (b"\r\nEvents[0].Code=T+1\r\nEvents[0].Car.Plate=B 1=A\r\n\r\ninfo={\"a\": 1}", "text/plain",
         {"Events[0].Code": "T+1", "Events[0].Car.Plate": "B 1=A", "info": {"a": 1}}),
        (b'<n:r xmlns:n="u" id="7"><n:a>1</n:a><n:a b="2">3</n:a></n:r>', "",
         {"r": {"@id": "7", "a": ["1", {"@b": "2", "#text": "3"}]}}),
        (b'--x\r\nContent-Disposition: form-data; name="e"\r\n\r\n{"a":1}\r\n--x\r\n\r\n<r><a>1</a></r>\r\n--x--\r\n',
         "",
         {"e": {"a": 1}, "event": {"r": {"a": "1"}}}),
    ],
    ids=["BOM", "lines", "JSON in JSON", "braces", "JSON in a form", "form", "name=value lines", "XML",
         "undeclared multipart"],
)  # fmt: skip
def test_a_body_is_told_by_its_bytes(body, content_type, root):
    assert root == read_body(body, content_type).root


@pytest.mark.parametrize(
    "body",
    [b"", b" \r\n", b"rubbish", jpeg(), b'{"a": 1', b'{"a":1}{"b":', b"&".join([b"a=1"] * 2000), b"a=1\n" * 2000],
)
def test_what_is_no_body_says_why(body):
    with pytest.raises(MalformedPayload):
        read_body(body, "")


def test_pictures_of_a_form_stand_beside_its_fields():
    body = b'--x\r\nContent-Disposition: form-data; name="e"\r\n\r\n{"a":1}\r\n--x\r\n\r\n' + jpeg() + b"\r\n--x--\r\n"
    found = read_body(body, "multipart/form-data; boundary=x")

    assert ({"e": {"a": 1}}, [jpeg()]) == (found.root, [bytes(p.data) for p in found.pictures])


def test_a_picture_in_xml_does_not_count_as_markup_but_markup_does():
    picture = base64.b64encode(bytes(MAX_XML))

    assert picture.decode() == read_body(b"<r><i>" + picture + b"</i></r>").root["r"]["i"]
    with pytest.raises(MalformedPayload, match="over the limit"):
        read_body(b"<r>" + b"<i/>" * (MAX_XML // 4) + b"</r>")


def test_base64_in_a_form_survives_its_plus_signs():
    text = "/9j/" + "+" * 80

    assert {"i": text} == read_form("i=" + text)


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (1772446800, "epoch"), ("1772446800.0", "epoch"), (1772446800000, "epoch"), ("1772446800000000", "epoch"),
        (1772446800.0, "epoch"), ("2026-03-02T17:20:00+07:00", "offset"), ("2026-03-02 17:20:00", "wall_clock"),
        ("20260302172000", "wall_clock"), ("20260302172000000", "wall_clock"),
    ],
)  # fmt: skip
def test_a_moment_is_read_from_text_and_from_epochs_of_any_unit(value, source):
    time = read_moment(value, CAMERA)

    assert (MOMENT, source) == (time.utc.isoformat(), time.source)


def test_a_zoneless_time_is_utc_only_where_the_make_says_so_and_the_device_keeps_the_last_word():
    text = "2026-03-02T10:20:00"
    wrong_zone = device("generic", time_rule="wall_clock")

    assert MOMENT == read_moment(text, CAMERA, zoneless="utc").utc.isoformat()
    assert "2026-03-02T03:20:00+00:00" == read_moment(text, CAMERA).utc.isoformat()
    assert "2026-03-02T03:20:00+00:00" == read_moment(text, wrong_zone, zoneless="utc").utc.isoformat()
    assert [None, None, None] == [read_moment(value, CAMERA).utc for value in (None, True, "soon")]


@pytest.mark.parametrize(
    ("value", "expected"), [("0.95", 95.0), (1, 100.0), (1.0000001, 100.0), (0, 0.0), (92, 92.0), ("", None)]
)
def test_a_fraction_is_percent_and_what_is_none_is_not_made_certainty(value, expected):
    assert expected == percent_of_fraction(value)


def test_pictures_come_in_base64_and_by_address_and_placeholders_are_none():
    coded = base64.b64encode(jpeg()).decode()

    assert [jpeg()] == [i.data for i in read_picture(coded, "plate")]
    assert [jpeg(), jpeg()] == [i.data for i in read_picture(base64.b64encode(jpeg() * 2).decode(), "plate")]
    assert ["https://192.0.2.1/a.jpg"] == [i.url for i in read_picture(" https://192.0.2.1/a.jpg ", "scene")]
    assert [(), (), (), ()] == [read_picture(v, "scene") for v in ("IMAGE_URL", "", None, "/cam/a.jpg")]


def test_a_record_is_lent_what_the_objects_around_it_say():
    body = {"Camera": "c1", "time": "t0", "data": {"list": [{"Plate": "A", "TIME": None}, {"plate": "", "time": "t2"}]}}

    assert [("A", "t0", "c1"), ("", "t2", "c1")] == [
        (r.text("plate"), r.text("time"), r.text("camera")) for r in records(body, "plate")
    ]
    assert ["A"] == [r.text("plate") for r in records([[{"plate": "A", "other": {"plate": "inside"}}], 7], "plate")]
    assert [] == list(records({"a": {"b": 1}}, "plate")) + list(records("plate", "plate"))


def test_name_and_value_pairs_are_an_object():
    body = b"""<t:Data xmlns:t="x"><t:SimpleItem Name="plate" Value=""/><t:SimpleItem Value="B1A" Name="plate"/>
    <t:SimpleItem Name="lane" Value="2"/><t:ElementItem Name="shape"/></t:Data>"""

    assert {"plate": "B1A", "lane": "2"} == named_values(read_body(body).root)
    assert {"lane": "2"} == named_values([{"name": "lane", "value": 2}, {"name": "lane", "value": 3}])


def test_prefixes_that_nobody_declared_cost_no_document():
    cut_out = parse_xml('<tt:a x:b="1"><tt:c>B1A</tt:c><n:d xmlns:n="urn:n">2</n:d></tt:a>')

    assert ("a", "1", "B1A", "2") == (cut_out.name, cut_out.attribute("b"), cut_out.get("c"), cut_out.get("d"))
    with pytest.raises(MalformedPayload, match="not well-formed"):
        parse_xml("<tt:a><tt:c></tt:a>")
