import pytest

from core.testing.deliveries import Deliveries
from core.testing.fake_etnas import FakeEtnas


@pytest.fixture
def world(database, tmp_path):
    found = Deliveries(database, tmp_path)
    yield found
    found.media.close()


@pytest.fixture
def etnas():
    with FakeEtnas(slow_s=1.0) as server:
        yield server
