"""The statements of the intake: each is sent once for a whole batch, rows as arrays or as one JSON document."""

from __future__ import annotations

READ_COLUMNS = (
    "id", "v", "d", "p", "c", "vt", "ln", "dr", "t", "pi", "vi", "raw", "pl", "o", "ps", "pr", "pc", "vc", "vb", "sp",
    "tr", "ts", "rt", "e", "ve", "vr", "im", "pa", "opens", "of", "h", "k",
)  # fmt: skip
VIOLATION_COLUMNS = ("r", "v", "y", "s", "d", "ps", "pl", "t", "p", "dt", "at", "hr", "due", "new")
LOOK_UP_COLUMNS = ("d", "h", "g", "k", "e", "lo", "hi")


def _rows(prefix: str, columns: tuple[str, ...]) -> str:
    """Arrays as rows. In the list of a SELECT they are taken apart in step; in FROM each would be stored first."""
    return "SELECT " + ", ".join(f"unnest(%({prefix}_{name})s) AS {name}" for name in columns)


LOCK_DEVICES = "SELECT count(pg_advisory_xact_lock((7301::bigint << 40) + d)) FROM unnest(%s::bigint[]) AS d"
"""Parallel parsers agree on a passage because only one of them works on a device at a time. Ids are sent sorted."""

IDS_AND_LOCKS = """
SELECT array(SELECT nextval('plate_reads_id_seq') FROM generate_series(1, %(n)s)),
       array(SELECT nextval('passages_id_seq') FROM generate_series(1, %(n)s)),
       (SELECT count(pg_advisory_xact_lock((7301::bigint << 40) + d)) FROM unnest(%(devices)s::bigint[]) AS d)
"""
"""Ids for the reads and the passages of a batch, and the locks of LOCK_DEVICES."""

_PASSAGE = """p.id, p.device_id, p.vendor_id, p.plate_number, p.confidence, p.best_read_id, p.reads, p.first_at,
 p.last_at, p.event_id, coalesce(p.direction, 'unknown') AS direction, coalesce(p.lane_no, '') AS lane_no,
 coalesce(p.vehicle_type, '') AS vehicle_type, coalesce(p.vehicle_color, '') AS vehicle_color,
 coalesce(p.plate_color, '') AS plate_color, p.speed_kmh,
 p.offences, p.verdict, p.verdict_reason"""

FIND_PASSAGES = f"""  -- rows: heads, tails, events; a passage may come twice
WITH q AS MATERIALIZED ({_rows("q", LOOK_UP_COLUMNS)})
SELECT coalesce(json_agg(f), '[]')::text FROM (
  SELECT {_PASSAGE}
  FROM q CROSS JOIN LATERAL (SELECT * FROM passages WHERE device_id = q.d AND head = q.h
    AND last_at BETWEEN q.lo AND q.hi
    AND (q.g IS NULL OR length(plate_number) < 7 OR left(plate_number, 4) = q.g) OFFSET 0) p
  UNION ALL
  SELECT {_PASSAGE}
  FROM q CROSS JOIN LATERAL (SELECT * FROM passages WHERE device_id = q.d AND tail = q.k
    AND last_at BETWEEN q.lo AND q.hi OFFSET 0) p
  UNION ALL
  SELECT {_PASSAGE}
  FROM q CROSS JOIN LATERAL (SELECT * FROM passages WHERE device_id = q.d AND event_id = q.e OFFSET 0) p
) f
"""  # noqa: S608 - the columns are constants above
"""OFFSET 0 keeps each look-up an index scan for each row asked: without it a small or not yet analysed table is read
whole, three times a batch. Two plates of seven characters or more that are one edit apart have the first four
characters in common, or the last three."""

_VIOLATION = """plate_read_id, vendor_id, violation_type, status, device_id, passage_id, payload_id, capture_time,
    plate_number, detail, attention, held_reason, due_at"""
_CASE = "r, v, y, s, d, ps, pl, t, p, dt, string_to_array(at, chr(31)), hr, due"

FINISH = f"""
WITH gone AS (DELETE FROM inbox WHERE batch = ANY(%(batches)s)),
x AS MATERIALIZED ({_rows("r", READ_COLUMNS)}),
r AS (
  INSERT INTO plate_reads (id, vendor_id, device_id, plate_number, confidence, vehicle_type, lane_no, direction,
    capture_time, plate_image, vehicle_image, raw_payload, payload_id, ordinal, passage_id, plate_raw, plate_color,
    vehicle_color, vehicle_brand, speed_kmh, capture_time_raw, time_source, received_at, event_id, verdict,
    verdict_reason, images, parser)
  SELECT id, v, d, p, c, vt, ln, dr, t, pi, vi, raw, pl, o, ps, pr, pc, vc, vb, sp, tr, ts, rt, e, ve, vr, im, pa
  FROM x),
opened AS (
  INSERT INTO passages (id, vendor_id, device_id, plate_number, confidence, best_read_id, reads, first_at, last_at,
    event_id, direction, lane_no, vehicle_type, vehicle_color, plate_color, speed_kmh, offences, verdict,
    verdict_reason, head, tail)
  SELECT ps, v, d, p, c, id, 1, t, t, e, dr, coalesce(ln, ''), coalesce(vt, ''), coalesce(vc, ''),
    coalesce(pc, ''), sp, string_to_array(of, ','), ve, vr, h, k
  FROM x WHERE opens),
s AS (
  INSERT INTO passages AS old (id, vendor_id, device_id, plate_number, confidence, best_read_id, reads, first_at,
    last_at, event_id, direction, lane_no, vehicle_type, vehicle_color, plate_color, speed_kmh, offences, verdict,
    verdict_reason, head, tail)
  SELECT id, v, d, p, c, b, n, f, l, e, dr, ln, vt, vc, pc, sp, of, ve, vr, h, k
  FROM jsonb_to_recordset(%(passages)s::jsonb) AS x(id bigint, v bigint, d bigint, p text, c float8, b bigint, n int,
    f timestamptz, l timestamptz, e text, dr text, ln text, vt text, vc text, pc text, sp float8, of text[], ve text,
    vr text, h text, k text)
  ON CONFLICT (id) DO UPDATE SET plate_number = excluded.plate_number, confidence = excluded.confidence,
    best_read_id = excluded.best_read_id, reads = excluded.reads, first_at = excluded.first_at,
    last_at = excluded.last_at, event_id = excluded.event_id, direction = excluded.direction,
    lane_no = excluded.lane_no, vehicle_type = excluded.vehicle_type, vehicle_color = excluded.vehicle_color,
    plate_color = excluded.plate_color, speed_kmh = excluded.speed_kmh, offences = excluded.offences,
    verdict = excluded.verdict, verdict_reason = excluded.verdict_reason, head = excluded.head, tail = excluded.tail),
c AS MATERIALIZED ({_rows("x", VIOLATION_COLUMNS)}),
first AS (
  INSERT INTO violations ({_VIOLATION}) SELECT {_CASE} FROM c WHERE new RETURNING id),
again AS (
  INSERT INTO violations AS old ({_VIOLATION}) SELECT {_CASE} FROM c WHERE NOT new
  ON CONFLICT (passage_id, violation_type) DO UPDATE SET plate_read_id = excluded.plate_read_id,
    plate_number = excluded.plate_number, detail = excluded.detail, attention = excluded.attention,
    version = old.version + 1, updated_at = now()
    WHERE old.status IN ('pending', 'held') AND old.corrected_plate IS NULL
      AND (old.plate_number, old.plate_read_id, old.detail) IS DISTINCT FROM
          (excluded.plate_number, excluded.plate_read_id, excluded.detail)
  RETURNING id, (xmax = 0) AS opened)
SELECT id, true AS opened FROM first UNION ALL SELECT id, opened FROM again
"""  # noqa: S608 - the columns are constants above
"""A read that opens a passage says all there is to say of it (`opens`): most do, and nothing is sent twice. Nor can a
passage that is new here have a violation already (`new`)."""

ASIDE = """
WITH m AS (
  INSERT INTO media (vendor_id, sha256, size, mime, ref, at_offset, payload_id)
  SELECT v, decode(h, 'hex'), z, mi, rf, a, pl
  FROM jsonb_to_recordset(%(media)s::jsonb) AS x(v bigint, h text, z int, mi text, rf text, a int, pl bigint)
  ON CONFLICT DO NOTHING),
f AS (
  INSERT INTO image_fetches (vendor_id, device_id, payload_id, plate_read_id, role, url, ordinal, event, taken_at)
  SELECT v, d, pl, r, ro, u, o, ev, t
  FROM jsonb_to_recordset(%(fetches)s::jsonb) AS x(v bigint, d bigint, pl bigint, r bigint, ro text, u text, o int,
    ev text, t timestamptz)),
fr AS (
  INSERT INTO frames (vendor_id, device_id, payload_id, ordinal, sha256, event, taken_at)
  SELECT v, d, pl, o, decode(h, 'hex'), ev, t
  FROM jsonb_to_recordset(%(frames)s::jsonb) AS x(v bigint, d bigint, pl bigint, o int, h text, ev text, t timestamptz)
  ON CONFLICT (payload_id, ordinal) DO NOTHING),
q AS (
  INSERT INTO quarantine (vendor_id, device_id, payload_id, plugin, kind, reason, detail)
  SELECT v, d, pl, pg, k, re, de
  FROM jsonb_to_recordset(%(quarantine)s::jsonb) AS x(v bigint, d bigint, pl bigint, pg text, k text, re text, de text)
  ON CONFLICT (payload_id) DO UPDATE SET plugin = excluded.plugin, kind = excluded.kind, reason = excluded.reason,
    detail = excluded.detail, resolved_at = NULL, resolution = NULL),
c AS (
  INSERT INTO event_counts AS old (day, device_id, outcome, event, vendor_id, n)
  SELECT dy, d, ou, ev, v, n
  FROM jsonb_to_recordset(%(counts)s::jsonb) AS x(dy date, d bigint, ou text, ev text, v bigint, n bigint)
  ON CONFLICT (day, device_id, outcome, event) DO UPDATE SET n = old.n + excluded.n)
INSERT INTO device_health AS old (device_id, vendor_id, problems, skew_samples, skew_s, skew_state, skew_note)
SELECT d, v, n, sa, ss, st, no
FROM jsonb_to_recordset(%(health)s::jsonb) AS x(d bigint, v bigint, n bigint, sa float8[], ss float8, st text, no text)
ON CONFLICT (device_id) DO UPDATE SET problems = old.problems + excluded.problems,
  skew_samples = excluded.skew_samples, skew_s = excluded.skew_s, skew_state = excluded.skew_state,
  skew_note = excluded.skew_note, updated_at = now()
"""

SKEW_SAMPLES = "SELECT device_id, skew_samples FROM device_health WHERE device_id = ANY(%s)"
