"""Opaque cursors of lists: the sort order and the last key seen, unreadable on purpose, checked on the way in."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import msgspec

from core.problems import FieldError, Problem

MAX_LIMIT = 200
BIGINT = 2**63 - 1


class Cursor(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """`order` is the list and sort it belongs to; `at` only where the sort is by time."""

    order: str
    id: int
    at: datetime | None = None


def encode_cursor(cursor: Cursor) -> str:
    """The cursor as URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode_cursor(text: str | None, order: str, *, timed: bool = False) -> Cursor | None:
    """Read a cursor of this very list and order. Raises Problem(validation) for anything else."""
    if text is None:
        return None
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise _not_ours() from None
    fits = cursor.order == order and abs(cursor.id) <= BIGINT and (cursor.at is not None) == timed
    if not fits or (cursor.at is not None and cursor.at.tzinfo is None):
        raise _not_ours()
    return cursor


def _not_ours() -> Problem:
    words = ("Kursor bukan dari daftar ini", "The cursor is not of this list")
    return Problem("validation", words, errors=[FieldError("cursor", words[1])])
