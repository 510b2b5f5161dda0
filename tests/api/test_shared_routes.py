"""Applications of one test process share their routes, and nothing else."""

from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from core.testing.review import World


def test_two_applications_at_once_work_with_what_is_their_own(world: World, database: Any, tmp_path: Path) -> None:
    with world.client() as first:
        world.configure(undo_s=7.0)
        with world.client() as second:
            found = [client.app.state["services"].settings.undo_s for client in (first, second)]
            assert [15.0, 7.0] == found
            assert first.app.state["hub"] is not second.app.state["hub"]
            assert [200, 200] == [client.get("/healthz").status_code for client in (first, second)]
        assert 200 == first.get("/api/me", headers=world.admin().headers).status_code


def test_what_a_request_finds_is_its_own_application(world: World) -> None:
    heard = []
    for name in ("one", "two"):
        app = world.app()
        app.state["readiness"] = lambda name=name: heard.append(name)
        with TestClient(app, raise_server_exceptions=False) as client:
            client.get("/readyz")
    assert ["one", "two"] == heard
