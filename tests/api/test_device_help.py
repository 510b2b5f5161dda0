"""What the pages offer at a device and at the quarantine: the menu of a make, a payload read again."""

import json
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from litestar.testing import TestClient

from core.testing.review import World
from core.web import device_help


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """ran(stdout or exception) -> the command lines that are asked for from now on."""

    def answer(given: Any) -> list[list[str]]:
        asked: list[list[str]] = []

        def run(command: list[str], **more: Any) -> Any:
            asked.append(command)
            if isinstance(given, Exception):
                raise given
            return SimpleNamespace(stdout=given)

        monkeypatch.setattr(device_help.subprocess, "run", run)
        return asked

    return answer


def test_the_menu_of_a_make_is_a_section_of_its_manual() -> None:
    steps = device_help.steps_of("vendors.hikvision")
    assert steps.startswith("Configuration") and "## " not in steps
    assert "" == device_help.steps_of("vendors.nobody") == device_help.steps_of("core.web.call")


def test_a_make_that_is_not_enabled_has_no_menu(world: World, client: TestClient) -> None:
    world.host.instances = (SimpleNamespace(maker="hikvision", use="vendors.hikvision"),)
    headers = world.officer().headers
    assert "Configuration" in client.get("/api/makers/hikvision/steps", headers=headers).json()["data"]["steps"]
    assert "" == client.get("/api/makers/dahua/steps", headers=headers).json()["data"]["steps"]


def test_a_payload_is_read_again_in_the_name_of_who_asks(
    world: World, client: TestClient, ran: Callable[..., list[list[str]]]
) -> None:
    admin, row = world.admin(), world.quarantined()
    asked = ran(json.dumps({"counts": {"new": 1}, "changes": [{"note": ""}]}).encode())
    answer = client.post(f"/api/quarantine/{row}/replay", headers=admin.headers)
    assert {"outcome": "new", "note": ""} == answer.json()["data"]
    payload = next(one for one in client.get("/api/quarantine", headers=admin.headers).json()["data"]["data"])
    assert ["--payload", str(payload["payload_id"]), "--apply", "--yes", "--json", "--by", admin.username] == asked[0][
        5:
    ]


def test_a_replay_that_hangs_is_told_as_such(
    world: World, client: TestClient, ran: Callable[..., list[list[str]]]
) -> None:
    ran(subprocess.TimeoutExpired("tangkapin", 60))
    answer = client.post(f"/api/quarantine/{world.quarantined()}/replay", headers=world.admin().headers)
    assert 503 == answer.status_code and "urn:tangkapin:problem:not-available" == answer.json()["type"]


def test_only_an_admin_of_the_agency_reads_again(
    world: World, client: TestClient, ran: Callable[..., list[list[str]]]
) -> None:
    asked = ran(b"{}")
    row = world.quarantined()
    assert 403 == client.post(f"/api/quarantine/{row}/replay", headers=world.officer().headers).status_code
    assert 404 == client.post(f"/api/quarantine/{row}/replay", headers=world.admin(world.bali).headers).status_code
    assert [] == asked
