"""Plate reads, the passages they merge into, and the violations that people decide."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    Numeric,
    Sequence,
    String,
    Table,
    Text,
    case,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.db.base import metadata, moment, tenant

PLATE = String(20, collation="C")
"""Ordered by its characters, so that all plates with one beginning are a range of an index (core.traffic.search)."""

plate_reads_id_seq = Sequence("plate_reads_id_seq", metadata=metadata)
passages_id_seq = Sequence("passages_id_seq", metadata=metadata)

plate_reads = Table(
    "plate_reads",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False,
           server_default=text("nextval('plate_reads_id_seq')")),
    tenant(foreign_key=False),
    Column("device_id", BigInteger, nullable=False),
    Column("plate_number", PLATE),
    Column("confidence", Numeric(5, 2)),
    Column("vehicle_type", String(50)),
    Column("lane_no", String(10)),
    Column("direction", String(10)),
    moment("capture_time", nullable=False),
    Column("plate_image", Text, comment="SHA-256 (hex) of the plate picture"),
    Column("vehicle_image", Text, comment="SHA-256 (hex) of the vehicle or scene picture"),
    Column("raw_payload", JSONB, comment="the device's own fields as the parser kept them"),
    moment("created_at", now=True),
    Column("payload_id", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False, server_default=text("0"), comment="nth observation of the payload"),
    Column("passage_id", BigInteger, comment="NULL when dropped"),
    Column("plate_raw", Text),
    Column("plate_color", String(30)),
    Column("vehicle_color", String(30)),
    Column("vehicle_brand", String(60)),
    Column("speed_kmh", Double),
    Column("capture_time_raw", Text),
    Column("time_source", String(12), nullable=False),
    moment("received_at", nullable=False),
    Column("event_id", Text),
    Column("verdict", String(8), nullable=False),
    Column("verdict_reason", Text),
    Column("images", JSONB, nullable=False, server_default=text("'[]'")),
    Column("parser", String(80), nullable=False, server_default=text("''")),
    moment("voided_at"),
    Index("ix_plate_reads_plate_number", "plate_number"),
    Index("ix_plate_reads_device_id_capture_time", "device_id", "capture_time"),
    Index("ix_plate_reads_payload_id", "payload_id"),
    Index("ix_plate_reads_passage_id", "passage_id"),
    postgresql_partition_by="RANGE (id)",
)  # fmt: skip

passages = Table(
    "passages",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False,
           server_default=text("nextval('passages_id_seq')")),
    tenant(foreign_key=False),
    Column("device_id", BigInteger, nullable=False),
    Column("plate_number", PLATE),
    Column("confidence", Double),
    Column("best_read_id", BigInteger, nullable=False),
    Column("reads", Integer, nullable=False),
    moment("first_at", nullable=False),
    moment("last_at", nullable=False),
    Column("event_id", Text),
    Column("direction", String(10)),
    Column("lane_no", String(10)),
    Column("vehicle_type", String(50)),
    Column("vehicle_color", String(30)),
    Column("plate_color", String(30)),
    Column("speed_kmh", Double),
    Column("offences", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("verdict", String(8), nullable=False),
    Column("verdict_reason", Text),
    moment("created_at", now=True),
    Column("head", String(3), comment="first three characters of the plate, * for short ones: finds near misses"),
    Column("tail", String(3), comment="last three characters"),
    Index("ix_passages_device_id_head_last_at", "device_id", "head", "last_at"),
    Index("ix_passages_device_id_tail_last_at", "device_id", "tail", "last_at"),
    Index("ix_passages_device_id_event_id", "device_id", "event_id", postgresql_where=text("event_id IS NOT NULL")),
    Index("ix_passages_plate_number_first_at", "plate_number", "first_at"),
)  # fmt: skip

_SHOWN_PLATE = """(
CASE
    WHEN corrected_plate IS NOT NULL THEN corrected_plate
    ELSE plate_number
END)"""
"""SHOWN_PLATE with its lines as PostgreSQL breaks them: Alembic takes any other for another index."""

violations = Table(
    "violations",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("plate_read_id", BigInteger, nullable=False),
    tenant(foreign_key=False),
    Column("violation_type", String(100), nullable=False),
    Column("status", String(20), nullable=False, server_default=text("'pending'")),
    Column("verified_by", String(100)),
    moment("verified_at"),
    moment("created_at", now=True),
    Column("device_id", BigInteger, nullable=False),
    Column("passage_id", BigInteger, nullable=False),
    Column("payload_id", BigInteger, nullable=False, comment="trace: the request it came with"),
    moment("capture_time", nullable=False),
    Column("plate_number", PLATE, comment="as read; follows the passage while pending"),
    Column("corrected_plate", PLATE, comment="as the validator says"),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Column("attention", ARRAY(Text), nullable=False, server_default=text("'{}'"),
           comment="why a person should look twice: judge's reasons, clock"),
    Column("held_reason", Text, comment="why it is held back, with status held"),
    Column("verified_role", String(20)),
    Column("verified_actor_id", BigInteger),
    Column("reason_code", String(40)),
    Column("note", Text),
    Column("claimed_role", String(20)),
    Column("claimed_actor_id", BigInteger),
    moment("claimed_until"),
    moment("due_at", nullable=False),
    moment("sync_due_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    moment("updated_at", now=True),
    CheckConstraint(
        "status IN ('held','pending','approved','queued','synced','rejected','refused','uncertain')", name="status"
    ),
    CheckConstraint(
        "status NOT IN ('approved','queued','synced','rejected','refused','uncertain') OR "
        "(verified_by IS NOT NULL AND verified_at IS NOT NULL)",
        name="decided_by_a_named_person",
    ),
    Index("uq_violations_passage_id_violation_type", "passage_id", "violation_type", unique=True),
    Index("ix_violations_review", "vendor_id", "due_at", "id", postgresql_where=text("status = 'pending'")),
    Index("ix_violations_sync_due", "sync_due_at", postgresql_where=text("status = 'approved'")),
    Index("ix_violations_shown_plate", text(_SHOWN_PLATE)),
)  # fmt: skip
SHOWN_PLATE = case(
    (violations.c.corrected_plate.is_not(None), violations.c.corrected_plate), else_=violations.c.plate_number
)
"""The plate that a case is shown with and searched by. Row-level security lets no index be used for coalesce()."""

replays = Table(
    "replays",
    metadata,
    Column("id", Integer, Identity(always=False), primary_key=True),
    moment("created_at", now=True),
    Column("requested_by", String(150), nullable=False),
    Column("selection", JSONB, nullable=False),
    Column("summary", JSONB, nullable=False, server_default=text("'{}'")),
    comment="of the whole installation; each replayed payload is audited under its vendor",
)
