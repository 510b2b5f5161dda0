from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from litestar.testing import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from core.accounts import passwords
from core.cli.main import cli
from core.testing.review import KEY, World


@pytest.fixture
def world(database: Any, tmp_path: Path) -> World:
    return World(database, tmp_path)


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.client() as client:
        yield client


@pytest.fixture
def run(world: World, tmp_path: Path) -> Any:
    def invoke(*words: str, typed: str = "") -> Result:
        given = (f"database_url={world.database.url}", "redis_url=redis://127.0.0.1:1/0", f"secret_key={KEY}")
        options = [option for setting in given for option in ("--set", setting)]
        return CliRunner().invoke(cli, ["--home", str(tmp_path), *options, *words], input=typed)

    return invoke


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2id that costs next to nothing: what it costs for real is tested in test_passwords.py."""
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
    monkeypatch.setattr(passwords, "_hasher", lambda: cheap)
