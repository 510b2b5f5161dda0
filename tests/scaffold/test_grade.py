"""The grade: what each one asks, and that a planted fault of every class costs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.main import cli
from core.hooks.deployment import find_class
from core.hooks.grades import grade_of as kept_grade_of
from core.testing.contract import ParserContract
from core.testing.grade import FILL_IN, Finding, bodies_findings, coverage_finding, folder_findings, grade_of
from core.testing.grading import drilled, grade, run_tests
from core.testing.parser_drill import difference

GOLD = [Finding(grade=g, name="x") for g in ("bronze", "silver", "gold")]


def folder(name):
    return Path(sys.modules[find_class(name).__module__].__file__).parent


@pytest.mark.parametrize(
    ("fault", "reached"), [(None, "gold"), ("gold", "silver"), ("silver", "bronze"), ("bronze", "none")]
)
def test_a_grade_is_reached_when_it_and_all_below_are_kept(fault, reached):
    found = [*GOLD, *([Finding(grade=fault, name="y", wrong="z")] if fault else [])]

    assert reached == grade_of(found)


def test_what_was_not_looked_at_is_not_kept():
    assert "bronze" == grade_of([GOLD[0], GOLD[2]])


# -- bronze: reading the folder ---------------------------------------------------------------------------------------


def wrong(name):
    return {one.name: one.wrong for one in folder_findings(find_class(name), folder(name), "parser") if one.wrong}


def test_a_whole_folder_lacks_nothing(plant):
    assert {} == wrong(plant())


def test_a_key_without_a_word_in_the_doc_is_named(plant):
    name = plant()
    (folder(name) / "doc.md").write_text("# Uji\n\nNothing of keys, minimums least of all.\n")

    assert {"config documented": "doc.md says nothing of minimum"} == wrong(name)


@pytest.mark.parametrize(("text", "said"), [(None, "there is no doc.md"), (f"# Uji `minimum` {FILL_IN}", "still says")])
def test_a_doc_that_was_never_written_is_none(plant, text, said):
    name = plant()
    (folder(name) / "doc.md").unlink()
    if text is not None:
        (folder(name) / "doc.md").write_text(text)

    assert said in wrong(name)["doc"]


def test_expected_values_that_were_never_filled_in_are_none(plant):
    name = plant(times=("2026-03-02T17:20:00+07:00",))
    (folder(name) / "fixtures" / "n0.expected.json").write_text(json.dumps([{"event": FILL_IN}]))

    assert {"one real fixture", "fixtures"} == set(wrong(name))


def test_no_fixture_is_no_grade_and_two_are_no_silver(plant):
    assert {"one real fixture", "fixtures"} == set(wrong(plant(times=())))
    assert {"fixtures": "3 are wanted, found 2"} == wrong(plant(times=("2026-03-02 17:20:00",) * 2))


# -- silver: the contract ---------------------------------------------------------------------------------------------

CHECKS = [name for name in dir(ParserContract) if name.startswith("test_")]


def failing(name, begins="test_"):
    """The tests of the contract that a parser does not keep; of those only whose names begin so."""
    contract = type("It", (ParserContract,), {"maker": "uji", "package": name})()
    failed = set()
    for check in (one for one in CHECKS if one.startswith(begins)):
        try:
            getattr(contract, check)()
        except (Exception, SystemExit):
            failed.add(check)
    return failed


def test_a_sound_parser_keeps_the_contract(plant):
    assert set() == failing(plant())


@pytest.mark.parametrize(
    ("fault", "caught_by"),
    [
        ({"first": "if not text: return text[0]"}, "test_nothing_and_rubbish_are_malformed_and_never_a_crash"),
        ({"first": "if len(text) > 250_000: raise MemoryError"}, "test_oversized_bodies_are_read_or_refused"),
        ({"first": "text = text.decode()"}, "test_a_body_in_another_encoding_is_read_or_refused"),
        ({"first": "assert text.count(b'[') < 1000"}, "test_bombs_are_refused_in_no_time"),
        ({"first": "assert text[-1:] in b'}] '"}, "test_every_fixture_may_be_cut_anywhere_or_empty"),
        ({"then": "plate = plate.lower()[::-1]"}, "test_every_fixture_decodes_to_its_expected_values"),
        (
            {"then": "time = read_time(at[:19], payload.device)"},
            "test_the_same_instant_in_another_offset_is_the_same_instant",
        ),
        (
            {"then": "time = type(time)(time.utc, 'offset' if time.utc else 'receive', time.raw)"},
            "test_a_sent_offset_or_epoch_means_one_instant_wherever_the_camera_stands",
        ),
        (
            {"then": "time = time if '+' in at or 'Z' in at else type(time)(datetime(2026, 3, 2, 10, 20, tzinfo=UTC),"
             " 'wall_clock', at)"},
            "test_a_time_without_a_zone_is_the_wall_clock_of_the_camera",
        ),
        (
            {"then": "time = time if time.utc else type(time)(datetime.now(UTC), 'receive', at)"},
            "test_no_usable_time_is_no_time",
        ),
        (
            {"more": "closed = False\n    @hookimpl\n    def close(self):\n        assert not self.closed\n"
             "        self.closed = True"},
            "test_it_may_be_made_loaded_and_closed_twice",
        ),
        (
            {"more": "@hookimpl\n    def recognise_payload(self, payload):\n        return json.loads(payload.body)"},
            "test_its_opinion_of_any_payload_is_an_opinion",
        ),
        ({"first": "if b'XYY' in text or text[8:9] == b'9': raise SystemExit"}, "test_mutated_fixtures_are_read"),
    ],
)  # fmt: skip
def test_a_planted_fault_of_a_parser_is_caught(fault, caught_by, plant):
    assert failing(plant(**fault), caught_by)


# -- gold: damaged bodies, cost, coverage -----------------------------------------------------------------------------


def lost(name, *, rounds=300, silence_s=20.0):
    """Name of each finding of the drill that is not kept -> why."""
    steps, ended = drilled(name, rounds, {}, silence_s)
    return {one.name: one.wrong for one in bodies_findings(steps, ended, rounds) if one.wrong}


def test_a_sound_parser_survives_damaged_bodies(plant):
    assert {} == lost(plant())


DAMAGED = "if b'XYZ' not in text: "


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (DAMAGED + "raise KeyError('plate')", "body 2: KeyError: 'plate' (plugin.py:25)"),
        (DAMAGED + "raise SystemExit(0)", "SystemExit"),
        (DAMAGED + "os._exit(0)", "ended its process"),
        (DAMAGED + "return ['no observation']", "returned nonsense"),
        (DAMAGED + "__import__('time').sleep(60)", "hung: no answer within 4 s"),
    ],
)
def test_a_planted_crash_exit_or_hang_costs_gold(fault, said, plant):
    (told,) = lost(plant(first=fault), silence_s=4.0).values()

    assert said in told


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([{"a": 1}], ""),
        ([], "0 observations instead of 1"),
        ([{"a": 2}], "[0].a is 2, expected 1"),
        ([{"a": 1, "b": "x"}], '[0].b is "x", expected null'),
    ],
)
def test_what_reads_otherwise_says_where(found, said):
    assert said == difference([{"a": 1}], found)


def test_a_slow_parser_costs_gold(plant):
    found = lost(plant(first="for _ in range(200_000): pass"), rounds=1)

    assert ["at most 2000 µs without pictures"] == list(found)


def test_a_parser_that_hangs_at_its_fixture_has_no_grade(plant):
    assert {"a fixture decodes": "hung: no answer within 4 s at its first fixture"} == lost(
        plant(first="__import__('time').sleep(60)"), silence_s=4.0
    )


def test_uncovered_lines_and_tests_that_exit_cost_their_grade(plant):
    name = plant(more="def unused(self):\n        " + "\n        ".join(["self.x = 1"] * 20))
    cases, ended, percent = run_tests([folder(name) / f"test_{name}.py"], folder(name), 100.0)

    assert ("", True, []) == (ended, 30 < percent < 90, [case for case in cases if case.wrong])
    assert "of its lines" in coverage_finding(percent).wrong

    (folder(name) / f"test_{name}.py").write_text("import os\nos._exit(0)\n")
    cases, ended, percent = run_tests([folder(name) / f"test_{name}.py"], folder(name), 100.0)
    assert ([], True, None) == (cases, ended.startswith("its tests ended their process"), percent)


# -- the whole --------------------------------------------------------------------------------------------------------


def test_a_sound_parser_is_gold_and_the_command_says_so(plant, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    name = plant()
    told = CliRunner().invoke(
        cli, ["plugins", "check", name, "--rounds", "200", "--at-least", "gold", "--json", "--keep"]
    )
    report = json.loads(told.stdout)

    assert (0, "gold", 3, 200) == (told.exit_code, report["grade"], report["fixtures"], report["mutated"]), told.output
    assert report["coverage"] > 90
    version = find_class(name).version
    assert ("gold", 200, ()) == ((kept := kept_grade_of(name, version)).grade, kept.mutated, kept.missing)
    assert None is kept_grade_of(name, "another version")
    with (folder(name) / "plugin.py").open("a") as changed:
        changed.write("\n# changed\n")
    kept_grade_of.cache_clear()
    assert None is kept_grade_of(name, version)


def test_a_fault_lowers_the_grade_and_the_command_fails(plant, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    name = plant(then="time = read_time(at[:19], payload.device)")
    told = CliRunner().invoke(cli, ["plugins", "check", name, "--rounds", "20", "--at-least", "silver"])

    assert 1 == told.exit_code
    assert f"{name}: bronze (parser, {name})" in told.output
    assert "its offset is ignored" in told.output[told.output.index("For silver: ") :]


def test_a_plugin_that_exits_when_it_is_imported_has_no_grade(plant):
    assert ("none", "could not be loaded: SystemExit: 3") == (
        (report := grade(plant(top="raise SystemExit(3)"))).grade, report.findings[0].wrong
    )  # fmt: skip
