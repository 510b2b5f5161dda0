"""What the answers of a centre mean."""

from datetime import UTC, datetime

import pytest

from core.domain.cases import HttpResponse
from core.domain.receipts import read_answer, read_look_up, retry_after_s


def answer(status, body="", purpose="send", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, headers=named, body=body.encode(), purpose=purpose)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "OK",
        "success",
        '"ok"',
        '{"status":"ok"}',
        '{"status":"success","message":"Data berhasil disimpan"}',
        '{"success":true}',
        '{"error":false,"message":"OK"}',
        '{"error":null,"id":17}',
        '{"code":200,"message":"Created"}',
        '{"code":"00"}',
        '{"rc":"00","pesan":"sukses"}',
        '{"statusCode":201}',
        '{"meta":{"code":200,"status":"success"},"data":{"id":9}}',
        '{"data":{"uuid":"4f0c"}}',
        '{"status":true,"msg":"diterima"}',
        '{"message":"Berhasil"}',
    ],
)
def test_a_yes_is_read_in_its_many_forms(body):
    assert "accepted" == read_answer(answer(200, body)).outcome


@pytest.mark.parametrize(("status", "body"), [(201, "{}"), (202, '{"queued_at":"2026-03-02"}'), (204, "")])
def test_created_and_accepted_need_no_words(status, body):
    assert "accepted" == read_answer(answer(status, body)).outcome


@pytest.mark.parametrize(
    "body",
    [
        '{"status":"error","message":"plate_number tidak valid"}',
        '{"success":false,"message":"violation_type is required"}',
        '{"error":"unknown vendor_id"}',
        '{"errors":["location must not be empty"]}',
        '{"errors":{"plate_number":"format salah"}}',
        '{"code":422,"message":"Unprocessable"}',
        '{"meta":{"code":400,"status":"error","message":"bad payload"}}',
        '{"status":"ditolak"}',
    ],
)
def test_an_error_in_a_200_that_blames_the_case_is_a_refusal(body):
    assert "refused" == read_answer(answer(200, body)).outcome


@pytest.mark.parametrize(
    "body",
    [
        '{"status":"error","message":"database busy, try again later"}',
        '{"success":false,"message":"Server sedang sibuk, coba lagi"}',
        '{"code":500,"message":"gangguan"}',
        '{"code":503}',
        '{"error":"internal error"}',
        '{"status":"error","message":"API key required"}',
        '{"message":"gagal: timeout"}',
    ],
)
def test_an_error_in_a_200_that_blames_the_centre_is_tried_again(body):
    assert "transient" == read_answer(answer(200, body)).outcome


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, ""),
        (409, '{"reference":"ETN-1"}'),
        (200, '{"status":"error","message":"Duplicate entry"}'),
        (200, '{"success":false,"message":"Data sudah ada"}'),
        (200, '{"status":"duplicate"}'),
    ],
)
def test_a_duplicate_is_there_already(status, body):
    assert "accepted" == read_answer(answer(status, body)).outcome


@pytest.mark.parametrize(
    "body",
    [
        "<html><body>Selamat datang</body></html>",
        "{",
        "[]",
        "17",
        "{}",
        '{"hello":"world"}',
        '{"success":true,"error":"partly"}',
        '{"status":"ok","code":500}',
        "\x00\x01\x02",
        "[" * 5000,
    ],
)
def test_what_is_not_understood_is_unknown_and_never_accepted(body):
    assert "unknown" == read_answer(answer(200, body)).outcome


def test_the_centre_s_own_id_is_kept():
    assert "ETN-77" == read_answer(answer(200, '{"status":"ok","data":{"reference":"ETN-77"}}')).reference
    assert "17" == read_answer(answer(201, '{"id":17}')).reference


@pytest.mark.parametrize("status", [400, 402, 406, 410, 413, 415, 422])
def test_a_no_to_the_request_is_final(status):
    receipt = read_answer(answer(status, '{"error":"plate_number is required"}'))
    assert ("refused", True) == (receipt.outcome, "plate_number is required" in receipt.reason)


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405, 408, 425, 429, 500, 502, 503, 504])
def test_what_patience_or_an_operator_can_mend_is_transient(status):
    assert "transient" == read_answer(answer(status)).outcome


def test_a_wrong_key_says_what_to_do():
    assert "check the sink's key" in read_answer(answer(401)).reason


def test_retry_after_is_read_in_both_forms():
    now = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
    assert 120.0 == retry_after_s({"retry-after": "120"}, now)
    assert 60.0 == retry_after_s({"retry-after": "Mon, 02 Mar 2026 10:21:00 GMT"}, now)
    assert 0.0 == retry_after_s({"retry-after": "Mon, 02 Mar 2026 10:00:00 GMT"}, now)
    for useless in ("", "soon", "-5", "99999999999999"):
        assert retry_after_s({"retry-after": useless}, now) is None
    assert 120.0 == read_answer(answer(429, retry_after="120")).retry_after_s


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ('{"found":true,"reference":"E1"}', "accepted"),
        ('{"found":false}', "absent"),
        ('{"exists":false}', "absent"),
        ("[]", "absent"),
        ('[{"id":1}]', "accepted"),
        ('{"total":0,"items":[]}', "absent"),
        ('{"data":[]}', "absent"),
        ('{"data":{"id":4}}', "accepted"),
        ('{"id":4,"plate_number":"B1234XYZ"}', "accepted"),
        ("{}", "unknown"),
        ('{"status":"error","message":"busy"}', "unknown"),
        ("<html>", "unknown"),
    ],
)
def test_look_ups_are_read_by_meaning(body, outcome):
    assert outcome == read_look_up(answer(200, body, "look_up")).outcome


def test_a_404_to_a_look_up_is_absent_only_where_the_operator_says_so():
    assert "unknown" == read_look_up(answer(404, "404 page not found", "look_up")).outcome
    assert "absent" == read_look_up(answer(404, "", "look_up"), absent_on_404=True).outcome
    assert "transient" == read_look_up(answer(503, "", "look_up")).outcome
