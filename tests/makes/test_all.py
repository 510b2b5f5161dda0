"""What holds for every make there is a folder for."""

import importlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

import vendors
from core.cli.init import plugins_text
from core.hooks.host import Host
from core.hooks.plugin import PluginContext
from core.testing.camera import SimulatedCamera, playable
from core.testing.fixtures import as_payload, device, fixture_pairs

FOLDERS = {path.parent.name: path.parent for path in sorted(Path(vendors.__path__[0]).glob("*/plugin.py"))}
MAKES = [make for make in FOLDERS if make != "mapping"]
"""Templates have no form of their own: tests/makes/test_mapping.py."""


def plugin(make):
    cls = importlib.import_module(f"vendors.{make}.plugin").Plugin
    return cls(cls.Config(), PluginContext(instance=make))


@pytest.mark.parametrize("make", [make for make in MAKES if make != "vigi"])  # its alarms have no plates to vary
def test_a_simulated_camera_can_play_the_make(make):
    parse = plugin(make).parse_payload
    found = playable(FOLDERS[make] / "fixtures", device(make), parse)

    assert found, f"vendors/{make}/fixtures holds no request that can be varied"
    at = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)
    shots = [SimulatedCamera(path, device(make), parse).shoot("D 77 QZ", at) for path in found]
    assert {"D 77 QZ"} == {shot.plate for shot in shots}


@pytest.mark.parametrize("make", MAKES)
def test_a_make_knows_its_own_requests_and_says_by_what(make):
    """All but one at most: a relay's own words, or so little in a body that it could be anybody's."""
    parser = plugin(make)
    opinions = {
        path.name: parser.recognise_payload(as_payload(path, make))
        for path, _ in fixture_pairs(FOLDERS[make] / "fixtures")
    }
    sure = [found for found in opinions.values() if found is not None]

    assert 1 >= len(opinions) - len(sure), [name for name, o in opinions.items() if o is None]
    assert all(0 < found.confidence <= 1 and found.why for found in sure)


def test_a_new_deployment_speaks_every_make_that_needs_no_config(tmp_path):
    (tmp_path / "plugins.toml").write_text(plugins_text())

    assert sorted(MAKES) == sorted(Host.load(tmp_path / "plugins.toml", environ={}).makers)


@pytest.mark.parametrize("make", FOLDERS)
def test_the_contract_leaves_a_make_few_lines_of_tests_to_write(make):
    """What has several dialects to tell apart has topics in files beside it, none of which runs the contract again."""
    own = FOLDERS[make] / f"test_{make}.py"
    contracts = [path for path in FOLDERS[make].glob("test_*.py") if "(ParserContract)" in path.read_text()]

    assert 40 > len([line for line in own.read_text().splitlines() if line.strip()])
    assert [own] == contracts
