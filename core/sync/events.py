"""Tells observers and dashboards what became of a violation, after the transaction that wrote it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

import msgspec
import structlog

from core.domain.errors import Transient
from core.domain.events import DomainEvent
from core.hooks.bounded import HookHung, bounded
from core.hooks.host import Host
from core.realtime.bus import publish_realtime
from core.realtime.topics import changed_event, topic
from core.sync.outbox import Moved

log = structlog.get_logger(__name__)


def announce(host: Host, moved: Iterable[Moved]) -> None:
    """Tell all observers of violations that were synced, refused, uncertain or re-queued. The host counts failures.

    Dashboards hear it first, by the bus where the process has one: who hears nothing asks by the clock.
    """
    moved = list(moved)
    _tell_dashboards(moved)
    for one in moved:
        event = DomainEvent(
            name="violation_requeued" if one.status == "queued" else f"violation_{one.status}",
            at=datetime.now(UTC),
            vendor_id=one.vendor_id,
            trace=f"p{one.payload_id}",
            object_kind="violation",
            object_id=one.violation_id,
        )
        try:
            bounded(partial(host.observe_event, event, one.vendor_code))
        except HookHung:
            log.warning("observer_hung", event_name=event.name, trace=event.trace)
            return


def _tell_dashboards(moved: list[Moved]) -> None:
    agencies: defaultdict[int, list[int]] = defaultdict(list)
    for one in moved:
        agencies[one.vendor_id].append(one.violation_id)
    for vendor_id, violations in agencies.items():
        event = changed_event({"topics": ["sync", "sinks"], "violations": violations, "by": "delivery"})
        try:
            publish_realtime([topic(vendor_id, "dashboard")], msgspec.json.encode(event))
        except Transient:
            return
