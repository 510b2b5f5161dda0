"""Notices, who gets them, and every attempt to tell them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
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

notices = Table(
    "notices",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(),
    Column("kind", String(40), nullable=False),
    Column("dedup_key", String(120), nullable=False, comment="one notice for one happening, whoever retries"),
    Column("type", String(12), nullable=False, comment="report, cctv, assignment, tracking"),
    Column("report_id", BigInteger),
    Column("device_id", BigInteger),
    Column("texts", JSONB, nullable=False, comment='{"id": {"title", "message"}, "en": {…}}'),
    Column("event", String(40), nullable=False, server_default=text("''")),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    Column("priority", String(10), nullable=False, server_default=text("'medium'")),
    Column("urgent", Boolean, nullable=False, server_default=text("false")),
    Column("collapse_key", String(120), nullable=False, server_default=text("''")),
    moment("created_at", now=True),
    moment("expires_at"),
    moment("planned_at"),
    CheckConstraint("type IN ('report','cctv','assignment','tracking')", name="type"),
    CheckConstraint("priority IN ('critical','high','medium','low')", name="priority"),
    Index("uq_notices_dedup_key", "vendor_id", "dedup_key", unique=True),
    Index("ix_notices_report_id", "report_id"),
    Index("ix_notices_unplanned", "id", postgresql_where=text("planned_at IS NULL")),
)

notice_recipients = Table(
    "notice_recipients",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(),
    Column("notice_id", BigInteger, ForeignKey("notices.id"), nullable=False),
    Column("role", String(12), nullable=False),
    Column("person_id", BigInteger, nullable=False, comment="0 for the dashboard, which is no person"),
    moment("read_at"),
    moment("acknowledged_at"),
    moment("created_at", now=True),
    CheckConstraint("role IN ('owner','officer','police','admin','dashboard')", name="role"),
    Index("uq_notice_recipients_notice_id_role_person_id", "notice_id", "role", "person_id", unique=True),
    Index("ix_notice_recipients_role_person_id", "role", "person_id", "id"),
    comment="one row a person: their list of notifications",
)

notice_deliveries = Table(
    "notice_deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(),
    Column("recipient_id", BigInteger, ForeignKey("notice_recipients.id"), nullable=False),
    Column("channel", String(60), nullable=False, comment="plugin instance id"),
    Column("position", Integer, nullable=False, comment="order of fallback; equal ones go out together"),
    Column("status", String(16), nullable=False, server_default=text("'pending'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    moment("next_attempt_at", now=True),
    moment("lease_until"),
    Column("lease_token", BigInteger),
    Column("receipt", Text),
    Column("last_error", Text),
    moment("created_at", now=True),
    moment("finished_at"),
    Column("is_unsure", Boolean, nullable=False, server_default=text("false"),
           comment="an attempt ended without an answer: it may have been told"),
    moment("heard_at"),
    CheckConstraint(
        "status IN ('waiting','pending','sending','accepted','delivered','undeliverable','dead','superseded')",
        name="status",
    ),
    Index("uq_notice_deliveries_recipient_id_channel", "recipient_id", "channel", unique=True),
    Index("ix_notice_deliveries_due", "channel", "next_attempt_at", postgresql_where=text(
        "status IN ('pending','sending')")),
    Index("ix_notice_deliveries_waiting", "next_attempt_at", postgresql_where=text("status = 'waiting'")),
)  # fmt: skip

push_addresses = Table(
    "push_addresses",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(),
    Column("role", String(12), nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("channel", String(12), nullable=False, comment="fcm, webpush"),
    Column("value", Text, nullable=False),
    Column("value_sha256", LargeBinary, nullable=False),
    moment("created_at", now=True),
    moment("last_used_at"),
    CheckConstraint("role IN ('owner','officer','police','admin')", name="role"),
    CheckConstraint("channel IN ('fcm','webpush')", name="channel"),
    Index("uq_push_addresses_channel_value_sha256", "channel", "value_sha256", unique=True),
    Index("ix_push_addresses_role_person_id", "role", "person_id"),
)

__all__ = ["notice_deliveries", "notice_recipients", "notices", "push_addresses"]
