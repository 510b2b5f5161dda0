"""What a person at a camera needs beside its key: the menu of that make; a second try for what was not understood."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import structlog
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import select

from core.ingest.replay import Kind
from core.ingest.tables import quarantine
from core.problems import Problem
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.params import Id

log = structlog.get_logger(__name__)

_TAG = ["Operasi"]
_SECTION = re.compile(r"^## On the device\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
REPLAY_S = 60.0
_Maker = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class MakerSteps(msgspec.Struct, kw_only=True):
    """`steps` is Markdown, "" where the make's manual has none."""

    maker: str
    steps: str


class Replayed(msgspec.Struct, kw_only=True):
    """What came of it. `note` says what was not understood, where it still was not."""

    outcome: Kind | Literal["gone"]
    note: str


class _Noted(msgspec.Struct):
    note: str


class _Told(msgspec.Struct):
    """What `tangkapin replay --json` says, as far as it is asked here."""

    counts: dict[Kind, int]
    changes: list[_Noted]


@get("/api/makers/{maker:str}/steps", operation_id="get_maker_steps", tags=_TAG, sync_to_thread=True,
     summary="What to type into a make's menu", responses=documented(401, 403, 404))  # fmt: skip
def maker_steps(call: NamedDependency[Call], maker: FromPath[_Maker]) -> Response[Ok[MakerSteps]]:
    """The steps at the device, from the manual beside the make's plugin; none for a make that is not enabled."""
    instances = call.services.host.instances if call.services.host is not None else ()
    use = next((info.use for info in instances if info.maker == maker), "")
    return Response(call.ok(MakerSteps(maker=maker, steps=steps_of(use) if use else "")))


@lru_cache(maxsize=64)
def steps_of(use: str) -> str:
    """The section "On the device" of the doc.md beside a plugin's module; "" where there is none."""
    found = importlib.util.find_spec(use)
    if found is None or found.origin is None:
        return ""
    try:
        text = (Path(found.origin).parent / "doc.md").read_text("utf-8")
    except OSError:
        return ""
    section = _SECTION.search(text)
    return section.group(1).strip() if section else ""


@post("/api/quarantine/{quarantine_id:int}/replay", operation_id="replay_quarantined", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Read a payload again", responses=documented(401, 403, 404, 503))  # fmt: skip
def replay(call: NamedDependency[Call], quarantine_id: Id) -> Ok[Replayed]:
    """Parse it with today's plugins and keep what that gives, in a process of its own that may be killed."""
    with call.rows() as connection:
        row = connection.execute(
            select(quarantine.c.vendor_id, quarantine.c.payload_id).where(quarantine.c.id == quarantine_id)
        ).first()
        if row is None:
            raise Problem("not-found")
        call.audit(
            connection, "payload_replayed", vendor_id=row.vendor_id, object_kind="payload", object_id=row.payload_id,
            detail={"quarantine_id": quarantine_id},
        )  # fmt: skip
    arguments = ["replay", "--payload", str(row.payload_id), "--apply", "--yes", "--json",
                 "--by", call.principal.username]  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "core.cli.main", *arguments], env=os.environ | call.settings.environ(),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=REPLAY_S, check=True,
        )  # fmt: skip
        told = msgspec.json.decode(done.stdout, type=_Told)
    except (subprocess.SubprocessError, OSError, msgspec.DecodeError) as error:
        log.error("replay_failed", payload_id=row.payload_id, error=type(error).__name__)
        words = (
            "Pembacaan ulang tidak selesai; lihat log peladen",
            "The replay did not end well; see the server's log",
        )
        raise Problem("not-available", words) from None
    outcome: Kind | Literal["gone"] = next((kind for kind, count in told.counts.items() if count), "gone")
    return call.ok(Replayed(outcome=outcome, note=next((change.note for change in told.changes), "")))


HANDLERS = [maker_steps, replay]
