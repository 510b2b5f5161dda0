"""The forms in which Dahua's events come, and whose they are taken for."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.testing.fixtures import as_payload, load_http


class TestForms:
    def test_every_json_fixture_means_the_same_with_its_keys_shuffled_and_lower_cased(self, dahua):
        def turned(value):
            if isinstance(value, dict):
                return {key.lower(): turned(child) for key, child in reversed(value.items())}
            return [turned(child) for child in value] if isinstance(value, list) else value

        for name in ("itsapi_tollgate", "itsapi_tollgate_two_jpegs_beside_picture", "rpc2_notify_event_stream"):
            _, _, _, body = load_http(dahua.fixtures / f"{name}.http")
            plain = dahua.one(body, "application/json")
            other = dahua.one(json.dumps(turned(json.loads(body))), "application/json")

            # pictures come in the order of the keys
            assert sorted(str(i.role) for i in plain.images) == sorted(str(i.role) for i in other.images), name
            assert msgspec.structs.replace(plain, images=()) == msgspec.structs.replace(other, images=()), name

    def test_line_ends_do_not_matter(self, dahua):
        for name in ("eventmanager_stream_with_wrong_lengths", "snapmanager_placeholders_of_the_manual"):
            _, _, headers, body = load_http(dahua.fixtures / f"{name}.http")
            plain = dahua.all(body, headers["Content-Type"])

            assert plain == dahua.all(body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), headers["Content-Type"])

    @given(st.binary(max_size=300), st.sampled_from(["text/plain", "application/json", "multipart/mixed; boundary=b"]))
    @settings(max_examples=200, deadline=None)
    def test_arbitrary_bytes_are_read_or_refused(self, dahua, body, content_type):
        for start in (b"", b"Code=TrafficJunction;action=Pulse;index=0;data={", b"Events[0].Code=X\n", b'{"Picture":'):
            dahua.outcome(start + body, content_type)

    @pytest.mark.timeout(90)  # takes 2 s; quadratic code would need many minutes
    def test_hostile_texts_cost_no_time(self, dahua):
        for body in (
            b"Code=A;action=Start;index=0;data={\n" * 20_000,
            b"Code=A;action=Start;index=0;data=" + b'"\\' * 400_000,
            (b" " * 400 + b"\n") * 3_000,
            b"Events[0]." + b"A." * 200_000 + b"=1",
            b'{"a":"' + b'\\"' * 400_000,
            b'{"a":' + b"nan(" * 100_000,
            b'{"a":1,' * 30_000,
        ):
            dahua.outcome(body, "text/plain")


class TestRelays:
    @pytest.mark.parametrize(("word", "meant"), [("entry", "in"), ("exit", "out"), ("IN", "in"), ("aneh", "unknown")])
    def test_entry_and_exit_are_in_and_out(self, dahua, word, meant):
        assert meant == dahua.one({"plateNumber": "B 1 A", "direction": word}).direction

    def test_a_wrapped_relay_knows_what_its_wrapper_says(self, dahua):
        read = dahua.one({"eventType": "ANPR", "timestamp": "2026-03-02T10:20:00Z", "data": {"plateNumber": "B 1 A"}})

        assert ("B1A", "2026-03-02T10:20:00+00:00") == (read.plate_number, read.capture_time.isoformat())

    def test_a_picture_by_url_is_named_and_not_fetched(self, dahua):
        read = dahua.one({"plateNumber": "B 1 A", "imageUrl": "http://192.0.2.1/a.jpg", "plateImageUrl": "/etc/passwd"})

        assert [("scene", "http://192.0.2.1/a.jpg", None)] == [(i.role, i.url, i.data) for i in read.images]


class TestRecognition:
    def test_every_event_fixture_is_recognised(self, dahua):
        for path in sorted(dahua.fixtures.glob("*.http")):
            if not path.name.startswith(("relay", "eventmanager_disk", "itsapi_keepalive_b")):
                found = dahua.plugin.recognise_payload(as_payload(path, "dahua"))
                assert found is not None and found.confidence >= 0.3, path.name

    def test_other_makes_are_not(self, dahua):
        assert dahua.plugin.recognise_payload(as_payload(b"<EventNotificationAlert/>", "dahua")) is None
