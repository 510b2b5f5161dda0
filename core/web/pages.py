"""Numbered pages, as the written contract has them: `page` from 1, `limit`, `status`, `search`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter
from sqlalchemy import Connection, Select, func, select

T = TypeVar("T")

DEFAULT_LIMIT = 10
MAX_LIMIT = 100

PageNumber = Annotated[int, QueryParameter(name="page", ge=1, le=1_000_000, description="from 1")]
PageLimit = Annotated[
    int,
    QueryParameter(name="limit", ge=1, le=10_000, description=f"rows on a page; more than {MAX_LIMIT} is {MAX_LIMIT}"),
]
StatusText = Annotated[
    str | None,
    QueryParameter(
        name="status", max_length=100, pattern=r"^[^\x00]*$",
        description="one, or several with commas; a word that no row can have gives an empty list",
    ),
]  # fmt: skip
SearchText = Annotated[
    str | None, QueryParameter(name="search", max_length=200, pattern=r"^[^\x00]*$", description="part of the text")
]


class NumberedPage(msgspec.Struct, kw_only=True):
    """Where the page stands. `total_pages` is 0 for an empty list."""

    total: int
    page: int
    limit: int
    total_pages: int


class Numbered(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list."""

    data: list[T]
    pagination: NumberedPage


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of which rows."""

    page: int = 1
    limit: int = DEFAULT_LIMIT
    status: str | None = None
    search: str | None = None

    @property
    def statuses(self) -> tuple[str, ...]:
        """The words of `status`; () = any."""
        return tuple(word.strip() for word in (self.status or "").split(",") if word.strip())

    @property
    def pattern(self) -> str | None:
        """`search` for ILIKE with its own signs escaped by a backslash; None = any."""
        text = (self.search or "").strip()
        if not text:
            return None
        for sign in ("\\", "%", "_"):
            text = text.replace(sign, "\\" + sign)
        return f"%{text}%"


def numbered(
    connection: Connection, query: Select[Any], wanted: Wanted, make: Callable[[Any], T], *order: Any
) -> Numbered[T]:
    """Run a query for one page; `make` turns a row (mapping) into what the client gets."""
    limit = min(wanted.limit, MAX_LIMIT)
    total = int(connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one())
    rows: Any = []
    if (wanted.page - 1) * limit < total:
        rows = connection.execute(query.order_by(*order).limit(limit).offset((wanted.page - 1) * limit)).mappings()
    pagination = NumberedPage(total=total, page=wanted.page, limit=limit, total_pages=-(-total // limit))
    return Numbered(data=[make(row) for row in rows], pagination=pagination)
