"""`tangkapin device` as an operator types it."""

import json
import re

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from core.cli import device
from core.cli.main import cli


@pytest.fixture
def run(database, tmp_path, monkeypatch):
    """run("add", "simpang-5", …) -> click's result; run.json(…) -> the JSON printed."""
    monkeypatch.setattr(device, "_database", lambda settings: database)
    with database.system() as connection:
        connection.execute(text("INSERT INTO vendors (vendor_code) VALUES ('polda-uji')"))

    def run(*arguments, **options):
        return CliRunner().invoke(cli, ["--home", str(tmp_path), "device", *arguments], **options)

    def as_json(*arguments):
        result = run(*arguments, "--json")
        assert 0 == result.exit_code, result.output
        return json.loads(result.stdout)

    run.json = as_json
    run.add = lambda code="simpang-5", *more: as_json(
        "add", code, "--maker", "acme", "--vendor", "polda-uji", "--location", "Jl. Merdeka", *more
    )
    return run


def test_add_prints_the_key_and_the_address_to_type_into_the_camera(run):
    told = run.add()

    assert re.fullmatch(r"tk_[A-Za-z0-9]{10}_[A-Za-z0-9]{43}", told["key"])
    assert "http://127.0.0.1:8097/cam/acme/simpang-5" == told["url"]
    assert f"{told['url']}/{told['key']}" == told["url_with_key"]
    assert f"X-API-KEY: {told['key']}" == told["header"]


def test_the_key_is_never_shown_again(run):
    told = run.add()

    later = run("show", "simpang-5").output + run("list", "--json").output + run("show", "simpang-5", "--json").output
    assert told["key_id"] in later
    assert told["key"].split("_")[2] not in later


def test_add_for_people_says_that_the_secret_is_shown_once(run):
    result = run("add", "simpang-5", "--maker", "acme", "--vendor", "polda-uji")

    assert (0, True) == (result.exit_code, "tk_" in result.stdout)
    assert "this once" in result.stderr


def test_a_slip_in_the_make_or_a_purpose_is_told_beside_the_key(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TANGKAPIN_PLUGINS_FILE", str(tmp_path / "plugins.toml"))
    (tmp_path / "plugins.toml").write_text('hooks = 1\n[plugin.acme]\nuse = "vendors.acme"\n')
    arguments = ("--vendor", "polda-uji", "--purpose", "parkir_berbayar")

    assert "Note" not in run("add", "one", "--maker", "acme", *arguments).stderr
    slipped = run("add", "two", "--maker", "acne", *arguments, "--purpose", "lampumerah")
    assert (0, True) == (slipped.exit_code, "tk_" in slipped.stdout)
    assert "did you mean acme?" in slipped.stderr
    assert "'lampumerah' is no violation type; did you mean lampu_merah?" in slipped.stderr


def test_every_field_reaches_the_row(run):
    run.add(
        "simpang-6", "--purpose", "lampu_merah", "--purpose", "batas_kecepatan", "--speed-limit", "60", "--zone",
        "Asia/Makassar", "--ip-allow", "10.0.0.0/8", "--image-host", "10.0.0.0/8:80", "--auth", "api_key",
        "--rate", "5",
    )  # fmt: skip

    shown = run.json("show", "simpang-6")
    assert (["lampu_merah", "batas_kecepatan"], 60.0, "Asia/Makassar") == (
        shown["purposes"], shown["speed_limit_kmh"], shown["zone"],
    )  # fmt: skip
    assert (["10.0.0.0/8"], ["10.0.0.0/8:80"], ["api_key"], 5.0) == (
        shown["ip_allow"], shown["image_hosts"], shown["auth"], shown["rate_per_s"],
    )  # fmt: skip


def test_basic_and_digest_get_a_password_that_is_shown_once(run):
    told = run.add("nvr", "--auth", "basic", "--auth", "digest", "--username", "nvr-7", "--allow-md5")

    assert ("nvr-7", 20, None) == (told["username"], len(told["password"]), told.get("key"))
    kinds = {credential["kind"]: credential for credential in run.json("show", "nvr")["credentials"]}
    assert {"basic", "digest"} == kinds.keys()
    assert kinds["digest"]["allow_md5"]
    assert told["password"] not in run("show", "nvr", "--json").output


def test_a_password_that_is_too_short_registers_nothing(run, tmp_path):
    (tmp_path / "pw").write_text("kurz\n")

    result = run("add", "nvr", "--maker", "acme", "--vendor", "polda-uji", "--auth", "basic",
                 "--password-file", str(tmp_path / "pw"))  # fmt: skip
    assert (1, []) == (result.exit_code, run.json("list"))


def test_a_mistake_is_one_line_and_exit_code_1(run):
    result = run("add", "simpang-5", "--maker", "acme", "--vendor", "nobody")

    assert (1, 1) == (result.exit_code, len(result.output.strip().splitlines()))
    assert "no vendor 'nobody'" in result.output


def test_rotate_key_makes_a_second_key_and_lets_the_old_one_expire(run):
    first = run.add()
    second = run.json("rotate-key", "simpang-5", "--grace", "12h")

    assert first["key"] != second["key"]
    credentials = {c["key_id"]: c for c in run.json("show", "simpang-5")["credentials"]}
    assert credentials[first["key_id"]]["expires_at"] is not None
    assert credentials[second["key_id"]]["expires_at"] is None


@pytest.mark.parametrize("grace", ["7", "d", "-1d", "1w", ""])
def test_a_grace_that_cannot_be_read_is_a_usage_error(run, grace):
    run.add()

    assert 2 == run("rotate-key", "simpang-5", "--grace", grace).exit_code


def test_revoke_key_wants_to_know_which(run):
    told = run.add()

    assert [2, 2] == [
        run("revoke-key", "simpang-5").exit_code,
        run("revoke-key", "simpang-5", "--all", "--key-id", "x").exit_code,
    ]
    assert "1 credential revoked" in run("revoke-key", "simpang-5", "--key-id", told["key_id"]).output
    assert "0 credentials revoked" in run("revoke-key", "simpang-5", "--all").output


def test_set_password_asks_twice_and_does_not_print_it(run):
    run.add("nvr", "--auth", "basic")

    result = run("set-password", "nvr", input="Rahasia-Kamera-88\nRahasia-Kamera-88\n")

    assert 0 == result.exit_code
    assert "Rahasia" not in result.output


def test_disable_and_enable(run):
    run.add()

    run("disable", "simpang-5")
    disabled = run.json("show", "simpang-5")["is_active"]
    run("enable", "simpang-5")

    assert (False, True) == (disabled, run.json("show", "simpang-5")["is_active"])


def test_a_device_is_given_a_place_and_thresholds_of_its_own_afterwards(run):
    run.add("simpang-5", "--purpose", "helm")

    result = run(
        "set", "simpang-5", "--latitude", "-6.12", "--longitude", "106.15", "--location", "Jl. Veteran",
        "--setting", "anpr_filter.accept=90", "--setting", "anpr_filter.no_plate=drop",
    )  # fmt: skip
    run("set", "simpang-5", "--speed-limit", "60", "--setting", "anpr_filter.no_plate=")

    assert 0 == result.exit_code, result.output
    shown = run.json("show", "simpang-5")
    assert (-6.12, 106.15, "Jl. Veteran", 60.0, ["helm"]) == tuple(
        shown[name] for name in ("latitude", "longitude", "location", "speed_limit_kmh", "purposes")
    )
    assert {"anpr_filter": {"accept": 90}} == shown["settings"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 2), (("--setting", "accept=90"), 2), (("--latitude", "91"), 2), (("--zone", "Asia/Serang"), 1)],
)
def test_a_change_that_makes_no_sense_changes_nothing(run, arguments, code):
    run.add()
    before = run.json("show", "simpang-5")

    assert code == run("set", "simpang-5", *arguments).exit_code
    assert before == run.json("show", "simpang-5")


def test_a_setting_that_no_plugin_reads_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TANGKAPIN_PLUGINS_FILE", str(tmp_path / "plugins.toml"))
    (tmp_path / "plugins.toml").write_text('hooks = 1\n[plugin.filter]\nuse = "detectors.anpr_filter"\n')
    run.add()

    assert "Note" not in run("set", "simpang-5", "--setting", "anpr_filter.accept=90").stderr
    assert "no plugin 'anpr_filtr'" in run("set", "simpang-5", "--setting", "anpr_filtr.accept=90").stderr
    assert "no plugin" not in run("set", "simpang-5", "--setting", "stream.fps=2").stderr


def test_what_was_done_stands_in_the_audit_log_with_who_did_it(run, database):
    run.add()
    run.json("rotate-key", "simpang-5")
    run("disable", "simpang-5")

    with database.system() as connection:
        rows = connection.execute(text("SELECT action, actor_role FROM audit_log ORDER BY id")).all()
    assert [("device_added", "cli"), ("device_key_rotated", "cli"), ("device_disabled", "cli")] == [
        tuple(r) for r in rows
    ]


def test_the_list_for_people_has_a_line_for_each_device(run):
    run.add("b-cam")
    run.add("a-cam")

    lines = run("list").output.splitlines()
    assert ["device_code", "a-cam", "b-cam"] == [line.split()[0] for line in lines]
