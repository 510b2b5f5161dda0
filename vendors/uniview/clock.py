"""Uniview's times: written ones are local; TimeStamp counts seconds, of some firmwares those of the local clock."""

from __future__ import annotations

from datetime import timedelta

from core.api import CaptureTime, Fields, Payload, read_moment
from vendors.uniview.pictures import listed

_WRITTEN = ("PassTime", "CaptureTime", "AppearTime", "ShotTime", "AlarmTime", "Time")
_AHEAD = timedelta(hours=1)


def time_of(node: Fields, around: tuple[Fields, ...], payload: Payload) -> CaptureTime:
    """The written time of the thing itself, then of its pictures, then of what is around it; TimeStamp comes last.

    TimeStamp agrees with the local digits of CaptureTime where both are sent, so it may be local too: it is where the
    device's rule says so, and where it lies ahead of our clock by more than an hour.
    """
    unread = CaptureTime(None, "receive", "")
    for one in (node, *listed(node, around), *around):
        found = _read(one.text(*_WRITTEN), payload)
        if found.utc is not None:
            return found
        unread = unread if unread.raw else found
    for one in (node, *around):
        found = _read(one.text("TimeStamp"), payload)
        if found.utc is not None:
            return found
        unread = unread if unread.raw else found
    return unread


def _read(text: str, payload: Payload) -> CaptureTime:
    device = payload.device
    found = read_moment(text, device, clock="wall" if device.time_rule == "wall_clock" else "utc")
    if found.source == "epoch" and found.utc is not None and found.utc > payload.received_at + _AHEAD:
        return read_moment(text, device, clock="wall")
    return found
