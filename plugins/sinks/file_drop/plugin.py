"""Drops each case as one JSON file into a folder, for systems that fetch by file share or SFTP."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from datetime import UTC
from pathlib import Path

from core import api
from core.api import (
    CaseView,
    HttpRequest,
    Refused,
    SinkConfig,
    SyncReceipt,
    Transient,
    hookimpl,
)

_PASSING = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EAGAIN, errno.ENOENT, errno.EROFS, errno.EACCES,
    errno.EPERM, errno.ENOTCONN, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE,
})  # fmt: skip


class FileDropConfig(SinkConfig, frozen=True, kw_only=True):
    """Fields of SinkConfig (idempotent is true here: a file is named by its key), and:

    folder  must exist; relative paths start at plugins.toml. Files of a vendor go to a folder of its code
    mode    of the files
    """

    folder: Path
    mode: int = 0o640
    idempotent: bool = True
    in_flight: int = 8


class Plugin(api.Plugin):
    """Writes `<folder>/<vendor code>/<key>.json`: complete under its name, or not there."""

    Config = FileDropConfig
    config: FileDropConfig
    version = "1.0"
    guarantee = "at-least-once"

    @hookimpl
    def build_sync(self, case: CaseView) -> HttpRequest:
        """The file's content; core fixes and stores it."""
        return HttpRequest(
            url="file:",
            method="",
            body={
                "idempotency_key": case.idempotency_key,
                "trace": case.trace,
                "vendor_id": case.vendor.code,
                "violation_id": case.violation_id,
                "plate_number": case.plate_number,
                "violation_type": case.violation_type,
                "capture_time": case.capture_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "location": case.location,
                "verified_by": case.verified_by,
                "verified_at": case.verified_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "evidence_plate": case.plate_image or "",
                "evidence_vehicle": case.vehicle_image or "",
            },
        )

    @hookimpl
    def push_sync(self, case: CaseView, rendered: bytes) -> SyncReceipt:
        """Write aside, sync, rename. The same key with the same bytes is there already; with others it is refused."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", case.idempotency_key).lstrip(".") + ".json"
        folder = self.config.folder / (re.sub(r"[^A-Za-z0-9_-]", "_", case.vendor.code) or "_")
        try:
            if not self.config.folder.is_dir():
                raise Transient(f"the drop folder {self.config.folder} is not there (not mounted?)")
            folder.mkdir(mode=0o750, exist_ok=True)
            _drop(folder, name, rendered, self.config.mode)
        except OSError as error:
            if error.errno in _PASSING:
                raise Transient(f"the drop folder cannot be written: {error.strerror}") from error
            raise
        return SyncReceipt(outcome="accepted", reference=f"{folder.name}/{name}")


def _drop(folder: Path, name: str, data: bytes, mode: int) -> None:
    final = folder / name
    if final.exists():
        if hashlib.sha256(final.read_bytes()).digest() != hashlib.sha256(data).digest():
            raise Refused(f"{folder.name}/{name} is there already with another content")
        return
    draft = folder / f".{name}.{secrets.token_hex(6)}.part"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(final)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
