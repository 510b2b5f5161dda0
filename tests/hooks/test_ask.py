"""Who is asked, what comes back, and that a plugin that raises or returns nonsense harms nobody else."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from datetime import UTC, datetime

import pytest
import structlog

from core.api import (
    DomainEvent,
    Health,
    HttpResponse,
    MalformedPayload,
    Refused,
    Transient,
    Unbuildable,
    UnsupportedEvent,
)
from core.hooks.errors import PluginFailed, PluginQuarantined, UnknownInstance, UnknownMaker
from core.hooks.host import QUARANTINE_AFTER

PARSER = """
    @hookimpl
    def parse_payload(self, payload):
        return [PlateRead(event=self.context.instance)]
    """
BY_BODY = """
    @hookimpl
    def parse_payload(self, payload):
        return eval(payload.body.decode())
    """
RAISES = """
    @hookimpl
    def parse_payload(self, payload):
        exec("raise " + payload.body.decode())
    """
RECEIPT = "@hookimpl\ndef read_receipt(self, response): return SyncReceipt(outcome='accepted')\n"
ANSWER = HttpResponse(status=200, headers={}, body=b"")


@pytest.fixture(autouse=True)
def quiet():
    with structlog.testing.capture_logs() as lines:
        yield lines


# -- parsing -------------------------------------------------------------------------------------------------------


def test_only_the_devices_make_is_asked(deployment, payload):
    deployment.add("acme", PARSER)
    deployment.add("other", "@hookimpl\ndef parse_payload(self, payload): raise RuntimeError('not me')")
    host = deployment.load()
    assert ["acme"] == [observation.event for observation in host.parse_payload(payload("acme"))]
    assert [0] == [info.calls for info in host.instances if info.id == "other"]


def test_an_unknown_make_is_told_which_ones_are_enabled(deployment, payload):
    deployment.add("acme", PARSER)
    deployment.add("other", PARSER)
    with pytest.raises(UnknownMaker, match="no enabled plugin for maker 'acmee'; enabled: acme, other"):
        deployment.load().parse_payload(payload("acmee"))


@pytest.mark.parametrize("reverse", [False, True])
def test_the_most_narrowly_bound_instance_speaks_whatever_the_order(deployment, payload, reverse):
    name = deployment.add("acme", PARSER.replace("@hookimpl", "maker = 'acme'\n    @hookimpl"))
    deployment.use("acme_a", name, 'vendors = ["polda-a"]')
    deployment.use("acme_cam", name, 'devices = ["cam-9"]')
    if reverse:
        deployment.tables.reverse()
    host = deployment.load()

    def speaker(**about):
        return host.parse_payload(payload("acme", **about))[0].event

    assert "acme" == speaker(vendor="polda-b")
    assert "acme_a" == speaker(vendor="polda-a")
    assert "acme_cam" == speaker(vendor="polda-a", code="cam-9")


def test_a_make_whose_plugin_serves_other_vendors_is_unknown_here(deployment, payload):
    deployment.add("acme", PARSER, 'vendors = ["polda-a"]')
    with pytest.raises(UnknownMaker, match="bound to device 'cam-1'"):
        deployment.load().parse_payload(payload("acme", vendor="polda-b"))


@pytest.mark.parametrize(("raised", "kind"), [("MalformedPayload('cut')", MalformedPayload),
                                              ("UnsupportedEvent('VMD')", UnsupportedEvent)])  # fmt: skip
def test_what_a_parser_may_raise_goes_through_and_is_no_failure(deployment, payload, raised, kind):
    deployment.add("acme", RAISES)
    host = deployment.load()
    for _ in range(QUARANTINE_AFTER + 1):
        with pytest.raises(kind):
            host.parse_payload(payload(body=raised.encode()))
    assert (QUARANTINE_AFTER + 1, 0, "ready") == tuple(
        getattr(host.instances[0], name) for name in ("calls", "failures", "state")
    )


@pytest.mark.parametrize(
    "raised",
    ["ValueError('x')", "SystemExit(3)", "GeneratorExit", "BaseException('x')", "MemoryError", "Transient('x')"],
)
def test_whatever_else_a_parser_raises_is_one_named_failure(deployment, payload, raised):
    deployment.add("acme", RAISES)
    host = deployment.load()
    with pytest.raises(PluginFailed) as caught:
        host.parse_payload(payload(body=raised.encode()))
    assert ("acme", "parse_payload") == (caught.value.instance, caught.value.hook)
    assert raised.partition("(")[0] in caught.value.error_text
    assert "Traceback" in caught.value.trace_text
    assert 1 == host.instances[0].failures


def test_an_error_that_cannot_even_be_printed_is_contained(deployment, payload):
    body = """
        @hookimpl
        def parse_payload(self, payload):
            class Mute(Exception):
                def __str__(self): raise RuntimeError("no")
            raise Mute
        """
    deployment.add("acme", body)
    with pytest.raises(PluginFailed, match="Mute: "):
        deployment.load().parse_payload(payload())


def test_a_plugins_own_keyboard_interrupt_is_contained_outside_the_main_thread(deployment, payload):
    deployment.add("acme", RAISES)
    host = deployment.load()
    caught = []

    def ask():
        try:
            host.parse_payload(payload(body=b"KeyboardInterrupt"))
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert [PluginFailed] == [type(error) for error in caught]


def test_ctrl_c_while_a_plugin_runs_stops_the_process(deployment, payload):
    deployment.add("acme", "@hookimpl\ndef parse_payload(self, payload): import signal; signal.raise_signal(2)")
    with pytest.raises(KeyboardInterrupt):
        deployment.load().parse_payload(payload())


def test_what_the_process_throws_to_stop_its_threads_is_let_through(deployment, payload):
    class Shutdown(BaseException):
        pass

    deployment.add("acme", "@hookimpl\ndef parse_payload(self, payload): raise payload.device.settings['stop']")
    host = deployment.load(let_through=(Shutdown,))
    asked = payload()
    asked.device.settings["stop"] = Shutdown()
    with pytest.raises(Shutdown):
        host.parse_payload(asked)
    assert 0 == host.instances[0].failures


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("None", "expected a list, got NoneType"),
        ("'text'", "expected a list, got str"),
        ("[None]", "[0] expected PlateRead, FrameCapture, Alarm or Status, got NoneType"),
        ("[{'kind': 'plate_read'}]", "got dict"),
        ("[Observation(event='x')]", "got Observation"),
        ("[PlateRead(event=7)]", "[0] PlateRead.event: expected str, got int"),
        ("[PlateRead(event='x', confidence=150.0)]", "PlateRead.confidence: expected 0 to 100"),
        ("[PlateRead(event='x', confidence=float('nan'))]", "PlateRead.confidence: expected a finite number"),
        ("[PlateRead(event='x', confidence='90')]", "PlateRead.confidence: expected a finite number"),
        ("[PlateRead(event='x', direction='up')]", "PlateRead.direction: expected one of approach, depart"),
        ("[PlateRead(event='x', offences=('lampu_merah',))]", "[0] expected ViolationType, got str"),
        ("[PlateRead(event='x', extra={'a': object()})]", "PlateRead.extra: expected JSON-able data"),
        ("[PlateRead(event='x', images=(b'jpeg',))]", "PlateRead.images: [0] expected Image, got bytes"),
        ("[PlateRead(event='x', images=(Image(role='plate', data='text'),))]", "Image.data: "),
        ("[PlateRead(event='x', capture_time=__import__('datetime').datetime(2026, 1, 1))]", "a datetime with a zone"),
        ("[PlateRead(event='x', hint=None)]", "PlateRead.hint: expected DeviceHint"),
        ("[Alarm(event='x')] * 10001", "expected at most 10000 items"),
    ],
)
def test_nonsense_results_are_failures_that_say_what_was_expected(deployment, payload, returned, told):
    deployment.add("acme", BY_BODY)
    host = deployment.load()
    with pytest.raises(PluginFailed) as caught:
        host.parse_payload(payload(body=returned.encode()))
    assert told in caught.value.error_text
    assert 1 == host.instances[0].failures


def test_a_full_plate_read_is_no_nonsense(deployment, payload):
    text = """[PlateRead(event="ANPR", plate_number=None, confidence=90, speed_kmh=41, offences=(ViolationType.HELM,),
        images=[Image(role="plate", data=memoryview(b"x"), offset=3), Image(role="scene", url="http://cam/1.jpg")],
        capture_time=payload.received_at, hint=DeviceHint(serial="s"), extra={"a": [1, None]}), Status(event="disk")]"""
    deployment.add("acme", BY_BODY)
    assert ["ANPR", "disk"] == [o.event for o in deployment.load().parse_payload(payload(body=text.encode()))]


@pytest.mark.parametrize("raised", ["ValueError", "MalformedPayload('cut')"])
def test_a_failure_does_not_keep_the_payload_in_memory(deployment, payload, raised):
    class Big:
        pass

    deployment.add("acme", RAISES)
    host = deployment.load()
    asked = payload(body=raised.encode())
    asked.device.settings["big"] = Big()
    kept = weakref.ref(asked.device.settings["big"])
    gc.disable()
    try:
        with contextlib.suppress(PluginFailed, MalformedPayload):
            host.parse_payload(asked)
        del asked
        assert None is kept()
    finally:
        gc.enable()


# -- quarantine ----------------------------------------------------------------------------------------------------


def test_a_plugin_that_fails_again_and_again_is_quarantined_told_and_released(deployment, payload, quiet):
    deployment.add("acme", BY_BODY)
    told = []
    host = deployment.load(on_quarantine=lambda *about: told.append(about))
    for _ in range(QUARANTINE_AFTER):
        with pytest.raises(PluginFailed):
            host.parse_payload(payload(body=b"None"))
    ((instance, reason),) = told
    assert "acme" == instance
    assert f"{QUARANTINE_AFTER} failures in a row, the last: parse_payload: returned nonsense" in reason
    with pytest.raises(PluginQuarantined):
        host.parse_payload(payload(body=b"[]"))
    assert QUARANTINE_AFTER == host.instances[0].calls
    assert "error" == host.health()["acme"].state
    assert "plugin_quarantined" in [line["event"] for line in quiet]

    host.release("acme")
    assert [] == host.parse_payload(payload(body=b"[]"))
    assert "ready" == host.instances[0].state


def test_failures_with_successes_between_them_quarantine_nobody(deployment, payload):
    deployment.add("acme", BY_BODY)
    host = deployment.load()
    for _ in range(QUARANTINE_AFTER):
        with pytest.raises(PluginFailed):
            host.parse_payload(payload(body=b"None"))
        if host.instances[0].consecutive_failures == QUARANTINE_AFTER - 1:
            host.parse_payload(payload(body=b"[]"))
    assert ("ready", 1) == (host.instances[0].state, host.instances[0].consecutive_failures)


def test_a_quarantine_that_cannot_be_persisted_still_holds(deployment, payload):
    def breaks(instance, reason):
        raise OSError("the database is gone")

    deployment.add("acme", BY_BODY)
    host = deployment.load(on_quarantine=breaks)
    for _ in range(QUARANTINE_AFTER):
        with pytest.raises(PluginFailed):
            host.parse_payload(payload(body=b"None"))
    assert "quarantined" == host.instances[0].state


# -- all who are asked ---------------------------------------------------------------------------------------------


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


# -- sinks ---------------------------------------------------------------------------------------------------------


def test_a_vendors_sinks_are_those_bound_to_it_quarantined_ones_too(deployment):
    body = RECEIPT + "@hookimpl\ndef build_sync(self, case): return HttpRequest(url='http://x')"
    deployment.add("all_of_them", body)
    deployment.add("only_b", body, 'vendors = ["polda-b"]')
    deployment.add("parser", PARSER)
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


# -- health, close -------------------------------------------------------------------------------------------------


def test_health_is_asked_of_all_and_one_that_hangs_or_raises_is_an_error(deployment, monkeypatch):
    monkeypatch.setattr("core.hooks.host.HEALTH_TIMEOUT_S", 0.05)
    deployment.add("well", "@hookimpl\ndef health(self): return Health(state='degraded', detail='slow')")
    deployment.add("broken", "@hookimpl\ndef health(self): raise ValueError('x')")
    body = """
        import threading
        let_go = threading.Event()
        @hookimpl
        def health(self): self.let_go.wait(30)
        """
    deployment.add("hangs", body)
    deployment.add("mute")
    host = deployment.load()
    assert Health(state="degraded", detail="slow") == host.health()["well"]
    health = host.health()
    assert ("error", "error", "ok") == (health["broken"].state, health["hangs"].state, health["mute"].state)
    assert 1 == sum(thread.name == "health-hangs" for thread in threading.enumerate())
    host._instances["hangs"].plugin.let_go.set()


def test_close_goes_backwards_past_failures_and_is_safe_twice(deployment):
    body = """
        @hookimpl
        def close(self):
            with (self.context.data_dir.parent / "closed").open("a") as file:
                file.write(self.context.instance + " ")
            {}
        """
    deployment.add("first", body.format("pass"))
    deployment.add("second", body.format("raise SystemExit(1)"))
    deployment.add("third", body.format("return 7"))
    host = deployment.load(data_dir=deployment.folder)
    host.close()
    assert "third second first " == (deployment.folder / "closed").read_text()
    host.close()


def test_a_watchdog_hears_who_is_asked_before_the_plugin_runs(deployment, payload):
    deployment.add("acme", "@hookimpl\ndef parse_payload(self, payload): raise SystemExit")
    host = deployment.load()
    asked = []
    host.on_call = asked.append
    with pytest.raises(PluginFailed):
        host.parse_payload(payload())
    assert ["acme"] == asked


def test_time_and_the_last_error_are_counted(deployment, payload):
    deployment.add("acme", BY_BODY)
    host = deployment.load()
    host.parse_payload(payload(body=b"[]"))
    with pytest.raises(PluginFailed):
        host.parse_payload(payload(body=b"1/0"))
    info = host.instances[0]
    assert (2, 1, "parse_payload: ZeroDivisionError: division by zero") == (info.calls, info.failures, info.last_error)
    assert info.total_seconds > 0
