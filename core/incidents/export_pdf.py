"""The PDF of a report, for people and courts: Indonesian, in the time of the place, with the whole JSON attached."""

from __future__ import annotations

import io
import unicodedata
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fpdf import FPDF
from fpdf.enums import WrapMode
from PIL import Image

from core.domain.images import MAX_SCANS, count_scans, measure
from core.incidents.event_words import EVENT_WORDS, REASON_WORDS, STATUS_WORDS
from core.incidents.evidence import MAX_PIXELS

ZONE = "Asia/Jakarta"
"""Of a report without a camera."""
_TYPES = {"knife": "senjata tajam", "gun": "senjata api", "guns": "senjata api", "other": "lainnya"}
_SOURCES = {"detection": "detektor sistem", "external": "detektor luar", "manual": "pemilik CCTV"}
_ASSIGNMENTS = {
    "offered": "ditugaskan, belum dijawab", "accepted": "diterima", "on_the_way": "menuju lokasi", "arrived": "tiba",
    "completed": "selesai", "declined": "ditolak", "cancelled": "dibatalkan", "recalled": "ditarik kembali",
    "withdrawn": "penugasan ditarik",
}  # fmt: skip
_ROLES = {
    "frame": "asli dari kamera", "annotated": "salinan bertanda", "manual": "dari pemilik CCTV",
    "field": "dari lapangan", "final": "laporan akhir",
}  # fmt: skip
_KINDS = {"IMAGE": "gambar", "VIDEO": "video", "DOCUMENT": "dokumen"}
_ALIKE = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "−": "-", "…": "...", "•": "*",
     "→": ">", "\u00a0": " ", "\u202f": " "}
)  # fmt: skip
"""What phones write for the signs that the built-in fonts have."""


class _Page(FPDF):
    """A4 with a number at the foot; text is text: nothing in it is markup."""

    is_short = False
    """Whether some letter could not be shown."""

    def footer(self) -> None:
        """Page n of m."""
        self.set_y(-12)
        self.set_font("Helvetica", size=8)
        self.cell(0, 6, f"{self.page_no()}/{{nb}}", align="C")

    def head(self, words: str, size: float = 12) -> None:
        """A heading."""
        self.ln(2)
        self.set_font("Helvetica", "B", size)
        self.multi_cell(0, size * 0.58, self.plain(words), new_x="LMARGIN", new_y="NEXT")
        self.set_font("Helvetica", size=9)

    def line_of(self, words: str) -> None:
        """A line of text, wrapped where it must."""
        self.multi_cell(0, 5, self.plain(words), new_x="LMARGIN", new_y="NEXT", wrapmode=WrapMode.CHAR)

    def plain(self, words: str) -> str:
        """As the built-in fonts can show it: accents they lack are left out, other letters become a question mark."""
        kept = []
        for char in words.translate(_ALIKE):
            if not char.isprintable() and char != "\n":
                kept.append(" ")
            elif ord(char) < 256:
                kept.append(char)
            else:
                base = unicodedata.normalize("NFKD", char)[0]
                self.is_short = self.is_short or ord(base) > 255
                kept.append(base if ord(base) < 256 else "?")
        return "".join(kept)


def to_pdf(content: dict[str, Any], pictures: list[tuple[int, str, bytes]], attached: bytes) -> bytes:
    """content: what `export.gather` made; pictures: number, role, bytes; attached: the same content as JSON."""
    report, cctv = content["report"], content["cctv"]
    zone = ZoneInfo(cctv["zone"] if cctv is not None else ZONE)
    page = _Page()
    page.set_title(f"Laporan {report['id']}")
    page.set_lang("id")
    page.add_page()
    page.head(f"Laporan {report['id']}: {report['title']}", 15)
    for label, words in _facts(report, zone):
        page.line_of(f"{label}: {words}")
    if cctv is not None:
        page.line_of(f"CCTV: {cctv['device_name'] or cctv['device_code']}")
    _detection(page, report.get("detection") or {})
    page.head("Riwayat")
    for row in content["timeline"]:
        page.line_of(f"{_time(row['at'], zone)}  {_event(row)}  {row.get('actor_name', '')}")
    page.head("Penugasan")
    for row in content["assignments"]:
        who = row.get("full_name") or row.get("username") or "petugas"
        state = _ASSIGNMENTS.get(row["status"], row["status"])
        why = f" ({row['decline_reason']})" if row.get("decline_reason") else ""
        if row.get("withdrawn_by"):
            why = f" oleh {row['withdrawn_by']}, {_time(row['finished_at'], zone)}: {row['withdraw_reason']}"
        page.line_of(f"{_time(row['assigned_at'], zone)}  {who}: {state}{why}")
    for row in content.get("messages", []):
        if row["kind"] in ("note", "final"):
            page.head(f"{'Laporan akhir' if row['kind'] == 'final' else 'Catatan'}: {row['actor_name']}")
            page.line_of(row["body"])
    page.head("Bukti")
    for row in content["evidence"]:
        kind = _KINDS.get(row["type"], row["type"])
        page.line_of(f"Bukti {row['id']}: {kind}, {_role(row['role'])}, {row['mime']}, {row['size']} bita")
        page.line_of(f"    SHA-256 {row['sha256']}")
    for number, role, data in pictures:
        _draw(page, number, role, data)
    name = f"laporan-{report['id']}.json"
    page.embed_file(basename=name, bytes=attached, desc="Isi laporan ini, lengkap", mime_type="application/json")
    page.ln(3)
    if page.is_short:
        page.line_of(f'Huruf yang tidak dapat ditampilkan ditulis "?"; teks utuh ada di lampiran {name}.')
    page.line_of(f"Diekspor {_time(content['exported_at'], zone)}, {content['exported_by']}")
    return bytes(page.output())


def _facts(report: dict[str, Any], zone: ZoneInfo) -> list[tuple[str, str]]:
    reason = REASON_WORDS.get(report.get("reason_code") or "", ("",))[0] or report.get("reason_code")
    facts = [
        ("Status", STATUS_WORDS[report["status"]][0]),
        ("Jenis", _TYPES.get(report["incident_type"], report["incident_type"])),
        ("Sumber", _SOURCES.get(report["source"], report["source"])),
        ("Waktu kejadian", _time(report["incident_at"], zone)),
        ("Lokasi", report.get("location")),
        ("Uraian", report.get("description")),
        ("Diperiksa oleh", report.get("verified_by")),
        ("Ditutup oleh", report.get("closed_by")),
        ("Alasan", reason),
        ("Catatan", report.get("note")),
    ]
    return [(label, words) for label, words in facts if words]


def _detection(page: _Page, found: dict[str, Any]) -> None:
    """What the machine rests on. A detector elsewhere says no more than its name."""
    if not found.get("model"):
        return
    page.head("Deteksi")
    page.line_of(f"Model: {found['model']}")
    if found.get("model_sha256"):
        page.line_of(f"SHA-256 model: {found['model_sha256']}")
    if found.get("best_score") is not None:
        page.line_of(f"Skor tertinggi: {found['best_score']:.2f}; {found.get('positive')} dari "
                     f"{found.get('looked_at')} gambar memperlihatkannya")  # fmt: skip
    if found.get("thresholds"):
        page.line_of("Ambang: " + ", ".join(f"{name} = {value}" for name, value in found["thresholds"].items()))


def _event(row: dict[str, Any]) -> str:
    words = EVENT_WORDS.get(row["action"], (row["action"],))[0]
    if not row["to_status"] or row["from_status"] == row["to_status"]:
        return words
    before = STATUS_WORDS[row["from_status"]][0] if row["from_status"] else "-"
    return f"{words} ({before} > {STATUS_WORDS[row['to_status']][0]})"


def _role(role: str) -> str:
    return _ROLES.get(role, role)


def _time(at: datetime, zone: ZoneInfo) -> str:
    """`2026-03-02 08:15:00 WIB`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _draw(page: _Page, number: int, role: str, data: bytes) -> None:
    """A picture scaled down; one that cannot be read is named in words."""
    small = _scaled(data)
    if small is None:
        page.line_of(f"(gambar {number} tidak dapat dibuka)")
        return
    page.ln(2)
    page.image(small, w=120)
    page.line_of(f"Bukti {number}, {_role(role)}")


def _scaled(data: bytes) -> io.BytesIO | None:
    info = measure(data)
    if info is None or not 0 < info.width * info.height <= MAX_PIXELS or count_scans(data) > MAX_SCANS:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            picture.thumbnail((1000, 1000))
            small = io.BytesIO()
            picture.convert("RGB").save(small, "JPEG", quality=80)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    small.seek(0)
    return small
