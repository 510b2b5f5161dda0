"""A recorder posts for many cameras: which one is it?"""

import pytest

from core.domain.observations import Device, DeviceHint
from core.ingest.known_devices import KnownDevices


class Entry:
    def __init__(self, code, channel="", serial="", children=()):
        self.device = Device(id=hash(code), code=code, maker="acme", vendor_id=1, vendor_code="v")
        self.children_by_channel = {c.channel: c for c in children if c.channel}
        self.children_by_serial = {c.serial: c for c in children if c.serial}
        self.channel, self.serial = channel, serial


class Directory:
    def __init__(self, *entries):
        self.current = self
        self.by_id = {e.device.id: e for e in entries}


NORTH = Entry("north", channel="33", serial="DS-TCG406-E 20260221AIFW6259223")
SOUTH = Entry("south", channel="34", serial="6259224")
NVR = Entry("nvr", children=(NORTH, SOUTH))
ALONE = Entry("alone")


@pytest.mark.parametrize(
    ("hint", "code"),
    [
        (DeviceHint(channel="34"), "south"),
        (DeviceHint(serial="ds-tcg406-e20260221aifw6259223"), "north"),
        (DeviceHint(serial="20260221AIFW6259223", channel="34"), "north"),
        (DeviceHint(serial="AIFW 625-9224"), "south"),
        (DeviceHint(serial="DS-TCG406-E"), None),
        (DeviceHint(serial="9223"), None),
        (DeviceHint(channel="1"), None),
        (DeviceHint(), None),
    ],
)
def test_the_camera_behind_a_recorder_is_found_by_serial_or_channel(hint, code):
    found = KnownDevices(Directory(NVR)).behind(NVR.device.id, hint)

    assert code == (found and found.code)


def test_a_camera_without_children_is_itself():
    assert KnownDevices(Directory(ALONE)).behind(ALONE.device.id, DeviceHint(channel="1")) is None
