"""`tangkapin device`: register cameras, give them keys, see which of them are heard."""

from __future__ import annotations

import contextlib
import difflib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from core import log
from core.cli.config import settings_of
from core.cli.user import operator
from core.db.engine import Database
from core.db.runtime import open_services
from core.domain.errors import TangkapinError
from core.domain.observations import ViolationType
from core.hooks.deployment import read_deployment
from core.ingest import devices
from core.ingest.devices import AUTH_METHODS, DeviceError, NewDevice, NewKey
from core.secrets import SecretBox
from core.settings import Settings
from core.streams.setting import KINDS, remove_stream, set_stream

_GRACE = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHORT = ("device_code", "maker", "vendor_code", "is_active", "auth", "last_seen")


class _Grace(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = _GRACE.fullmatch(str(value))
        if match is None:
            self.fail(f"expected a time like 0s, 30m, 12h or 7d, got {value!r}", param, ctx)
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


@click.group("device")
def command() -> None:
    """Register cameras, rotate their keys."""


@command.command("add")
@click.argument("code")
@click.option("--maker", required=True, help="Whose payloads it sends: the name of a folder in vendors/.")
@click.option("--vendor", required=True, help="Code of the reporting agency.")
@click.option("--name", default="", help="For people.")
@click.option("--location", default="", help="The place as it goes to the centre.")
@click.option("--zone", default="Asia/Jakarta", show_default=True, help="Time zone of the camera's clock.")
@click.option(
    "--time-rule",
    type=click.Choice(["offset", "wall_clock"]),
    default="offset",
    show_default=True,
    help="Trust the offset it sends, or read its digits in --zone.",
)
@click.option("--purpose", "purposes", multiple=True, help="Violation type it was installed for; may be repeated.")
@click.option("--speed-limit", type=click.FloatRange(min=0, min_open=True), help="km/h.")
@click.option("--serial", default="", help="Serial number, for a camera behind a recorder.")
@click.option("--channel", default="", help="The recorder's channel.")
@click.option("--parent", default="", help="Code of the recorder that posts for it.")
@click.option("--latitude", type=click.FloatRange(-90, 90))
@click.option("--longitude", type=click.FloatRange(-180, 180))
@click.option(
    "--auth",
    multiple=True,
    type=click.Choice(AUTH_METHODS),
    default=("api_key", "token"),
    show_default=True,
    help="How it proves itself; may be repeated.",
)
@click.option("--ip-allow", multiple=True, metavar="CIDR", help="It may post from here only; may be repeated.")
@click.option(
    "--image-host",
    "image_hosts",
    multiple=True,
    metavar="CIDR[:PORT]",
    help="Picture URLs may be fetched from here; may be repeated.",
)
@click.option("--rate", "rate_per_s", type=float, default=20.0, show_default=True, help="Requests a second.")
@click.option("--burst", "rate_burst", type=float, default=100.0, show_default=True, help="Requests at once.")
@click.option("--username", default="", help="For Basic and Digest; the device code if not given.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Password for Basic and Digest; one is made if not given.",
)
@click.option("--allow-md5", is_flag=True, help="Digest by MD5 too, for recorders that know nothing newer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add(
    code: str, username: str, password_file: Path | None, allow_md5: bool, as_json: bool,
    speed_limit: float | None, **fields: Any,
) -> None:  # fmt: skip
    """Register the device CODE; print its key ONCE and the URL to type into the camera."""
    settings = settings_of()
    database = _database(settings)
    new = NewDevice(code=code, speed_limit_kmh=speed_limit, **fields)
    password = _read_password(password_file) if password_file else devices.make_password()
    if {"basic", "digest"} & set(new.auth):
        devices.check_login(username or code, password)
    device_id, key = devices.add_device(database, new, by=operator())
    told: dict[str, Any] = {"id": device_id, "device_code": code, "url": _url(settings, new.maker, code)}
    if key is not None:
        told |= _key_told(settings, new.maker, code, new.auth, key)
    if {"basic", "digest"} & set(new.auth):
        told["username"] = devices.set_password(
            database, _box(settings), code, password, username=username, allow_md5=allow_md5, by=operator()
        )
        if password_file is None:
            told["password"] = password
    _tell(told, as_json)
    for doubt in _doubts(settings, new):
        click.echo(f"Note: {doubt}", err=True)


def _doubts(settings: Settings, new: NewDevice) -> Iterable[str]:
    """What may be a slip of the pen: it is allowed, but nothing would come of it and nobody would be told."""
    with contextlib.suppress(TangkapinError):  # a plugins.toml with a mistake is another command's business
        makers = {declared.make for declared in read_deployment(settings.plugins_file)} - {""}
        if new.maker not in makers:
            near = difflib.get_close_matches(new.maker, makers, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"no plugin of plugins.toml reads {new.maker!r}: what the device sends is kept until one does{hint}"
    types = [kind.value for kind in ViolationType]
    for purpose in new.purposes:
        near = difflib.get_close_matches(purpose, types, n=1, cutoff=0.7)
        if purpose not in types and near:
            yield f"the purpose {purpose!r} is no violation type; did you mean {near[0]}?"


@command.command("set")
@click.argument("code")
@click.option("--name", help="For people.")
@click.option("--location", help="The place as it goes to the centre.")
@click.option("--zone", help="Time zone of the camera's clock.")
@click.option("--time-rule", type=click.Choice(["offset", "wall_clock"]))
@click.option("--purpose", "purposes", multiple=True, help="In place of those it has; may be repeated.")
@click.option("--speed-limit", "speed_limit_kmh", type=click.FloatRange(min=0, min_open=True), help="km/h.")
@click.option("--latitude", type=click.FloatRange(-90, 90))
@click.option("--longitude", type=click.FloatRange(-180, 180))
@click.option("--rate", "rate_per_s", type=float, help="Requests a second.")
@click.option("--burst", "rate_burst", type=float, help="Requests at once.")
@click.option(
    "--setting",
    "given",
    multiple=True,
    metavar="PLUGIN.KEY=VALUE",
    help="For one plugin, like anpr_filter.accept=90; an empty VALUE takes it away; may be repeated.",
)
def change(code: str, given: tuple[str, ...], **fields: Any) -> None:
    """Give the device CODE other values from now on; running servers follow within seconds."""
    changes = {name: value for name, value in fields.items() if value not in (None, ())}
    plugins: dict[str, dict[str, Any]] = {}
    for text in given:
        plugin, key, value = _setting(text)
        plugins.setdefault(plugin, {})[key] = value
    if not changes and not plugins:
        raise click.UsageError("say what is to change")
    settings = settings_of()
    devices.change_device(_database(settings), code, changes, plugins, by=operator())
    click.echo(f"{code}: changed")
    with contextlib.suppress(TangkapinError):  # as in _doubts
        folders = _OURS | {declared.use.rpartition(".")[2] for declared in read_deployment(settings.plugins_file)}
        for plugin in sorted(plugins.keys() - folders):
            click.echo(f"Note: plugins.toml has no plugin {plugin!r} that would read it", err=True)


_OURS = {"stream", "detection"}
"""What Tangkapin itself reads of a device's settings (docs/streams.md, docs/models.md)."""


def _setting(text: str) -> tuple[str, str, Any]:
    name, given, value = text.partition("=")
    plugin, dot, key = name.partition(".")
    if not (given and dot and plugin and key):
        raise click.UsageError(f"--setting expects PLUGIN.KEY=VALUE like anpr_filter.accept=90, got {text!r}")
    with contextlib.suppress(msgspec.DecodeError):
        return plugin, key, msgspec.json.decode(value)
    return plugin, key, value or None


@command.command("list")
@click.option("--vendor", default="", help="Only this agency's.")
@click.option("--maker", default="", help="Only this make's.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array with every field.")
def list_(vendor: str, maker: str, as_json: bool) -> None:
    """List the devices and when they were last heard."""
    rows = devices.list_devices(_database(settings_of()), vendor=vendor, maker=maker)
    if as_json:
        click.echo(_json(rows))
        return
    table = [[_text(row[name]) for name in _SHORT] for row in rows]
    widths = [max(map(len, column)) for column in zip(_SHORT, *table, strict=True)]
    for line in ([*_SHORT], *table):
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


@command.command("show")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(code: str, as_json: bool) -> None:
    """Show one device and the public halves of its credentials."""
    settings = settings_of()
    row = devices.show_device(_database(settings), code)
    _tell({**row, "url": _url(settings, row["maker"], code)}, as_json)


@command.command("rotate-key")
@click.argument("code")
@click.option("--grace", type=_Grace(), default="7d", show_default=True, help="How long the old key stays good.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def rotate_key(code: str, grace: timedelta, as_json: bool) -> None:
    """Make a new key, printed ONCE; the old one works on for --grace, so that nobody has to hurry."""
    settings = settings_of()
    database = _database(settings)
    key = devices.rotate_key(database, code, grace=grace, by=operator())
    row = devices.show_device(database, code)
    _tell({"device_code": code, **_key_told(settings, row["maker"], code, row["auth"], key)}, as_json)


@command.command("revoke-key")
@click.argument("code")
@click.option("--key-id", default="", help="The public half of the key.")
@click.option("--all", "everything", is_flag=True, help="Every key and password of the device.")
def revoke_key(code: str, key_id: str, everything: bool) -> None:
    """End a credential at once (running servers follow within seconds)."""
    if bool(key_id) == everything:
        raise click.UsageError("give either --key-id or --all")
    count = devices.revoke_key(_database(settings_of()), code, key_id, by=operator())
    click.echo(f"{code}: {count} credential{'' if count == 1 else 's'} revoked")


@command.command("set-password")
@click.argument("code")
@click.option("--username", default="", help="The device code if not given.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Else it is asked for; never an argument, since those are seen by all.",
)
@click.option("--allow-md5", is_flag=True, help="Digest by MD5 too, for recorders that know nothing newer.")
def set_password(code: str, username: str, password_file: Path | None, allow_md5: bool) -> None:
    """Set the password for Basic and Digest."""
    settings = settings_of()
    if password_file is not None:
        password = _read_password(password_file)
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    name = devices.set_password(
        _database(settings), _box(settings), code, password, username=username, allow_md5=allow_md5, by=operator()
    )
    click.echo(f"{code}: password set for the user name {name}")


@command.command("stream")
@click.argument("code")
@click.argument("where", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="What is read; guessed from WHERE if not given.")
@click.option(
    "--allow",
    multiple=True,
    metavar="CIDR[:PORT]",
    help="Where its address may lead; the very address of WHERE if not given; may be repeated.",
)
@click.option(
    "--login-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds user:password; never an argument, since those are seen by all.",
)
@click.option("--detect/--no-detect", default=True, show_default=True, help="Its pictures go to the detectors.")
@click.option("--remove", is_flag=True, help="Read nothing more from it.")
def stream(
    code: str,
    where: str | None,
    kind: str | None,
    allow: tuple[str, ...],
    login_file: Path | None,
    detect: bool,
    remove: bool,
) -> None:
    """Read the stream of the device CODE at WHERE: rtsp://…, http://… or a video file of this machine.

    Kinds: rtsp, mjpeg, snapshot (a picture's address, asked for again and again), file, and vendor: the make's own
    event stream (Hikvision alertStream, Dahua eventManager and snapManager), WHERE being the device's web address.
    """
    settings = settings_of()
    if remove:
        if not remove_stream(_database(settings), code, by=operator()):
            raise DeviceError(f"there is no device {code!r}; `tangkapin device list` names all")
        click.echo(f"{code}: nothing is read from it any more")
        return
    if not where:
        raise click.UsageError("say WHERE its stream is, or --remove")
    kind = kind or _guessed_kind(where)
    login = _read_password(login_file) if login_file else ""
    allowed = set_stream(
        _database(settings), _box(settings), code, kind, where, by=operator(), login=login,
        allow=list(allow) or None, detect=detect,
    )  # fmt: skip
    click.echo(f"{code}: {kind}, opened at {', '.join(allowed) or 'this machine'}")


def _guessed_kind(where: str) -> str:
    if where.lower().startswith("rtsp://"):
        return "rtsp"
    if "://" not in where:
        return "file"
    return "snapshot" if where.partition("?")[0].lower().endswith((".jpg", ".jpeg", ".png", "/picture")) else "mjpeg"


@command.command("disable")
@click.argument("code")
def disable(code: str) -> None:
    """The device may not post any more; what it posted stays."""
    devices.set_active(_database(settings_of()), code, False, by=operator())
    click.echo(f"{code}: disabled")


@command.command("enable")
@click.argument("code")
def enable(code: str) -> None:
    """The device may post again."""
    devices.set_active(_database(settings_of()), code, True, by=operator())
    click.echo(f"{code}: enabled")


def _database(settings: Settings) -> Database:
    """The deployment's database; the embedded one is started for this command when no server runs it already."""
    log.configure(settings.log_style, settings.log_level)
    services = open_services(settings)
    database = Database(services.database_url)
    context = click.get_current_context()
    context.call_on_close(services.close)
    context.call_on_close(database.dispose)
    return database


def _box(settings: Settings) -> SecretBox:
    return SecretBox(settings.signing_key())


def _read_password(path: Path) -> str:
    return path.read_text("utf-8").rstrip("\r\n")


def _url(settings: Settings, maker: str, code: str) -> str:
    return f"http://{settings.host}:{settings.port}/cam/{maker}/{code}"


def _key_told(settings: Settings, maker: str, code: str, auth: Any, key: NewKey) -> dict[str, Any]:
    told: dict[str, Any] = {"key_id": key.key_id, "key": key.key}
    if "api_key" in auth:
        told["header"] = f"X-API-KEY: {key.key}"
    if "token" in auth:
        told["url_with_key"] = f"{_url(settings, maker, code)}/{key.key}"
    return told


def _tell(told: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(_json(told))
        return
    width = max(map(len, told))
    for name, value in told.items():
        click.echo(f"{name:{width}}  {_text(value)}")
    if "key" in told or "password" in told:
        click.echo("The secret is shown this once and stored nowhere in clear.", err=True)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list | tuple) and not any(isinstance(item, dict) for item in value):
        return ",".join(map(str, value)) or "-"
    return _json(value, indent=None) if isinstance(value, dict | list) else str(value)


def _json(value: Any, indent: int | None = 2) -> str:
    return json.dumps(value, indent=indent, default=lambda v: v.isoformat() if isinstance(v, datetime) else str(v))
