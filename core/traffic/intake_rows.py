"""What the intake sends: rows of a batch as columns for the hot statements, as JSON for the others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from core.db.pgwire import Column, bools, float8s, int4s, int8s, jsonbs, texts, timestamps
from core.safe_json import clean_text
from core.traffic.passages import LONGEST, JudgedRead, OpenPassage

SEPARATOR = "\x1f"
"""Between the texts of a list that goes as one text."""
_encode = msgspec.json.encode


class Draft(msgspec.Struct):
    """A violation to be written; `attention` says why a person should look twice, `held` why it is held back."""

    passage: OpenPassage
    violation_type: str
    detail: dict[str, Any]
    device_id: int
    payload_id: int
    due_at: datetime
    attention: list[str]
    held: bool
    held_reason: str | None


def read_columns(judged: Sequence[JudgedRead]) -> dict[str, Column]:
    """Columns of intake_sql.READ_COLUMNS; `of`, `h` and `k` are for the passages that a read opens."""
    reads = [j.read for j in judged]
    ends = [_ends(r.plate_number) for r in reads]
    return {
        "r_id": int8s([j.id for j in judged]),
        "r_v": int8s([j.vendor_id for j in judged]),
        "r_d": int8s([j.device_id for j in judged]),
        "r_p": texts([r.plate_number for r in reads]),
        "r_c": float8s([r.confidence for r in reads]),
        "r_vt": texts([r.vehicle_type[:50] or None for r in reads]),
        "r_ln": texts([r.lane_no[:10] or None for r in reads]),
        "r_dr": texts([r.direction for r in reads]),
        "r_t": timestamps([j.capture_time for j in judged]),
        "r_pi": texts([j.plate_image for j in judged]),
        "r_vi": texts([j.vehicle_image for j in judged]),
        "r_raw": jsonbs([_kept(j) if j.read.extra or j.verdict.detail else None for j in judged]),
        "r_pl": int8s([j.payload_id for j in judged]),
        "r_o": int4s([j.ordinal for j in judged]),
        "r_ps": int8s([j.passage_id for j in judged]),
        "r_pr": texts([r.plate_raw[:100] or None for r in reads]),
        "r_pc": texts([r.plate_color[:30] or None for r in reads]),
        "r_vc": texts([r.vehicle_color[:30] or None for r in reads]),
        "r_vb": texts([r.vehicle_brand[:60] or None for r in reads]),
        "r_sp": float8s([r.speed_kmh for r in reads]),
        "r_tr": texts([r.capture_time_raw[:100] or None for r in reads]),
        "r_ts": texts([r.time_source for r in reads]),
        "r_rt": timestamps([j.received_at for j in judged]),
        "r_e": texts([j.event_id or None for j in judged]),
        "r_ve": texts([j.verdict.action for j in judged]),
        "r_vr": texts([j.verdict.reason or None for j in judged]),
        "r_im": jsonbs([document(j.images) if j.images else b"[]" for j in judged]),
        "r_pa": texts([j.parser for j in judged]),
        "r_opens": bools([j.alone for j in judged]),
        "r_of": texts([",".join(o.value for o in r.offences) if r.offences else "" for r in reads]),
        "r_h": texts([head for head, _ in ends]),
        "r_k": texts([tail for _, tail in ends]),
    }


def violation_columns(drafts: Sequence[Draft]) -> dict[str, Column]:
    """Columns of intake_sql.VIOLATION_COLUMNS."""
    passages = [d.passage for d in drafts]
    return {
        "x_r": int8s([p.best_read_id for p in passages]),
        "x_v": int8s([p.vendor_id for p in passages]),
        "x_y": texts([d.violation_type for d in drafts]),
        "x_s": texts(["held" if d.held else "pending" for d in drafts]),
        "x_d": int8s([d.device_id for d in drafts]),
        "x_ps": int8s([p.id for p in passages]),
        "x_pl": int8s([d.payload_id for d in drafts]),
        "x_t": timestamps([p.first_at for p in passages]),
        "x_p": texts([p.plate_number for p in passages]),
        "x_dt": jsonbs([document(d.detail) for d in drafts]),
        "x_at": texts([SEPARATOR.join(d.attention) if d.attention else "" for d in drafts]),
        "x_hr": texts([d.held_reason for d in drafts]),
        "x_due": timestamps([d.due_at for d in drafts]),
        "x_new": bools([p.new for p in passages]),
    }


def look_up_columns(judged: Iterable[JudgedRead], window: timedelta) -> dict[str, Column] | None:
    """Columns of intake_sql.LOOK_UP_COLUMNS; None when there is nothing to look for."""
    device: list[int] = []
    head: list[str | None] = []
    four: list[str | None] = []
    tail: list[str | None] = []
    event: list[str | None] = []
    first: list[datetime] = []
    last: list[datetime] = []
    for j in judged:
        plate = j.read.plate_number
        if j.verdict.action == "drop" or (plate is None and not j.event_id):
            continue
        device.append(j.device_id)
        event.append(j.event_id or None)
        first.append(j.capture_time - window)
        last.append(j.capture_time + window + LONGEST)
        if plate is None:
            head.append(None)
            four.append(None)
            tail.append(None)
            continue
        head.append(plate[:3])
        four.append(plate[:4] if len(plate) > 6 else None)
        tail.append(plate[-3:])
        if len(plate) <= 6:  # and by the mark of plates as short as this one
            device.append(j.device_id)
            event.append(None)
            first.append(first[-1])
            last.append(last[-1])
            head.append("*")
            four.append(None)
            tail.append(None)
    if not device:
        return None
    return {
        "q_d": int8s(device), "q_h": texts(head), "q_g": texts(four), "q_k": texts(tail), "q_e": texts(event),
        "q_lo": timestamps(first), "q_hi": timestamps(last),
    }  # fmt: skip


def passage_row(p: OpenPassage) -> dict[str, Any]:
    """A passage as FINISH takes it."""
    head, tail = _ends(p.plate_number)
    return {
        "id": p.id, "v": p.vendor_id, "d": p.device_id, "p": p.plate_number, "c": p.confidence, "b": p.best_read_id,
        "n": p.reads, "f": p.first_at, "l": p.last_at, "e": p.event_id, "dr": p.direction, "ln": p.lane_no[:10],
        "vt": p.vehicle_type[:50], "vc": p.vehicle_color[:30], "pc": p.plate_color[:30], "sp": p.speed_kmh,
        "of": p.offences, "ve": p.verdict, "vr": p.verdict_reason, "h": head, "k": tail,
    }  # fmt: skip


def _ends(plate: str | None) -> tuple[str | None, str | None]:
    """By which a passage is looked up; "*" for a plate too short to share three characters with one an edit away."""
    if plate is None:
        return None, None
    return plate[:3] if len(plate) > 5 else "*", plate[-3:]


def _kept(judged: JudgedRead) -> bytes:
    """The device's own fields; beside them what a judge says for people, where it says anything."""
    detail = judged.verdict.detail
    return document({**judged.read.extra, "verdict_detail": detail[:500]} if detail else judged.read.extra)


def document(value: Any) -> bytes:
    """Encode for jsonb. \\u0000 is legal JSON and refused by jsonb: cleaned here, where it is rare."""
    with contextlib.suppress(UnicodeEncodeError):
        text = _encode(value)
        if b"\\u0000" not in text:
            return text
    return _encode(_cleaned(value))


def as_json(rows: list[Any]) -> str:
    """Rows as one document."""
    return document(rows).decode() if rows else "[]"


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(k)): _cleaned(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(v) for v in value]
    return value
