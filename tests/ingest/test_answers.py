"""The compiled answer tables: whose path, what a heartbeat looks like, what to say."""

import pytest

from core.domain.answers import Answer, BodyCheck
from core.ingest.answers import AnswerConflict, AnswerTable, Route, accepts, problem

TABLE = AnswerTable(
    {
        "acme": [
            Answer(kind="heartbeat", path="/Notify/KeepAlive", body=b'{"Active":true}', media_type="application/json"),
            Answer(kind="heartbeat", contains=(b"videoloss", b"inactive"), max_body=2048),
            Answer(kind="event", path="/Notify/Gate", body=b'{"Result":true}', media_type="application/json"),
            Answer(kind="event"),
        ],
        "other": [Answer(path="/api/violation", body=b'{"status":"ok","id":$payload_id}'), Answer(path="/hook/*")],
    }
)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/cam/acme", Route("acme", "", (), "")),
        ("/cam/acme/", Route("acme", "", (), "")),
        ("/cam/acme/simpang-5", Route("acme", "simpang-5", (), "")),
        ("/cam/acme/simpang-5/tk_a_b", Route("acme", "simpang-5", ("tk_a_b",), "")),
        ("/cam/acme/Notify/KeepAlive", Route("acme", "", (), "/Notify/KeepAlive")),
        ("/cam/acme/simpang-5/Notify/KeepAlive", Route("acme", "simpang-5", (), "/Notify/KeepAlive")),
        ("/cam/acme/simpang-5/tk_a_b/Notify/Gate", Route("acme", "simpang-5", ("tk_a_b",), "/Notify/Gate")),
        ("/Notify/Gate", Route("acme", "", (), "/Notify/Gate")),
        ("/api/violation", Route("other", "", (), "/api/violation")),
        ("/hook/anything/below", Route("other", "", (), "/hook/*")),
        ("/api/violations", None),
        ("/cam/nobody", None),
        ("/cam", None),
    ],
)
def test_a_path_belongs_to_a_make_and_names_a_device(path, route):
    assert route == TABLE.route(path)


def kind(path, body, method="POST"):
    found = TABLE.match(TABLE.route(path), method, body)
    return found and found.kind


def test_a_heartbeat_is_told_by_its_path_or_its_bytes():
    assert "heartbeat" == kind("/cam/acme/Notify/KeepAlive", b"{}")
    assert "heartbeat" == kind("/cam/acme/x", b"<eventType>VideoLoss</eventType><eventState>INACTIVE</eventState>")
    assert "event" == kind("/cam/acme/x", b"<eventType>videoloss</eventType><eventState>active</eventState>"[:40])


def test_a_doubtful_heartbeat_is_an_event():
    assert "event" == kind("/cam/acme/x", b"videoloss inactive" + b" " * 3000)


def test_a_get_is_a_probe_and_a_delete_is_nobodys():
    assert "probe" == kind("/cam/acme/x", b"", "GET")
    assert kind("/cam/acme/x", b"", "DELETE") is None


def test_two_makes_may_not_insist_on_one_path():
    with pytest.raises(AnswerConflict, match="a and b both insist on the path /x"):
        AnswerTable({"b": [Answer(path="/x")], "a": [Answer(path="/x")]})


def test_a_shared_path_is_the_other_make_s_and_behind_cam_its_own():
    rows = {"a": [Answer(path="/x", shared=True, body=b"a")], "b": [Answer(path="/x", body=b"b")]}

    assert "b" == AnswerTable(rows).route("/x").maker
    assert "a" == AnswerTable({"a": rows["a"]}).route("/x").maker
    behind = AnswerTable(rows).route("/cam/a/simpang/x")
    assert ("a", "simpang", (), b"a") == (
        behind.maker, behind.device_code, behind.rest, AnswerTable(rows).match(behind, "POST", b"").body
    )  # fmt: skip


CHECK = BodyCheck(media_types=("application/json", "multipart/"), any_key=("plateNumber", "plate"))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"plateNumber":"B1"}', None),
        (b'{"params":{"Plate_Number":"B1"}}', None),
        (b'[{"plate":"B1"}]', None),
        (b'{"speed":3}', "names no vehicle"),
        (b"plate=B1", "not JSON"),
        (b"7", "expected a JSON object"),
        (b"[" * 100_000, "nested"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_a_client_is_told_what_is_wrong_with_its_body(body, complaint):
    found = problem(CHECK, "application/json", body)

    assert (found is None) if complaint is None else complaint in (found or "")


def test_a_form_names_its_vehicle_by_field_or_in_a_json_part():
    head = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--b--\r\n'

    assert problem(CHECK, "multipart/form-data; boundary=b", head % (b"plateNumber", b"B1")) is None
    assert problem(CHECK, "multipart/form-data; boundary=b", head % (b"event", b'{"plate":"B1"}')) is None
    assert "names no vehicle" in problem(CHECK, "multipart/form-data; boundary=b", head % (b"colour", b"red"))


def test_only_declared_media_types_are_taken_and_none_is_fine():
    assert accepts(CHECK, "application/json; charset=utf-8")
    assert accepts(CHECK, "multipart/form-data; boundary=b")
    assert accepts(CHECK, "")
    assert not accepts(CHECK, "text/html")
