"""Settings of one deployment: defaults < file < environment < flags.

The file is `tangkapin.toml` in the home folder, or what TANGKAPIN_CONFIG names. An environment variable is the field's
name in capitals behind TANGKAPIN_ (TANGKAPIN_PORT). Unknown keys and unknown TANGKAPIN_ variables are refused; every
error names the file or variable, the key and what is expected, all errors at once.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import os
import re
import secrets
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from core.domain.errors import TangkapinError
from core.hooks.plugin import Secret

PREFIX = "TANGKAPIN_"
FILE_NAME = "tangkapin.toml"
OTHER_VARIABLES = frozenset({
    "TANGKAPIN_CONFIG", "TANGKAPIN_CAPTURES", "TANGKAPIN_CHROMIUM", "TANGKAPIN_EXAMPLES", "TANGKAPIN_FAULTS",
    "TANGKAPIN_TEST_DATABASE_URL",
})  # fmt: skip
"""Known names that are no settings: the file itself, what the tests are told by, the fault switch of the drills."""
FREE_PREFIX = "TANGKAPIN_PLUGIN_"
"""Variables that plugins.toml names in `{env = …}` may start with this; core does not judge them."""

Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Deadline = Annotated[float, msgspec.Meta(gt=0)]
Speed = Annotated[float, msgspec.Meta(gt=0)]
Days = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class SettingsError(TangkapinError):
    """Wrong settings. `problems` has one line for each thing to put right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, repr_omit_defaults=True):
    """All settings. Names ending in _s are seconds, _mib mebibytes, _days days; paths are absolute after loading.

    database_url       "" = the embedded PostgreSQL under `home`
    redis_url          "" = the embedded server under `home`
    port               0 = any free one
    log_format         "" = console on a terminal, else json
    trusted_proxies    CIDRs of the reverse proxies whose X-Forwarded-For is believed
    parse_processes    0 = as many as cores that this process may use, at most four
    travel_max_kmh     a plate seen twice that would have had to go faster is told to be on two vehicles
    answer_days        from, to: when an answer to a letter is late
    unanswered_s       police who were sent and have not answered for so long: who sent them is told once; 0 = never
    registration_vendor  code of the vendor that people who register belong to; "" = the only active one
    cors_origins       origins of web clients served from elsewhere (https://app.example.id); "*" = any
    public_url         what clients reach this API under (https://api.example.id), for absolute picture addresses;
                       "" = as the request says
    media_url_s        how long a picture's address opens by itself
    map_tiles          beneath the map: an .mbtiles file (relative to `home`), or https://tiles.example.id/{z}/{x}/{y}.png
    map_credit         what the map says of their source; "" = what the file says
    map_max_zoom       the closest that the tile server has
    max_upload_bytes   of a report with its picture, and of evidence
    secret_key         "" = made once, kept in home/secret.key (see `signing_key`)
    metrics_token      "" = /metrics needs none
    origin             setting name -> where its value came from; not a setting
    """

    home: Path = Path("var")
    database_url: str = ""
    redis_url: str = ""
    host: str = "127.0.0.1"
    port: Port = 8097
    plugins_file: Path = Path("plugins.toml")
    log_format: Literal["", "json", "console"] = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trusted_proxies: tuple[str, ...] = ()
    ingest_queue_limit: Count = 4096
    ingest_batch: Annotated[int, msgspec.Meta(ge=1, le=1023)] = 512
    max_body_bytes: Count = 20 * 1024 * 1024
    body_timeout_s: Deadline = 15.0
    parse_processes: Annotated[int, msgspec.Meta(ge=0)] = 0
    parse_timeout_s: Deadline = 2.0
    parse_memory_mib: Annotated[int, msgspec.Meta(ge=128)] = 1024
    passage_window_s: Seconds = 30.0
    skew_warn_s: Deadline = 2.0
    skew_hold_s: Deadline = 10.0
    undo_s: Seconds = 15.0
    travel_max_kmh: Speed = 200.0
    validation_days: Days = 3
    letter_days: Days = 3
    answer_days: tuple[Days, Days] = (5, 8)
    payment_days: Days = 7
    secret_key: Secret = Secret("")
    unanswered_s: Seconds = 180.0
    registration_vendor: str = ""
    cors_origins: tuple[str, ...] = ()
    public_url: str = ""
    media_url_s: Count = 900
    map_tiles: str = ""
    map_credit: str = ""
    map_max_zoom: Annotated[int, msgspec.Meta(ge=0, le=22)] = 18
    max_upload_bytes: Count = 12 * 1024 * 1024
    docs_enabled: bool = True
    auto_migrate: bool = False
    metrics_token: Secret = Secret("")
    origin: dict[str, str] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        """Secrets are masked: settings end up in logs and tracebacks."""
        return "Settings(" + ", ".join(f"{name}={value!r}" for name, value in self.shown().items()) + ")"

    @property
    def log_style(self) -> Literal["json", "console"]:
        """`log_format`, with "" decided: console where standard error is a terminal."""
        return self.log_format or ("console" if sys.stderr.isatty() else "json")

    @property
    def parsers(self) -> int:
        """`parse_processes`, with 0 decided: one that waits for PostgreSQL leaves its core to the next."""
        return self.parse_processes or min(4, len(os.sched_getaffinity(0)))

    def shown(self) -> dict[str, Any]:
        """Every setting as JSON-able data with secrets masked: for people, logs and `config show`."""
        return {name: _shown(name, getattr(self, name)) for name in FIELDS}

    def environ(self) -> dict[str, str]:
        """TANGKAPIN_ variables that give a child process these very settings. Holds the secrets in clear."""
        # Paths always: a default one hangs on the working directory.
        given = {name for name in FIELDS if self.origin.get(name, "default") != "default"}
        told = {name: getattr(self, name) for name in FIELDS if name in given or name in _PATHS}
        return {PREFIX + name.upper(): _as_text(value) for name, value in told.items()}

    def signing_key(self) -> Secret:
        """`secret_key`, or the one in home/secret.key, which is made (0600) by whoever asks first."""
        if self.secret_key:
            return self.secret_key
        path = self.home / "secret.key"
        self.home.mkdir(parents=True, exist_ok=True)
        # Written aside and linked into place, so that two processes starting together agree and none reads half a key.
        if not path.exists():
            draft = self.home / f".secret.key.{secrets.token_hex(8)}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        if path.stat().st_mode & 0o077:
            raise SettingsError([f"{path}: others may read it; expected mode 0600 (chmod 600 {path.name})"])
        key = path.read_text().strip()
        if len(key) < 32:
            raise SettingsError([f"{path}: expected a key of at least 32 characters; remove the file to have one made"])
        return Secret(key)


FIELDS = tuple(name for name in Settings.__struct_fields__ if name != "origin")
_TYPES = get_type_hints(Settings, include_extras=True)
_DEFAULTS = Settings()
_PATHS = ("home", "plugins_file")
_LISTS = ("trusted_proxies", "answer_days", "cors_origins")
_SECRETS = ("secret_key", "metrics_token")


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    file: Path | None = None,
) -> Settings:
    """Read the settings. A flag that is None was not given. Raises SettingsError with every problem found.

    file   instead of TANGKAPIN_CONFIG and of tangkapin.toml in the home folder; then it must exist
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    named = file or (Path(environ["TANGKAPIN_CONFIG"]) if environ.get("TANGKAPIN_CONFIG") else None)
    home = Path(given.get("home") or environ.get("TANGKAPIN_HOME") or _DEFAULTS.home)
    problems: list[str] = []
    values: dict[str, Any] = {}
    origin = dict.fromkeys(FIELDS, "default")

    def take(name: str, raw: Any, where: str, *, text: bool, base: Path | None = None) -> None:
        try:
            values[name] = _convert(name, raw, text=text, base=base)
            origin[name] = where
        except (msgspec.ValidationError, ValueError) as error:
            problems.append(f"{where}: {error}")

    path = named or home / FILE_NAME
    for name, raw in _read_file(path, required=named is not None, problems=problems).items():
        if name in FIELDS:
            take(name, raw, f"{path} {name}", text=False, base=path.parent)
        else:
            problems.append(f"{path} {name}: unknown key{_closest(name, FIELDS)}")
    for variable, raw in environ.items():
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES or variable.startswith(FREE_PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in FIELDS and variable == PREFIX + name.upper():
            take(name, raw, variable, text=True)
        else:
            known = [PREFIX + known.upper() for known in FIELDS]
            problems.append(f"{variable}: unknown environment variable{_closest(variable, [*known, *OTHER_VARIABLES])}")
    for name, raw in given.items():
        if name in FIELDS:
            take(name, raw, f"flag {name}", text=isinstance(raw, str))
        else:
            problems.append(f"flag {name}: unknown setting{_closest(name, FIELDS)}")
    for name in _PATHS:
        values.setdefault(name, Path(getattr(_DEFAULTS, name)).absolute())
    problems += _cross_checks(values, origin)
    if problems:
        raise SettingsError(problems)
    return Settings(**values, origin=origin)


def _read_file(path: Path, *, required: bool, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if required:
            problems.append(f"{path}: no such file (TANGKAPIN_CONFIG or --config names it)")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{path}: cannot be read as TOML: {error}")
    return {}


def _convert(name: str, raw: Any, *, text: bool, base: Path | None) -> Any:
    """One value. `text`: it came as text, so numbers and booleans are read from it and lists are split at commas."""
    if name in _PATHS:
        if not isinstance(raw, str | Path) or not str(raw):
            raise ValueError("expected a path")
        return ((base or Path()) / Path(raw).expanduser()).absolute()
    if name in _SECRETS:
        if not isinstance(raw, str):
            raise ValueError("expected text")
        return Secret(raw)
    if text and name in _LISTS:
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        value = msgspec.convert(raw, type=_TYPES[name], strict=not text)
    except msgspec.ValidationError as error:
        choices = get_args(_TYPES[name]) if get_origin(_TYPES[name]) is Literal else ()
        expected = f"expected one of {', '.join(map(repr, choices))}" if choices else str(error).partition(", got ")[0]
        expected = expected.replace("Expected", "expected").replace("`$", f"`{name}")
        raise ValueError(f"{expected}, got {raw!r}"[:300]) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {raw!r}")
    check = _CHECKS.get(name)
    return check(value) if check else value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for cidr in value:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            raise ValueError(f"expected a list of networks like 10.0.0.0/8: {error}") from None
    return value


def _url(*schemes: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value and not value.startswith(tuple(scheme + "://" for scheme in schemes)):
            raise ValueError(f"expected a URL starting with {' or '.join(scheme + '://' for scheme in schemes)}")
        return value

    return check


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        if origin != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", origin):
            raise ValueError(f"expected origins like https://app.example.id (no path), or *, got {origin!r}")
    return value


def _tiles(value: str) -> str:
    is_address = re.match(r"https?://", value) and all(part in value for part in ("{z}", "{x}", "{y}"))
    if value and not is_address and ("://" in value or not value.endswith(".mbtiles")):
        raise ValueError("expected a file *.mbtiles, or an address like https://tiles.example.id/{z}/{x}/{y}.png")
    return value


def _ascending(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise ValueError(f"expected two numbers of days, the smaller first, got {value[0]}, {value[1]}")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "trusted_proxies": _networks,
    "answer_days": _ascending,
    "database_url": _url("postgresql", "postgres", "postgresql+psycopg"),
    "redis_url": _url("redis", "rediss", "unix"),
    "public_url": _url("http", "https"),
    "cors_origins": _origins,
    "map_tiles": _tiles,
}


def _cross_checks(values: dict[str, Any], origin: dict[str, str]) -> list[str]:
    warn, hold = (values.get(name, getattr(_DEFAULTS, name)) for name in ("skew_warn_s", "skew_hold_s"))
    if warn > hold:
        where = origin["skew_warn_s"] if origin["skew_warn_s"] != "default" else origin["skew_hold_s"]
        return [f"{where}: skew_warn_s ({warn}) must not be above skew_hold_s ({hold})"]
    return []


def _closest(name: str, known: Any) -> str:
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {match[0]}?" if match else f"; known: {', '.join(sorted(known))}"


def mask_url(url: str) -> str:
    """The URL with its password, if any, as ***: both user:password@ and ?password= forms."""
    url = re.sub(r"(://[^/@:]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&]password=)[^&]*", r"\1***", url, flags=re.IGNORECASE)


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, Secret):
        return "***" if value else ""
    if name in ("database_url", "redis_url"):
        return mask_url(value)
    if name == "map_tiles":
        return re.sub(r"\?.*", "?***", value)  # keys of tile servers stand there
    return str(value) if isinstance(value, Path) else value


def _as_text(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
