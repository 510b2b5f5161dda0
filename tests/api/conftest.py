from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from core.testing.review import World


@pytest.fixture
def world(database: Any, tmp_path: Path) -> World:
    return World(database, tmp_path)


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.client() as client:
        yield client
