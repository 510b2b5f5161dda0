"""Instances that fail, hang, are quarantined, released, closed and counted."""

from __future__ import annotations

import threading

import pytest

from core.api import Health
from core.hooks.errors import PluginFailed, PluginQuarantined
from core.hooks.host import QUARANTINE_AFTER

BY_BODY = """
    @hookimpl
    def parse_payload(self, payload):
        return eval(payload.body.decode())
    """
pytestmark = pytest.mark.usefixtures("quiet")


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
