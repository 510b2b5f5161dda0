"""Pictures by their SHA-256: content-addressed, immutable, bound to the payload they came with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, Text

from core.db.base import metadata, moment, tenant

media = Table(
    "media",
    metadata,
    tenant(foreign_key=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mime", String(40), nullable=False),
    Column("ref", Text, nullable=False, comment="media store reference, or payload:<id> for a stored body"),
    Column("at_offset", Integer, nullable=False, comment="where the picture starts in it"),
    Column("payload_id", BigInteger, nullable=False, comment="the payload it first came with"),
    moment("created_at", now=True),
    PrimaryKeyConstraint("vendor_id", "sha256"),
)
