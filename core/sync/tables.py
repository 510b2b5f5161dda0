"""The outbox to the centres: one row for each (sink instance, violation), and each attempt beside it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.db.base import metadata, moment, tenant

etnas_sync = Table(
    "etnas_sync",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("violation_id", BigInteger, nullable=False),
    tenant(),
    Column("request_payload", JSONB, comment="the stored request; evidence by hash, secrets by name"),
    Column("response_payload", JSONB),
    Column("status", String(20), nullable=False, server_default=text("'pending'")),
    Column("retry_count", Integer, nullable=False, server_default=text("0")),
    moment("last_attempt"),
    moment("created_at", now=True),
    Column("sink", String(60), nullable=False, comment="plugin instance id"),
    Column("idempotency_key", String(64), nullable=False),
    Column("request_sha256", LargeBinary, comment="of the exact bytes sent"),
    Column("trace", String(64), nullable=False, server_default=text("''")),
    moment("next_attempt_at", now=True),
    moment("lease_until"),
    Column("lease_token", BigInteger),
    Column("look_up_first", Integer, nullable=False, server_default=text("0"),
           comment="1 = the last attempt's outcome is unknown"),
    Column("reference", Text, comment="the centre's own id"),
    Column("last_error", Text),
    moment("deadline_at", nullable=False),
    moment("finished_at"),
    CheckConstraint(
        "status IN ('pending','sending','accepted','refused','uncertain','dead','cancelled')", name="status"
    ),
    Index("uq_etnas_sync_sink_violation_id", "sink", "violation_id", unique=True),
    Index("ix_etnas_sync_due", "sink", "next_attempt_at", postgresql_where=text("status = 'pending'")),
    Index("ix_etnas_sync_leased", "lease_until", postgresql_where=text("status = 'sending'")),
    Index("ix_etnas_sync_violation_id", "violation_id"),
)  # fmt: skip

sync_attempts = Table(
    "sync_attempts",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("sync_id", BigInteger, nullable=False),
    tenant(foreign_key=False),
    moment("at", now=True),
    Column("purpose", String(10), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("http_status", Integer),
    Column("duration_s", Double),
    Column("detail", Text, nullable=False, server_default=text("''")),
    Index("ix_sync_attempts_sync_id", "sync_id"),
)

sink_breakers = Table(
    "sink_breakers",
    metadata,
    Column("sink", String(60), primary_key=True),
    Column("state", String(10), nullable=False, server_default=text("'closed'")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    moment("opened_at"),
    moment("probe_at"),
    Column("last_error", Text),
    moment("updated_at", now=True),
    CheckConstraint("state IN ('closed','open','half_open')", name="state"),
    comment="of the whole installation: a target is down for every vendor",
)
