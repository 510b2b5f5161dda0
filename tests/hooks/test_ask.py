"""Judges, rules, observers and sinks: who is asked, and what many answers come to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.api import DomainEvent, HttpResponse, Refused, Transient, Unbuildable
from core.hooks.errors import PluginFailed, PluginQuarantined, UnknownInstance

RECEIPT = "@hookimpl\ndef read_receipt(self, response): return SyncReceipt(outcome='accepted')\n"
ANSWER = HttpResponse(status=200, headers={}, body=b"")
pytestmark = pytest.mark.usefixtures("quiet")


def test_answers_are_collected_by_make_at_load(deployment):
    deployment.add("acme", "@hookimpl\ndef answers(self): return [Answer(body=b'OK')]")
    host = deployment.load()
    assert {"acme": [b"OK"]} == {maker: [row.body for row in rows] for maker, rows in host.answers().items()}
    assert 1 == host.instances[0].calls


def test_opinions_on_an_unknown_payload_are_ranked_and_failures_have_none(deployment, payload):
    body = "@hookimpl\ndef recognise_payload(self, payload): {}"
    deployment.add("low", body.format("return Recognition(confidence=0.2, why='json')"))
    deployment.add("high", body.format("return Recognition(confidence=0.9, why='root element')"))
    deployment.add("none", body.format("return None"))
    deployment.add("broken", body.format("raise ValueError"))
    deployment.add("malformed", body.format("raise MalformedPayload('x')"))
    assert ["high", "low"] == [instance for instance, _ in deployment.load().recognise_payload(payload())]


JUDGE = "@hookimpl\ndef judge_read(self, read, device): {}"


@pytest.mark.parametrize("reverse", [False, True])
def test_the_strictest_verdict_wins_whatever_the_order(deployment, read, device, reverse):
    deployment.add("kind", JUDGE.format("return Verdict(action='accept')"))
    deployment.add("careful", JUDGE.format("return Verdict(action='review', reason='low')"))
    deployment.add("silent", JUDGE.format("return None"))
    deployment.add("strict", JUDGE.format("return Verdict(action='drop', reason='no_plate')"))
    if reverse:
        deployment.tables.reverse()
    verdict, failed = deployment.load().judge_read(read, device())
    assert ("drop", "no_plate", []) == (verdict.action, verdict.reason, failed)


def test_what_a_judge_mentions_of_a_read_that_it_accepts_is_kept(deployment, read, device):
    deployment.add("kind", JUDGE.format("return Verdict(action='accept')"))
    deployment.add("telling", JUDGE.format("return Verdict(action='accept', reason='other_region')"))
    verdict, _ = deployment.load().judge_read(read, device())
    assert ("accept", "other_region") == (verdict.action, verdict.reason)


def test_no_judge_accepts(deployment, read, device):
    assert "accept" == deployment.load().judge_read(read, device())[0].action


def test_a_failing_judge_sends_the_read_to_review(deployment, read, device):
    deployment.add("broken", JUDGE.format("return 'drop'"))
    deployment.add("kind", JUDGE.format("return Verdict(action='accept')"))
    host = deployment.load()
    verdict, failed = host.judge_read(read, device())
    assert ("review", "judge_failed", ["broken"]) == (verdict.action, verdict.reason, failed)
    host.quarantine("broken", "by hand")
    assert "judge_failed" == host.judge_read(read, device())[0].reason


RULE = "@hookimpl\ndef classify_passage(self, passage, device): {}"


def test_one_poldas_rules_never_judge_anothers_passages(deployment, passage, device):
    deployment.add("rules_a", RULE.format("return [CaseDraft(violation_type=ViolationType.HELM)]"), 'vendors=["a"]')
    deployment.add("rules_b", RULE.format("return [CaseDraft(violation_type=ViolationType.ODOL)]"), 'vendors=["b"]')
    host = deployment.load()
    assert ["helm"] == [draft.violation_type for draft in host.classify_passage(passage, device(vendor="a"))[0]]
    assert ["odol"] == [draft.violation_type for draft in host.classify_passage(passage, device(vendor="b"))[0]]
    assert ([], []) == host.classify_passage(passage, device(vendor="c"))


def test_drafts_of_one_type_merge_and_a_failing_rule_is_reported_beside_them(deployment, passage, device):
    draft = "return [CaseDraft(violation_type=ViolationType.HELM, detail={{'by': '{0}', '{0}': 1}})]"
    deployment.add("first", RULE.format(draft.format("first")))
    deployment.add("broken", RULE.format("raise ZeroDivisionError"))
    deployment.add("second", RULE.format(draft.format("second")))
    drafts, failures = deployment.load().classify_passage(passage, device())
    assert [{"by": "first", "first": 1, "second": 1}] == [draft.detail for draft in drafts]
    assert [("broken", "ZeroDivisionError")] == [(f.instance, f.error_text) for f in failures]


EVENT = DomainEvent(name="violation_approved", at=datetime(2026, 3, 2, tzinfo=UTC), vendor_id=1)


def test_an_observer_that_raises_stops_no_other(deployment):
    deployment.add("broken", "@hookimpl\ndef observe_event(self, event): raise SystemExit")
    deployment.add("hears", "@hookimpl\ndef observe_event(self, event): self.context.data_dir.joinpath('x').touch()")
    failures = deployment.load(data_dir=deployment.folder).observe_event(EVENT)
    assert ["broken"] == [failure.instance for failure in failures]
    assert (deployment.folder / "hears" / "x").exists()


def test_an_observer_bound_to_a_vendor_hears_only_of_it(deployment):
    deployment.add("a", "@hookimpl\ndef observe_event(self, event): pass", 'vendors = ["polda-a"]')
    host = deployment.load()
    for vendor in ("polda-b", "", "polda-a"):
        host.observe_event(EVENT, vendor)
    assert 1 == host.instances[0].calls


def test_a_vendors_sinks_are_those_bound_to_it_quarantined_ones_too(deployment):
    body = RECEIPT + "@hookimpl\ndef build_sync(self, case): return HttpRequest(url='http://x')"
    deployment.add("all_of_them", body)
    deployment.add("only_b", body, 'vendors = ["polda-b"]')
    deployment.add("parser", "@hookimpl\ndef parse_payload(self, payload): return []")
    host = deployment.load()
    host.quarantine("all_of_them", "by hand")
    assert ["all_of_them"] == host.sinks_for("polda-a")
    assert ["all_of_them", "only_b"] == host.sinks_for("polda-b")


def test_a_request_that_cannot_be_built_is_told_apart_from_a_bug(deployment, case):
    deployment.add("sink", RECEIPT + "@hookimpl\ndef build_sync(self, case): raise Unbuildable('no location')")
    deployment.add("bug", RECEIPT + "@hookimpl\ndef build_sync(self, case): raise KeyError('location')")
    deployment.add("none", RECEIPT + "@hookimpl\ndef build_sync(self, case): return None")
    host = deployment.load()
    with pytest.raises(Unbuildable, match="no location"):
        host.build_sync("sink", case)
    with pytest.raises(PluginFailed, match="KeyError"):
        host.build_sync("bug", case)
    with pytest.raises(PluginFailed, match="expected HttpRequest, got None"):
        host.build_sync("none", case)
    assert 1 == host.instances[2].failures
    with pytest.raises(UnknownInstance, match="did you mean sink"):
        host.build_sync("sinc", case)


@pytest.mark.parametrize(
    "body", ["raise ValueError", "return None", "return 'accepted'", "return SyncReceipt(outcome='fine')"]
)
def test_an_answer_that_the_sink_cannot_read_is_unknown(deployment, body):
    deployment.add("sink", f"@hookimpl\ndef read_receipt(self, response): {body}")
    assert "unknown" == deployment.load().read_receipt("sink", ANSWER).outcome


def test_a_receipt_comes_through(deployment):
    deployment.add("sink", RECEIPT)
    assert "accepted" == deployment.load().read_receipt("sink", ANSWER).outcome


def test_a_sink_without_a_look_up_or_a_push_gives_none(deployment, case):
    deployment.add("sink", RECEIPT)
    host = deployment.load()
    assert None is host.build_look_up("sink", case)
    assert None is host.push_sync("sink", case, b"{}")


def test_a_push_says_later_no_or_unknown(deployment, case):
    for name, error in (("later", "Transient('disk full')"), ("no", "Refused('closed')"), ("bug", "OSError('x')")):
        deployment.add(name, f"@hookimpl\ndef push_sync(self, case, rendered): raise {error}")
    host = deployment.load()
    with pytest.raises(Transient):
        host.push_sync("later", case, b"")
    with pytest.raises(Refused):
        host.push_sync("no", case, b"")
    assert "unknown" == host.push_sync("bug", case, b"").outcome
    host.quarantine("bug", "by hand")
    with pytest.raises(PluginQuarantined):
        host.push_sync("bug", case, b"")
