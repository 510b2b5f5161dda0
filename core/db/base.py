"""Shared metadata: every table of the house hangs on it; migrations are compared with it in the tests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, MetaData, func

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def tenant(*, foreign_key: bool = True) -> Column[int]:
    """The tenant key `vendor_id` (the reporting agency). Row-level security filters on it in every table.

    Tables on the hot path leave the foreign key out: its trigger costs more than the rest of the row
    (docs/decisions/0005-no-foreign-keys-on-the-hot-path.md).
    """
    if foreign_key:
        return Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False)
    return Column("vendor_id", BigInteger, nullable=False)


def moment(name: str, *, now: bool = False, nullable: bool = True) -> Column[Any]:
    """A timestamptz column; `now=True` defaults to the server's clock."""
    if now:
        return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())
    return Column(name, DateTime(timezone=True), nullable=nullable)


ORDINALS = 1024
"""payloads.id = batch * ORDINALS + ordinal; a batch holds fewer. Here, since partitions are cut by it too."""
