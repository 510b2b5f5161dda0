"""Contract tests for sinks: a sink's test class inherits SinkContract and gets these for nothing.

class TestPusat(SinkContract):
    use = "plugins.sinks.pusat"
    config = {"url": "https://centre.example/api"}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from core.domain.cases import HttpResponse, SyncReceipt
from core.domain.errors import TangkapinError
from core.hooks.checks import implemented, inspect_plugin
from core.hooks.deployment import find_class
from core.testing.sinks import example_case, sink

ANSWERS = (
    b"", b"{", b"null", b"[]", b"true", b'"ok"', b"\xff\xfe\x00", b"<html>busy</html>", b'{"success": "perhaps"}',
    b"[" * 100_000, b'{"message": "' + b"x" * 60_000 + b'"}',
)  # fmt: skip
"""What centres and the proxies before them say when they do not say what they should."""


class SinkContract:
    """What every sink keeps. `config` and `environ` are its table in plugins.toml and the secrets it names."""

    use: ClassVar[str]
    config: ClassVar[Mapping[str, Any]] = {}
    environ: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def told(self, tmp_path: Path) -> Any:
        """The sink under test."""
        return sink(self.use, tmp_path, dict(self.environ), dict(self.config))

    @property
    def hooks(self) -> tuple[str, ...]:
        """What it implements."""
        return implemented(find_class(self.use))

    def test_the_plugin_may_be_loaded(self) -> None:
        assert inspect_plugin(find_class(self.use)) == []
        assert find_class(self.use).guarantee, "a sink says what it promises: guarantee = ..."

    def test_the_same_case_is_the_same_request_however_often_it_is_built(self, told: Any) -> None:
        first, second = told.build_sync(example_case()), told.build_sync(example_case())
        assert first is not None
        assert msgspec.to_builtins(first, enc_hook=repr) == msgspec.to_builtins(second, enc_hook=repr)

    def test_an_idempotent_sink_sends_the_key_of_the_case(self, told: Any) -> None:
        case = msgspec.structs.replace(example_case(), idempotency_key="tkp_lain")
        request = told.build_sync(case)
        if told.config.idempotent and not request.sign:  # with a signature core sends the key in its header
            assert case.idempotency_key in repr(msgspec.to_builtins(request, enc_hook=repr))

    def test_no_secret_stands_in_the_request(self, told: Any) -> None:
        shown = repr(msgspec.to_builtins(told.build_sync(example_case()), enc_hook=repr))
        for secret in self.environ.values():
            assert secret not in shown, "name the Config field in `secret_headers`; core puts the value in"

    def test_a_case_of_the_bare_minimum_is_built_or_refused_with_a_reason(self, told: Any) -> None:
        bare = msgspec.structs.replace(
            example_case(), plate_image=None, vehicle_image=None, speed_kmh=None, lane_no="", direction="", location="",
            detail={},
        )  # fmt: skip
        try:
            told.build_sync(bare)
        except TangkapinError as error:
            assert str(error)

    def test_whatever_the_centre_says_becomes_a_receipt(self, told: Any) -> None:
        if "read_receipt" not in self.hooks:
            return
        for status in (200, 201, 204, 301, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504):
            for body in ANSWERS:
                response = HttpResponse(status=status, headers={"content-type": "application/json"}, body=body)
                receipt = told.read_receipt(response)
                assert receipt is None or isinstance(receipt, SyncReceipt)

    def test_trouble_of_the_centre_is_never_taken_for_success(self, told: Any) -> None:
        if "read_receipt" not in self.hooks:
            return
        for status in (301, 401, 403, 429, 500, 502, 503, 504):
            receipt = told.read_receipt(HttpResponse(status=status, headers={}, body=b'{"success": true}'))
            assert receipt is None or receipt.outcome != "accepted", status

    def test_a_push_whose_answer_was_lost_may_be_repeated(self, told: Any) -> None:
        if "push_sync" not in self.hooks:
            return
        case, rendered = example_case(), b'{"plate_number": "B1234XYZ"}'
        first, second = told.push_sync(case, rendered), told.push_sync(case, rendered)
        assert ("accepted", first.reference) == (second.outcome, second.reference)

    def test_closing_twice_is_safe(self, told: Any) -> None:
        told.build_sync(example_case())
        for _ in range(2):
            if "close" in self.hooks:
                told.close()
