"""The inbox: raw payloads that never change, one queue row for each ingest batch, and what could not be parsed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.db.base import ORDINALS as ORDINALS
from core.db.base import metadata, moment, tenant

batch_seq = Sequence("batch_seq", metadata=metadata)

inbox = Table(
    "inbox",
    metadata,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    comment="queue of batches still to be parsed; holds no data of a vendor, so it has no tenant key",
)

payloads = Table(
    "payloads",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    tenant(foreign_key=False),
    Column("device_id", BigInteger, nullable=False),
    moment("received_at", nullable=False),
    Column("content_type", Text, nullable=False),
    Column("headers", JSONB, nullable=False, comment="without credentials; :path, :query, :peer, :auth added"),
    Column("sha256", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, comment="small bodies; NULL when body_ref is set"),
    Column("body_ref", Text, comment="where the media store keeps a large body"),
    postgresql_partition_by="RANGE (id)",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(foreign_key=False),
    Column("device_id", BigInteger, nullable=False),
    Column("payload_id", BigInteger, nullable=False),
    Column("plugin", String(60), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=text("''")),
    moment("created_at", now=True),
    moment("resolved_at"),
    Column("resolution", Text, comment="replayed, dismissed by …"),
    CheckConstraint(
        "kind IN ('malformed','unknown_maker','parser_error','parser_hang','parser_crash','plugin_quarantined',"
        "'rejected','too_large')",
        name="kind",
    ),
    Index("uq_quarantine_payload_id", "payload_id", unique=True),
    Index("ix_quarantine_open", "vendor_id", "id", postgresql_where=text("resolved_at IS NULL")),
)

event_counts = Table(
    "event_counts",
    metadata,
    Column("day", Date, primary_key=True),
    Column("device_id", BigInteger, primary_key=True),
    Column("outcome", String(20), primary_key=True, comment="unsupported, alarm, status, frame, dropped, duplicate…"),
    Column("event", String(80), primary_key=True),
    tenant(foreign_key=False),
    Column("n", BigInteger, nullable=False),
)

plugin_states = Table(
    "plugin_states",
    metadata,
    Column("instance", String(60), primary_key=True),
    Column("state", String(12), nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("failures", BigInteger, nullable=False, server_default=text("0")),
    moment("since", now=True),
    CheckConstraint("state IN ('ready','quarantined')", name="state"),
    comment="of the whole installation, not of a vendor",
)
