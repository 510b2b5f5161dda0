"""Query and path parameters that several routes share, with their bounds and their words for the API description."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from litestar.params import HeaderParameter, PathParameter, QueryParameter

from core.problems import FieldError, Problem, Words
from core.web.cursor import BIGINT, MAX_LIMIT

_NO_NUL = r"^[^\x00]*$"

Id = Annotated[int, PathParameter(ge=1, le=BIGINT)]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="rows on a page")]
CursorText = Annotated[
    str | None, QueryParameter(name="cursor", max_length=400, description="`next_cursor` of the page before")
]
DeviceCode = Annotated[
    str | None, QueryParameter(name="device", max_length=100, pattern=_NO_NUL, description="device code")
]
VendorCode = Annotated[
    str | None,
    QueryParameter(name="vendor", max_length=50, pattern=_NO_NUL, description="vendor code (national admins)"),
]
PlateText = Annotated[
    str | None,
    QueryParameter(
        name="plate",
        max_length=40,
        pattern=_NO_NUL,
        description="plate; `*` any characters, `?` exactly one; case and separators do not matter",
    ),
]
LookAlike = Annotated[bool, QueryParameter(name="look_alike", description="take 0/O/Q/D, 1/I/L/T, 8/B … for the same")]
From = Annotated[datetime | None, QueryParameter(name="from", description="from this time on; without offset: UTC")]
To = Annotated[datetime | None, QueryParameter(name="to", description="before this time; without offset: UTC")]
IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", max_length=60, description='ETag of what was read: `"12-3"`')
]
PurposeQuery = Annotated[
    str | None, QueryParameter(name="purpose", max_length=300, pattern=_NO_NUL, description="what the access is for")
]
PurposeHeader = Annotated[
    str | None, HeaderParameter(name="X-Purpose", max_length=300, description="the same as a header")
]


def needed_purpose(query: str | None, header: str | None) -> str:
    """The purpose of an access to personal data (UU 27/2022 art. 31): logged with it. Raises purpose-required."""
    text = (query or header or "").strip()
    if len(text) < 5:
        words: Words = (
            "Sebutkan tujuan akses (parameter purpose atau header X-Purpose), minimal 5 huruf",
            "Say what the access is for (parameter purpose or header X-Purpose), at least 5 characters",
        )
        raise Problem("purpose-required", words, errors=[FieldError("purpose", words[1])])
    return text.encode("latin-1", "replace").decode("utf-8", "replace") if query is None else text


def utc(moment: datetime | None) -> datetime | None:
    """Aware UTC; a time without offset is UTC."""
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Problem(
            "validation", errors=[FieldError("from, to", "expected a time between the years 1 and 9999")]
        ) from None


def etag(object_id: int, version: int) -> str:
    """The strong ETag of a case."""
    return f'"{object_id}-{version}"'


def read_version(object_id: int, if_match: str | None, in_body: int | None) -> int | None:
    """The version the client read, by header or body; None when it named none. Raises on contradiction or nonsense."""
    if if_match is None:
        return in_body
    number = if_match.strip().strip('"').removeprefix(f"{object_id}-")
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        wanted = f"expected an ETag like {etag(object_id, 3)}"
        raise Problem("validation", errors=[FieldError("If-Match", wanted)])
    if in_body is not None and in_body != int(number):
        raise Problem("validation", errors=[FieldError("version", "If-Match says another version")])
    return int(number)
