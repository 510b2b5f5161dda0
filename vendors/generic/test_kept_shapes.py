"""What is kept of the shapes of bodies changes no reading: the same body reads alike first and after many others."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.api import Device, MalformedPayload, Payload, decode_json, normalise_plate
from vendors.generic import alone, pictures, reading, tree
from vendors.generic.plugin import Plugin
from vendors.generic.reading import Config

DEVICE = Device(id=1, code="simpang-1", maker="generic", vendor_id=1, vendor_code="polda-contoh")
RECEIVED = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
KEYS = st.sampled_from(
    ["plateNumber", "plate", "nopol", "text", "confidence", "score", "time", "timestamp", "date", "timezone", "lane",
     "direction", "speed", "unit", "vehicle", "type", "color", "event", "data", "eventId", "camera", "serial", "image",
     "url", "note", "apiKey", "catatan", "violation", "list"]
)  # fmt: skip
SCALARS = st.sampled_from(
    ["B 1234 XYZ", "AB 7 CD", "", "-", "unknown", "96,5 %", 96.4, 0.97, 1, 0, -3, 1e-7, 1e22, 2**70, True, None, "mph",
     "2026-03-02T10:20:30+07:00", "2026-03-02T10:20:30.123456789Z", "2026-03-02T10:20:30+99:00", "02-03-2026 10:20:30",
     "2026-02-30T10:20:30Z", "10:20", 1772421630, 1772421630123, "http://192.0.2.7/a.jpg", "a.jpg", "in", "keluar",
     "/9j/AAAA", "redlight", '{"plate": "D 5 E"}', "x" * 301, "WIB"]
)  # fmt: skip
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=14
)
BODIES = st.dictionaries(KEYS, TREES, max_size=9)


def forget():
    tree._forms.clear()
    tree._nested.clear()
    tree._plate_keys.clear()
    reading._extra_keys.cache_clear()


def read(body):
    payload = Payload(
        body=msgspec.json.encode(body), device=DEVICE, received_at=RECEIVED, content_type="application/json"
    )
    try:
        return Plugin(Config(), None).parse_payload(payload)
    except MalformedPayload as error:
        return str(error)


@settings(max_examples=60, deadline=None)
@given(st.lists(BODIES, min_size=2, max_size=5))
def test_a_body_reads_alike_whatever_was_read_before(bodies):
    expected = []
    for body in bodies:
        forget()
        expected.append(read(body))
    forget()
    assert expected == [read(body) for body in bodies]
    assert expected == [read(body) for body in bodies]


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_a_body_that_cannot_hold_a_picture_by_its_shape_has_none(body):
    """The look at a shape's keys spares the walk only where the walk finds nothing."""
    plain = msgspec.json.encode(body)
    found = tree.find_vehicles(decode_json(plain))
    form = tree.Scope(decode_json(plain), set()).form
    if form.shape is not None and not pictures.possible(plain, form):
        assert [()] * len(found) == pictures.bind(tree.Body(decode_json(plain)), found)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(KEYS, SCALARS | st.lists(SCALARS, max_size=2), max_size=9),
    st.sampled_from(["offset", "wall_clock"]),
)
def test_a_flat_body_reads_by_its_plan_as_by_the_long_way(body, time_rule):
    root = decode_json(msgspec.json.encode(body))
    written = tree.plate_text(root) or ""
    scope = tree.Scope(root, set())
    plan = alone.plan_of(scope.form)
    device = msgspec.structs.replace(DEVICE, time_rule=time_rule)
    if plan is not None:
        plate = written, normalise_plate(written)
        expected = reading.read_vehicle((root,), [scope], (), device, Config(), plate=plate)
        assert expected == alone.read_alone(scope, plan, device, Config(), *plate)


def test_a_body_whose_fields_all_stand_at_its_top_has_a_plan_and_one_with_a_field_inside_has_none():
    assert alone.plan_of(tree.Scope({"plate": "B 1 A", "roi": {"x": 1}, "scores": [1, 2]}, set()).form) is not None
    assert alone.plan_of(tree.Scope({"plate": "B 1 A", "vehicle": {"type": "bus"}}, set()).form) is None


@pytest.mark.parametrize(
    "body", [b'{"plate": "B 1 A", "more": "{}"}', b'{"more": "  [1]"}', b'{"more":["[1]"]}', b'{"a":[1],"b":" {}"}']
)
def test_a_string_that_begins_like_json_is_found_among_few_brackets_and_among_many(body):
    assert tree._may_nest(body)
    assert tree._may_nest(b'{"many":[[],[],[],[],[],[],[],[]],' + body[1:])


@pytest.mark.parametrize("body", [b'{"plate": "B 1 A", "roi": { "x": [1, 2]}}', b'{"a" : [ ] , "b" : "x"}', b"{}"])
def test_brackets_behind_no_quotation_mark_open_no_string(body):
    assert not tree._may_nest(body)


def test_objects_with_the_same_keys_are_told_apart_by_what_is_inside():
    for inner, lane in (({"number": 2}, "2"), ({"index": 3}, "3"), ([{"number": 4}], "4"), (5, "5")):
        (read_,) = read({"plate": "B 1234 XYZ", "lane": inner})
        assert lane == read_.lane_no
