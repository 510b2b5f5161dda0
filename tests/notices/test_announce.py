import pytest
from sqlalchemy import text

from core.accounts.tables import police
from core.incidents.tables import report_messages
from core.notices.rules import RULES
from core.notices.service import UnknownKind, district
from core.notices.texts import render


def test_a_weapon_is_told_to_the_owner_the_station_and_the_dashboard(scene):
    scene.announce("weapon_detected")
    expected = {("owner", scene.owner), ("officer", scene.officer), ("officer", scene.second), ("dashboard", 0)}
    assert expected == scene.told("weapon_detected")


def test_a_report_without_a_station_is_told_to_all_officers_of_the_agency(scene):
    scene.report = scene.new_report(station_id=None)
    scene.announce("incident_opened")
    officers = {("officer", scene.officer), ("officer", scene.second), ("officer", scene.elsewhere)}
    assert officers <= scene.told("incident_opened")


def test_an_agency_without_officers_has_its_admins_told(scene):
    with scene.database.system() as connection:
        connection.execute(text("UPDATE officers SET is_active = false"))
    scene.announce("weapon_detected")
    assert {("owner", scene.owner), ("admin", scene.admin), ("dashboard", 0)} == scene.told("weapon_detected")


def test_an_assignment_is_told_to_the_police_that_the_facts_name(scene):
    scene.announce("assigned", police_id=scene.police, actor_role="officer", actor_id=scene.officer)
    assert {("police", scene.police), ("owner", scene.owner), ("dashboard", 0)} == scene.told("assigned")


def test_who_did_it_is_not_told_of_it(scene):
    scene.announce("arrived", actor_role="officer", actor_id=scene.officer)
    assert ("officer", scene.officer) not in scene.told("arrived")
    assert ("officer", scene.second) in scene.told("arrived")


def test_a_recall_is_told_to_everyone_who_was_told_of_the_report(scene):
    scene.announce("weapon_detected")
    scene.announce("assigned", police_id=scene.police)
    scene.announce("recalled", status="rejected", actor_role="officer", actor_id=scene.officer)
    assert scene.told("weapon_detected") | scene.told("assigned") == scene.told("recalled")


def test_who_is_taken_off_a_report_is_told_alone_and_why(scene):
    scene.announce("withdrawn", police_id=scene.police, actor_role="officer", actor_id=scene.officer, reason="Diganti.")
    assert {("police", scene.police)} == scene.told("withdrawn")
    words = scene.notices()[-1].texts
    assert (
        words["id"]["title"].startswith("Penugasan ditarik: laporan") and "Hentikan; Diganti." in words["id"]["message"]
    )


@pytest.mark.parametrize(("code", "because"), [("account_disabled", "dinonaktifkan"), ("role_changed", "peran lain")])
def test_a_report_that_lost_its_police_is_told_to_the_station_in_both_languages(scene, code, because):
    scene.announce("vacated", actor_role="admin", actor_id=scene.admin, reason_code=code)
    officers = {("officer", scene.officer), ("officer", scene.second)}
    assert officers | {("dashboard", 0)} == scene.told("vacated")
    words = scene.notices()[-1].texts
    assert because in words["id"]["message"] and "the account was" in words["en"]["message"]


def test_police_who_were_taken_off_hear_no_more_of_the_chat_that_they_wrote_in(scene):
    for police_id, status in ((scene.police, "completed"), (scene.person(police, "dedi"), "withdrawn")):
        scene.assign(police_id, status=status, withdrawn_by="Rani", withdraw_reason="diganti")
        scene.add(report_messages, report_id=scene.report, kind="chat", body="Di lokasi", actor_role="police",
                  actor_id=police_id)  # fmt: skip
    scene.announce("chat_message", actor_role="officer", actor_id=scene.officer)
    assert {("police", scene.police), ("officer", scene.second)} == scene.told("chat_message")


def test_an_emergency_is_told_to_the_admins_too(scene):
    scene.assign()
    scene.announce("emergency", actor_role="police", actor_id=scene.police, body="Butuh ambulans")
    assert ("admin", scene.admin) in scene.told("emergency")
    assert ("police", scene.police) not in scene.told("emergency")


def test_one_happening_is_announced_once(scene):
    scene.announce("weapon_detected")
    scene.announce("weapon_detected")
    assert 1 == len(scene.notices())


def test_a_second_position_within_the_cooldown_is_not_told(scene):
    scene.announce("tracking_update", "track:1", distance_m=2400.0, eta_s=300)
    scene.announce("tracking_update", "track:2", distance_m=2300.0, eta_s=290)
    assert ["track:1"] == [notice.dedup_key for notice in scene.notices()]


def test_what_the_caller_rolls_back_was_never_announced(scene):
    with pytest.raises(ZeroDivisionError), scene.database.system() as connection:
        from core.notices.service import announce

        announce(connection, vendor_id=scene.vendor, kind="closed", report_id=scene.report, facts={}, dedup_key="x")
        raise ZeroDivisionError
    assert [] == scene.notices()


def test_a_kind_without_a_rule_is_refused_by_name(scene):
    with pytest.raises(UnknownKind, match="weapon_found"):
        scene.announce("weapon_found")


def test_the_payload_has_the_contracts_fields_and_names_nobody(scene):
    scene.announce("weapon_detected", actor="Rani", owner_id=scene.owner, incident_at="2026-11-21T03:00:00+00:00")
    (notice,) = scene.notices()
    assert "weapon-detected" == notice.event
    expected = {
        "reportId": scene.report, "cctvId": scene.camera, "incidentType": "knife", "district": "Gambir",
        "location": "Jl. Merdeka 5, Kecamatan Gambir, Jakarta", "timestamp": "2026-11-21T03:00:00+00:00",
        "status": "new", "priority": "critical",
    }  # fmt: skip
    assert expected == notice.payload


@pytest.mark.parametrize("kind", sorted(RULES))
def test_every_kind_has_texts_in_both_languages_even_without_facts(kind):
    texts = render(kind, {})
    assert {"id", "en"} == set(texts)
    assert all(words["title"] and words["message"] and "{" not in words["message"] for words in texts.values())


@pytest.mark.parametrize(
    ("position", "told"),
    [([-6.3, 106.9], "posisi terakhir -6.30000, 106.90000."), (None, "dikirim ke Jl. Mawar."),
     ([None, 106.9], "dikirim ke Jl. Mawar."), (["x", "y"], "dikirim ke Jl. Mawar.")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["emergency", "backup_requested"])
def test_a_call_for_help_says_where_the_phone_was_and_not_that_it_is_where_it_was_sent(kind, position, told):
    assert told in render(kind, {"location": "Jl. Mawar", "position": position})["id"]["message"]


def test_text_from_people_is_one_short_line():
    texts = render("emergency", {"body": "a\nb\x00{status}" + "x" * 500, "location": "Jl. \x1b[2JMawar"})
    message = texts["id"]["message"]
    assert message.isprintable()
    assert len(message) < 300
    assert "a b {status}" in message


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Jl. Mawar 12, Kec. Menteng, Jakarta", "Menteng"),
        ("Jl. Mawar 12, Bandung", "Bandung"),
        ("Jl. Mawar 12", ""),
        ("Pasar, Blok 5", ""),
        (None, ""),
    ],
)
def test_a_district_holds_no_street_and_no_number(address, expected):
    assert expected == district(address)
