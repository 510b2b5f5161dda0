"""Pictures by their SHA-256: content-addressed, immutable, bound to the payload they came with."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from core.db.base import metadata, moment, tenant

media = Table(
    "media",
    metadata,
    tenant(foreign_key=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mime", String(100), nullable=False),
    Column("ref", Text, nullable=False, comment="media store reference, or payload:<id> for a stored body"),
    Column("at_offset", Integer, nullable=False, comment="where the picture starts in it"),
    Column("payload_id", BigInteger, comment="the payload it first came with; NULL: uploaded, or made here"),
    moment("created_at", now=True),
    PrimaryKeyConstraint("vendor_id", "sha256"),
)

image_fetches = Table(
    "image_fetches",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(foreign_key=False),
    Column("device_id", BigInteger, nullable=False),
    Column("payload_id", BigInteger, nullable=False),
    Column("plate_read_id", BigInteger, comment="NULL: an alarm's picture, which becomes a row of frames"),
    Column("role", String(10), nullable=False),
    Column("url", Text, nullable=False),
    Column("status", String(10), nullable=False, server_default=text("'pending'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    moment("next_attempt_at", now=True),
    Column("error", Text),
    Column("sha256", LargeBinary),
    moment("created_at", now=True),
    moment("finished_at"),
    Column("ordinal", Integer, comment="of that row, as event and taken_at"),
    Column("event", String(80)),
    moment("taken_at"),
    CheckConstraint("status IN ('pending','done','failed')", name="status"),
    CheckConstraint(
        "plate_read_id IS NOT NULL OR (ordinal IS NOT NULL AND event IS NOT NULL AND taken_at IS NOT NULL)",
        name="wanted_by",
    ),
    Index("ix_image_fetches_due", "next_attempt_at", postgresql_where=text("status = 'pending'")),
    comment="pictures that a device named by URL: fetched behind the inbox by the SSRF-safe client",
)
