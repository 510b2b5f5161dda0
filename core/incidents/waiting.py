"""Police who were asked and do not answer: whoever sent them is told once, and may call or send somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import exists, func, select

from core.db.engine import Database
from core.incidents.acting import Announce
from core.incidents.tables import assignments, reports
from core.notices.service import announce
from core.notices.tables import notices

NEWS = timedelta(hours=1)
"""What has waited longer is no news: the server was away, or was told of it before."""
BATCH = 100


def remind(database: Database, after_s: float, announce: Announce = announce) -> int:
    """Tell of the assignments that nobody has answered for so long; returns how many. after_s 0: of none, ever.

    The notice's own key tells it once, however many workers look.
    """
    if after_s <= 0:
        return 0
    key = func.concat("unanswered:", assignments.c.id)
    since = func.now() - timedelta(seconds=after_s)
    told = exists().where(notices.c.vendor_id == assignments.c.vendor_id, notices.c.dedup_key == key)
    names = ("title", "incident_type", "status", "location", "device_id")
    query = (
        select(assignments, key.label("key"), *(reports.c[name].label(f"report_{name}") for name in names))
        .join(reports, reports.c.id == assignments.c.report_id)
        .where(
            assignments.c.status == "offered", assignments.c.assigned_at <= since,
            assignments.c.assigned_at > since - NEWS, ~told,
        )
        .order_by(assignments.c.id)
        .limit(BATCH)
    )  # fmt: skip
    with database.system() as connection:
        rows = connection.execute(query).mappings().all()
        for row in rows:
            facts: dict[str, Any] = {name: row[f"report_{name}"] for name in names if name != "device_id"}
            facts |= {
                "sender_role": row["assigned_role"], "sender_id": row["assigned_actor_id"],
                "police_id": row["police_id"], "at": row["assigned_at"].isoformat(),
            }  # fmt: skip
            announce(
                connection, vendor_id=row["vendor_id"], kind="unanswered", report_id=row["report_id"],
                device_id=row["report_device_id"], facts=facts, dedup_key=row["key"],
            )  # fmt: skip
    return len(rows)
