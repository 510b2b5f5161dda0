import io
import zipfile

import pytest

from core.domain.incidents import ReportStatus, TrackingStatus
from core.evidence.tables import media
from core.incidents import evidence, fieldwork
from core.incidents.errors import Conflict, Invalid, NotAllowed, NotFound
from core.incidents.evidence import safe_name, sniff_file
from core.incidents.tables import report_evidence, report_messages
from core.incidents.tracking import TrackInput
from core.testing.bombs import scan_bomb

MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * 64
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


def archive(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in names:
            made.writestr(name, "isi")
    return buffer.getvalue()


DOCX = archive("[Content_Types].xml", "word/document.xml")


# -- words ------------------------------------------------------------------------------------------------------------


def test_police_and_officers_chat_and_the_other_side_is_told(town):
    report_id, police = town.sent()
    town.reports.add_message(police, report_id, "chat", "Saya di gerbang")
    town.reports.add_message(town.officer, report_id, "chat", "Diterima")
    assert ["Saya di gerbang", "Diterima"] == [row["body"] for row in town.all(report_messages)]
    assert ["chat_message", "chat_message"] == town.kinds()[-2:]


def test_a_message_that_is_sent_again_is_one(town):
    report_id, police = town.sent()
    first = town.reports.add_message(police, report_id, "note", "catatan", client_id="m-1")
    again = town.reports.add_message(police, report_id, "note", "catatan", client_id="m-1")
    assert (first.id, True, False) == (again.id, first.created, again.created)
    other = town.reports.add_message(town.officer, report_id, "note", "lain", client_id="m-1")
    assert other.created


def test_back_up_and_emergency_are_told_with_the_place(town):
    report_id, police = town.sent()
    place = {"latitude": -6.2, "longitude": 106.8}
    town.reports.add_message(police, report_id, "backup", "Dua orang", detail=place)
    town.reports.add_message(police, report_id, "emergency", "")
    asked, alarm = town.told[-2:]
    assert ("backup_requested", -6.2) == (asked["kind"], asked["facts"]["latitude"])
    assert ("emergency", -6.175392) == (alarm["kind"], alarm["facts"]["latitude"])
    assert ["backup_requested", "emergency"] == town.timeline(report_id)[-2:]


def test_who_calls_for_help_is_where_their_phone_was_last_not_where_the_incident_is(town):
    report_id, who = town.sent()
    town.reports.track(who, report_id, TrackInput(latitude=-6.3, longitude=106.9, status=TrackingStatus.ON_THE_WAY))
    town.later(14 * 60)
    town.reports.add_message(who, report_id, "emergency", "")
    assert (-6.3, 106.9) == (town.told[-1]["facts"]["latitude"], town.told[-1]["facts"]["longitude"])
    assert -6.3 == town.all(report_messages)[-1]["detail"]["latitude"]
    assert [-6.3, 106.9] == town.told[-1]["facts"]["position"]
    town.later(2 * 60)  # a position that old says nothing any more
    town.reports.add_message(who, report_id, "emergency", "")
    assert (-6.175392, {}) == (town.told[-1]["facts"]["latitude"], town.all(report_messages)[-1]["detail"])
    assert town.told[-1]["facts"]["position"] is None


def test_an_emergency_gets_through_after_a_recall_but_a_call_for_back_up_does_not(town):
    report_id, police = town.sent()
    town.reports.verify(town.officer, report_id, ReportStatus.REJECTED, reason_code="test")
    town.reports.add_message(police, report_id, "emergency", "tolong")
    with pytest.raises(Conflict) as refused:
        town.reports.add_message(police, report_id, "backup", "tolong")
    assert "recalled" == refused.value.reason


def test_the_final_report_is_sent_once_and_ends_the_drafts(town):
    report_id, police = town.sent()
    town.reports.add_message(police, report_id, "draft", "Tiba di lokasi")
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    town.reports.set_status(police, report_id, TrackingStatus.COMPLETED)
    town.reports.add_message(police, report_id, "final", "Pelaku diamankan", detail={"arrested": 1})
    for kind in ("final", "draft"):
        with pytest.raises(Conflict) as refused:
            town.reports.add_message(police, report_id, kind, "lagi")
        assert "final_there" == refused.value.reason
    assert "final_report" == town.timeline(report_id)[-1]


@pytest.mark.threat("T18")
def test_who_may_write_what(town):
    report_id, _ = town.sent()
    for who, kinds in (("owner", fieldwork.MAY), ("officer", ("backup", "emergency", "draft", "final"))):
        for kind in kinds:
            with pytest.raises(NotAllowed):
                town.reports.add_message(getattr(town, who), report_id, kind, "halo")
    assert [] == town.all(report_messages)


@pytest.mark.parametrize(
    "kind,body,detail",
    [
        ("chat", "  ", {}), ("chat", "x" * 4001, {}), ("rumor", "x", {}), ("chat", "x", {"a": "b" * 5000}),
        ("emergency", "", {"latitude": 99, "longitude": 0}), ("emergency", "", {"latitude": "utara", "longitude": 1}),
        ("chat", "x", {"a": "\x00"}),
    ],
)  # fmt: skip
def test_words_and_details_have_limits(town, kind, body, detail):
    report_id, police = town.sent()
    with pytest.raises(Invalid):
        town.reports.add_message(police, report_id, kind, body, detail=detail)


def test_a_report_that_is_full_of_messages_still_takes_an_emergency(town, monkeypatch):
    monkeypatch.setattr(fieldwork, "MAX_MESSAGES", 2)
    report_id, police = town.sent()
    for _ in range(2):
        town.reports.add_message(police, report_id, "chat", "halo")
    with pytest.raises(Conflict) as refused:
        town.reports.add_message(police, report_id, "chat", "halo")
    assert "messages_full" == refused.value.reason
    assert town.reports.add_message(police, report_id, "emergency", "").created


# -- evidence ---------------------------------------------------------------------------------------------------------


def test_a_picture_of_the_field_is_kept_by_its_hash(town, picture):
    report_id, police = town.sent()
    kept = town.reports.add_evidence(police, report_id, picture(9), file_name="IMG_1.jpg")
    row = town.first(report_evidence)
    assert ("IMAGE", "image/jpeg", "field", "IMG_1.jpg", police.id) == tuple(
        row[name] for name in ("type", "mime", "role", "file_name", "actor_id")
    )
    stored = town.first(media)
    assert picture(9) == town.store.read(stored["ref"])
    assert kept.sha256 == bytes(row["sha256"]).hex() == bytes(stored["sha256"]).hex()
    assert "evidence_added" == town.timeline(report_id)[-1]


@pytest.mark.parametrize(
    "data,expected",
    [
        (MP4, ("VIDEO", "video/mp4")),
        (b"\x00\x00\x00\x14ftypqt  " + b"\x00" * 20, ("VIDEO", "video/quicktime")),
        (b"RIFF\x10\x00\x00\x00AVI LIST", ("VIDEO", "video/x-msvideo")),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1fB\x82\x84webm", ("VIDEO", "video/webm")),
        (PDF, ("DOCUMENT", "application/pdf")),
        (DOCX, ("DOCUMENT", evidence.DOCX)),
        ("Catatan: pelaku lari – ke utara\n".encode(), ("DOCUMENT", "text/plain")),
    ],
)
def test_the_type_is_what_the_first_bytes_say_and_is_kept(town, data, expected):
    assert expected == sniff_file(data)
    report_id, police = town.sent()
    kept = town.reports.add_evidence(police, report_id, data)
    assert expected == (kept.type, kept.mime)
    assert [expected[1]] * 2 == [town.first(table)["mime"] for table in (report_evidence, media)]


@pytest.mark.threat("T33")
@pytest.mark.parametrize(
    "data",
    [
        b"<html><script>alert(1)</script>", b"  <svg xmlns='x' onload='alert(1)'/>", b"#!/bin/sh\nrm -rf /\n",
        b"MZ\x90\x00\x03", b"\x7fELF\x02\x01", archive("a.exe"), b"GIF89a\x01\x00", b"\x00\x01\x02", b"",
        archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), b"PK\x03\x04 cut off",
        b"\xff\xfe teks", b"abc\x1b[31m",
    ],
)  # fmt: skip
def test_programs_markup_and_archives_are_no_evidence(town, data):
    report_id, police = town.sent()
    with pytest.raises(Invalid):
        town.reports.add_evidence(police, report_id, data, file_name="bukti.jpg")
    assert [] == town.all(report_evidence)


@pytest.mark.threat("T09")
def test_a_picture_that_is_a_bomb_is_refused_by_its_head(town):
    report_id, police = town.sent()
    bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    with pytest.raises(Invalid) as refused:
        town.reports.add_evidence(police, report_id, bomb)
    assert "megapixels" in refused.value.errors[0].message
    with pytest.raises(Invalid) as refused:
        town.reports.add_evidence(police, report_id, scan_bomb())
    assert "scans" in refused.value.errors[0].message


def test_a_file_that_is_too_large_is_refused(town):
    report_id, police = town.sent()
    with pytest.raises(Invalid) as refused:
        town.reports.add_evidence(police, report_id, MP4 + b"\x00" * 1024 * 1024)
    assert "expected at most 1 MiB" == refused.value.errors[0].message


def test_evidence_that_is_sent_again_is_kept_once(town, picture):
    report_id, police = town.sent()
    first = town.reports.add_evidence(police, report_id, picture(9), client_id="e-1")
    again = town.reports.add_evidence(police, report_id, picture(9), client_id="e-1")
    assert (first.id, False) == (again.id, again.created)
    without = town.reports.add_evidence(police, report_id, PDF)
    assert without.id == town.reports.add_evidence(police, report_id, PDF).id


@pytest.mark.threat("T18")
def test_an_owner_adds_to_their_own_report_only(town, picture):
    report_id = town.report()
    town.reports.add_evidence(town.owner, report_id, picture(9))
    assert "manual" == town.first(report_evidence)["role"]
    with pytest.raises(NotFound):
        town.reports.add_evidence(town.person("owner"), report_id, picture(10))
    with pytest.raises(Invalid):
        town.reports.add_evidence(town.owner, report_id, picture(11), role="annotated")


def test_a_report_takes_so_many_pieces_and_no_more(town, picture, monkeypatch):
    monkeypatch.setattr(evidence, "MAX_PIECES", 2)
    report_id, police = town.sent()
    for colour in (0, 60):
        town.reports.add_evidence(police, report_id, picture(colour))
    with pytest.raises(Conflict) as refused:
        town.reports.add_evidence(police, report_id, picture(120))
    assert "evidence_full" == refused.value.reason


@pytest.mark.threat("T32")
@pytest.mark.parametrize(
    "given,expected",
    [
        ("../../etc/passwd", "passwd"), ("C:\\fakepath\\bukti 1.jpg", "bukti 1.jpg"),
        ("a\r\nSet-Cookie: x.jpg", "a_Set-Cookie_ x.jpg"),
        ("<img src=x>.png", "_img src_x_.png"), ("..", ""), ("x" * 300, "x" * 200),
    ],
)  # fmt: skip
def test_a_file_name_is_for_reading_only(given, expected):
    assert expected == safe_name(given)
