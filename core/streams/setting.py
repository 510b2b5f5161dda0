"""The operator's word on a device's stream: what is read, where it may lead, whether the detectors look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from core.accounts.audit import Actor, record
from core.accounts.tables import devices
from core.db.engine import Database
from core.domain.errors import TangkapinError
from core.domain.stream_urls import StreamUrlRefused, read_stream_url
from core.incidents.cctv import CctvRefused, approve_stream, login_context
from core.secrets import SecretBox

KINDS = ("rtsp", "mjpeg", "snapshot", "file", "vendor")


class StreamRefused(TangkapinError):
    """The stream cannot be set like that; the text says why and what is expected."""


def set_stream(
    database: Database, box: SecretBox, code: str, kind: str, where: str, *, by: Actor, login: str = "",
    allow: list[str] | None = None, detect: bool = True,
) -> list[str]:  # fmt: skip
    """Let a device's stream be read, and approve its address; return what was approved.

    kind   rtsp, mjpeg, snapshot (frames that core pulls), file (a video of this machine, played over and over),
           vendor (the make's own event stream: `where` is the device's web address)
    login  "user:password", "" = none
    allow  CIDR or address, with :port; None = exactly the numeric address of `where`
    Raises StreamRefused.
    """
    values: dict[str, Any] = {"stream_kind": kind, "detect": detect, "stream_login": None, "updated_at": func.now()}
    if kind == "file":
        path = Path(where).resolve()
        if not path.is_file():
            raise StreamRefused(f"there is no file {path}")
        values["stream_url"] = str(path)
    else:
        try:
            url = read_stream_url(where)
        except StreamUrlRefused as error:
            raise StreamRefused(str(error)) from None
        if url.login is not None:
            raise StreamRefused("the address holds a login, which other users of this machine see: use --login-file")
        if (kind == "rtsp") != (url.scheme == "rtsp"):
            raise StreamRefused(f"{kind} does not go with {url.scheme}://: rtsp for rtsp, http or https for the others")
        values["stream_url"] = url.shown
    with database.system() as connection:
        row = connection.execute(
            select(devices.c.id, devices.c.vendor_id).where(devices.c.device_code == code).with_for_update()
        ).first()
        if row is None:
            raise StreamRefused(f"there is no device {code!r}; `tangkapin device list` names all")
        if login:
            if not login.partition(":")[2]:
                raise StreamRefused("a login is written as user:password")
            values["stream_login"] = box.seal(login.encode(), login_context(row.id))
        connection.execute(update(devices).where(devices.c.id == row.id).values(**values))
        record(
            connection, by, "stream_set", vendor_ids=[row.vendor_id], object_kind="device", object_id=row.id,
            detail={"kind": kind, "address": values["stream_url"], "detect": detect},
        )  # fmt: skip
        if kind == "file":
            return []
        try:
            return approve_stream(connection, row.id, allow, by=by) or []
        except CctvRefused as error:
            raise StreamRefused(f"--allow: {error}") from None


def remove_stream(database: Database, code: str, *, by: Actor) -> bool:
    """Read nothing more from a device; its address, login and approval are forgotten. False when it is unknown."""
    gone: dict[str, Any] = dict.fromkeys(
        ("stream_kind", "stream_url", "stream_login", "stream_approved_by", "stream_approved_at")
    )
    gone |= {"stream_allow": [], "detect": False, "updated_at": func.now()}
    query = update(devices).where(devices.c.device_code == code).values(**gone)
    with database.system() as connection:
        row = connection.execute(query.returning(devices.c.id, devices.c.vendor_id)).first()
        if row is None:
            return False
        record(connection, by, "stream_removed", vendor_ids=[row.vendor_id], object_kind="device", object_id=row.id)
        return True
