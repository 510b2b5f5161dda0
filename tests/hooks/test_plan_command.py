"""`tangkapin plugins plan` as it is typed: where no database answers, and over devices and queues of a real one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import insert

from core.accounts.tables import devices, vendors
from core.cli.plan import in_use
from core.cli.plugins import command
from core.notices.tables import notice_deliveries, notice_recipients, notices
from core.settings import Settings
from core.sync.tables import etnas_sync

OLD = """hooks = 1
[plugin.generic]
use = "vendors.generic"
[plugin.berkas]
use = "plugins.sinks.file_drop"
config = { folder = "." }
[plugin.websocket]
use = "notifiers.websocket"
[plugin.anpr_filter]
use = "detectors.anpr_filter"
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """plan(new text, *arguments) -> (exit code, output) against OLD as the file that was loaded."""
    for name, value in {"HOME": tmp_path, "PLUGINS_FILE": tmp_path / "plugins.toml"}.items():
        monkeypatch.setenv(f"TANGKAPIN_{name}", str(value))
    monkeypatch.setenv("TANGKAPIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("TANGKAPIN_REDIS_URL", "redis://127.0.0.1:1/0")

    def run(new, *arguments):
        (tmp_path / "plugins.toml").write_text(new)
        copy = in_use(Settings(home=Path(tmp_path)))
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(OLD)
        result = CliRunner().invoke(command, ["plan", *arguments])
        return result.exit_code, result.output

    return run


def test_the_file_that_runs_changes_nothing(plan):
    code, told = plan(OLD)

    assert 0 == code, told
    assert "nothing changes" in told
    assert "no database answers" in told


def test_a_change_is_shown_and_is_no_loss_by_itself(plan):
    code, told = plan(OLD + "[plugin.anpr_filter.config.default]\naccept = 85\n")

    assert 0 == code, told
    assert "~ anpr_filter  detectors.anpr_filter, serves all" in told
    assert "config.default.accept = 85" in told


def test_a_file_that_would_not_start_exits_1_and_says_why(plan):
    code, told = plan(OLD.replace("vendors.generic", "vendors.nirgends"))

    assert 1 == code
    assert "would not start" in told and "vendors.nirgends" in told


def test_json_has_the_same(plan):
    code, told = plan(OLD.split("[plugin.anpr_filter]")[0], "--json")
    found = json.loads(told[: told.rindex("}") + 1])

    assert 0 == code
    assert [("anpr_filter", "removed", ["judge_read"])] == [
        (change["instance"], change["change"], change["lost"]) for change in found["instances"]
    ]


@pytest.fixture
def waiting(database, database_url, monkeypatch):
    """A camera of the make generic, and rows of every state in the outbox of `berkas` and for the channel."""
    monkeypatch.setenv("TANGKAPIN_DATABASE_URL", database_url)
    at = datetime.now(UTC)
    with database.system() as connection:

        def add(table, **columns):
            return connection.execute(insert(table).values(**columns).returning(table.c.id)).scalar_one()

        vendor = add(vendors, vendor_code="polda-banten", vendor_name="Polda Banten")
        add(devices, device_code="ciceri-1", vendor_id=vendor, maker="generic")
        for number, status in enumerate(("pending", "sending", "uncertain", "accepted", "refused"), 1):
            add(
                etnas_sync, violation_id=number, vendor_id=vendor, status=status, sink="berkas",
                idempotency_key=f"k{number}", deadline_at=at,
            )  # fmt: skip
        notice = add(notices, vendor_id=vendor, kind="incident_new", dedup_key="x", type="report", texts={})
        for number, status in enumerate(("waiting", "pending", "delivered"), 1):
            person = add(notice_recipients, vendor_id=vendor, notice_id=notice, role="officer", person_id=number)
            add(
                notice_deliveries, vendor_id=vendor, recipient_id=person, channel="websocket", position=0,
                status=status,
            )  # fmt: skip


def test_what_a_removal_would_leave_behind_is_counted_in_the_database(plan, waiting):
    code, told = plan('hooks = 1\n[plugin.anpr_filter]\nuse = "detectors.anpr_filter"\n')

    assert 3 == code, told
    assert "device   ciceri-1 (generic, polda-banten): LOSES generic" in told
    assert "queue    3 rows of outbox wait for berkas, which would not be there" in told
    assert "queue    2 rows of notices wait for websocket, which would not be there" in told
    assert "no database answers" not in told


def test_queues_whose_plugins_stay_are_no_loss(plan, waiting):
    code, told = plan(OLD)

    assert (0, "nothing changes\n") == (code, told)
