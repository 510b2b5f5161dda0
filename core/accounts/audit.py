"""The audit log: who did or looked at what, from where, what for. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, insert

from core.accounts.principal import Principal, ServicePrincipal
from core.accounts.tables import audit_log


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a person with role and id, or `system`, or `cli` with the operator's login name."""

    role: str
    id: int | None = None
    name: str = ""
    peer: str = ""
    trace: str = ""


def actor_of(principal: Principal | ServicePrincipal, *, peer: str = "", trace: str = "") -> Actor:
    """The principal as it stands in the log."""
    return Actor(principal.role, principal.id, principal.signature, peer, trace)


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    *,
    vendor_ids: Iterable[int],
    object_kind: str = "",
    object_id: int | None = None,
    purpose: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one row for each vendor concerned, in the caller's transaction: the act and its row stand or fall together.

    action  snake_case, past tense ("violation_approved")
    detail  JSON-able; never a secret
    """
    rows = [
        {
            "vendor_id": vendor_id,
            "actor_role": actor.role[:20],
            "actor_id": actor.id,
            "actor_name": actor.name[:150],
            "action": action,
            "object_kind": object_kind,
            "object_id": object_id,
            "trace": actor.trace[:64],
            "peer": actor.peer[:64],
            "purpose": purpose,
            "detail": detail or {},
        }
        for vendor_id in vendor_ids
    ]
    if rows:
        connection.execute(insert(audit_log), rows)
