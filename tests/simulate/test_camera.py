"""Simulated cameras play the makes' own fixtures with another plate, time, id and pictures."""

import importlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.domain.plates import normalise_plate
from core.hooks.plugin import PluginContext
from core.testing.camera import CannotPlay, SimulatedCamera, playable
from core.testing.drawing import indonesian_plate
from core.testing.fixtures import device
from core.testing.fleet import Fleet, enlist

AT = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)


def parser(maker):
    plugin = importlib.import_module(f"vendors.{maker}.plugin").Plugin
    return plugin(plugin.Config(), PluginContext(instance=maker)).parse_payload


def fixtures(maker):
    return Path(importlib.import_module(f"vendors.{maker}").__path__[0]) / "fixtures"


@pytest.mark.parametrize("maker", ["hikvision", "dahua", "generic"])
def test_each_make_can_be_played_in_several_forms_with_and_without_pictures(maker):
    found = playable(fixtures(maker), device(maker), parser(maker))
    cameras = [SimulatedCamera(path, device(maker), parser(maker)) for path in found]

    assert len(found) >= 5
    assert {True, False} == {bool(camera._read.images) for camera in cameras}


@pytest.mark.parametrize("maker", ["hikvision", "dahua", "generic"])
def test_a_shot_shows_the_plate_the_time_and_pictures_of_its_own(maker):
    for path in playable(fixtures(maker), device(maker), parser(maker)):
        camera = SimulatedCamera(path, device(maker), parser(maker), skew_s=3600)
        first = camera._first_read(camera.shoot("B 77 QZ", AT).body)
        second = camera._first_read(camera.shoot("D 4321 AB", AT + timedelta(seconds=1)).body)

        assert ("B77QZ", "D4321AB") == (first.plate_number, second.plate_number), path.name
        if first.capture_time:
            assert AT + timedelta(hours=1) == first.capture_time.replace(microsecond=0), path.name
        if first.event_id:
            assert first.event_id != second.event_id, path.name
        for one, other in zip(first.images, second.images, strict=True):
            assert one.url or bytes(one.data) != bytes(other.data), path.name


@pytest.mark.parametrize("maker", ["hikvision", "dahua", "generic"])
def test_a_fleet_for_people_shows_the_plate_and_the_vehicle_of_every_case(maker):
    member = enlist(device(maker), "kunci", fixtures(maker), parser(maker))
    cameras = {camera.fixture for _ in range(50) for camera in Fleet("", [member], pictured=1.0)._forms(member)}

    assert cameras
    for camera in (SimulatedCamera(path, device(maker), parser(maker)) for path in cameras):
        read = camera._first_read(camera.shoot("B 77 QZ", AT).body)
        roles = {image.role for image in read.images if image.data}
        assert "plate" in roles and roles & {"scene", "vehicle"}, camera.fixture.name


def test_a_forged_plate_of_the_fleet_is_one_that_another_camera_of_the_agency_has_just_seen():
    one, other = device("generic", id=1, vendor_id=1), device("dahua", id=2, vendor_id=1)
    abroad = device("generic", id=3, vendor_id=2)
    fleet = Fleet("", [], cloned=1.0)
    plate = fleet._plate(one)

    assert plate != fleet._plate(abroad)
    assert plate == fleet._plate(other)
    assert plate != fleet._plate(other), "a third vehicle would be one too many"


def test_a_fixture_without_a_plate_cannot_be_played():
    with pytest.raises(CannotPlay, match="expected one read"):
        SimulatedCamera(fixtures("hikvision") / "heartbeat_videoloss_inactive.http", device("hikvision"),
                        parser("hikvision"))  # fmt: skip


def test_drawn_plates_are_plausible_indonesian_plates():
    chance = random.Random(1)
    plates = [normalise_plate(indonesian_plate(chance)) for _ in range(200)]

    assert all(plate and plate[0].isalpha() and any(c.isdigit() for c in plate) for plate in plates)
    assert len(set(plates)) > 190
