"""What the service of reports says no with. All are `Problem`s: behind a route the client gets the document."""

from __future__ import annotations

from typing import Any

from core.incidents.states import AssignmentRefusal, Refusal
from core.problems import FieldError, Problem, Words

_WHY: dict[Refusal | AssignmentRefusal, Words] = {
    Refusal.NOT_CHECKED: ("Laporan belum diperiksa", "Nobody has checked the report yet"),
    Refusal.NOBODY_SENT: ("Belum ada petugas yang dikirim", "Nobody has been sent yet"),
    Refusal.NOT_STARTED: ("Petugas belum tiba di lokasi", "The police have not arrived yet"),
    Refusal.ALREADY_CHECKED: ("Laporan sudah diverifikasi", "The report has been verified"),
    Refusal.ALREADY_ASSIGNED: ("Laporan sudah ditugaskan", "The report has been assigned"),
    Refusal.ALREADY_STARTED: ("Penanganan sudah dimulai", "The work has begun"),
    Refusal.WORK_CHECKED: ("Pekerjaan sudah diverifikasi; selesaikan atau tolak",
                           "The work has been verified: complete it or reject it"),
    Refusal.ALREADY_COMPLETED: ("Laporan sudah selesai", "The report has been completed"),
    Refusal.ALREADY_REJECTED: ("Laporan sudah ditolak", "The report has been rejected"),
    Refusal.PERSON_REQUIRED: ("Harus dilakukan oleh petugas yang berwenang", "An officer with a name must do it"),
    AssignmentRefusal.NOT_ARRIVED: ("Belum tiba di lokasi", "Not there yet"),
    AssignmentRefusal.ALREADY_ANSWERED: ("Penugasan sudah dijawab", "The assignment has been answered"),
    AssignmentRefusal.ALREADY_ARRIVED: ("Sudah tiba di lokasi", "Already there"),
    AssignmentRefusal.OVER: ("Penugasan sudah berakhir", "The assignment is over"),
    AssignmentRefusal.RECALLED: ("BERHENTI: laporan ditarik kembali", "STOP: the report was recalled"),
    AssignmentRefusal.WITHDRAWN: ("Penugasan sudah ditarik", "The assignment was withdrawn"),
    AssignmentRefusal.NOT_RECALLED: ("Penugasan tidak ditarik kembali", "The assignment was not called back"),
}  # fmt: skip
_MORE: dict[str, Words] = {
    "police_busy": ("Petugas sedang menangani laporan lain", "The police officer is on another report"),
    "police_inactive": ("Akun petugas tidak aktif", "The police officer's account is switched off"),
    "evidence_full": ("Bukti laporan ini sudah mencapai batas", "The report holds as much evidence as it may"),
    "messages_full": ("Pesan laporan ini sudah mencapai batas", "The report holds as many messages as it may"),
    "final_there": ("Laporan akhir sudah dikirim", "The final report was sent before"),
    "client_id": ("client_id ini sudah dipakai untuk hal lain", "This client_id was used for something else"),
    "version": ("Laporan sudah berubah sejak dibaca", "The report changed since it was read"),
}


class NotFound(Problem):
    """There is no such thing, or not for the one who asks: the two are told apart by nobody."""

    def __init__(self, what: str = "report", id: int | str = 0) -> None:
        names = {"report": "laporan", "police": "petugas", "cctv": "CCTV", "assignment": "penugasan",
                 "notification": "notifikasi", "picture": "gambar", "station": "kantor", "account": "akun",
                 "key": "kunci", "push address": "alamat push"}  # fmt: skip
        super().__init__("not-found", (f"Tidak ada {names.get(what, what)} {id}", f"There is no {what} {id}"))


class NotAllowed(Problem):
    """The role may never do this."""

    def __init__(self, words: Words = ("Peran ini tidak berwenang", "This role may not do it")) -> None:
        super().__init__("forbidden", words)


class Conflict(Problem):
    """It does not fit the state. `state` is the report's status now (of a refusal by the assignment: the latter's).

    reason  a stable code: a Refusal, an AssignmentRefusal, or one of police_busy, police_inactive,
            evidence_full, messages_full, final_there, client_id, version (412, all others 409)
    words   instead of those of the reason and the state
    """

    def __init__(
        self, reason: Refusal | AssignmentRefusal | str, state: str, *, words: Words | None = None, **members: Any
    ) -> None:
        if words is None:
            why = _WHY[reason] if isinstance(reason, Refusal | AssignmentRefusal) else _MORE[reason]
            words = (f"{why[0]} (status sekarang: {state})", f"{why[1]} (status now: {state})")
        slug = "version-conflict" if reason == "version" else "wrong-state"
        super().__init__(slug, words, reason=str(reason), state=state, **members)
        self.reason = str(reason)
        self.state = state


class Invalid(Problem):
    """A field does not do. `message` says what is expected, in English, as FieldErrors do (core/field_words.py)."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("validation", ("Periksa isian berikut", "Check these fields"),
                         errors=[FieldError(field, message)])  # fmt: skip
        self.field = field
