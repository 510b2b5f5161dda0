"""The webhook's event; that its signature holds is proved in tests/sync/test_transport.py over the wire."""

from typing import ClassVar

import pytest

from core.api import HttpResponse
from core.testing.contract_sink import SinkContract
from core.testing.sinks import ConfigMistake

SECRETS = {"S": "whsec_bWFuYSByYWhhc2lh", "OLD": "bGFtYQ=="}


def test_the_event_names_pictures_by_hash(make_sink, case):
    request = make_sink("webhook", SECRETS, url="https://w.test/in", secret={"env": "S"}).build_sync(case)
    assert ("violation.approved", "2026-03-02T10:30:00Z") == (request.body["type"], request.body["timestamp"])
    assert {"role": "plate", "mime": "image/jpeg", "sha256": "aa" * 32} == request.body["data"]["evidence"][0]
    assert ("standard-webhooks", "secret") == (request.sign, request.sign_secret)


def test_pictures_come_along_when_asked_for(make_sink, case):
    sink = make_sink("webhook", SECRETS, url="https://w.test", secret={"env": "S"}, evidence="inline")
    assert case.vehicle_image == sink.build_sync(case).body["data"]["evidence"][1]["content"]


def test_both_secrets_sign_while_they_change(make_sink, case):
    sink = make_sink(
        "webhook", SECRETS, url="https://w.test", secret={"env": "S"}, previous_secret={"env": "OLD"}
    )  # fmt: skip
    assert "secret,previous_secret" == sink.build_sync(case).sign_secret


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "accepted"), (204, "accepted"), (410, "refused"), (400, "refused"), (429, "transient"), (500, "transient")],
)
def test_the_status_alone_decides(make_sink, status, outcome):
    sink = make_sink("webhook", SECRETS, url="https://w.test", secret={"env": "S"})
    assert outcome == sink.read_receipt(HttpResponse(status=status, headers={}, body=b"<html>hm</html>")).outcome


@pytest.mark.parametrize("table", [{"url": "https://w.test"}, {"url": "https://w.test", "secret": "clear"},
                                   {"url": "https://w.test", "secret": {"env": "S"}, "evidence": "all"}])  # fmt: skip
def test_mistakes_in_the_config_are_named(make_sink, table):
    with pytest.raises(ConfigMistake, match=r"secret|evidence"):
        make_sink("webhook", SECRETS, **table)


class TestContract(SinkContract):
    use = "plugins.sinks.webhook"
    environ: ClassVar = {"KEY": "whsec_bWFuYSByYWhhc2lh"}
    config: ClassVar = {"url": "https://w.example/in", "secret": {"env": "KEY"}}
