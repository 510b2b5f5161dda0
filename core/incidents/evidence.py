"""Evidence of reports: told by its first bytes, limited in size, stored by its hash, never by a name that came."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from core.accounts.principal import Principal
from core.domain.images import MAX_SCANS, count_scans, measure
from core.evidence.tables import media
from core.incidents.acting import Act, clean, require_role
from core.incidents.errors import Conflict, Invalid
from core.incidents.states import OPEN, AssignmentRefusal
from core.incidents.tables import report_evidence

MAX_PIXELS = 40_000_000
MIB = 1024 * 1024
LARGEST = {"IMAGE": 12 * MIB, "VIDEO": 64 * MIB, "DOCUMENT": 10 * MIB}
"""Bytes; the setting max_upload_bytes may say less."""
MAX_PIECES = 100
"""Pieces that people may add to one report."""
_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  ", b"3gp4", b"3gp5",
           b"3gp6", b"MSNV")  # fmt: skip
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_NAME = re.compile(r"[^\w .()+-]+")


class MediaStore(Protocol):
    """As core.evidence.store.MediaStore."""

    def append(self, blobs: Sequence[bytes]) -> list[str]: ...
    def read(self, ref: str, offset: int = 0, size: int | None = None) -> bytes: ...


class Kept(msgspec.Struct, frozen=True):
    """A piece of evidence. created False: the phone sent it before."""

    id: int
    type: str
    mime: str
    sha256: str
    created: bool


class Blobs:
    """Puts bytes into the store and names them in a report, in the act's transaction."""

    def __init__(self, store: MediaStore, max_bytes: int) -> None:
        self.store = store
        self.max_bytes = max_bytes

    def keep(
        self, act: Act, report: Any, data: bytes, *, mime: str, type: str, role: str, taken_at: datetime | None = None,
        detail: dict[str, Any] | None = None, file_name: str = "", client_id: str | None = None,
    ) -> bytes:  # fmt: skip
        """Store `data` and return its SHA-256. Without client_id the hash is it: the same bytes are kept once."""
        digest = hashlib.sha256(data).digest()
        known = select(media.c.sha256).where(media.c.vendor_id == report["vendor_id"], media.c.sha256 == digest)
        if act.connection.execute(known).first() is None:
            row = {"vendor_id": report["vendor_id"], "sha256": digest, "size": len(data), "mime": mime,
                   "ref": self.store.append([data])[0], "at_offset": 0}  # fmt: skip
            act.connection.execute(upsert(media).values(**row).on_conflict_do_nothing())
        actor = act.actor
        piece = {
            "vendor_id": report["vendor_id"], "report_id": report["id"], "sha256": digest, "type": type, "role": role,
            "mime": mime, "size": len(data), "file_name": file_name, "taken_at": taken_at, "detail": detail or {},
            "actor_role": actor.role, "actor_id": actor.id, "actor_name": actor.name, "created_at": act.now,
            "client_id": client_id or digest.hex(),
        }  # fmt: skip
        act.connection.execute(upsert(report_evidence).values(**piece).on_conflict_do_nothing())
        return digest


def add_evidence(
    act: Act, blobs: Blobs, principal: Principal, report_id: int, data: bytes, *, file_name: str = "",
    client_id: str = "", role: str = "",
) -> Kept:  # fmt: skip
    """Add a picture, video or document. Owners to their own reports, police while they are sent (and until they
    acknowledge that they were taken off it), officers.

    role  "field" or "final" (police); others' pieces are "manual"
    """
    require_role(principal, "owner", "officer", "admin", "police")
    report = act.lock(report_id)
    key = clean("client_id", client_id, limit=64)
    unique = f"{principal.role} {principal.id} {key}".encode() if key else data
    key = hashlib.sha256(unique).hexdigest()
    found = _piece(act, report_id, key)
    if found is not None:
        return _kept(found, created=False)
    if principal.role == "police":
        mine = act.my_assignment(report_id)
        if mine["status"] not in (*OPEN, "completed", "withdrawn"):  # the phone still holds what was taken at the scene
            raise Conflict(AssignmentRefusal.RECALLED, mine["status"])
        role = role or "field"
        if role not in ("field", "final"):
            raise Invalid("role", "expected field or final")
    else:
        if role not in ("", "manual"):
            raise Invalid("role", "expected manual")
        role = "manual"
    kind, mime = check_file("file", data, blobs.max_bytes)
    people = report_evidence.c.role.in_(("manual", "field", "final"))
    count = select(func.count()).where(report_evidence.c.report_id == report_id, people)
    if int(act.connection.execute(count).scalar_one()) >= MAX_PIECES:
        raise Conflict("evidence_full", report["status"])
    blobs.keep(
        act, report, data, mime=mime, type=kind, role=role, file_name=safe_name(file_name), client_id=key
    )  # fmt: skip
    kept = _kept(_piece(act, report_id, key), created=True)
    act.write(report, "evidence_added", type=kind, role=role, evidence_id=kept.id, sha256=kept.sha256)
    return kept


def has_piece(act: Act, report: Any, data: bytes) -> bool:
    """Whether a program's picture with these very bytes is there already."""
    return _piece(act, report["id"], hashlib.sha256(data).hexdigest()) is not None


def check_picture(field: str, data: bytes) -> str:
    """The MIME type of a JPEG or PNG of a sane size. Raises Invalid."""
    info = measure(data)
    if info is None:
        raise Invalid(field, "expected a JPEG or PNG picture")
    if info.width < 1 or info.height < 1 or info.width * info.height > MAX_PIXELS:
        raise Invalid(field, f"expected a picture of at most {MAX_PIXELS // 1_000_000} megapixels with a whole head")
    if count_scans(data) > MAX_SCANS:
        raise Invalid(field, f"expected a picture of at most {MAX_SCANS} scans")
    if len(data) > LARGEST["IMAGE"]:
        raise Invalid(field, f"expected at most {LARGEST['IMAGE'] // MIB} MiB")
    return info.mime


def check_file(field: str, data: bytes, max_bytes: int) -> tuple[str, str]:
    """(type, MIME) as the first bytes say, whatever was declared. Raises Invalid."""
    kind, mime = sniff_file(data)
    if not kind:
        raise Invalid(field, "expected a JPEG, PNG, MP4, MOV, AVI, WebM, PDF, DOCX or plain text file")
    if kind == "IMAGE":
        mime = check_picture(field, data)
    most = min(LARGEST[kind], max_bytes)
    if len(data) > most:
        raise Invalid(field, f"expected at most {most // MIB} MiB")
    return kind, mime


def sniff_file(data: bytes) -> tuple[str, str]:
    """(type, MIME) by magic; ("", "") for what is not taken: scripts, HTML, SVG, archives, programs."""
    if measure(data) is not None:
        return "IMAGE", ""
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return "VIDEO", "video/quicktime" if data[8:12] == b"qt  " else "video/mp4"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "VIDEO", "video/x-msvideo"
    if data[:4] == b"\x1a\x45\xdf\xa3" and b"webm" in data[:64]:
        return "VIDEO", "video/webm"
    if data[:5] == b"%PDF-":
        return "DOCUMENT", "application/pdf"
    if data[:4] == b"PK\x03\x04" and _is_docx(data):
        return "DOCUMENT", DOCX
    if _is_text(data):
        return "DOCUMENT", "text/plain"
    return "", ""


def safe_name(name: str) -> str:
    """A file name for people to read: no folder, no control character. Never a path of ours."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return _NAME.sub("_", last).strip(" .")[:200]


def _is_docx(data: bytes) -> bool:
    """By the archive's table alone: nothing is unpacked, and a document with macros is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False
    return {"[Content_Types].xml", "word/document.xml"} <= names and not any("vbaProject" in name for name in names)


def _is_text(data: bytes) -> bool:
    """UTF-8 without control characters that does not look like markup or a script."""
    if not data or data[:2] == b"#!" or data.lstrip()[:1] == b"<":
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in "\r\n\t\ufeff" for char in text)


def _piece(act: Act, report_id: int, key: str) -> Any:
    query = select(report_evidence).where(report_evidence.c.report_id == report_id, report_evidence.c.client_id == key)
    return act.connection.execute(query).mappings().first()


def _kept(row: Any, *, created: bool) -> Kept:
    return Kept(row["id"], row["type"], row["mime"], bytes(row["sha256"]).hex(), created)
