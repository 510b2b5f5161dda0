"""ETNAS: the payload to the letter, the address and key, the look-up."""

from typing import ClassVar

import msgspec
import pytest

from core.api import HttpResponse, Unbuildable
from core.testing.contract_sink import SinkContract
from core.testing.sinks import ConfigMistake


def test_the_payload_is_exactly_the_agreed_one(make_sink, case):
    request = make_sink("etnas").build_sync(case)
    assert {
        "vendor_id": "polda-banten",
        "plate_number": "B1234XYZ",
        "violation_type": "lampu_merah",
        "capture_time": "2026-03-02T10:20:00Z",
        "location": "Simpang XYZ",
        "evidence_plate": case.plate_image,
        "evidence_vehicle": case.vehicle_image,
    } == request.body
    assert "POST" == request.method


def test_the_address_is_the_vendor_s_unless_the_sink_has_one(make_sink, case):
    assert "http://e.test/in" == make_sink("etnas").build_sync(case).url
    assert "https://own.test/x" == make_sink("etnas", url="https://own.test/x").build_sync(case).url


def test_the_key_is_named_and_never_in_the_request(make_sink, case):
    sink = make_sink("etnas", {"K": "rahasia-sekali"}, api_key={"env": "K"}, key_header="X-Kunci")
    request = sink.build_sync(case)
    assert {"X-Kunci": "api_key"} == request.secret_headers
    assert b"rahasia-sekali" not in msgspec.json.encode(request)
    assert {"X-API-KEY": "vendor.api_key"} == make_sink("etnas").build_sync(case).secret_headers
    assert {} == make_sink("etnas", key_header="").build_sync(case).secret_headers


def test_key_and_trace_travel_in_headers_of_the_operator_s_choice(make_sink, case):
    headers = make_sink("etnas", idempotency_header="X-Idem", trace_header="").build_sync(case).headers
    assert {"Content-Type": "application/json", "X-Idem": case.idempotency_key} == headers


def test_a_missing_picture_is_an_empty_text(make_sink, case):
    bare = msgspec.structs.replace(case, plate_image=None)
    assert "" == make_sink("etnas").build_sync(bare).body["evidence_plate"]


@pytest.mark.parametrize("change", [{"plate_number": ""}, {"vendor": "no url"}])
def test_a_case_that_cannot_be_told_goes_back_to_a_person(make_sink, case, change):
    if "vendor" in change:
        change = {"vendor": msgspec.structs.replace(case.vendor, etnas_url="")}
    with pytest.raises(Unbuildable):
        make_sink("etnas").build_sync(msgspec.structs.replace(case, **change))


def test_without_a_look_up_address_it_cannot_be_asked(make_sink, case):
    assert make_sink("etnas").build_look_up(case) is None


def test_the_look_up_address_is_filled_in_safely(make_sink, case):
    odd = msgspec.structs.replace(case, plate_number="B 12/../X&Y")
    sink = make_sink("etnas", look_up_url="http://e.test/v/{vendor_id}?p={plate_number}&t={capture_time}")
    request = sink.build_look_up(odd)
    assert "http://e.test/v/polda-banten?p=B%2012%2F..%2FX%26Y&t=2026-03-02T10%3A20%3A00Z" == request.url
    assert ("GET", None) == (request.method, request.body)


def test_look_ups_and_answers_are_told_apart(make_sink):
    sink = make_sink("etnas")
    absent = HttpResponse(status=200, headers={}, body=b'{"found":false}', purpose="look_up")
    assert "absent" == sink.read_receipt(absent).outcome
    assert "accepted" == sink.read_receipt(HttpResponse(status=200, headers={}, body=b'{"status":"ok"}')).outcome


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"url": "ftp://e.test"}, "url"),
        ({"url": "http://user:pw@e.test"}, "api_key"),
        ({"look_up_url": "http://e.test/{plate}"}, "plate_number"),
        ({"urll": "http://e.test"}, "url"),
        ({"api_key": "in clear"}, "env"),
    ],
)
def test_mistakes_in_the_config_are_named(make_sink, table, said):
    with pytest.raises(ConfigMistake, match=said):
        make_sink("etnas", **table)


class TestContract(SinkContract):
    use = "plugins.sinks.etnas"
    environ: ClassVar = {"KEY": "kunci-rahasia-untuk-uji"}
    config: ClassVar = {"url": "https://etnas.example/api/violations", "api_key": {"env": "KEY"}}
