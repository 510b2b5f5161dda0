"""The operator's word on what is looked for at one camera: whether at all, and what it takes until somebody is told."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import func, select, update

from core.accounts.audit import Actor, record
from core.accounts.tables import devices
from core.db.engine import Database
from core.domain.errors import TangkapinError
from core.incidents.confirm import DetectionRules


class RulesRefused(TangkapinError):
    """There is no such camera, or the rules are wrong; the text names the field."""


def change_rules(
    database: Database, code: str, *, by: Actor, rules: dict[str, Any] | None = None, detect: bool | None = None
) -> tuple[bool, DetectionRules]:
    """Change what is not None; return what holds now. Raises RulesRefused.

    rules  JSON-able fields of DetectionRules; they replace all that was set
    """
    with database.system() as connection:
        row = connection.execute(
            select(devices.c.id, devices.c.vendor_id, devices.c.detect, devices.c.settings)
            .where(devices.c.device_code == code)
            .with_for_update()
        ).first()
        if row is None:
            raise RulesRefused(f"there is no device {code!r}; `tangkapin device list` names all")
        given = row.settings.get("detection", {}) if rules is None else rules
        try:
            read = msgspec.convert(given, DetectionRules)
        except msgspec.ValidationError as error:
            raise RulesRefused(str(error)) from None
        looked_at = row.detect if detect is None else detect
        if rules is not None or detect is not None:
            settings = {**row.settings, "detection": given}
            connection.execute(
                update(devices)
                .where(devices.c.id == row.id)
                .values(settings=settings, detect=looked_at, updated_at=func.now())
            )
            record(
                connection, by, "detection_set", vendor_ids=[row.vendor_id], object_kind="device", object_id=row.id,
                detail={"detect": looked_at, "rules": given},
            )  # fmt: skip
    return looked_at, read
