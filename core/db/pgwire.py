"""PostgreSQL's binary arrays, built without psycopg's list dumper (which costs 150 µs for an event's nine columns).

For the hot statements only, whose rows go as one array a column; everything else goes through SQLAlchemy. Parsing a
JSON document of the same rows costs PostgreSQL twice to three times as much.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

BOOL, INT8, BYTEA, TEXT, TIMESTAMPTZ, JSONB, INT4, FLOAT8 = 16, 20, 17, 25, 1184, 3802, 23, 701
BOOL_ARRAY, INT8_ARRAY, BYTEA_ARRAY, TEXT_ARRAY, TIMESTAMPTZ_ARRAY = 1000, 1016, 1001, 1009, 1185
JSONB_ARRAY, INT4_ARRAY, FLOAT8_ARRAY = 3807, 1007, 1022
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_UNIX = _EPOCH.timestamp()
_MICROSECOND = timedelta(microseconds=1)
_I4 = struct.Struct("!i")
_EMPTY = struct.Struct("!iiI")
_HEAD = struct.Struct("!iiIii")
_NULL = _I4.pack(-1)


class Column:
    """A parameter that is an array already encoded; `oid` is the array's type."""

    __slots__ = ("data", "oid")

    def __init__(self, oid: int, data: bytes) -> None:
        self.oid = oid
        self.data = data


class _ColumnDumper(Dumper):
    format = Format.BINARY

    def __init__(self, cls: type, context: AdaptContext | None = None, oid: int = 0) -> None:
        super().__init__(cls, context)
        self.oid = oid

    def dump(self, obj: Column) -> bytes:
        return obj.data

    def get_key(self, obj: Column, format: PyFormat) -> Any:
        return self.cls, obj.oid

    def upgrade(self, obj: Column, format: PyFormat) -> _ColumnDumper:
        return _ColumnDumper(self.cls, None, obj.oid)


def teach(connection: psycopg.Connection[Any]) -> None:
    """Let a connection take Columns as parameters."""
    connection.adapters.register_dumper(Column, _ColumnDumper)


def int8s(values: Sequence[int | None]) -> Column:
    """bigint[]."""
    return Column(INT8_ARRAY, _fixed(INT8, "q", 8, values))


def int4s(values: Sequence[int | None]) -> Column:
    """integer[]."""
    return Column(INT4_ARRAY, _fixed(INT4, "i", 4, values))


def float8s(values: Sequence[float | None]) -> Column:
    """double precision[]."""
    return Column(FLOAT8_ARRAY, _fixed(FLOAT8, "d", 8, values))


def bools(values: Sequence[bool | None]) -> Column:
    """boolean[]."""
    return Column(BOOL_ARRAY, _fixed(BOOL, "?", 1, values))


def timestamps(values: Iterable[datetime | None]) -> Column:
    """timestamptz[] of aware datetimes."""
    return Column(
        TIMESTAMPTZ_ARRAY,
        _fixed(TIMESTAMPTZ, "q", 8, [None if v is None else (v - _EPOCH) // _MICROSECOND for v in values]),
    )


def unix_times(values: Iterable[float]) -> Column:
    """timestamptz[] of Unix seconds (microsecond precision)."""
    return Column(
        TIMESTAMPTZ_ARRAY, _fixed(TIMESTAMPTZ, "q", 8, [round((v - _EPOCH_UNIX) * 1_000_000) for v in values])
    )


def texts(values: Sequence[str | None]) -> Column:
    """text[]. NUL is left out and a lone surrogate becomes a question mark: text can hold neither."""
    if len(_cells) > _MOST_CELLS:
        _cells.clear()
    return Column(TEXT_ARRAY, b"".join((_head(TEXT, len(values)), *map(_cells.__getitem__, values))))


def byteas(values: Sequence[bytes | None]) -> Column:
    """bytea[]."""
    return Column(BYTEA_ARRAY, _array(BYTEA, values))


def jsonbs(documents: Sequence[bytes | None]) -> Column:
    """jsonb[] of JSON texts."""
    items = [None if document is None else b"\x01" + document for document in documents]
    return Column(JSONB_ARRAY, _array(JSONB, items))


class _TextCells(dict[str | None, bytes]):
    """Text -> element. Most columns say the same few things all over, and a plate stands in several."""

    def __missing__(self, text: str | None) -> bytes:
        if text is None:
            cell = _NULL
        else:
            raw = text.encode("utf-8", "replace")
            if b"\x00" in raw:
                raw = raw.replace(b"\x00", b"")
            cell = _I4.pack(len(raw)) + raw
        if len(cell) <= _LONGEST_CELL:
            self[text] = cell
        return cell


_cells = _TextCells()
_MOST_CELLS = 8192
_LONGEST_CELL = 256


def _array(element: int, items: Sequence[bytes | None]) -> bytes:
    """A one-dimensional array of already encoded elements; None is NULL."""
    pack = _I4.pack
    out = [_head(element, len(items))]
    for item in items:
        if item is None:
            out.append(_NULL)
        else:
            out += (pack(len(item)), item)
    return b"".join(out)


def _fixed(element: int, code: str, size: int, values: Sequence[Any]) -> bytes:
    """An array of elements that all have one size."""
    if None in values:
        pack = struct.Struct(f"!i{code}").pack
        return _head(element, len(values)) + b"".join([_NULL if v is None else pack(size, v) for v in values])
    flat = [size] * (2 * len(values))
    flat[1::2] = values
    return _head(element, len(values)) + struct.pack("!" + f"i{code}" * len(values), *flat)


def _head(element: int, length: int) -> bytes:
    return _HEAD.pack(1, 1, element, length, 1) if length else _EMPTY.pack(0, 0, element)


def int4(value: int) -> bytes:
    """An integer."""
    return _I4.pack(value)
