"""`tangkapin sync` as an operator types it."""

import json

import pytest
from click.testing import CliRunner

from core.cli import sync as cli_sync
from core.cli.main import cli


@pytest.fixture
def run(world, monkeypatch, tmp_path):
    monkeypatch.setattr(cli_sync, "_database", lambda settings: world.database)

    def run(*arguments):
        plugins = f"plugins_file={tmp_path / 'plugins.toml'}"
        return CliRunner().invoke(cli, ["--home", str(tmp_path), "--set", plugins, "sync", *arguments])

    return run


def test_status_shows_every_sink_and_what_has_none(run, world, etnas, sink):
    etnas.script("refuse")
    world.approve(3)
    world.approve(vendor="polda-jabar")
    host = world.host(etnas=sink(vendors=["polda-banten"], in_flight=1), idle=sink(vendors=["polda-bali"]))
    desk = world.desk(host)
    desk.enqueue()
    desk.drain("etnas")
    found = json.loads(run("status", "--json").stdout)
    assert {"etnas": {"accepted": 2, "refused": 1}, "idle": {}} == {one["sink"]: one["rows"] for one in found["sinks"]}
    assert 1 == found["approved_without_sink"]
    said = run("status").stdout
    assert "no sink in" in said
    assert "etnas" in said


def test_list_attempts_and_retry_lead_from_a_refusal_to_a_delivery(run, world, etnas, sink):
    etnas.script("refuse")
    (violation,) = world.approve()
    desk = world.desk(world.host(etnas=sink()))
    world.settle(desk)
    (row,) = json.loads(run("list", "--status", "refused", "--json").stdout)
    assert "tidak valid" in run("list").stdout
    shown = json.loads(run("attempts", str(row["id"]), "--json").stdout)
    assert ("api_key", ["refused"]) == (
        shown["delivery"]["request"]["secret_headers"]["X-API-KEY"],
        [attempt["outcome"] for attempt in shown["attempts"]],
    )
    assert "refused" in run("attempts", str(row["id"])).stdout
    done = run("retry", "--all", "refused")
    assert (0, f"{row['id']}: will be sent again\n") == (done.exit_code, done.stdout)
    world.settle(desk)
    assert {violation: "synced"} == world.statuses()


def test_what_cannot_be_retried_is_said_and_the_exit_code_tells(run, world, etnas, sink):
    world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    done = run("retry", str(world.rows()[0]["id"]), "12345")
    assert (1, True, True) == (done.exit_code, "already_accepted" in done.stdout, "12345" in done.stdout)
    assert 2 == run("retry").exit_code
    assert "there is no delivery 12345" in run("attempts", "12345").output


def test_confirm_needs_a_note_and_settles_an_uncertain_delivery(run, world, etnas, sink):
    etnas.script("garbage")
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    sync_id = str(world.rows()[0]["id"])
    assert 2 == run("confirm", sync_id).exit_code
    assert 0 == run("confirm", sync_id, "--note", "seen at the centre").exit_code
    assert {violation: "synced"} == world.statuses()
