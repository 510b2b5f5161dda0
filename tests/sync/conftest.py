import pytest

from core.testing.deliveries import QUICK, Deliveries
from core.testing.fake_etnas import FakeEtnas


@pytest.fixture
def world(database, tmp_path):
    found = Deliveries(database, tmp_path)
    yield found
    found.media.close()


@pytest.fixture
def etnas():
    with FakeEtnas(slow_s=1.5) as server:
        yield server


@pytest.fixture
def sink(etnas):
    """sink(**more): the config of an ETNAS instance at the fake centre, with short waits."""

    def table(**more):
        return {"url": etnas.url, "api_key": {"env": "ETNAS_KEY"}, **QUICK, **more}

    return table
