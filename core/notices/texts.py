"""What people read, in Indonesian and English. Pure.

Facts are untrusted text and may be missing: they are cut and stripped of control characters; nothing of them is markup.
Neither texts nor payloads name a person who reported, a phone number or a plate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CUT = 120
_LONG = 500
_WEAPONS = {
    "id": {"knife": "senjata tajam", "gun": "senjata api", "guns": "senjata api", "other": "benda berbahaya"},
    "en": {"knife": "a blade", "gun": "a firearm", "guns": "firearms", "other": "a dangerous object"},
}
_STATUS = {
    "id": {"new": "baru", "verified": "terverifikasi", "assigned": "petugas ditugaskan",
           "in_progress": "sedang ditangani", "completed": "selesai", "rejected": "dibatalkan"},
    "en": {"new": "new", "verified": "verified", "assigned": "police assigned", "in_progress": "being handled",
           "completed": "completed", "rejected": "rejected"},
}  # fmt: skip
_NOWHERE = {"id": "lokasi tidak diketahui", "en": "unknown place"}

_TEXTS: dict[str, dict[str, tuple[str, str]]] = {
    "weapon_detected": {
        "id": ("Terdeteksi {weapon}", "Kamera {cctv} melihat {weapon} di {place}. Menunggu pemeriksaan petugas."),
        "en": ("Detected: {weapon}", "Camera {cctv} sees {weapon} at {place}. An officer has yet to check it."),
    },
    "incident_opened": {
        "id": ("Laporan baru: {weapon}", "{title}: {place}."),
        "en": ("New report: {weapon}", "{title}: {place}."),
    },
    "incident_update": {
        "id": ("Laporan {report}: {status}", "{title}, {place}: {status}."),
        "en": ("Report {report}: {status}", "{title}, {place}: {status}."),
    },
    "assigned": {
        "id": ("Penugasan: {weapon}", "Petugas dikirim ke {place} untuk laporan {report}."),
        "en": ("Assignment: {weapon}", "Police are sent to {place} for report {report}."),
    },
    "assignment_answered": {
        "id": ("Jawaban penugasan laporan {report}", "Petugas {answer} penugasan di {place}. {reason}"),
        "en": ("Answer to the assignment of report {report}", "Police {answer} the assignment at {place}. {reason}"),
    },
    "withdrawn": {
        "id": ("Penugasan ditarik: laporan {report}", "Anda tidak lagi ditugaskan ke {place}. Hentikan; {because}."),
        "en": ("Assignment withdrawn: report {report}", "You are off the report at {place}. Stop; {because}."),
    },
    "vacated": {
        "id": ("Laporan {report} perlu petugas", "Tidak ada petugas untuk {place}: {because}. Kirim yang lain."),
        "en": ("Report {report} needs police", "Nobody is on the report at {place}: {because}. Send somebody else."),
    },
    "unanswered": {
        "id": ("Belum diterima: laporan {report}", "Petugas untuk {place} belum menjawab. Hubungi, atau tarik."),
        "en": ("Not accepted: report {report}", "Nobody has answered for {place}. Call, or withdraw the assignment."),
    },
    "recalled": {
        "id": ("BATAL: laporan {report}", "Alarm di {place} dibatalkan. Hentikan tindakan; jangan menuju lokasi."),
        "en": ("RECALLED: report {report}", "The alarm at {place} is withdrawn. Stop; do not go there."),
    },
    "tracking_update": {
        "id": ("Petugas dalam perjalanan", "Petugas menuju {place}{way}."),
        "en": ("Police are on the way", "On the way to {place}{way}."),
    },
    "arrived": {
        "id": ("Petugas tiba", "Petugas telah tiba di {place} untuk laporan {report}."),
        "en": ("Police arrived", "Police arrived at {place} for report {report}."),
    },
    "closed": {
        "id": ("Laporan {report} selesai", "Penanganan di {place} telah selesai."),
        "en": ("Report {report} is closed", "The case at {place} is completed."),
    },
    "backup_requested": {
        "id": ("Permintaan bantuan: laporan {report}", "Petugas meminta bantuan, {where}. {body}"),
        "en": ("Back-up requested: report {report}", "Police ask for back-up, {where}. {body}"),
    },
    "emergency": {
        "id": ("DARURAT: laporan {report}", "Petugas dalam keadaan darurat, {where}. {body}"),
        "en": ("EMERGENCY: report {report}", "Police are in an emergency, {where}. {body}"),
    },
    "chat_message": {
        "id": ("Pesan baru pada laporan {report}", "Buka laporan untuk membacanya."),
        "en": ("New message on report {report}", "Open the report to read it."),
    },
    "announcement": {
        "id": ("Pengumuman: {title}", "{text}"),
        "en": ("Announcement: {title}", "{text}"),
    },
    "cctv_offline": {
        "id": ("Kamera {cctv} tidak aktif", "Tidak ada gambar dari kamera {cctv}. Periksa daya dan jaringannya."),
        "en": ("Camera {cctv} is offline", "Camera {cctv} sends no pictures. Check its power and network."),
    },
}  # fmt: skip

_REASONS = {
    "id": {"account_disabled": "akun petugas dinonaktifkan", "role_changed": "petugas mendapat peran lain"},
    "en": {"account_disabled": "the account was disabled", "role_changed": "the account was given another role"},
}
_ANSWERS = {"id": {True: "menerima", False: "menolak"}, "en": {True: "accepted", False: "declined"}}


def render(kind: str, facts: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """{"id": {"title", "message"}, "en": {…}} of a kind. Raises KeyError for a kind that has no texts."""
    return {
        language: {"title": _fill(title, language, facts), "message": _fill(message, language, facts)}
        for language, (title, message) in _TEXTS[kind].items()
    }


def _fill(template: str, language: str, facts: Mapping[str, Any]) -> str:
    words = {
        "weapon": _WEAPONS[language].get(str(facts.get("incident_type")), _WEAPONS[language]["other"]),
        "status": _STATUS[language].get(str(facts.get("status")), clean(facts.get("status"))),
        "place": clean(facts.get("location")) or _NOWHERE[language],
        "cctv": clean(facts.get("cctv_name") or facts.get("cctv")) or "-",
        "report": clean(facts.get("report_id")),
        "title": clean(facts.get("title")) or "-",
        "answer": _ANSWERS[language][bool(facts.get("accept", facts.get("accepted", True)))],
        "reason": clean(facts.get("reason")),
        "because": _because(facts, language),
        "where": _where(facts, language),
        "body": clean(facts.get("body")),
        "text": clean(facts.get("text"), _LONG) or "-",
        "way": _way(facts.get("distance_m"), facts.get("eta_s"), language),
    }
    return template.format_map(words).strip()


def _because(facts: Mapping[str, Any], language: str) -> str:
    """The reason in this language where it is a code, else as somebody wrote it."""
    known = _REASONS[language].get(str(facts.get("reason_code")))
    return known or clean(facts.get("reason")).rstrip(".") or "-"


def _where(facts: Mapping[str, Any], language: str) -> str:
    """Where police who call for help were last, `position` (degrees); else only what they were sent to is known."""
    match facts.get("position"):
        case [float() | int() as latitude, float() | int() as longitude]:
            told = f"{latitude:.5f}, {longitude:.5f}"
            return f"last at {told}" if language == "en" else f"posisi terakhir {told}"
        case _:
            place = clean(facts.get("location")) or _NOWHERE[language]
            return f"sent to {place}" if language == "en" else f"dikirim ke {place}"


def clean(value: Any, most: int = _CUT) -> str:
    """One line of untrusted text, cut."""
    text = "" if value is None else str(value)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _way(metres: Any, seconds: Any, language: str) -> str:
    """How far and how long; what is not known is left out."""
    distance = _distance(metres, language)
    eta = _minutes(seconds, language)
    if language == "en":
        told = [distance and f"{distance} away", eta and f"about {eta} to go"]
    else:
        told = [distance and f"jarak {distance}", eta and f"tiba sekitar {eta}"]
    return "".join(f", {part}" for part in told if part)


def _distance(metres: Any, language: str) -> str:
    if not isinstance(metres, int | float):
        return ""
    if metres < 1000:
        return f"{metres:.0f} m"
    km = f"{metres / 1000:.1f} km"
    return km if language == "en" else km.replace(".", ",")


def _minutes(seconds: Any, language: str) -> str:
    if not isinstance(seconds, int | float):
        return ""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if language == "en" else f"{minutes} menit"
