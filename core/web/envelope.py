"""The envelope around every success: what the deployed clients read, one style for the whole API."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from core.problems import Words

T = TypeVar("T")

OK: Words = ("Berhasil", "Done")


class Ok(msgspec.Struct, Generic[T], kw_only=True):
    """`status` and `success` say the same: the written contract has the first, the deployed client reads the second."""

    data: T
    success: bool = True
    status: str = "success"
    message: str = ""


class CursorPage(msgspec.Struct, kw_only=True):
    """Where the list goes on: pass `next_cursor` as `cursor`; None at the end. Also in the Link header."""

    limit: int
    next_cursor: str | None = None


class Listing(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list."""

    data: list[T]
    pagination: CursorPage
