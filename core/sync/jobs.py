"""From claimed rows to requests that may leave: ask the sink, read the pictures, fix the exact bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core.domain.cases import CaseView, HttpRequest
from core.domain.errors import Unbuildable
from core.hooks.bounded import HookHung, bounded
from core.hooks.errors import PluginFailed, PluginQuarantined, UnknownInstance
from core.hooks.host import Host
from core.sync.cases import Case
from core.sync.outbox import Claimed, Outcome
from core.sync.policy import SinkPolicy
from core.sync.render import EVIDENCE, EvidenceMissing, ReadPicture, RequestChanged, render, stored_body, stored_request
from core.sync.states import Event

PUSHED = HttpRequest(url="", method="")
"""The request of a sink that implements push_sync alone."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A row on its way. body: the exact bytes. look_up: how to ask the centre, None where it cannot be asked."""

    row: Claimed
    case: CaseView
    vendor_key: str
    request: HttpRequest
    stored: dict[str, Any]
    look_up: HttpRequest | None
    body: bytes = b""

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.body).digest()


def build_all(
    host: Host,
    sink: str,
    policy: SinkPolicy,
    rows: Sequence[Claimed],
    cases: Mapping[int, Case],
    waits: dict[int, float],
) -> list[Job | Outcome]:
    """Ask the sink for the requests of all rows, in one thread with a deadline. One that hangs is quarantined."""
    try:
        return bounded(lambda: [build(host, sink, policy, row, cases.get(row.id), waits[row.id]) for row in rows])
    except HookHung as error:
        host.give_up(sink, f"build hook: {error}")
        return [_not_built(row, waits[row.id], f"plugin {sink}: {error}") for row in rows]


def build(host: Host, sink: str, policy: SinkPolicy, row: Claimed, case: Case | None, wait_s: float) -> Job | Outcome:
    """Ask the sink for a row's requests. An Outcome when nothing is to leave."""
    if case is None:
        return _not_built(row, wait_s, "its violation or device is not in the database")
    try:
        look_up = host.build_look_up(sink, case.view) if policy.can_look_up else None
        if row.look_up_first and look_up is None and (row.expired or row.look_up_first == 1) and not policy.idempotent:
            return Outcome(
                id=row.id,
                token=row.token,
                trace=row.trace,
                event=Event.LOSE_TRACK,
                counts=False,
                error="outcome unknown: the centre can be neither asked nor trusted with a repeat; a person decides",
            )
        if row.look_up_first and look_up is None and row.expired:
            return Outcome(
                id=row.id,
                token=row.token,
                trace=row.trace,
                event=Event.LOSE_TRACK,
                counts=False,
                error="outcome unknown at the deadline",
            )
        request = host.build_sync(sink, case.view) if policy.can_build else PUSHED
        body = row.body if row.sha256 is not None else stored_body(request.body)
    except Unbuildable as error:
        # After a sending of unknown outcome it must not count as "the centre has nothing".
        event = Event.LOSE_TRACK if row.look_up_first else Event.REFUSE
        text = f"no request can be made of this case: {error}"
        return Outcome(id=row.id, token=row.token, trace=row.trace, event=event, error=text)
    except PluginQuarantined as error:
        return _not_built(row, wait_s, str(error), counts=False)
    except (PluginFailed, UnknownInstance) as error:
        return _not_built(row, wait_s, str(error))
    stored = stored_request(request, body)
    return Job(row=row, case=case.view, vendor_key=case.vendor_key, request=request, stored=stored, look_up=look_up)


def pictures_of(jobs: Sequence[Job]) -> set[str]:
    """The hashes (hex) of all pictures that the stored bodies name."""
    found: set[str] = set()
    for job in jobs:
        _collect(job.stored["body"], found)
    return found


def _collect(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        if EVIDENCE in value:
            found.add(value[EVIDENCE])
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _collect(item, found)


def fix_bytes(job: Job, read_picture: ReadPicture, wait_s: float) -> Job | Outcome:
    """The job with its exact bytes. An Outcome when a picture is missing or the bytes differ from those sent before."""
    try:
        body = render(job.stored["body"], read_picture)
        if job.row.sha256 is not None and hashlib.sha256(body).digest() != job.row.sha256:
            raise RequestChanged("the request's bytes are not those that were stored before the first sending")
    except (EvidenceMissing, RequestChanged) as error:
        return _not_built(job.row, wait_s, str(error))
    return msgspec.structs.replace(job, body=body)


def _not_built(row: Claimed, wait_s: float, error: str, *, counts: bool = True) -> Outcome:
    attempt = ("build", "not_sent", None, 0.0, error[:1000])
    return Outcome(
        id=row.id,
        token=row.token,
        trace=row.trace,
        event=Event.LATER,
        wait_s=wait_s,
        counts=counts,
        error=error,
        attempts=(attempt,),
    )
