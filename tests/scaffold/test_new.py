"""`tangkapin plugins new`: every kind loads at once, and its first test fails since the bulk is not written."""

import importlib
import inspect
import json
import sys

import pytest
from click.testing import CliRunner

from core.cli.main import cli
from core.domain.errors import MalformedPayload
from core.hooks.checks import inspect_plugin
from core.hooks.deployment import find_class
from core.scaffold.writing import FILL_IN, HOMES, KINDS
from core.testing.fixtures import load_http

XML = b'<Event xmlns="urn:x"><Plate>B 1234 XYZ</Plate><When>2026-03-02 17:20:00</When></Event>'


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """An empty project's folders, importable under names that hide no package of ours."""
    for home in HOMES.values():
        (tmp_path / home).mkdir(parents=True)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, ["plugins", "new", *map(str, arguments)])


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a distribution outside the tree and put it on the path, as pip install -e does."""

    def make(kind, name, *more):
        told = run(kind, name, "--package", "--into", tmp_path, *more)
        assert told.exit_code == 0, told.output
        monkeypatch.syspath_prepend(tmp_path / f"tangkapin-{name.replace('_', '-')}")
        importlib.invalidate_caches()
        return tmp_path / f"tangkapin-{name.replace('_', '-')}" / f"tangkapin_{name}"

    yield make
    for module in [m for m in sys.modules if m.startswith("tangkapin_")]:
        del sys.modules[module]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_files_and_the_lines_for_plugins_toml(kind, tree):
    told = run(kind, "baru_sekali", "--into", tree)
    folder = tree / HOMES[kind] / "baru_sekali"

    assert told.exit_code == 0, told.output
    assert {"__init__.py", "plugin.py", "doc.md", "test_baru_sekali.py"} <= {p.name for p in folder.iterdir()}
    assert f'[plugin.baru_sekali]\nuse = "{HOMES[kind].replace("/", ".")}.baru_sekali"' in told.output
    assert "${" not in "".join(path.read_text() for path in folder.glob("*.*"))
    assert 40 > len((folder / "test_baru_sekali.py").read_text().splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_may_be_loaded_as_it_is(kind, package):
    package(kind, f"coba_{kind}")

    assert [] == inspect_plugin(find_class(f"tangkapin_coba_{kind}"))


def test_the_first_test_of_a_vendor_names_what_is_to_be_written_and_the_fields_of_the_capture(package, tmp_path):
    capture = tmp_path / "kiriman.xml"
    capture.write_bytes(XML)
    folder = package("vendor", "acme", "--from-capture", capture)
    tests = importlib.import_module("tangkapin_acme.test_acme").TestAcme()

    with pytest.raises(MalformedPayload, match=r"nothing is read yet of Event, Plate, When; write observations\(\)"):
        tests.test_every_fixture_decodes_to_its_expected_values()
    for other in {name for name in dir(tests) if name.startswith("test_")} - {
        "test_every_fixture_decodes_to_its_expected_values", "test_mutated_fixtures_are_read_or_refused_and_never_crash"
    }:  # fmt: skip
        getattr(tests, other)()  # one failure says it
    assert (folder / "fixtures" / "sample.http").read_bytes().endswith(b"\r\n\r\n" + XML)
    assert FILL_IN == json.loads((folder / "fixtures" / "sample.expected.json").read_text())[0]["plate_number"]
    assert "Plate" in (folder / "dialect.py").read_text()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "vendor"])
def test_the_first_tests_of_the_others_fail_with_what_is_to_be_written(kind, package, tmp_path):
    package(kind, f"lagi_{kind}")
    module = importlib.import_module(f"tangkapin_lagi_{kind}.test_lagi_{kind}")
    (contract,) = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__name__.startswith("Test")]
    plugin = find_class(f"tangkapin_lagi_{kind}")
    hook = {
        "detector": "detect_frames",
        "notifier": "deliver_notice",
        "sink": "build_sync",
        "rules": "classify_passage",
    }

    assert f"tangkapin_lagi_{kind}" == contract.use
    with pytest.raises(NotImplementedError, match=f"yet; write {hook[kind]} in plugin.py"):
        arguments = len(inspect.signature(getattr(plugin, hook[kind])).parameters) - 1
        getattr(plugin, hook[kind])(None, *[None] * arguments)


def test_a_whole_request_stays_as_it_is(package, tmp_path):
    capture = tmp_path / "kiriman.http"
    capture.write_bytes(b"PUT /cam/acme HTTP/1.1\r\nContent-Type: text/xml\r\nX-Seri: 7\r\n\r\n" + XML)
    folder = package("vendor", "acme", "--from-capture", capture)

    assert capture.read_bytes() == (folder / "fixtures" / "sample.http").read_bytes()


def test_a_bare_form_with_pictures_is_told_by_its_boundary(package, tmp_path):
    capture = tmp_path / "kiriman.bin"
    capture.write_bytes(b'--batas\r\nContent-Disposition: form-data; name="e"\r\n\r\n{"plat": 1}\r\n--batas--\r\n')
    folder = package("vendor", "borang", "--from-capture", capture)

    _, _, headers, body = load_http(folder / "fixtures" / "sample.http")
    assert ('multipart/form-data; boundary="batas"', capture.read_bytes()) == (headers["Content-Type"], body)
    assert " plat" in (folder / "dialect.py").read_text()


def test_a_capture_that_cannot_be_opened_is_said_in_the_dialect(package, tmp_path):
    capture = tmp_path / "aneh.bin"
    capture.write_bytes(b"\x01\x02\x03")
    folder = package("vendor", "aneh", "--from-capture", capture)

    assert "could not be opened" in (folder / "dialect.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vendor", "Acme"), "lower-case letter"),
        (("vendor", "../x"), "lower-case letter"),
        (("sink", "pusat", "--from-capture", __file__), "for vendors"),
        (("vendor", "acme"), "is there already"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is_overwritten(arguments, said, tree):
    (tree / "vendors" / "acme").mkdir()
    told = run(*arguments, "--into", tree)

    assert told.exit_code != 0
    assert said in told.output


def test_outside_the_project_it_says_where_to_run_it(tmp_path):
    told = run("vendor", "acme", "--into", tmp_path)

    assert "has no folder vendors/: run it in the project, or say --package" in told.output
