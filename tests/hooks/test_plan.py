"""`plugins plan`: what another plugins.toml would do."""

from __future__ import annotations

import pytest

from core.api import Plugin, hookimpl
from core.hooks.deployment import Declared
from core.hooks.plan import Site, Waiting, make_plan


class Parser(Plugin):
    @hookimpl
    def parse_payload(self, payload):
        return []


class Sink(Plugin):
    @hookimpl
    def build_sync(self, case):
        return None


class Channel(Plugin):
    @hookimpl
    def deliver_notice(self, notice, recipient):
        return None


CLASSES = {"vendors.acme": Parser, "vendors.acme2": Parser, "sinks.pusat": Sink, "notifiers.pesan": Channel}
ACME = Declared(id="acme", use="vendors.acme")
PUSAT = Declared(id="pusat", use="sinks.pusat", config={"url": "http://a", "api_key": {"env": "KUNCI"}})
CAMERA = Site(code="kamera-1", maker="acme", vendor_code="polda-banten")


def plan(before, after, **about):
    return make_plan(before, after, classes=CLASSES, **about)


def test_the_same_file_changes_nothing():
    found = plan(
        [ACME, PUSAT], [ACME, PUSAT], devices=[CAMERA], waiting=[Waiting(instance="pusat", queue="outbox", rows=3)]
    )

    assert ((), (), (), False) == (found.instances, found.devices, found.orphaned, found.loses)


def test_added_and_removed_instances_say_whom_they_serve_and_which_hooks_come_and_go():
    bound = Declared(id="pusat_banten", use="sinks.pusat", vendors=("polda-banten",))
    removed, added = plan([ACME, PUSAT], [ACME, bound]).instances

    assert ("pusat", "removed", (), ("build_sync",)) == (removed.instance, removed.change, removed.serves, removed.lost)
    assert ("pusat_banten", "added", ("polda-banten",)) == (added.instance, added.change, added.serves)
    assert ("build_sync",) == added.gained


def test_changed_keys_are_told_with_secrets_masked():
    changed = Declared(
        id="pusat", use="sinks.pusat",
        config={"url": "http://u:rahasia@b", "api_key": {"env": "KUNCI_BARU"}, "retry": {"first_s": 3}},
    )  # fmt: skip
    (change,) = plan([PUSAT], [changed]).instances

    keys = {key.key: (key.before, key.after) for key in change.keys}
    assert ("*** (env KUNCI)", "*** (env KUNCI_BARU)") == keys["config.api_key"]
    assert ("http://a", "http://u:***@b") == keys["config.url"]
    assert (None, 3) == keys["config.retry.first_s"]


def test_a_secret_written_out_by_mistake_is_not_shown():
    wrong = Declared(
        id="pusat", use="sinks.pusat", config={"api_key": "rahasia-benar", "targets": [{"password": "p4ss"}]}
    )

    assert "rahasia-benar" not in repr(plan([], [wrong]))
    assert "p4ss" not in repr(plan([], [wrong]))
    assert plan([wrong], [Declared(id="pusat", use="sinks.pusat", config={"api_key": "lain"})]).instances


def test_another_plugin_under_the_same_name_gains_and_loses_hooks():
    (change,) = plan([PUSAT], [Declared(id="pusat", use="notifiers.pesan")]).instances

    assert (("deliver_notice",), ("build_sync",)) == (change.gained, change.lost)


@pytest.mark.parametrize(
    "after",
    [
        [],
        [Declared(id="acme", use="vendors.acme", vendors=("polda-jabar",))],
        [Declared(id="acme", use="vendors.acme", devices=("kamera-2",))],
        [Declared(id="acme", use="vendors.acme", maker="lain")],
        [Declared(id="acme", use="vendors.acme", shadow=True)],
    ],
)
def test_a_device_that_loses_its_parser_is_named(after):
    found = plan([ACME], after, devices=[CAMERA])

    assert ["kamera-1"] == [device.code for device in found.silenced]
    assert found.loses


def test_a_device_that_gets_another_parser_is_told_and_not_lost():
    narrow = Declared(id="acme_banten", use="vendors.acme2", maker="acme", vendors=("polda-banten",))
    found = plan([ACME], [ACME, narrow], devices=[CAMERA])

    assert [("acme", "acme_banten")] == [(device.before, device.after) for device in found.devices]
    assert not found.loses


@pytest.mark.parametrize(
    ("after", "orphaned"),
    [
        ([PUSAT], 0),
        ([], 1),
        ([Declared(id="pusat", use="notifiers.pesan")], 1),
        ([Declared(id="b", use="sinks.pusat")], 1),
    ],
)
def test_queued_rows_without_a_plugin_to_send_them_are_orphans(after, orphaned):
    waiting = [Waiting(instance="pusat", queue="outbox", rows=4), Waiting(instance="pesan", queue="notices", rows=0)]

    assert orphaned == len(plan([PUSAT], after, waiting=waiting).orphaned)


def test_the_order_of_channels_is_a_change():
    one, two = Declared(id="satu", use="notifiers.pesan"), Declared(id="dua", use="notifiers.pesan")

    assert {("satu", (0, 1)), ("dua", (1, 0))} == {
        (change.instance, change.position) for change in plan([one, two], [two, one]).instances
    }
