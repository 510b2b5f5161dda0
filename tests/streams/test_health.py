"""How the cameras are: written for everybody who asks, and announced once when one stays away."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from core.accounts.tables import devices, owners
from core.domain.observations import Device
from core.incidents.tables import camera_health
from core.notices.tables import notice_recipients, notices
from core.streams.cameras import State
from core.streams.health import AWAY_S, CameraHealth


class Reader:
    def __init__(self, device_id, vendor_id, **state):
        self.device = Device(
            id=device_id, code="gerbang", maker="generic", vendor_id=vendor_id, vendor_code="polda-uji", name="Gerbang"
        )
        self.state = State(**state)


@pytest.fixture
def reader(database, make_vendor):
    vendor_id = make_vendor(database)
    with database.system() as connection:
        owner = insert(owners).values(
            vendor_id=vendor_id, username="pemilik", email="p@toko.example", full_name="Pemilik", password_hash="x"
        )
        owner_id = connection.execute(owner.returning(owners.c.id)).scalar_one()
        camera = insert(devices).values(device_code="gerbang", maker="generic", vendor_id=vendor_id, owner_id=owner_id)
        return Reader(connection.execute(camera.returning(devices.c.id)).scalar_one(), vendor_id)


def told(database):
    query = select(notices.c.kind, notice_recipients.c.role).join(
        notice_recipients, notice_recipients.c.notice_id == notices.c.id
    )
    with database.system() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_the_newest_state_of_each_camera_is_in_its_row(database, reader):
    health = CameraHealth(database)
    reader.state = State(state="online", detail="", fps=4.8, reconnects=2)
    health.write([reader])
    reader.state = State(state="offline", detail="192.0.2.7: silent for 10 s", reconnects=3)
    health.write([reader])

    with database.system() as connection:
        (row,) = connection.execute(select(camera_health)).mappings().all()
    assert ("offline", "192.0.2.7: silent for 10 s", 3) == (row["state"], row["detail"], row["reconnects"])


def test_a_camera_that_stays_away_is_announced_once_to_its_owner(database, reader):
    health = CameraHealth(database)
    now = datetime.now(UTC)
    reader.state = State(detail="hung up", since=now, last_frame_at=now)
    health.write([reader])
    assert [] == told(database), "what drops and returns soon is not announced"
    reader.state.since = now - timedelta(seconds=AWAY_S + 1)
    health.write([reader])
    health.write([reader])

    assert [("cctv_offline", "owner")] == told(database)


def test_a_camera_that_never_came_is_not_announced(database, reader):
    reader.state = State(since=datetime.now(UTC) - timedelta(hours=1))
    CameraHealth(database).write([reader])

    assert [] == told(database)


def test_a_new_process_does_not_announce_the_same_absence_again(database, reader):
    now = datetime.now(UTC)
    reader.state = State(since=now - timedelta(seconds=AWAY_S + 1), last_frame_at=now)
    CameraHealth(database).write([reader])
    CameraHealth(database).write([reader])

    assert 1 == len(told(database))


def test_a_database_that_is_away_costs_a_round_and_nothing_else(database, reader):
    class Away:
        def system(self):
            raise OSError("no route")

    CameraHealth(Away()).write([reader])
    CameraHealth(database).write([])
