"""The device's parser alone is asked, and one that raises or returns nonsense harms nobody else."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref

import pytest

from core.api import MalformedPayload, UnsupportedEvent
from core.hooks.errors import PluginFailed, UnknownMaker
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
pytestmark = pytest.mark.usefixtures("quiet")


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
