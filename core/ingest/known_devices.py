"""The device directory as the parse stage sees it: by id, and the camera behind a recorder."""

from __future__ import annotations

import re

from core.domain.observations import Device, DeviceHint
from core.ingest.directory import DeviceDirectory, DeviceEntry

_PUNCTUATION = re.compile(r"[^0-9A-Za-z]")
_SHORTEST_SERIAL = 6


class KnownDevices:
    """Look-ups for core.ingest.parse_worker."""

    def __init__(self, directory: DeviceDirectory) -> None:
        self._directory = directory

    def refresh(self) -> None:
        """Take up changes; blocks for a query."""
        self._directory.refresh()

    def device(self, device_id: int) -> Device | None:
        """An active device by its id."""
        entry = self._directory.current.by_id.get(device_id)
        return entry.device if entry is not None else None

    def behind(self, device_id: int, hint: DeviceHint) -> Device | None:
        """The camera that a recorder posts for: by serial first, then by channel; None when it has none such."""
        entry = self._directory.current.by_id.get(device_id)
        if entry is None or not (entry.children_by_channel or entry.children_by_serial):
            return None
        child = _by_serial(entry, hint.serial) or entry.children_by_channel.get(hint.channel)
        return child.device if child is not None else None


def _by_serial(entry: DeviceEntry, serial: str) -> DeviceEntry | None:
    """Serials are compared without case and punctuation; one side may carry the model in front (Hikvision)."""
    mine = _folded(serial)
    if len(mine) < _SHORTEST_SERIAL:
        return None
    for known, child in entry.children_by_serial.items():
        other = _folded(known)
        if len(other) >= _SHORTEST_SERIAL and (mine.endswith(other) or other.endswith(mine)):
            return child
    return None


def _folded(serial: str) -> str:
    return _PUNCTUATION.sub("", serial).upper()
