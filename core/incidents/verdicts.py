"""What officers said of the detectors' reports, for each camera and model: the same figures as an evaluation's.

A report that an officer verified, assigned or began is a right one; one that was rejected as `false_alarm` or
`not_a_weapon` is a false alarm, also when it was verified before. Other rejections (duplicate, test) say nothing about
the detector. Incidents that no detector saw are in nobody's book: there is no recall here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from core.accounts.tables import devices
from core.incidents.figures import Rate, Share
from core.incidents.tables import detection_stats, reports

WRONG = ("false_alarm", "not_a_weapon")
"""Of core.incidents.deciding.REASONS: the detector was wrong."""


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """One camera and model. undecided: nobody has looked yet, or the rejection said nothing of the detector.

    hours  that the camera's frames were read (by all its detectors)
    """

    device_id: int
    device: str
    model: str
    model_sha256: str
    right: int
    false_alarms: int
    undecided: int
    hours: float = 0.0

    @property
    def precision(self) -> Share:
        """Right ones among the decided."""
        return Share(self.right, self.right + self.false_alarms)

    @property
    def false_rate(self) -> Rate:
        """False alarms for each hour that the camera was watched."""
        return Rate(self.false_alarms, self.hours)


def verdicts(connection: Connection, *, since: datetime | None = None) -> list[Verdicts]:
    """Cameras by code, with the reports that opened since then (aware; None = all). Sees what the connection sees."""
    wrong = and_(reports.c.status == "rejected", reports.c.reason_code.in_(WRONG))
    right = and_(reports.c.status != "rejected", reports.c.verified_at.is_not(None))
    model, digest = (reports.c.detection[name].astext for name in ("model", "model_sha256"))
    query = (
        select(
            devices.c.id, devices.c.device_code, func.coalesce(model, "").label("model"),
            func.coalesce(digest, "").label("digest"),
            func.count().filter(right).label("right"), func.count().filter(wrong).label("wrong"),
            func.count().filter(~or_(right, wrong)).label("undecided"),
        )
        .join(devices, devices.c.id == reports.c.device_id)
        .where(reports.c.source == "detection")
        .group_by(devices.c.id, devices.c.device_code, model, digest)
        .order_by(devices.c.device_code, model)
    )  # fmt: skip
    watched = select(detection_stats.c.device_id, func.sum(detection_stats.c.watched_ms)).group_by(
        detection_stats.c.device_id
    )
    if since is not None:
        query = query.where(reports.c.created_at >= since)
        watched = watched.where(detection_stats.c.day >= since.astimezone(UTC).date())
    watched_ms = {device: int(total) for device, total in connection.execute(watched)}
    return [
        Verdicts(
            device_id=row.id, device=row.device_code, model=row.model, model_sha256=row.digest, right=row.right,
            false_alarms=row.wrong, undecided=row.undecided,
            hours=watched_ms.get(row.id, 0) / 3_600_000,
        )
        for row in connection.execute(query)
    ]  # fmt: skip
