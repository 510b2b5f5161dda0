"""/metrics knows the weapon flow: frames, detectors, reports, notices; nothing of a person or a camera."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from core.hooks.plugin import Secret
from core.incidents.tables import camera_health, detection_stats, frames
from core.notices.tables import notice_deliveries, notice_recipients, notices


def test_the_weapon_flow_is_counted(town: Any, client: Any) -> None:
    town.sent(client)
    day = {"day": date(2026, 11, 21), "vendor_id": town.banten, "device_id": town.cctv}
    town.execute(insert(detection_stats).values(**day, model="", frames_read=90, frames_still=60, frames_skipped=10,
                                                silenced=2))  # fmt: skip
    town.execute(insert(detection_stats).values(**day, model="nanodet", frames_detected=20, frames_positive=6,
                                                latency_us=5_000_000))  # fmt: skip
    town.execute(insert(camera_health).values(device_id=town.cctv, vendor_id=town.banten, state="online"))
    town._add(frames, vendor_id=town.banten, device_id=town.cctv, payload_id=1024, ordinal=0, sha256=b"x", event="VMD",
              taken_at=datetime.now(UTC))  # fmt: skip
    notice = town._add(notices, vendor_id=town.banten, kind="incident_opened", dedup_key="uji", type="report", texts={})
    who = town._add(notice_recipients, vendor_id=town.banten, notice_id=notice, role="owner", person_id=town.sri.id)
    late = datetime.now(UTC) - timedelta(minutes=5)
    town._add(notice_deliveries, vendor_id=town.banten, recipient_id=who, channel="fcm", position=0, status="pending",
              next_attempt_at=late)  # fmt: skip
    town.execute(update(notices).values(planned_at=datetime.now(UTC)))
    town.configure(metrics_token=Secret("token-of-prometheus"))
    with town.client() as scraped:
        answer = scraped.get("/metrics", headers={"Authorization": "Bearer token-of-prometheus"})
    found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in answer.text.splitlines()
             if not line.startswith("#")}  # fmt: skip
    expected = {
        'tangkapin_frames_total{state="read"}': 90, 'tangkapin_frames_total{state="still"}': 60,
        'tangkapin_frames_total{state="skipped"}': 10, "tangkapin_detections_silenced_total": 2,
        'tangkapin_detector_frames_total{detector="nanodet"}': 20,
        'tangkapin_detector_positives_total{detector="nanodet"}': 6,
        'tangkapin_detector_latency_seconds_total{detector="nanodet"}': 5,
        'tangkapin_alarm_pictures{status="pending"}': 1, 'tangkapin_cameras{state="online"}': 1,
        'tangkapin_reports{status="assigned"}': 1, 'tangkapin_notices{channel="fcm",status="pending"}': 1,
    }  # fmt: skip
    assert expected == {name: found.get(name) for name in expected}
    assert 299 <= found["tangkapin_notices_age_seconds"] < 360
    assert not [name for name in found if "polda" in name or "cctv-" in name]
