"""The lines of a case timeline in words for people."""

from __future__ import annotations

from typing import Any

from core.incidents.reading import Viewer

EVENT_WORDS: dict[str, tuple[str, str]] = {
    "opened": ("Laporan dibuat", "Report opened"),
    "frames_added": ("Bukti gambar ditambahkan", "Frames added"),
    "verified": ("Laporan diverifikasi", "Report verified"),
    "status_changed": ("Status diubah", "Status changed"),
    "assigned": ("Petugas ditugaskan", "Police assigned"),
    "accepted": ("Penugasan diterima", "Assignment accepted"),
    "declined": ("Penugasan ditolak", "Assignment declined"),
    "on_the_way": ("Petugas menuju lokasi", "Police on the way"),
    "arrived": ("Petugas tiba di lokasi", "Police arrived"),
    "started": ("Penanganan dimulai", "Work started"),
    "completed": ("Kasus selesai", "Case completed"),
    "backup_completed": ("Petugas bantuan selesai", "Back-up done"),
    "cancelled": ("Penugasan dibatalkan", "Assignment cancelled"),
    "withdrawn": ("Penugasan ditarik", "Assignment withdrawn"),
    "rejected": ("Laporan ditolak", "Report rejected"),
    "recalled": ("Laporan ditarik kembali", "Report recalled"),
    "silenced": ("Terlihat lagi, tidak dilaporkan ulang", "Seen again, not reported again"),
    "stop_acknowledged": ("Petugas tahu harus berhenti", "Police know of the stop"),
    "evidence_added": ("Bukti ditambahkan", "Evidence added"),
    "message_added": ("Pesan ditambahkan", "Message added"),
    "backup_requested": ("Bantuan diminta", "Back-up requested"),
    "emergency": ("Keadaan darurat", "Emergency"),
    "exported": ("Laporan diekspor", "Report exported"),
    "final_report": ("Laporan akhir diserahkan", "Final report handed in"),
}
STATUS_WORDS: dict[str, tuple[str, str]] = {
    "new": ("baru", "new"),
    "verified": ("diverifikasi", "checked"),
    "assigned": ("petugas dikirim", "police sent"),
    "in_progress": ("sedang ditangani", "police at work"),
    "completed": ("selesai", "finished"),
    "rejected": ("ditarik atau ditolak", "recalled or rejected"),
}
REASON_WORDS: dict[str, tuple[str, str]] = {
    "false_alarm": ("alarm palsu", "false alarm"),
    "not_a_weapon": ("bukan senjata", "not a weapon"),
    "duplicate": ("sudah ada laporan lain", "there is another report"),
    "test": ("uji coba atau latihan", "a test or an exercise"),
    "other": ("alasan lain", "another reason"),
    "account_disabled": ("akun petugas dinonaktifkan", "the police officer's account was disabled"),
    "role_changed": ("petugas mendapat peran lain", "the police officer was given another role"),
}


def describe_event(row: Any, viewer: Viewer) -> str:
    """A line of the timeline for people."""
    words = EVENT_WORDS.get(row["action"])
    text = viewer.say(*words) if words is not None else row["action"].replace("_", " ").capitalize()
    if row["from_status"] and row["to_status"] and row["from_status"] != row["to_status"]:
        before, after = (viewer.say(*STATUS_WORDS[row[side]]) for side in ("from_status", "to_status"))
        text += f" ({before} → {after})"
    detail = row["detail"]
    code = detail.get("reason_code")
    coded = viewer.say(*REASON_WORDS[code]) if code in REASON_WORDS else code
    said = detail.get("reason") or detail.get("note")
    reason = said if said and said != code else coded  # clients that know no codes say one as the reason
    return f"{text}: {reason}" if isinstance(reason, str) and reason else text
