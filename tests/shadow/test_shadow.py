"""A shadow on real traffic: differences are counted, and whatever it does costs the live ones nothing."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from core.cli.plugins import command
from core.testing.house import MAKES, House, event, fresh_database, plugins_toml

BODIES = {
    "lain": """
@hookimpl
def parse_payload(self, payload):
    told = decode_json(payload.body)
    plate = normalise_plate(told["plateNumber"])
    return [PlateRead(event="plate", plate_number=plate[:-1] + "Q", plate_raw=plate, confidence=50.0)]
""",
    "gantung": """
@hookimpl
def parse_payload(self, payload):
    while True:
        time.sleep(1)
""",
    "keluar": """
@hookimpl
def parse_payload(self, payload):
    os._exit(3)
""",
    "galak": """
@hookimpl
def judge_read(self, read, device):
    if read.plate_number == "B666XYZ":
        raise RuntimeError("galak")
    return Verdict(action="drop", reason="galak")

@hookimpl
def classify_passage(self, passage, device):
    return [CaseDraft(violation_type=ViolationType.HELM)]
""",
}


@pytest.fixture(scope="module")
def busy(tmp_path_factory, postgres_url, template_url, valkey_url):
    """A house with four shadows that read the same two events as its live plugins, when they are through."""
    text = plugins_toml(MAKES)
    for name in BODIES:
        maker = "" if name == "galak" else 'maker = "generic"\n'
        text += f'\n[plugin.{name}]\nuse = "bayangan_{name}"\nshadow = true\n{maker}'
    with fresh_database(postgres_url, template_url) as url:
        made = House(tmp_path_factory.mktemp("shadow"), url, valkey_url, text, settings={"parse_timeout_s": 1.0})
        for name, body in BODIES.items():
            made.write_plugin(f"bayangan_{name}", body, maker="" if name == "galak" else "generic")
        try:
            made.start("ingest", "parse", "shadow")
            books = {name: made.home / "shadow" / f"{name}.json" for name in BODIES}
            made.wait_until(lambda: books["lain"].exists() and books["galak"].exists(), what="the shadows run")
            camera = made.camera("generic")
            for plate in ("B 1 AA", "B 666 XYZ"):
                assert 200 <= made.send(camera, event(plate)).status < 300
            made.settle()
            made.wait_until(lambda: all(total(book, 2) for book in books.values()), what="all were compared")
            yield made, camera, {name: json.loads(book.read_text()) for name, book in books.items()}
        finally:
            made.stop()


def total(book, least):
    if not book.exists():
        return False
    return any(asked >= least for asked in json.loads(book.read_text())["asked"].values())


def kinds(book, hook):
    return {kind: count["n"] for kind, count in book["differences"][hook].items()}


def test_the_live_ones_read_everything_as_if_there_were_no_shadows(busy):
    house, camera, _ = busy

    assert (["B1AA", "B666XYZ"], []) == house.outcome(camera)
    assert [] == house.rows("SELECT * FROM plugin_states")
    assert 0 == house.one("SELECT count(*) FROM violations")
    assert {"accept"} == {row[0] for row in house.rows("SELECT verdict FROM plate_reads")}


def test_a_parser_that_reads_otherwise_is_told_field_by_field_with_examples(busy):
    book = busy[2]["lain"]
    found = kinds(book, "parse_payload")
    example = book["differences"]["parse_payload"]["field plate_number"]["examples"][0]

    assert 2 == found["field plate_number"]
    assert ("B1AA", "B1AQ") == (example["live"], example["shadow"])


@pytest.mark.parametrize(("name", "kind"), [("gantung", "hung"), ("keluar", "died")])
def test_a_shadow_that_hangs_or_exits_is_counted_and_started_again(busy, name, kind):
    assert {kind: 2} == kinds(busy[2][name], "parse_payload")


def test_a_shadow_judge_and_rules_are_compared_with_the_live_verdicts(busy):
    book = busy[2]["galak"]

    assert {"accept -> drop": 1, "raised": 1} == kinds(book, "judge_read")
    assert {"also helm": 2} == kinds(book, "classify_passage")


def test_the_commands_show_what_differs(busy, monkeypatch):
    for name, value in busy[0].environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(busy[0].folder)
    told = CliRunner().invoke(command, ["shadow", "lain"])

    assert 0 == told.exit_code, told.output
    assert "field plate_number" in told.output
    assert "'B1AQ'" in told.output
    assert "galak is a shadow: asked" in CliRunner().invoke(command, ["list"]).output
