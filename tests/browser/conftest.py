"""One server and one browser for each module of these tests: Playwright's loop must not outlive the module."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser
from sqlalchemy import update

from core.accounts.passwords import hash_password
from core.accounts.tables import admins, officers
from core.app import with_sockets
from core.db.engine import Database
from core.testing.chromium import Visitor, chromium
from core.testing.review import PASSWORD, World
from core.web.client import DIST

TABLES = {"officer": officers, "admin": admins}


class Site:
    """A small world behind a real socket, and accounts whose password is PASSWORD."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url
        self._hash = hash_password(PASSWORD)

    def person(self, role: str, username: str) -> str:
        person = self.world.officer(username=username) if role == "officer" else self.world.admin(username=username)
        table = TABLES[role]
        self.world.execute(update(table).where(table.c.id == person.id).values(password_hash=self._hash))
        return person.username


@pytest.fixture(scope="module")
def site(
    fresh_database: Callable[..., AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    assert (DIST / "index.html").exists(), "the client is not built: `make client`"
    with fresh_database() as database_url:
        database = Database(database_url)
        world = World(database, Path(tmp_path_factory.mktemp("site")))
        config = uvicorn.Config(
            with_sockets(world.app()),
            host="127.0.0.1",
            port=0,
            log_level="error",
            lifespan="on",
            ws="websockets-sansio",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="site", daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Site(world, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join(10)
        database.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """visit(**context) -> a Visitor. Afterwards: no complaint of the console, nothing asked of another host."""
    visitors: list[Visitor] = []

    def make(**context: Any) -> Visitor:
        visitors.append(Visitor(browser, site.url, **context))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.close()
    assert [] == [line for visitor in visitors for line in visitor.complaints]
    assert [] == [address for visitor in visitors for address in visitor.outside]
