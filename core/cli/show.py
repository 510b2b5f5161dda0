"""How commands print: tables for people, indented JSON for programs, times of this machine's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
import msgspec


def show_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print columns as wide as their widest cell."""
    lines = [tuple(map(str, row)) for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def show_json(value: Any) -> None:
    """Print Structs, lists and dicts as JSON of several lines."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def local_time(at: datetime | None) -> str:
    """A moment of the local clock to the second; "-" for none."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "-"
