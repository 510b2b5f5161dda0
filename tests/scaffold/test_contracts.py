"""The contract kits: a plugin with a planted fault does not keep them (the tree's own do, in their own folders)."""

import importlib
import inspect
import itertools
from typing import ClassVar

import pytest

from core.hooks.deployment import find_class
from core.hooks.plugin import PluginContext
from core.testing.contract_rules import RulesContract
from core.testing.contract_sink import SinkContract
from core.testing.sinks import sink

SECRET = {"KEY": "kunci-rahasia-untuk-uji"}


# -- planted faults ---------------------------------------------------------------------------------------------------

SINK = """
import itertools
from core.api import HttpRequest, SinkConfig, SyncReceipt, Secret, hookimpl
from core.api import Plugin as Base

class Config(SinkConfig, frozen=True, kw_only=True):
    key: Secret
    idempotent: bool = True

class Plugin(Base):
    Config = Config
    guarantee = {guarantee!r}
    count = itertools.count()

    @hookimpl
    def build_sync(self, case):
        body = {{"key": case.idempotency_key, "plate": case.plate_number}}
        {build}
        return HttpRequest(url="https://c.example", body=body)

    @hookimpl
    def read_receipt(self, response):
        {read}
"""
GOOD = {"guarantee": "at-least-once", "build": "pass", "read": 'return SyncReceipt(outcome="transient")'}


@pytest.mark.parametrize(
    ("fault", "caught_by"),
    [
        ({}, None),
        ({"guarantee": ""}, "test_the_plugin_may_be_loaded"),
        ({"build": 'body["n"] = next(self.count)'}, "test_the_same_case_is_the_same_request_however_often_it_is_built"),
        ({"build": 'body.pop("key")'}, "test_an_idempotent_sink_sends_the_key_of_the_case"),
        ({"build": 'body["k"] = self.config.key.reveal()'}, "test_no_secret_stands_in_the_request"),
        (
            {"read": 'import json; return SyncReceipt(outcome=json.loads(response.body)["o"])'},
            "test_whatever_the_centre_says_becomes_a_receipt",
        ),
        ({"read": 'return SyncReceipt(outcome="accepted")'}, "test_trouble_of_the_centre_is_never_taken_for_success"),
    ],
)
def test_a_planted_fault_of_a_sink_is_caught(fault, caught_by, tmp_path, plant):
    package = plant(SINK.format(**{**GOOD, **fault}))

    class It(SinkContract):
        use = package
        environ: ClassVar = SECRET
        config: ClassVar = {"key": {"env": "KEY"}}

    failed = failures(It(), lambda: sink(package, tmp_path, SECRET, dict(It.config)))
    assert caught_by in failed if caught_by else failed == {}


RULES = """
from core.api import CaseDraft, ViolationType, hookimpl
from core.api import Plugin as Base

class Plugin(Base):
    calls = 0

    @hookimpl
    def classify_passage(self, passage, device):
        Plugin.calls += 1
        {rule}
"""


@pytest.mark.parametrize(
    ("rule", "caught_by"),
    [
        ("return []", None),
        (
            "return [passage.plate_number[0]] if False else passage.plate_number.split('x')[1:]",
            "test_any_passage_is_judged_without_a_crash_and_with_one_draft_a_type",
        ),
        (
            "return [CaseDraft(violation_type=ViolationType.HELM)] * 2",
            "test_any_passage_is_judged_without_a_crash_and_with_one_draft_a_type",
        ),
        (
            "return [CaseDraft(violation_type=ViolationType.HELM, detail={'n': self.calls})]",
            "test_the_same_passage_is_judged_the_same_again",
        ),
        (
            "return [CaseDraft(violation_type=ViolationType.HELM, detail={'d': device.__class__})]",
            "test_what_is_told_beside_a_draft_can_be_stored",
        ),
    ],
)
def test_a_planted_fault_of_a_rule_set_is_caught(rule, caught_by, plant):
    package = plant(RULES.format(rule=rule))
    cls = find_class(package)

    class It(RulesContract):
        use = package

    failed = failures(It(), lambda: cls(cls.Config(), PluginContext(instance="uji")))
    assert caught_by in failed if caught_by else failed == {}


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Write a plugin module and return its import path."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text):
        name = f"tanaman_{next(_numbers)}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "plugin.py").write_text(text)
        importlib.invalidate_caches()
        return name

    return write


_numbers = itertools.count()


def failures(contract, told):
    """Name of each test of a contract that fails -> why."""
    found = {}
    for name in dir(contract):
        if name.startswith("test_"):
            test = getattr(contract, name)
            try:
                test(told()) if "told" in inspect.signature(test).parameters else test()
            except Exception as error:
                found[name] = error
    return found
