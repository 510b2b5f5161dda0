"""The review API: /api/violations."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from core.problems import Words
from core.traffic import queries
from core.traffic.deadlines import DeadlineRules
from core.traffic.hints import clone_signs
from core.traffic.service import Review
from core.traffic.states import State
from core.traffic.views import (
    Act,
    Correction,
    Explained,
    NextOrder,
    Rejection,
    Sort,
    ViolationDetail,
    ViolationRow,
)
from core.web.call import Call
from core.web.cursor import decode_cursor
from core.web.envelope import Listing, Ok
from core.web.errors import documented
from core.web.params import (
    CursorText,
    DeviceCode,
    From,
    Id,
    IfMatch,
    Limit,
    LookAlike,
    PlateText,
    To,
    VendorCode,
    etag,
    read_version,
    utc,
)

_TAG = ["Pelanggaran"]
_ACT = documented(401, 403, 404, 409, 412, 428)
_OLD = ("violations", "overview")
"""Lists that an act on a case makes old."""
_Detail = Response[Ok[ViolationDetail]]


def review_of(call: Call) -> Review:
    """The desk of the person who asks."""
    settings = call.settings
    return Review(
        call.services.database,
        call.principal,
        call.actor,
        undo_s=settings.undo_s,
        rules=DeadlineRules(settings.letter_days, settings.answer_days, settings.payment_days),
        travel_max_kmh=settings.travel_max_kmh,
        tell=call.services.tell,
        changed=lambda vendor_id, number, act: call.changed(vendor_id, _OLD, violation=number, act=act),
    )


def _answer(call: Call, detail: ViolationDetail, message: Words | None = None) -> _Detail:
    headers = {"ETag": etag(detail.id, detail.version), "Cache-Control": "no-store"}
    return Response(call.ok(detail, message) if message else call.ok(detail), headers=headers)


@get("/api/violations", operation_id="list_violations", tags=_TAG, sync_to_thread=True,
     summary="List violations", responses=documented(401, 403))  # fmt: skip
def list_violations(
    call: NamedDependency[Call],
    status: Annotated[list[State] | None, QueryParameter(description="may be given several times")] = None,
    violation_type: Annotated[str | None, QueryParameter(name="type", max_length=100, pattern=r"^[^\x00]*$")] = None,
    device: DeviceCode = None,
    vendor: VendorCode = None,
    plate: PlateText = None,
    look_alike: LookAlike = False,
    since: From = None,
    until: To = None,
    held: Annotated[bool | None, QueryParameter(description="true: only held back; false: only the others")] = None,
    mine: Annotated[bool, QueryParameter(description="only those the caller has claimed")] = False,
    sort: Annotated[Sort, QueryParameter(description="newest first, or due first")] = "newest",
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response[Ok[Listing[ViolationRow]]]:
    """Cases of the caller's vendors. A search for a plate is noted in the audit log."""
    statuses = set(status or State)
    if held is not None:
        statuses &= {State.HELD} if held else set(State) - {State.HELD}
    wanted = queries.ViolationFilter(
        statuses=tuple(sorted(statuses)) if statuses != set(State) else (),
        violation_type=violation_type, device=device, vendor=vendor, plate=plate, look_alike=look_alike,
        since=utc(since), until=utc(until), claimed_by_me=mine,
    )  # fmt: skip
    after = decode_cursor(cursor, f"violations:{sort}", timed=sort == "due")
    if not statuses:
        return call.page([], limit, None)
    with call.rows() as connection:
        rows, following = queries.list_violations(
            connection, call.principal, wanted, sort=sort, limit=limit, cursor=after, undo_s=call.settings.undo_s,
            signs_of=partial(clone_signs, travel_max_kmh=call.settings.travel_max_kmh),
        )  # fmt: skip
        if plate is not None:
            detail = {"plate": plate, "look_alike": look_alike, "found": len(rows)}
            call.audit(connection, "violations_searched", object_kind="violation", detail=detail)
    return call.page(rows, limit, following)


@get("/api/violations/{violation_id:int}", operation_id="get_violation", tags=_TAG, sync_to_thread=True,
     summary="Show a violation", responses=documented(401, 403, 404))  # fmt: skip
def get_violation(call: NamedDependency[Call], violation_id: Id) -> _Detail:
    """The case with its reads, pictures, judge's reasons, deadlines, deliveries and audit. The look is audited."""
    return _answer(call, review_of(call).look(violation_id))


@post("/api/violations/next", operation_id="claim_next_violation", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Take the next case", responses=documented(401, 403))  # fmt: skip
def claim_next(
    call: NamedDependency[Call], data: JSONBody[NextOrder | None] = None
) -> Response[Ok[ViolationDetail | None]]:
    """Claim the pending case that is due first and nobody has, for ten minutes; `data` is null when there is none.

    Who has a claim already gets that case again.
    """
    detail = review_of(call).claim_next(data or NextOrder())
    if detail is None:
        words = ("Tidak ada perkara yang menunggu", "There is nothing to review")
        return Response(call.ok(None, words), headers={"Cache-Control": "no-store"})
    return _answer(call, detail)  # type: ignore[return-value]


@post("/api/violations/{violation_id:int}/release-claim", operation_id="release_claim", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Give a case back", responses=documented(401, 403, 404, 409))  # fmt: skip
def release_claim(call: NamedDependency[Call], violation_id: Id) -> _Detail:
    """End the own claim; what nobody has stays as it is."""
    return _answer(call, review_of(call).release_claim(violation_id))


@post("/api/violations/{violation_id:int}/approve", operation_id="approve_violation", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Approve", responses=_ACT)  # fmt: skip
def approve(
    call: NamedDependency[Call], violation_id: Id, data: JSONBody[Act | None] = None, if_match: IfMatch = None
) -> _Detail:
    """Decide that it is a violation. It goes to the centres once the undo time is over."""
    act = data or Act()
    version = read_version(violation_id, if_match, act.version)
    done = review_of(call).approve(violation_id, version, note=act.note)
    return _answer(call, done, ("Pelanggaran disetujui", "Violation approved"))


@post("/api/violations/{violation_id:int}/reject", operation_id="reject_violation", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Reject", responses=_ACT)  # fmt: skip
def reject(
    call: NamedDependency[Call], violation_id: Id, data: JSONBody[Rejection], if_match: IfMatch = None
) -> _Detail:
    """Decide that it is none, with a reason code; `other` needs a note."""
    version = read_version(violation_id, if_match, data.version)
    done = review_of(call).reject(violation_id, version, reason_code=data.reason_code, note=data.note)
    return _answer(call, done, ("Pelanggaran ditolak", "Violation rejected"))


@post("/api/violations/{violation_id:int}/correct", operation_id="correct_plate", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Correct the plate", responses=_ACT)  # fmt: skip
def correct(
    call: NamedDependency[Call], violation_id: Id, data: JSONBody[Correction], if_match: IfMatch = None
) -> _Detail:
    """Write the plate as a person reads it. What the camera read stays beside it; old and new are audited."""
    version = read_version(violation_id, if_match, data.version)
    done = review_of(call).correct(violation_id, version, data.plate_number, note=data.note)
    return _answer(call, done, ("Nomor polisi dikoreksi", "Plate corrected"))


@post("/api/violations/{violation_id:int}/undo", operation_id="undo_decision", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Take a decision back", responses=_ACT)  # fmt: skip
def undo(
    call: NamedDependency[Call], violation_id: Id, data: JSONBody[Act | None] = None, if_match: IfMatch = None
) -> _Detail:
    """Take the own approval or rejection back within the undo time, before it is queued (an admin: anybody's)."""
    act = data or Act()
    version = read_version(violation_id, if_match, act.version)
    done = review_of(call).undo(violation_id, version, note=act.note)
    return _answer(call, done, ("Keputusan dibatalkan", "Decision taken back"))


@post("/api/violations/{violation_id:int}/release", operation_id="release_held", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Release a held case", responses=_ACT)  # fmt: skip
def release(
    call: NamedDependency[Call], violation_id: Id, data: JSONBody[Explained], if_match: IfMatch = None
) -> _Detail:
    """Let a case into the review that was held back for its clock; the note says why its time can be trusted."""
    version = read_version(violation_id, if_match, data.version)
    done = review_of(call).release(violation_id, version, note=data.note)
    return _answer(call, done, ("Perkara dilepas untuk ditinjau", "Case released for review"))


@post("/api/violations/{violation_id:int}/reopen", operation_id="reopen_violation", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Reopen a refused case", responses=_ACT)  # fmt: skip
def reopen(
    call: NamedDependency[Call], violation_id: Id, data: JSONBody[Explained], if_match: IfMatch = None
) -> _Detail:
    """Take a case back into the review that the centre refused; the note says what is to be looked at."""
    version = read_version(violation_id, if_match, data.version)
    done = review_of(call).reopen(violation_id, version, note=data.note)
    return _answer(call, done, ("Perkara dibuka kembali", "Case reopened"))


HANDLERS = [
    list_violations, get_violation, claim_next, release_claim, approve, reject, correct, undo, release, reopen,
]  # fmt: skip
