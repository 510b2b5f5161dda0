import json
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from core.accounts.tables import police
from core.incidents.tables import assignments, reports
from core.notices.tables import notices
from core.testing.review import PASSWORD


def test_an_account_made_on_the_command_line_can_log_in_until_it_is_disabled(run: Any, client: TestClient) -> None:
    assert 0 == run("vendor", "add", "polda-jatim", "--name", "Polda Jawa Timur", "--api-key", "env:KEY").exit_code
    words = ("user", "add", "wati", "--vendor", "polda-jatim", "--name", "Wati", "--password-stdin", "--json")
    added = run(*words, typed=PASSWORD + "\n")
    assert (0, "polda-jatim") == (added.exit_code, json.loads(added.stdout)["vendor"]), added.output
    body = {"username": "wati", "password": PASSWORD}
    assert 200 == client.post("/api/auth/login", json=body).status_code
    assert 0 == run("user", "disable", "wati").exit_code
    assert 401 == client.post("/api/auth/login", json=body).status_code
    assert 0 == run("user", "enable", "wati").exit_code
    changed = run("user", "password", "wati", "--password-stdin", typed="lain-kuda-baterai-7\n")
    assert 0 == changed.exit_code
    assert 401 == client.post("/api/auth/login", json=body).status_code
    assert 200 == client.post("/api/auth/login", json=body | {"password": "lain-kuda-baterai-7"}).status_code


def test_police_disabled_on_the_command_line_leave_no_report_waiting(run: Any, world: Any) -> None:
    mine = {"vendor_id": world.banten}
    sent = world._add(police, **mine, username="agus", password_hash="-", status="busy")
    report = world._add(reports, **mine, title="Pisau", incident_type="knife", source="manual", status="assigned",
                        verified_by="Ani", verified_at=datetime.now(UTC), incident_at=datetime.now(UTC))  # fmt: skip
    world._add(assignments, **mine, report_id=report, police_id=sent, assigned_by="Ani", assigned_role="officer",
               assigned_actor_id=1)  # fmt: skip
    assert 0 == run("user", "disable", "agus").exit_code
    (row,) = world.execute(select(assignments))
    assert ("withdrawn", "cli") == (row["status"], row["withdrawn_role"]) and row["withdrawn_by"]
    assert ["verified"] == [found["status"] for found in world.execute(select(reports))]
    assert {"withdrawn", "incident_update", "vacated"} == {found["kind"] for found in world.execute(select(notices))}


def test_the_lists_show_accounts_and_vendors_and_no_secret(run: Any) -> None:
    run("user", "add", "kepala", "--role", "admin", "--password-stdin", typed=PASSWORD + "\n")
    users, vendors = run("user", "list", "--json"), run("vendor", "list", "--json")
    assert [("kepala", "admin", None)] == [(u["username"], u["role"], u["vendor"]) for u in json.loads(users.stdout)]
    assert ["polda-bali", "polda-banten"] == [vendor["vendor_code"] for vendor in json.loads(vendors.stdout)]
    assert "argon2" not in users.output and PASSWORD not in users.output
    assert "national" in run("user", "list").output


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (("user", "add", "siti", "--password-stdin"), PASSWORD, "--vendor"),
        (("user", "add", "siti", "--role", "admin", "--password-stdin"), "short", "10 to 200"),
        (("user", "disable", "nobody"), "", "no account"),
        (("vendor", "add", "polda-x", "--api-key", "sk-the-key-itself"), "", "env:NAME"),
        (("vendor", "add", "polda-banten"), "", "already"),
        (("vendor", "add", "Polda Banten"), "", "polda-banten"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(run: Any, words: tuple[str, ...], typed: str, told: str) -> None:
    result = run(*words, typed=typed + "\n")
    assert 1 == result.exit_code
    assert told in result.output and "Traceback" not in result.output
    assert "sk-the-key-itself" not in result.output


def test_a_password_is_no_argument(run: Any) -> None:
    assert 2 == run("user", "add", "siti", "--password", PASSWORD).exit_code
