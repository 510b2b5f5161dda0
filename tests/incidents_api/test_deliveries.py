"""Deliveries of notices for who keeps them running; "seen" for everybody; a phone that went silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.accounts.tables import audit_log
from core.incidents.reading import read_track, select_reports
from core.incidents.tables import reports
from core.notices.tables import notice_deliveries, notice_recipients, notices


def delivery(town: Any, vendor_id: int, person: Any, status: str, **more: Any) -> tuple[int, int]:
    """(delivery, notification) of a notice to this person."""
    town._n += 1
    notice = town._add(
        notices, vendor_id=vendor_id, kind="incident_opened", dedup_key=f"uji:{town._n}", type="report",
        texts={"id": {"title": "rahasia", "message": "m"}, "en": {"title": "secret", "message": "m"}},
    )  # fmt: skip
    who = town._add(notice_recipients, vendor_id=vendor_id, notice_id=notice, role=person.role, person_id=person.id)
    values = {"vendor_id": vendor_id, "recipient_id": who, "channel": "fcm", "position": 0, "status": status, **more}
    return town._add(notice_deliveries, **values), who


def row_of(town: Any, delivery_id: int) -> Any:
    return town.execute(select(notice_deliveries).where(notice_deliveries.c.id == delivery_id))[0]


def test_dead_letters_are_listed_page_by_page_without_words_or_addresses(town: Any, client: Any) -> None:
    dead = [delivery(town, town.banten, town.sri, "dead", attempts=8, last_error="busy")[0] for _ in range(3)]
    delivery(town, town.banten, town.sri, "accepted")
    delivery(town, town.bali, town.made, "dead")
    asked = "/api/deliveries?status=dead&channel=fcm&limit=2"
    first = client.get(asked, headers=town.kepala.headers)
    cursor = first.json()["data"]["pagination"]["next_cursor"]
    second = client.get(f"{asked}&cursor={cursor}", headers=town.kepala.headers).json()["data"]["data"]
    rows = [*first.json()["data"]["data"], *second]
    assert dead[::-1] == [row["id"] for row in rows]
    assert {("owner", town.sri.id, "incident_opened", 8, "busy")} == {
        (row["role"], row["person_id"], row["kind"], row["attempts"], row["last_error"]) for row in rows
    }
    assert "secret" not in first.text and "rahasia" not in first.text


def test_an_admin_has_the_own_agencys_dead_letters_told_again(town: Any, client: Any) -> None:
    dead, lost = (delivery(town, town.banten, town.sri, status, attempts=8)[0] for status in ("dead", "undeliverable"))
    told, theirs = delivery(town, town.banten, town.sri, "accepted")[0], delivery(town, town.bali, town.made, "dead")[0]
    body = {"ids": [dead, lost, told, theirs, 987654], "note": "FCM sudah pulih"}
    answer = client.post("/api/deliveries/retry", json=body, headers=town.kepala.headers)
    assert sorted([dead, lost]) == answer.json()["data"]["ids"], answer.text
    assert [("pending", 0), ("pending", 0)] == [(row_of(town, one).status, row_of(town, one).attempts)
                                                for one in (dead, lost)]  # fmt: skip
    assert ["accepted", "dead"] == [row_of(town, one).status for one in (told, theirs)]
    [logged] = town.execute(select(audit_log).where(audit_log.c.action == "notices_retried"))
    assert ("FCM sudah pulih", sorted([dead, lost])) == (logged["purpose"], sorted(logged["detail"]["ids"]))


def test_what_a_person_has_seen_is_told_by_no_further_channel(town: Any, client: Any) -> None:
    told, notification = delivery(town, town.banten, town.tono, "accepted")
    after = town._add(notice_deliveries, vendor_id=town.banten, recipient_id=notification, channel="webpush",
                      position=1, status="waiting")  # fmt: skip
    _, another = delivery(town, town.banten, town.rudi, "accepted")
    answer = client.post("/api/notification/acknowledge", json={"ids": [notification, another, 987654]},
                         headers=town.tono.headers)  # fmt: skip
    assert [notification] == answer.json()["data"]["ids"]
    assert ("delivered", "superseded") == (row_of(town, told).status, row_of(town, after).status)


def test_a_phone_that_is_silent_for_a_minute_is_said_to_be(town: Any, client: Any) -> None:
    report, police = town.sent(client)
    phone = f"/api/police/report/{report}"
    point = {"latitude": -6.13, "longitude": 106.15, "status": "on_the_way"}
    client.post(f"{phone}/track", json=point, headers=police.headers)

    def is_stale(seconds: int) -> bool:
        with town.database.tenant([town.banten]) as connection:
            row = connection.execute(select_reports().where(reports.c.id == report)).mappings().one()
            return read_track(connection, row, datetime.now(UTC) + timedelta(seconds=seconds)).is_stale

    assert [False, True] == [is_stale(30), is_stale(90)]
    assert client.get(f"{phone}/track", headers=police.headers).json()["data"]["is_stale"] is False
    client.post(f"{phone}/status", json={"status": "arrived"}, headers=police.headers)
    assert not is_stale(90), "who has arrived need not move"
