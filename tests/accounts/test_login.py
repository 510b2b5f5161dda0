from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select, text, update

from core.accounts.audit import Actor
from core.accounts.service import AccountError, Accounts
from core.accounts.tables import audit_log, officers, vendors
from core.accounts.vendors import add_vendor, list_vendors
from core.testing.review import KEY, PASSWORD, World

CLI = Actor("cli", None, "tests")


@pytest.fixture
def accounts(world: World) -> Accounts:
    accounts = Accounts(world.database, KEY)
    accounts.add_user("Budi", PASSWORD, role="officer", vendor_code="polda-banten", full_name="Budi Santoso", by=CLI)
    return accounts


def log_in(client: TestClient, username: str = "budi", password: str = PASSWORD) -> Any:
    return client.post("/api/auth/login", json={"username": username, "password": password})


def bearer(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['data']['token']}"}


def test_who_logs_in_gets_a_token_and_is_known_by_it(client: TestClient, accounts: Accounts) -> None:
    answer = log_in(client, " BUDI ")
    assert (200, True, "success") == (answer.status_code, answer.json()["success"], answer.json()["status"])
    assert "no-store" == answer.headers["cache-control"]
    me = client.get("/api/auth/me", headers=bearer(answer)).json()["data"]
    assert ("budi", "Budi Santoso", "officer", "polda-banten") == (
        me["username"], me["name"], me["role"], me["vendor_code"],
    )  # fmt: skip


def test_wrong_password_unknown_user_and_disabled_account_look_the_same(client: TestClient, accounts: Accounts) -> None:
    accounts.add_user("joko", PASSWORD, role="officer", vendor_code="polda-banten", by=CLI)
    accounts.set_active("joko", False, by=CLI)
    answers = [log_in(client, "budi", "salah-salah-1"), log_in(client, "nobody"), log_in(client, "joko")]
    told = [{k: v for k, v in a.json().items() if k != "instance"} for a in answers]
    assert [401, 401, 401] == [answer.status_code for answer in answers]
    assert told[0] == told[1] == told[2]
    assert "urn:tangkapin:problem:wrong-credentials" == told[0]["type"]


@pytest.mark.threat("T20")
def test_guessing_is_slowed_down_and_the_right_password_does_not_help_then(
    client: TestClient, accounts: Accounts, world: World
) -> None:
    assert [401] * 5 == [log_in(client, "budi", f"tebakan-ke-{n}").status_code for n in range(5)]
    answer = log_in(client)
    assert (429, True) == (answer.status_code, 0 < int(answer.headers["retry-after"]) <= 15)
    world.execute(text("UPDATE login_failures SET last_at = last_at - interval '16 seconds'"))
    assert 200 == log_in(client).status_code


@pytest.mark.threat("T20")
def test_parallel_guesses_are_counted_one_by_one(client: TestClient, accounts: Accounts) -> None:
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda n: log_in(client, "budi", f"tebakan-ke-{n}").status_code, range(12)))
    assert {401: 5, 429: 7} == {status: statuses.count(status) for status in set(statuses)}


@pytest.mark.threat("T20")
def test_trying_many_accounts_from_one_place_is_slowed_down_too(client: TestClient, world: World) -> None:
    world.execute(text("INSERT INTO login_failures (account, peer, failures) VALUES ('', 'testclient', 50)"))
    assert 429 == log_in(client, "somebody-else").status_code


def test_a_blocked_place_blocks_nobody_elsewhere(world: World, accounts: Accounts) -> None:
    world.execute(text("INSERT INTO login_failures (account, peer, failures) VALUES ('', '10.9.9.9', 60)"))
    assert "budi" == accounts.login("budi", PASSWORD, peer="10.1.1.1").principal.username


def test_a_name_typed_at_the_login_is_never_stored_in_clear(client: TestClient, world: World) -> None:
    log_in(client, "my-secret-password-in-the-wrong-field")
    rows = world.execute(text("SELECT account FROM login_failures")) + world.execute(select(audit_log))
    assert 3 == len(rows)
    assert "wrong-field" not in str(rows)


def _log_out(world: World, client: TestClient, headers: dict[str, str]) -> None:
    assert 200 == client.post("/api/auth/logout", headers=headers).status_code


def _disable(world: World, client: TestClient, headers: dict[str, str]) -> None:
    Accounts(world.database, KEY).set_active("budi", False, by=CLI)


def _new_password(world: World, client: TestClient, headers: dict[str, str]) -> None:
    Accounts(world.database, KEY).set_password("budi", "lain-kuda-baterai-7", by=CLI)


def _delete(world: World, client: TestClient, headers: dict[str, str]) -> None:
    world.execute(officers.delete())


def _vendor_off(world: World, client: TestClient, headers: dict[str, str]) -> None:
    world.execute(update(vendors).where(vendors.c.vendor_code == "polda-banten").values(is_active=False))


@pytest.mark.threat("T19")
@pytest.mark.parametrize("end", [_log_out, _disable, _new_password, _delete, _vendor_off])
def test_the_very_next_request_after_it_is_refused(
    client: TestClient, world: World, accounts: Accounts, end: Callable[[World, TestClient, dict[str, str]], None]
) -> None:
    headers = bearer(log_in(client))
    assert 200 == client.get("/api/auth/me", headers=headers).status_code
    end(world, client, headers)
    answer = client.get("/api/auth/me", headers=headers)
    assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])


def test_an_officer_moved_to_another_vendor_sees_the_other_ones_cases_at_once(
    client: TestClient, world: World, accounts: Accounts
) -> None:
    world.violation(world.camera_bali)
    headers = bearer(log_in(client))
    assert [] == client.get("/api/violations", headers=headers).json()["data"]["data"]
    world.execute(update(officers).values(vendor_id=world.bali))
    assert 1 == len(client.get("/api/violations", headers=headers).json()["data"]["data"])


def test_a_new_password_ends_all_other_sessions_and_keeps_this_one(client: TestClient, accounts: Accounts) -> None:
    first, second = bearer(log_in(client)), bearer(log_in(client))
    body = {"current_password": PASSWORD, "new_password": "lain-kuda-baterai-7"}
    answer = client.post("/api/auth/password", headers=first, json=body)
    assert 200 == answer.status_code
    statuses = [client.get("/api/auth/me", headers=h).status_code for h in (first, second, bearer(answer))]
    assert [401, 401, 200] == statuses
    assert [401, 200] == [log_in(client).status_code, log_in(client, password="lain-kuda-baterai-7").status_code]


def test_a_new_password_needs_the_current_one_and_must_not_be_weak(client: TestClient, accounts: Accounts) -> None:
    headers = bearer(log_in(client))
    for current, new, field in (("salah-sekali-1", "lain-kuda-7-baterai", "current_password"),
                                (PASSWORD, "budi-budi-budi", "new_password")):  # fmt: skip
        body = {"current_password": current, "new_password": new}
        answer = client.post("/api/auth/password", headers=headers, json=body)
        assert (422, field) == (answer.status_code, answer.json()["errors"][0]["field"])


def test_names_are_unique_over_all_roles(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match="already"):
        accounts.add_user("BUDI", PASSWORD, role="admin", by=CLI)


@pytest.mark.parametrize("name", ["", "ab", "a b", "-x-", "x" * 101, "bud\u0069\u0301"])
def test_a_user_name_is_plain(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError):
        accounts.add_user(name, PASSWORD, role="admin", by=CLI)


def test_an_officer_belongs_to_a_vendor_that_exists(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match="--vendor"):
        accounts.add_user("siti", PASSWORD, role="officer", by=CLI)
    with pytest.raises(AccountError, match="vendor list"):
        accounts.add_user("siti", PASSWORD, role="officer", vendor_code="polda-x", by=CLI)


def test_every_order_of_the_operator_is_audited(world: World, accounts: Accounts) -> None:
    accounts.set_active("budi", False, by=CLI)
    accounts.set_password("budi", "lain-kuda-baterai-7", by=CLI)
    rows = world.execute(select(audit_log.c.action, audit_log.c.actor_role).order_by(audit_log.c.id))
    assert [("user_added", "cli"), ("user_disabled", "cli"), ("password_reset", "cli")] == [
        tuple(r.values()) for r in rows
    ]


@pytest.mark.threat("T27")
def test_a_vendors_key_is_only_taken_as_a_reference(world: World) -> None:
    for key in ("the-key-itself", "env:", "file:relative", "env:A B"):
        with pytest.raises(AccountError) as refused:
            add_vendor(world.database, "polda-jatim", api_key=key, by=CLI)
        assert "the-key-itself" not in str(refused.value)
    add_vendor(world.database, "polda-jatim", api_key="file:/run/secrets/jatim", by=CLI)
    assert "file:/run/secrets/jatim" == {v.vendor_code: v.api_key for v in list_vendors(world.database)}["polda-jatim"]
