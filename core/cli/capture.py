"""`tangkapin capture`: look at what nobody reads yet, and take a sample of it along."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from core.cli.config import settings_of
from core.cli.parse import split_message
from core.domain.observations import Device, Payload
from core.hooks.host import Host

SHOWN = 4096


@click.group("capture")
def command() -> None:
    """Payloads that no plugin reads yet: list, show, export, recognise."""


@command.command("list")
@click.option("--device", default="", help="Only of this device code.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_captures(device: str, limit: int, as_json: bool) -> None:
    """What lies in quarantine, newest first."""
    from core.capture import store

    with _opened() as (database, _):
        found = store.list_captures(database, device=device, limit=limit)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for one in found:
        whose = f"{one.device_code:24} {one.maker:14} {one.size:>9}"
        click.echo(f"{one.id}  {one.received_at:%Y-%m-%d %H:%M:%S}Z  {whose}  {one.reason}")
    if not found:
        click.echo("Nothing lies in quarantine: everything that came was read.")


@command.command("show")
@click.argument("payload", type=int)
@click.option("--raw", is_flag=True, help="The body alone, byte for byte, for a pipe.")
def show(payload: int, raw: bool) -> None:
    """Print the stored request PAYLOAD: headers, then the beginning of its body."""
    from core.capture import store

    with _opened() as (database, media):
        found = store.load(database, media, payload)
    if raw:
        sys.stdout.buffer.write(found.body)
        return
    click.echo(f"{found.device_code} ({found.maker}), {found.received_at.isoformat()}")
    if found.reason:
        click.echo(found.reason)
    for name, value in found.headers.items():
        click.echo(f"{name}: {value}")
    click.echo("")
    click.echo(
        "".join(c if c.isprintable() or c in "\n\t" else "·" for c in found.body[:SHOWN].decode("utf-8", "replace"))
    )
    if len(found.body) > SHOWN:
        click.echo(f"… {len(found.body) - SHOWN} bytes more")


@command.command("export")
@click.argument("payload", type=int)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--redact", is_flag=True, help="Replace plates, faces, keys, serials, coordinates and addresses.")
def export(payload: int, file: Path, redact: bool) -> None:
    """Write the stored request PAYLOAD to FILE, as a fixture is written (.http).

    Redacted, the sample reads the same way: values are replaced by others of their form and length, pictures by grey
    ones. Look at it before you hand it on: what stands in free text is not known.
    """
    from core.capture import store
    from core.cli.serve import load_host
    from core.ingest.directory import DeviceDirectory

    settings = settings_of()
    host = load_host(settings)
    try:
        with _opened() as (database, media):
            directory = DeviceDirectory(database)
            directory.refresh()
            found = store.load(database, media, payload)
            seed = settings.signing_key().reveal().encode() if redact else None
            exported = store.export(found, host, directory, seed=seed)
    finally:
        host.close()
    with file.open("xb") as out:
        out.write(exported.data)
    if redact:
        click.echo(f"plates found and replaced: {exported.plates or 'none'}; look at it before you hand it on")
    click.echo(f"{file}: {len(exported.data)} bytes")
    click.echo(f"next: tangkapin plugins new vendor {found.maker} --from-capture {file}")


@command.command("sniff")
@click.argument("what", metavar="FILE|PAYLOAD")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def sniff(what: str, as_json: bool) -> None:
    """Ask every plugin whether it would recognise a request, and why: a FILE, or the number of a stored one.

    Where there is no plugins.toml a FILE is shown to the makes that `tangkapin init` would enable.
    """
    payload = _payload(what)
    host = _host()
    try:
        opinions = host.recognise_payload(payload)
    finally:
        host.close()
    rows = [{"plugin": name, "confidence": o.confidence, "why": o.why} for name, o in opinions]
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        click.echo(f"{row['confidence']:.0%}  {row['plugin']:20} {row['why']}")
    if rows:
        click.echo("If it is one of these under another label, register the device with that make.")
    else:
        click.echo("No plugin recognises it: `tangkapin plugins new vendor NAME --from-capture FILE` begins one.")


def _host() -> Host:
    """What plugins.toml enables; without one all makes that need no config."""
    from core.cli.init import plugins_text
    from core.cli.serve import load_host

    settings = settings_of()
    if settings.plugins_file.exists():
        return load_host(settings)
    with tempfile.TemporaryDirectory(prefix="tkp-") as folder:
        file = Path(folder) / "plugins.toml"
        file.write_text(plugins_text())
        return Host.load(file, environ={})


def _payload(what: str) -> Payload:
    if Path(what).is_file():
        start, headers, body = split_message(Path(what).read_bytes())
        path = start.split(" ")[1] if start else ""
        return _as_payload(body, headers.get("content-type", ""), headers, path)
    if not what.isdecimal():
        raise click.BadParameter(f"{what!r} is no file and no number of a payload", param_hint="FILE|PAYLOAD")
    from core.capture import store

    with _opened() as (database, media):
        found = store.load(database, media, int(what))
    return _as_payload(found.body, found.content_type, found.headers, found.headers.get(":path", ""))


def _as_payload(body: bytes, content_type: str, headers: dict[str, str], path: str) -> Payload:
    device = Device(id=0, code="capture", maker="capture", vendor_id=0, vendor_code="")
    return Payload(
        body=body, device=device, received_at=datetime.now(UTC), content_type=content_type, headers=headers, path=path
    )


@contextlib.contextmanager
def _opened() -> Iterator[tuple[Any, Any]]:
    """The running deployment's database and media."""
    from core.cli.serve import open_database
    from core.evidence.store import MediaStore
    from core.log import configure

    settings = settings_of()
    configure(settings.log_style, "warning")
    database = open_database(settings)
    media = MediaStore(settings.home / "media")
    try:
        yield database, media
    finally:
        media.close()
        database.dispose()
