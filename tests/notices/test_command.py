"""`tangkapin notices`: what the operator sees and does."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from core.accounts.tables import audit_log
from core.cli.main import cli
from core.domain.errors import Undeliverable
from core.domain.notices import Delivery


def refuses(notice, recipient):
    raise Undeliverable("no address is known")


def takes(notice, recipient):
    return Delivery(outcome="accepted", receipt="r1")


@pytest.fixture
def run(database, tmp_path, valkey_url):
    environ = {"TANGKAPIN_HOME": str(tmp_path), "TANGKAPIN_DATABASE_URL": database.url,
               "TANGKAPIN_REDIS_URL": valkey_url}  # fmt: skip

    def call(*arguments):
        return CliRunner().invoke(cli, ["notices", *arguments], env=environ)

    return call


@pytest.fixture
def nobody_is_reached(scene, channels, tell):
    """The owner's notice is undeliverable by the only channel."""
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(channels(phone=refuses))


def listed(run, *options):
    told = run("list", "--json", *options)
    assert 0 == told.exit_code, told.output
    return json.loads(told.output)


@pytest.mark.usefixtures("nobody_is_reached")
def test_the_status_counts_each_channels_deliveries(run):
    told = run("status")
    head, row = told.output.splitlines()
    columns = ["channel", "waiting", "pending", "sending", "accepted", "delivered", "undeliverable", "dead"]
    assert [*columns, "superseded", "oldest", "due"] == head.split()
    assert ["phone", "0", "0", "0", "0", "0", "1", "0", "0", "-"] == row.split()
    found = json.loads(run("status", "--json").output)
    assert (0, "phone", {"undeliverable": 1}) == (
        found["unplanned"], found["channels"][0]["channel"], found["channels"][0]["rows"],
    )  # fmt: skip


def test_a_notice_that_no_worker_has_planned_is_told_of(run, scene):
    scene.announce("cctv_offline", cctv="Toko Wati")
    assert "1 notices wait for a worker" in run("status").output


@pytest.mark.usefixtures("nobody_is_reached")
def test_the_list_says_who_was_not_told_and_why(run, scene):
    told = run("list").output
    assert f"owner {scene.owner}" in told and "undeliverable" in told and "no address is known" in told
    (row,) = listed(run)
    assert ("cctv_offline", "phone", "undeliverable") == (row["kind"], row["channel"], row["status"])
    assert [row] == listed(run, "--status", "undeliverable", "--channel", "phone")
    for nothing in (("--status", "dead"), ("--channel", "socket"), ("--before", str(row["id"])), ("--report", "999")):
        assert [] == listed(run, *nothing)


def test_a_state_that_there_is_none_of_is_refused(run):
    told = run("list", "--status", "lost")
    assert 2 == told.exit_code and "undeliverable" in told.output


@pytest.mark.usefixtures("nobody_is_reached")
def test_what_is_retried_is_told_again_and_written_down(run, scene, channels, tell, deliveries):
    (row,) = listed(run)
    told = run("retry", str(row["id"]))
    assert (0, f"{row['id']}: will be told again\n") == (told.exit_code, told.output)
    tell(channels(phone=takes))
    assert "accepted" == deliveries()["phone", "owner", scene.owner].status
    with scene.database.system() as connection:
        query = select(audit_log.c.vendor_id, audit_log.c.detail).where(audit_log.c.action == "notices_retried")
        assert [(scene.vendor, {"ids": [row["id"]]})] == [tuple(one) for one in connection.execute(query)]
    again = run("retry", str(row["id"]))
    assert (1, True) == (again.exit_code, "unchanged" in again.output)


@pytest.mark.usefixtures("nobody_is_reached")
def test_all_of_a_state_are_retried_for_one_channel_only(run):
    (row,) = listed(run)
    assert "" == run("retry", "--all", "undeliverable", "--channel", "socket").output
    assert [row] == listed(run)
    assert f"{row['id']}: will be told again\n" == run("retry", "--all", "undeliverable", "--channel", "phone").output


@pytest.mark.parametrize("arguments", [(), ("7", "--all", "dead")])
def test_retry_wants_ids_or_a_state_and_not_both(run, arguments):
    told = run("retry", *arguments)
    assert 2 == told.exit_code and "name delivery ids, or --all" in told.output


def test_an_id_that_there_is_none_of_is_said_to_be_unchanged(run):
    told = run("retry", "424242")
    assert (1, "424242: unchanged, neither dead nor undeliverable\n") == (told.exit_code, told.output)
