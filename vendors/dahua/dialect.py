"""A Dahua body as observations: the pure function behind the plugin."""

from __future__ import annotations

from core.api import FrameCapture, Observation, Payload, Status, UnsupportedEvent
from vendors.dahua import events, itsapi
from vendors.dahua.envelope import Item
from vendors.dahua.pictures import roles_by_size
from vendors.dahua.wire import Group, groups_of


def parse(payload: Payload) -> list[Observation]:
    """Everything the body tells, in its order; [] when it held heartbeats or registrations only.

    Raises MalformedPayload when nothing in it could be understood, UnsupportedEvent when it is only housekeeping.
    A part that cannot be read beside others that can becomes a Status "UnreadablePart": nothing goes uncounted.
    """
    groups = groups_of(payload)
    found: list[Observation] = []
    noise: UnsupportedEvent | None = None
    for group in groups:
        alone = events.same_vehicle(group.items)
        for item in group.items:
            try:
                found += _observe(item, group, payload, alone)
            except UnsupportedEvent as housekeeping:
                noise = noise or housekeeping
        if not group.items and group.images and group.problem is None:
            found.append(FrameCapture(event="Picture", images=tuple(roles_by_size(group.images))))
    problems = [group for group in groups if group.problem is not None]
    if problems and not found:
        raise problems[0].problem  # type: ignore[misc]
    for group in problems:
        found.append(Status(event="UnreadablePart", detail=str(group.problem), extra={"raw": group.raw}))
    if not found and noise is not None:
        raise noise
    return found


def _observe(item: Item, group: Group, payload: Payload, alone: bool) -> list[Observation]:
    if item.kind == "heartbeat":
        return []
    if item.kind == "tollgate":
        return itsapi.tollgate(item, group.images, payload.device)
    if item.kind == "relay":
        return itsapi.relay(item, group.images, payload.device)
    return events.observe(item, group.images, payload.device, alone=alone)
