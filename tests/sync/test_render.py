"""The same row gives the same bytes, and evidence is what its hash says."""

import base64
import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cases import EvidenceRef, HttpRequest
from core.domain.errors import Unbuildable
from core.sync.render import EvidenceMissing, render, stored_body, stored_request

PICTURE = b"\xff\xd8 a picture of ours \xff\xd9"
HASH = hashlib.sha256(PICTURE).hexdigest()


def read(sha256):
    if sha256 != HASH:
        raise EvidenceMissing("not there")
    return PICTURE


def test_a_picture_is_kept_by_hash_and_sent_as_base64():
    stored = stored_body({"evidence": EvidenceRef(sha256=HASH, role="plate", mime="image/jpeg", size=len(PICTURE))})
    assert HASH == stored["evidence"]["$evidence"]
    assert base64.b64encode(PICTURE).decode() == json.loads(render(stored, read))["evidence"]


def test_a_picture_that_was_altered_is_not_sent():
    with pytest.raises(EvidenceMissing, match="altered"):
        render(stored_body([EvidenceRef(sha256=HASH)]), lambda sha256: PICTURE + b"!")


def test_data_cannot_pass_for_a_picture():
    with pytest.raises(Unbuildable):
        stored_body({"detail": {"$evidence": HASH}})


@pytest.mark.parametrize("value", ["\0", float("nan"), float("inf"), "\ud800", object()])
def test_what_postgresql_or_json_cannot_hold_is_refused(value):
    with pytest.raises(Unbuildable):
        stored_body({"x": value})


def test_endless_nesting_is_refused():
    body: list = []
    body.append(body)
    with pytest.raises(Unbuildable):
        stored_body(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_rendering_does_not_depend_on_the_order_of_keys(body):
    stored = stored_body(body)

    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    assert render(stored, read) == render(turned(stored), read)


def test_no_body_is_no_bytes():
    assert b"" == render(stored_body(None), read)


def test_a_stored_request_names_secrets_and_holds_none():
    request = HttpRequest(url="https://etnas.example/api", secret_headers={"X-API-KEY": "api_key"}, body={"a": 1})
    stored = stored_request(request, stored_body(request.body))
    assert {"X-API-KEY": "api_key"} == stored["secret_headers"]
    assert {"a": 1} == stored["body"]
    assert stored == msgspec.json.decode(msgspec.json.encode(stored))
