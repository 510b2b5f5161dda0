"""What is refused when a deployment is loaded, and how it is told."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from core.hooks.errors import PluginLoadError, UnknownInstance

CONFIG = """
    class Config(PluginConfig):
        url: str = "http://localhost"
        api_key: Secret = Secret("")
        folder: Path | None = None
    """


def refusal(deployment, **options) -> str:
    with pytest.raises(PluginLoadError) as caught:
        deployment.load(**options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("@hookimpl\nasync def parse_payload(self, payload): return []", "parse_payload: is async"),
        ("@hookimpl\ndef parse_payload(self, payload):\n    yield 1", "parse_payload: is a generator"),
        ("@hookimpl\ndef parse_payload(self, payload, extra=7): return []", "argument extra has a default"),
        ("@hookimpl\ndef parse_payload(self, *payload): return []", "*payload: *args, **kwargs"),
        ("@hookimpl\ndef parse_payload(self, payloat): return []", "unknown argument payloat; did you mean payload?"),
        ("@hookimpl(specname='parse_payload')\ndef other(self, payload): return []", "other: specname='parse_payload'"),
        ("@hookimpl(wrapper=True)\ndef close(self):\n    return (yield)", "close: hook wrappers are refused"),
        ("@hookimpl(tryfirst=True)\ndef close(self): pass", "close: tryfirst, trylast"),
        (
            "@hookimpl\ndef parse_payloads(self, payload): return []",
            "parse_payloads: unknown hook; did you mean parse_p",
        ),
        ("def parse_payload(self, payload): return []", "parse_payload: is a hook but has no @hookimpl"),
        (
            "@hookimpl\ndef parse_payload(self, payload: Device) -> list[PlateRead]: return []",
            "parse_payload: argument payload is annotated Device, the hook says Payload",
        ),
        (
            "@hookimpl\ndef classify_passage(self, passage) -> CaseDraft | None: ...",
            "classify_passage: the result is annotated CaseDraft | None, the hook says list[CaseDraft]",
        ),
        ("@hookimpl\ndef close(self) -> Nowhere: pass", "close: annotations cannot be resolved"),
        ("hooks = 2", "written for hooks = 2, this core has hooks = 1"),
        ("stability = 'fine'", "stability 'fine': expected one of trial, ready, deprecated"),
        ("class Config: pass", "`Config` must subclass core.api.PluginConfig"),
        ("@hookimpl\ndef build_sync(self, case): ...", "build_sync: needs read_receipt"),
        ("def __init__(self, config, context): raise SystemExit(3)", "could not be loaded: SystemExit: 3"),
        ("@hookimpl\ndef answers(self): raise OSError('no table')", "answers: OSError: no table"),
        ("@hookimpl\ndef answers(self): return [{'kind': 'event'}]", "answers: returned nonsense: [0] expected Answer"),
    ],
)
def test_a_drifted_plugin_is_refused_by_name(deployment, body, told):
    name = deployment.add("acme", body)
    message = refusal(deployment)
    assert told in message
    assert f"{deployment.file} [plugin.acme]" in message
    assert name in message or "answers" in message


@pytest.mark.parametrize(
    "body",
    [
        "@hookimpl\ndef parse_payload(self): return []",
        "@hookimpl\ndef parse_payload(self, payload): return []",
        "@hookimpl\ndef parse_payload(self, payload: Payload) -> list[PlateRead | Alarm]: return []",
        "@staticmethod\n@hookimpl\ndef parse_payload(payload: Payload) -> list[AnyObservation]: return []",
        "@property\ndef trouble(self): raise RuntimeError('properties must not be run')",
    ],
)
def test_fewer_arguments_and_narrower_results_are_fine(deployment, body):
    deployment.add("acme", body)
    assert ["ready"] == [info.state for info in deployment.load().instances]


def test_a_module_without_a_plugin_of_its_own_is_refused(deployment):
    name = deployment.add("acme", head="class Plug(Base):")
    assert f"{name}.plugin has no class `Plugin` of its own" in refusal(deployment)


def test_something_else_under_the_name_plugin_is_refused(deployment):
    deployment.add("acme", head="class Plugin:")
    assert "`Plugin` must be a class that subclasses core.api.Plugin" in refusal(deployment)


def test_a_module_that_breaks_at_import_is_named(deployment):
    deployment.add("acme", head="raise SystemExit('bye')\nclass Plugin(Base):")
    assert "could not be loaded: SystemExit: bye" in refusal(deployment)


def test_every_broken_required_plugin_is_named_at_once(deployment):
    deployment.add("one", "hooks = 7")
    deployment.add("fine")
    deployment.add("two", "hooks = 8")
    with pytest.raises(PluginLoadError) as caught:
        deployment.load()
    assert 2 == len(caught.value.problems)
    assert "[plugin.one]" in caught.value.problems[0]
    assert "[plugin.two]" in caught.value.problems[1]


def test_an_optional_plugin_that_cannot_load_is_quarantined_and_shown(deployment):
    deployment.add("broken", "hooks = 7", "required = false")
    deployment.add("fine")
    host = deployment.load()
    assert {"broken": "quarantined", "fine": "ready"} == {info.id: info.state for info in host.instances}
    assert "written for hooks = 7" in host.instances[0].reason
    with pytest.raises(PluginLoadError, match="needs a restart"):
        host.release("broken")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected `hooks = 1` at the top, got no `hooks`"),
        ("hooks = 2", "expected `hooks = 1` at the top, got hooks = 2"),
        ("hooks = true", "got hooks = True"),
        ("hooks = 1\n[plugins.a]\nuse = 'x'", "unknown key 'plugins'; did you mean plugin?"),
        ("hooks = 1\n[plugin.Acme]\nuse = 'x'", "[plugin.Acme]: an instance id is"),
        ("hooks = 1\n[plugin.a-b]\nuse = 'x'", "[plugin.a-b]: an instance id is"),
        ("hooks = 1\n[plugin.a]\nusee = 'x'", "[plugin.a]: unknown key 'usee'; did you mean use?"),
        ("hooks = 1\n[plugin.a]\nrequired = true", "missing required field `use`"),
        ("hooks = 1\n[plugin.a]\nuse = 'x'\nrequired = 'yes'", "Expected `bool`, got `str` - at `$.required`"),
        ("hooks = 1\n[plugin.a]\nuse = '../x'", "use: expected a folder's import path"),
        ("hooks = 1\n[plugin.a]\nuse = 'vendors.nowhere'", "no folder vendors/nowhere/ with a plugin.py"),
        ("hooks = 1\n[plugin.a]\nuse = 'vendors.generik'", "; did you mean vendors.generic?"),
        ("hooks = 1\n[plugin.a]\nuse = 'json'", "no folder json/ with a plugin.py"),
        ("hooks = ", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(deployment, text, told):
    deployment.write(text)
    deployment.write = lambda: deployment.file
    message = refusal(deployment)
    assert told in message
    assert str(deployment.file) in message


def test_a_missing_file_says_what_writes_one(deployment, tmp_path):
    deployment.write = lambda: tmp_path / "absent.toml"
    assert "absent.toml: no such file; `tangkapin init` writes one" in refusal(deployment)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("ur = 'x'", "unknown field `ur`; did you mean url? (known: api_key, folder, url)"),
        ("url = 7", "Expected `str`, got `int` - at `url`"),
        ("folder = 7", "Expected a path as text - at `folder`"),
        ("api_key = 'tk_1_planted'", 'must be {env = "NAME"} or {file = "path"}, never the value itself'),
        ("api_key = {env = 'NOT_SET'}", "environment variable NOT_SET is not set or empty - at `api_key`"),
        ("api_key = {env = 'KEY', file = 'x'}", 'must be {env = "NAME"} or {file = "path"}'),
        ("api_key = {file = 'absent'}", "No such file or directory"),
    ],
)
def test_a_wrong_config_names_file_table_and_known_keys(deployment, config, told):
    deployment.add("acme", CONFIG, f"[plugin.acme.config]\n{config}")
    message = refusal(deployment, environ={"KEY": "v"})
    assert message.startswith(f"{deployment.file} [plugin.acme.config]: ")
    assert told in message
    assert "tk_1_planted" not in message


def test_the_known_keys_of_a_nested_table_are_told(deployment):
    body = """
        class Target(PluginConfig):
            host: str = ""
        class Config(PluginConfig):
            targets: tuple[Plugin.Target, ...] = ()
        """
    deployment.add("acme", body, "[[plugin.acme.config.targets]]\nhots = 'x'")
    assert "unknown field `hots` - at `targets[0]`; did you mean host? (known: host)" in refusal(deployment)


@pytest.mark.threat("T27")
def test_a_secret_comes_from_the_environment_or_from_a_file_of_ours(deployment):
    key = deployment.folder / "key"
    key.write_text("from-file\n")
    key.chmod(0o600)
    deployment.add("one", CONFIG, "[plugin.one.config]\napi_key = {env = 'KEY'}")
    deployment.add("two", CONFIG, "[plugin.two.config]\napi_key = {file = 'key'}")
    host = deployment.load(environ={"KEY": "from-env"})
    assert "from-env" == host.secret("one", "api_key")
    assert "from-file" == host.secret("two", "api_key")
    assert ["***", "***"] == [info.config["api_key"] for info in host.instances]
    assert "from-" not in repr(host.instances)
    with pytest.raises(UnknownInstance, match="no secret 'url'"):
        host.secret("one", "url")


@pytest.mark.threat("T27")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_file_that_others_may_read_is_refused(deployment, mode):
    key = deployment.folder / "key"
    key.write_text("planted-secret")
    key.chmod(mode)
    deployment.add("acme", CONFIG, "[plugin.acme.config]\napi_key = {file = 'key'}")
    message = refusal(deployment)
    assert "expected mode 0600" in message
    assert "planted-secret" not in message


def test_a_path_in_a_config_starts_in_the_files_folder(deployment):
    deployment.add("acme", CONFIG, "[plugin.acme.config]\nfolder = 'drop'")
    assert str(deployment.folder / "drop") == deployment.load().instances[0].config["folder"]


def test_a_sink_in_trial_runs_only_when_asked(deployment):
    body = """
        stability = "trial"
        @hookimpl
        def push_sync(self, case, rendered): ...
        """
    name = deployment.add("sink", body)
    assert "say `trial = true` to run it" in refusal(deployment)
    deployment.tables.clear()
    deployment.use("sink", name, "trial = true")
    assert "ready" == deployment.load().instances[0].state


def test_a_sink_is_bound_by_vendors_only(deployment):
    deployment.add("sink", "@hookimpl\ndef push_sync(self, case, rendered): ...", 'devices = ["cam-1"]')
    assert "a sink serves vendors" in refusal(deployment)


def test_two_plugins_for_one_make_and_the_same_devices_are_refused(deployment):
    body = "@hookimpl\ndef parse_payload(self, payload): return []"
    name = deployment.add("acme", body)
    deployment.use("again", name)
    assert "[plugin.again]: acme already serves maker 'acme'; bind them to different devices" in refusal(deployment)


def test_one_plugin_speaks_for_several_makes_that_the_file_names(deployment, payload):
    body = """
    @hookimpl
    def parse_payload(self, payload): return [PlateRead(event=self.context.instance)]
    """
    name = deployment.add("acme", body)
    deployment.use("second", name, 'maker = "acme_oem"')
    host = deployment.load()

    assert ("acme", "acme_oem") == host.makers
    assert ["acme", "second"] == [host.parse_payload(payload(maker))[0].event for maker in ("acme", "acme_oem")]


@pytest.mark.parametrize(
    ("maker", "told"), [("Acme OEM", "maker: a lower-case letter"), ("fine", "parses nothing, only a parser")]
)
def test_a_maker_that_cannot_be_spoken_for_is_refused(deployment, maker, told):
    deployment.add("rules", "@hookimpl\ndef judge_read(self, read, device): return None", f'maker = "{maker}"')

    assert told in refusal(deployment)


def test_a_parser_without_a_make_is_refused(deployment):
    deployment.add("acme", "maker = ''\n@hookimpl\ndef parse_payload(self, payload): return []")
    assert "names no make" in refusal(deployment)


def test_an_entry_point_is_available_and_never_enabled_by_itself(deployment, monkeypatch):
    name = deployment.add("unused")
    deployment.tables.clear()
    point = importlib.metadata.EntryPoint("acme-cameras", f"{name}.plugin:Plugin", "tangkapin.plugins")
    points = importlib.metadata.EntryPoints([point])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **query: points.select(**query))
    assert [] == deployment.load().instances
    deployment.use("acme", "acme-cameras")
    assert ["acme-cameras"] == [info.use for info in deployment.load().instances]
    deployment.use("other", "acme-camera")
    assert "(installed: acme-cameras)" in refusal(deployment)


def test_an_instance_gets_a_folder_of_its_own(deployment):
    deployment.add("acme", "def __init__(self, config, context): (context.data_dir / 'x').touch()")
    deployment.load(data_dir=deployment.folder / "data")
    assert (deployment.folder / "data" / "acme" / "x").exists()


def test_the_development_deployment_loads(monkeypatch):
    from core.hooks.host import Host

    root = Path(__file__).parents[2]
    assert all(info.state == "ready" for info in Host.load(root / "plugins.toml", environ={}).instances)
