import json
import re
import zlib

import pytest

from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.errors import Invalid, NotAllowed, NotFound
from core.incidents.tracking import TrackInput


@pytest.fixture
def closed(town, picture):
    """A report that went all the way, and its police."""
    report_id = town.report(picture=picture(50), description="Pria bertopi – 刀 <b>merah</b>")
    _, police = town.sent(report_id)
    town.reports.track(police, report_id, TrackInput(latitude=-6.18, longitude=106.83, device_time=town.now))
    town.reports.set_status(police, report_id, TrackingStatus.ARRIVED)
    town.reports.add_message(police, report_id, "note", "Rahasia dinas")
    town.reports.add_message(police, report_id, "final", "Pelaku diamankan")
    town.reports.set_status(police, report_id, TrackingStatus.COMPLETED)
    return report_id, police


def test_officers_get_everything_as_json(town, closed):
    report_id, police = closed
    content = json.loads(town.reports.export(town.officer, report_id, "json"))
    assert ("completed", town.officer.name) == (content["report"]["status"], content["report"]["verified_by"])
    assert [police.name] == [row["full_name"] for row in content["assignments"]]
    assert ["note", "final"] == [row["kind"] for row in content["messages"]]
    assert "opened" == content["timeline"][0]["action"]
    assert 1 == len(content["track"]) == len(content["evidence"])
    assert 64 == len(content["evidence"][0]["sha256"])


def test_an_owner_gets_their_report_without_staffs_names_and_words(town, closed):
    report_id, police = closed
    text = town.reports.export(town.owner, report_id, "json").decode()
    content = json.loads(text)
    assert "completed" == content["report"]["status"]
    assert "messages" not in content
    for hidden in ("Rahasia dinas", police.name, town.officer.name, "verified_by", "message_added"):
        assert hidden not in text


@pytest.mark.threat("T18")
def test_police_and_strangers_export_nothing(town, closed):
    report_id, police = closed
    with pytest.raises(NotAllowed):
        town.reports.export(police, report_id, "json")
    with pytest.raises(NotFound):
        town.reports.export(town.person("owner"), report_id, "json")
    with pytest.raises(NotFound):
        town.reports.export(town.person("officer", vendor=town.elsewhere()), report_id, "pdf")


def test_the_pdf_holds_the_picture_and_survives_any_letter(town, closed):
    report_id, _ = closed
    data = town.reports.export(town.officer, report_id, "pdf")
    assert b"%PDF-" == data[:5]
    assert 1 == data.count(b"/Subtype /Image")
    assert b"/JavaScript" not in data
    assert len(town.reports.export(town.owner, report_id, "pdf")) < len(data)


def streams_of(pdf):
    """What is packed in the PDF: text of pages, and the attachment."""
    found = []
    for raw in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(raw))
        except zlib.error:
            found.append(raw)
    return found


def test_the_pdf_speaks_indonesian_in_the_time_of_the_place_and_carries_the_whole_text(town, closed):
    report_id, _ = closed
    pdf = town.reports.export(town.officer, report_id, "pdf")
    page = " ".join(text.decode("latin-1") for text in streams_of(pdf) if b" Tj" in text)
    for words in ("Petugas tiba di lokasi", "WIB", "Status: selesai", "Jenis: senjata tajam", "Pria bertopi - ?"):
        assert words in page, words
    for words in ("arrived", "assigned", "knife", "+00:00"):
        assert words not in page, words
    (attached,) = (json.loads(text) for text in streams_of(pdf) if text[:1] == b"{")
    assert "Pria bertopi – 刀 <b>merah</b>" == attached["report"]["description"]
    assert f"laporan-{report_id}.json" in page


def test_a_picture_that_cannot_be_opened_does_not_spoil_the_pdf(town, picture):
    whole = picture(3, (640, 480))
    report_id = town.report(picture=whole[: len(whole) // 3])
    data = town.reports.export(town.officer, report_id, "pdf")
    assert 0 == data.count(b"/Subtype /Image")


def test_who_was_taken_off_stands_in_the_file_with_who_did_it_and_why(town):
    report_id, police = town.sent()
    town.reports.withdraw(town.officer, report_id, "Tidak menjawab")
    whole = json.loads(town.reports.export(town.officer, report_id, "json"))
    assert [("withdrawn", town.officer.name, "Tidak menjawab")] == [
        (row["status"], row["withdrawn_by"], row["withdraw_reason"]) for row in whole["assignments"]
    ]
    owners = town.reports.export(town.owner, report_id, "json").decode()
    assert "withdrawn" in [line["action"] for line in json.loads(owners)["timeline"]]
    assert not any(hidden in owners for hidden in (police.name, town.officer.name, "Tidak menjawab"))
    page = b" ".join(text for text in streams_of(town.reports.export(town.officer, report_id, "pdf")) if b" Tj" in text)
    assert f"penugasan ditarik oleh {town.officer.name}".encode() in page and b"Tidak menjawab" in page


def test_an_export_is_in_the_timeline_and_the_audit_log(town, closed):
    report_id, _ = closed
    version = town.row(report_id)["version"]
    town.reports.export(town.officer, report_id, "pdf")
    assert "exported" == town.timeline(report_id)[-1] == town.audited(report_id)[-1]
    assert version == town.row(report_id)["version"]


def test_there_are_two_forms(town):
    with pytest.raises(Invalid):
        town.reports.export(town.officer, town.report(), "docx")


def test_a_new_report_can_be_exported_too(town):
    report_id = town.report(cctv_id=None)
    town.reports.verify(town.officer, report_id, ReportStatus.REJECTED, reason_code="duplicate", note="sama")
    content = json.loads(town.reports.export(town.officer, report_id, "json"))
    assert (None, "duplicate", []) == (content["cctv"], content["report"]["reason_code"], content["track"])
