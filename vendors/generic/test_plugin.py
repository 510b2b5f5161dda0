"""What the generic plugin answers, recognises, keeps to itself and survives."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.api import MalformedPayload
from core.testing.contract import Reader
from core.testing.fixtures import as_payload, describe
from vendors.generic.plugin import PLATE_MARKS
from vendors.generic.words import PLATE_KEYS

OTHER_KEYS = ("time", "date", "timestamp", "confidence", "speed", "image", "plateImage", "direction", "violationType",
              "event", "eventId", "lane", "timezone", "vehicle")  # fmt: skip


class TestPlugin(Reader):
    maker = "generic"

    def read(self, body, content_type="application/json", **how):
        source = body if isinstance(body, bytes) else json.dumps(body).encode()
        (found,) = self.parse(source, content_type=content_type, **how)
        return found

    def test_nothing_that_smells_of_a_credential_is_kept_aside(self):
        extra = self.read({"plate": "B1A", "apiKey": "r4h4s14", "note": "x", "login": {"password": "r4h4s14"}}).extra

        assert {"note": "x"} == extra

    def test_the_error_names_keys_and_never_values(self):
        with pytest.raises(MalformedPayload) as caught:
            self.read({"apiKey": "r4h4s14", "speed": 4})

        assert "apiKey" in str(caught.value)
        assert "r4h4s14" not in str(caught.value)

    @pytest.mark.parametrize("body", [{"type": "HeartBeat"}, {"event": "keep-alive"}, {"heartbeat": 7}])
    def test_a_heartbeat_is_understood_and_records_nothing(self, body):
        assert [] == self.parse(json.dumps(body).encode())

    def test_clients_are_answered_with_the_id_and_checked_for_a_vehicle_on_both_paths(self):
        rows = self.plugin.answers()
        events = [row for row in rows if row.kind == "event"]

        assert ["/api/violation", ""] == [row.path for row in events]
        assert {b'{"status":"ok","id":$payload_id}'} == {row.body for row in events}
        assert {PLATE_KEYS} == {row.check.any_key for row in events}
        assert {("GET", "HEAD")} == {row.methods for row in rows if row.kind == "probe"}
        assert all(PLATE_MARKS == row.lacks and row.max_body for row in rows if row.kind == "heartbeat")

    def test_a_payload_of_unknown_origin_is_recognised_by_its_plate_key(self):
        def recognised(body, path=""):
            payload = msgspec.structs.replace(as_payload(body, "generic"), path=path)
            return self.plugin.recognise_payload(payload)

        assert recognised(b'{"plate":"B1A"}').confidence < recognised(b'{"plate":"B1A"}', "/api/violation").confidence
        assert recognised(b'{"speed":1}') is None
        assert recognised(b"<xml/>") is None

    def test_no_plate_key_escapes_the_marks_that_keep_an_event_from_being_taken_for_a_heartbeat(self):
        assert [] == [key for key in PLATE_KEYS if not any(m in f'"{key}"'.lower().encode() for m in PLATE_MARKS)]

    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(PLATE_KEYS) | st.sampled_from(OTHER_KEYS) | st.text(), inner, max_size=6),
    ))  # fmt: skip
    @settings(max_examples=200, deadline=None)
    def test_any_json_is_read_or_refused(self, body):
        try:
            json.dumps(describe(self.parse(msgspec.json.encode(body), content_type="application/json")))
        except MalformedPayload as error:
            assert str(error)
