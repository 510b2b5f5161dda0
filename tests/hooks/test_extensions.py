"""Routes, pages and commands that plugins add."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from core.api import Refused, RouteRequest
from core.cli.plugins import command
from core.hooks.deployment import Declared
from core.hooks.errors import PluginFailed
from core.hooks.host import Host
from core.web.plugin_desk import document

EXAMPLE = "core.testing.example_page"


@pytest.fixture
def host():
    made = Host.build([Declared(id="counter", use=EXAMPLE, vendors=("polda-banten",))], environ={})
    yield made
    made.close()


def test_an_instance_is_asked_by_the_agencies_that_it_serves(host):
    assert ["counter"] == host.extended("pages", ("polda-bali", "polda-banten"))
    assert [] == host.extended("pages", ("polda-bali",))


def test_a_route_answers_and_refuses_without_counting_a_failure(host):
    told = host.answer_route("counter", RouteRequest(route="add", method="POST", body={"by": 2}))
    assert 42 == told["value"]
    with pytest.raises(Refused, match="1 to 99"):
        host.answer_route("counter", RouteRequest(route="add", method="POST", body=[]))
    assert 0 == host.instances[0].failures


def test_a_name_that_could_be_a_path_is_nonsense(deployment):
    deployment.add("bad", """
        @hookimpl
        def pages(self) -> list[PluginPage]:
            return [PluginPage(name="../session", title="x")]
    """)  # fmt: skip
    with pytest.raises(PluginFailed, match="names are"):
        deployment.load().pages("bad")


def test_routes_without_answers_are_refused_at_load(deployment):
    deployment.add("bad", """
        @hookimpl
        def routes(self) -> list[PluginRoute]:
            return []
    """, "required = false")  # fmt: skip
    assert "one without the other" in deployment.load().instances[0].reason


def test_an_answer_that_is_no_json_counts_as_a_failure(deployment):
    deployment.add("bad", """
        @hookimpl
        def routes(self) -> list[PluginRoute]:
            return [PluginRoute(name="a")]
        @hookimpl
        def answer_route(self, request: RouteRequest) -> dict[str, object]:
            return {"value": object()}
    """)  # fmt: skip
    with pytest.raises(PluginFailed, match="JSON"):
        deployment.load().answer_route("bad", RouteRequest(route="a"))


def test_a_command_that_raises_is_contained(deployment):
    deployment.add("bad", """
        @hookimpl
        def commands(self) -> list[PluginCommand]:
            return [PluginCommand(name="a")]
        @hookimpl
        def run_command(self, name: str, arguments: list[str]) -> str:
            raise SystemExit(3)
    """)  # fmt: skip
    host = deployment.load()
    assert ["a"] == [one.name for one in host.commands("bad")]
    with pytest.raises(PluginFailed, match="SystemExit"):
        host.run_command("bad", "a", [])


def test_a_script_cannot_end_its_element(host):
    page = host.pages("counter")[0]
    text = document(type(page)(name="x", title="<b>", script="a = '</ScRiPt><p>'"), "en", "n").decode()
    assert "&lt;b&gt;" in text
    assert 2 == text.lower().count("</script>")


def test_the_command_line_runs_what_a_plugin_adds(tmp_path):
    file = Path(tmp_path / "plugins.toml")
    file.write_text(f'hooks = 1\n[plugin.counter]\nuse = "{EXAMPLE}"\n')
    runner = CliRunner(env={"TANGKAPIN_HOME": str(tmp_path)})
    listed = runner.invoke(command, ["run", "--file", str(file)])
    assert "counter show  Print the value.\n" == listed.output
    assert "show: 40\n" == runner.invoke(command, ["run", "counter", "show", "--file", str(file)]).output
    assert isinstance(runner.invoke(command, ["run", "counter", "show", "x", "--file", str(file)]).exception, Refused)
