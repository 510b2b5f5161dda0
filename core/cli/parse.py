"""`tangkapin parse`: what a make's plugin reads in one payload; no database, no plugins.toml, no network."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pkgutil
import re
import sys
import zoneinfo
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import Device, Payload
from core.hooks.checks import closest
from core.hooks.deployment import Declared
from core.hooks.errors import PluginFailed
from core.hooks.host import Host
from core.ingest.inflate import inflate
from core.testing.fixtures import as_row

EXIT_MALFORMED, EXIT_UNSUPPORTED = 3, 4
_MESSAGE = re.compile(rb"(?:[A-Z]{3,8} \S{1,2048} HTTP/\d|HTTP/\d(?:\.\d)? \d{3})[^\r\n]*\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_TYPES = {".json": "application/json", ".xml": "application/xml"}


@click.command("parse")
@click.argument("maker")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--headers", "headers_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--content-type", help="Instead of the one in the headers.")
@click.option("--zone", default="Asia/Jakarta", show_default=True, help="The camera's wall clock, an IANA name.")
@click.option("--json", "as_json", is_flag=True, help="An array of observations.")
def command(
    maker: str, file: Path, headers_file: Path | None, content_type: str | None, zone: str, as_json: bool
) -> None:
    """Decode FILE (- is standard input) as a payload of MAKER, a folder of vendors/ or the import path of a plugin.

    FILE is a body, or a whole HTTP message: start line, headers, empty line, body. --headers names a file with the
    header lines of a bare body. A heartbeat decodes to nothing. Exit code 3: malformed; 4: not for us.
    """
    use = _use_of(maker)
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise click.BadParameter(f"{zone!r} is no IANA time zone (Asia/Jakarta, UTC)", param_hint="--zone") from None
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    start, headers, body = split_message(data)
    if headers_file is not None:
        own_start, own_headers = read_head(headers_file.read_bytes())
        start, headers = own_start or start, {**headers, **own_headers}
    kind = content_type or headers.get("content-type") or _TYPES.get(file.suffix.lower(), "")
    target = start.split(" ")[1] if start and not start.startswith("HTTP/") else ""
    host = Host.build([Declared(id=maker, use=use, maker=maker.rpartition(".")[2])], environ={})
    try:
        payload = Payload(
            body=inflate(body, headers.get("content-encoding", "")),
            device=Device(id=0, code="capture", maker=maker, vendor_id=0, vendor_code="", zone=zone),
            received_at=datetime.now(UTC),
            content_type=kind,
            headers={name: value for name, value in headers.items() if name not in _CREDENTIALS},
            path=target.partition("?")[0],
            query=target.partition("?")[2],
        )
        rows = [as_row(observation) for observation in host.parse_payload(payload)]
    except MalformedPayload as error:
        _leave(f"malformed: {error}", EXIT_MALFORMED)
    except UnsupportedEvent as error:
        _leave(f"unsupported: {error}", EXIT_UNSUPPORTED)
    except PluginFailed as error:
        raise click.ClickException(f"{error}\n{error.trace_text}".strip()) from None
    finally:
        host.close()
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False) if as_json else _table(rows))


def split_message(data: bytes) -> tuple[str, dict[str, str], bytes]:
    """(start line, headers, body) of an HTTP message; a bare body has no start line and no headers."""
    if not _MESSAGE.match(data):
        return "", {}, data
    end = _END_OF_HEAD.search(data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    return (*read_head(head), body)


def read_head(data: bytes) -> tuple[str, dict[str, str]]:
    """(start line or "", headers with lower-case names; a folded line goes to the header above it)."""
    headers: dict[str, str] = {}
    start = last = ""
    for line in data.decode("utf-8", "replace").lstrip("\ufeff").splitlines():
        if line[:1] in " \t" and last and line.strip():
            headers[last] += " " + line.strip()
        elif _MESSAGE.match(line.encode() + b"\n"):
            start = line
        elif ":" in line:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            headers[last] = value.strip()
    return start, headers


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Understood; nothing to record (a heartbeat)."
    return "\n\n".join("\n".join(_lines(row)) for row in rows)


def _lines(row: dict[str, Any]) -> Iterable[str]:
    for name, value in row.items():
        if name != "images":
            yield f"{name:14} {'-' if value in (None, '') else value}"
    for image in row["images"]:
        told = image.get("url") or f"{image['bytes']} bytes  sha256 {image['sha256']}"
        yield f"{'image':14} {image['role']}: {told}"


def _use_of(maker: str) -> str:
    """A folder of the vendors package, or any plugin's import path."""
    places = list(importlib.import_module("vendors").__path__)
    known = [m.name for m in pkgutil.iter_modules(places) if m.ispkg and _has_plugin(places, m.name)]
    if maker in known:
        return f"vendors.{maker}"
    try:
        if importlib.util.find_spec(f"{maker}.plugin") is not None:
            return maker
    except (ImportError, ValueError):
        pass
    raise click.BadParameter(f"no plugin for {maker!r}; {closest(maker, known)}", param_hint="MAKER")


def _has_plugin(places: list[str], name: str) -> bool:
    return any((Path(place) / name / "plugin.py").is_file() for place in places)


def _leave(reason: str, code: int) -> NoReturn:
    click.echo(reason, err=True)
    raise click.exceptions.Exit(code)
