"""Writes a new plugin's folder: all that it needs, and a first test that fails because the bulk is not written yet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template
from typing import Any, Literal

import msgspec

from core.bodies import read_body
from core.domain.errors import MalformedPayload, TangkapinError
from core.domain.fields import objects

Kind = Literal["vendor", "detector", "notifier", "sink", "rules"]
KINDS: tuple[Kind, ...] = ("vendor", "detector", "notifier", "sink", "rules")
HOMES: dict[Kind, str] = {
    "vendor": "vendors", "detector": "detectors", "notifier": "notifiers", "sink": "plugins/sinks",
    "rules": "plugins/poldas",
}  # fmt: skip
"""Where the folder of a plugin of the tree lies."""
FILL_IN = "FILL IN"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HTTP = re.compile(rb"(?:POST|PUT) \S{1,2048} HTTP/\d")
_EXPECTED: dict[str, Any] = {
    "kind": "plate_read", "event": FILL_IN, "plate_number": FILL_IN, "plate_raw": FILL_IN, "confidence": None,
    "capture_time": FILL_IN, "direction": "", "lane_no": "", "vehicle_type": "", "vehicle_color": "", "images": [],
}  # fmt: skip
_SAMPLE = b'{"plate": "B 1234 XYZ", "time": "2026-03-02T17:20:00+07:00", "confidence": 0.97}'


class ScaffoldError(TangkapinError):
    """The folder cannot be written; the text says why."""


class Written(msgspec.Struct, frozen=True):
    """What was written, the commands to run next, and the lines for plugins.toml."""

    files: list[Path]
    steps: list[str]
    table: str


def write(kind: Kind, name: str, into: Path, *, capture: Path | None = None, package: bool = False) -> Written:
    """Write a plugin `name` under `into` (the project's folder, or where a distribution's folder is to be).

    capture  for vendors: a request as a .http file, or a bare body
    package  a distribution of its own with an entry point, instead of a folder of the tree
    Raises ScaffoldError; nothing is overwritten.
    """
    if not _NAME.fullmatch(name):
        raise ScaffoldError("a plugin's name is a lower-case letter and then up to 39 of a-z, 0-9 and _")
    if capture is not None and kind != "vendor":
        raise ScaffoldError("--from-capture is for vendors: other plugins read no payloads")
    module = f"tangkapin_{name}" if package else f"{HOMES[kind].replace('/', '.')}.{name}"
    root = into / f"tangkapin-{name.replace('_', '-')}" if package else into
    folder = root / module if package else into / HOMES[kind] / name
    if folder.exists() or (package and root.exists()):
        raise ScaffoldError(f"{root if package else folder} is there already")
    if not package and not (into / HOMES[kind]).is_dir():
        raise ScaffoldError(f"{into} has no folder {HOMES[kind]}/: run it in the project, or say --package")
    body = _capture(capture) if kind == "vendor" else b""
    words = {
        "name": name, "title": name.replace("_", " ").title(), "class_name": name.title().replace("_", ""),
        "package": module, "distribution": root.name, "fields": _fields(body),
        "fixture": "fixtures/sample.http", "origin": capture.name if capture else "made up; replace it",
    }  # fmt: skip
    files = {folder / "__init__.py": f'"""{words["title"]}."""\n'}
    for template in sorted((Path(__file__).parent / kind).glob("*.txt")):
        target = f"test_{name}.py" if template.name == "test.py.txt" else template.name.removesuffix(".txt")
        files[folder / target] = Template(template.read_text()).substitute(words)
    if package:
        template = Path(__file__).parent / "package" / "pyproject.toml.txt"
        files[root / "pyproject.toml"] = Template(template.read_text()).substitute(words)
    written = []
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written.append(path)
    if kind == "vendor":
        written += _write_fixture(folder / "fixtures", name, body)
    use = name if package else module
    table = f'[plugin.{name}]\nuse = "{use}"\n' + ("trial = true\n" if kind == "sink" else "")
    steps = [f"pip install -e {root}"] if package else []
    return Written(files=written, steps=[*steps, f"python -m pytest {folder}"], table=table)


def _capture(path: Path | None) -> bytes:
    return _SAMPLE if path is None else path.read_bytes()


def _write_fixture(folder: Path, name: str, data: bytes) -> list[Path]:
    folder.mkdir()
    request, expected = folder / "sample.http", folder / "sample.expected.json"
    if not _HTTP.match(data):
        head = f"POST /cam/{name} HTTP/1.1\r\nContent-Type: {_kind(data)}\r\n"
        data = f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data
    request.write_bytes(data)
    expected.write_text(json.dumps([_EXPECTED], indent=2) + "\n")
    return [request, expected]


def _kind(body: bytes) -> str:
    """What a bare body is most likely sent as."""
    boundary = re.match(rb"--([!-~]{1,70})\r?\n", body)
    if boundary is not None:
        return f'multipart/form-data; boundary="{boundary[1].decode()}"'
    kinds = {b"{": "application/json", b"[": "application/json", b"<": "application/xml"}
    return kinds.get(body.lstrip()[:1], "application/octet-stream")


def _fields(data: bytes) -> str:
    """The names of a capture's fields, for the docstring of the dialect."""
    body, kind = data, ""
    if _HTTP.match(data):
        head, _, body = data.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^content-type:\s*([^\r\n]+)", head)
        kind = found[1].decode("latin-1") if found else ""
    try:
        names = sorted({str(key) for one in objects(read_body(body, kind).root) for key in one.raw})
    except MalformedPayload as error:
        return f"The capture could not be opened by read_body: {error}."
    lines, line = [], "The capture's fields:"
    for name in (re.sub(r"[^\x20-\x7e]|[\"\\]", "?", name)[:60] for name in names[:80]):
        if len(line) + len(name) > 110:
            lines.append(line)
            line = "   "
        line += f" {name},"
    return "\n".join([*lines, line.rstrip(",")]).replace("$", "$$") + "."
