"""plugins.toml: which plugin instances a deployment has, and their configuration.

An allow-list: what the file names is loaded, nothing else. Secrets are `{env = "NAME"}` or `{file = "path"}` and never
stand in the file itself. Every error names file, table and key, and what is allowed there; none quotes a secret.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from core.hooks.checks import closest
from core.hooks.errors import ConfigError, PluginLoadError, PluginNotFound
from core.hooks.plugin import Plugin, PluginConfig, Secret
from core.hooks.specs import HOOKS_VERSION

ENTRY_POINTS = "tangkapin.plugins"
MOUNTED_SECRETS = Path("/run/secrets")
MAX_SECRET_BYTES = 64 * 1024
_INSTANCE = re.compile(r"[a-z][a-z0-9_]{0,40}")
_MAKER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_USE = re.compile(r"[A-Za-z_]\w*([.-]\w+)*")
_FIELD = re.compile(r"field `(?P<name>[^`]*)`(?: - at `\$(?P<at>[^`]*)`)?")


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One [plugin.<id>] table. `config` is still raw: it is converted once the plugin's class is known.

    vendors, devices  codes of the rows this instance serves; empty = all
    maker             the make a parser speaks for here, where it is not its folder's name: a plugin for many makes, or
                      another make's dialect (`use = "vendors.<maker>"` for a re-labelled camera)
    required          a failure to load stops the start-up; otherwise the instance is quarantined and shown
    trial             a sink whose stability is "trial" may run
    shadow            run beside the live plugins on real traffic, in a process of its own; it decides nothing and its
                      differences are counted (parsers, judges, rules, detectors)
    """

    id: str
    use: str
    required: bool = True
    vendors: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    trial: bool = False
    shadow: bool = False
    maker: str = ""
    config: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def make(self) -> str:
        """The make as the file tells it: its own `maker`, else the name of a folder of the vendors package, else ""."""
        package, _, name = self.use.partition(".")
        return self.maker or (name if package == "vendors" and "." not in name else "")


_KEYS = tuple(name for name in Declared.__struct_fields__ if name != "id")


def read_deployment(path: Path) -> list[Declared]:
    """The instances of a plugins.toml, in its order. Raises PluginLoadError with every problem of the file."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PluginLoadError([f"{path}: no such file; `tangkapin init` writes one"]) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PluginLoadError([f"{path}: cannot be read as TOML: {error}"]) from None
    problems = [
        f"{path}: unknown key {key!r}; {closest(key, ('hooks', 'plugin'))}"
        for key in document
        if key not in ("hooks", "plugin")
    ]
    if document.get("hooks") != HOOKS_VERSION or isinstance(document.get("hooks"), bool):
        told = f"hooks = {document['hooks']!r}" if "hooks" in document else "no `hooks`"
        problems.append(f"{path}: expected `hooks = {HOOKS_VERSION}` at the top, got {told} (docs/hooks.md)")
    tables = document.get("plugin", {})
    declared: list[Declared] = []
    if not isinstance(tables, dict):
        problems.append(f"{path} [plugin]: expected tables [plugin.<id>]")
        tables = {}
    for instance, table in tables.items():
        try:
            declared.append(_declared(instance, table))
        except ValueError as error:
            problems.append(f"{path} [plugin.{instance}]: {error}")
    if problems:
        raise PluginLoadError(problems)
    return declared


def _declared(instance: str, table: Any) -> Declared:
    if not _INSTANCE.fullmatch(instance):
        raise ValueError("an instance id is a lower-case letter and then up to 40 of a-z, 0-9 and _")
    if not isinstance(table, dict):
        raise ValueError("expected a table")
    for key in table:
        if key not in _KEYS:
            raise ValueError(f"unknown key {key!r}; {closest(key, _KEYS)}")
    try:
        declared = msgspec.convert({**table, "id": instance}, type=Declared, strict=True)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if not _USE.fullmatch(declared.use):
        raise ValueError("use: expected a folder's import path (vendors.<maker>) or the name of an entry point")
    if declared.maker and not _MAKER.fullmatch(declared.maker):
        raise ValueError("maker: a lower-case letter and then up to 39 of a-z, 0-9 and _: it stands in /cam/<maker>/…")
    return declared


def find_class(use: str) -> Any:
    """What `use` names: the class `Plugin` of a folder's plugin.py, or an installed entry point of that name.

    A folder goes first, so that an installed package cannot take the place of one. Raises PluginNotFound with what to
    do; whatever the plugin's module raises at import comes through.
    """
    module_name = use + ".plugin"
    if "-" not in use and _exists(module_name):
        module = importlib.import_module(module_name)
        found = getattr(module, "Plugin", None)
        if found is None or found is Plugin:  # `from core.api import *` brings the base class along
            raise PluginNotFound(f"{module_name} has no class `Plugin` of its own")
        return found
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    for point in points:
        if point.name == use:
            return point.load()
    available = sorted(point.name for point in points)
    raise PluginNotFound(
        f"use = {use!r}: no folder {use.replace('.', '/')}/ with a plugin.py, and no entry point of that name in the "
        f"group {ENTRY_POINTS} (installed: {', '.join(available) or 'none'}){_meant(use, available)}"
    )


def _meant(use: str, available: Iterable[str]) -> str:
    """ "; did you mean …?" where a plugin of nearly that name lies beside it or is installed."""
    parent = use.rpartition(".")[0]
    places = importlib.import_module(parent).__path__ if parent and _exists(parent) else ()
    beside = [f"{parent}.{file.parent.name}" for place in places for file in Path(place).glob("*/plugin.py")]
    match = difflib.get_close_matches(use, [*beside, *available], n=1, cutoff=0.6)
    return f"; did you mean {match[0]}?" if match else ""


def _exists(module_name: str) -> bool:
    """True when the module is there; a parent that is missing is a plain no, a parent that breaks comes through."""
    parts = module_name.split(".")
    for end in range(1, len(parts) + 1):
        if importlib.util.find_spec(".".join(parts[:end])) is None:
            return False
        if end < len(parts) and not hasattr(importlib.import_module(".".join(parts[:end])), "__path__"):
            return False
    return True


def convert_config(
    raw: dict[str, Any], cls: type[PluginConfig], *, where: str, environ: Mapping[str, str], folder: Path
) -> PluginConfig:
    """The `config` table as the plugin's Config. Raises ConfigError naming `where`, the key and the known keys.

    folder  of plugins.toml: relative paths (fields of type Path, secret files) start there
    """

    def decode(kind: type, value: Any) -> Any:
        if kind is Secret:
            return _secret(value, environ, folder)
        if issubclass(kind, Path):
            if not isinstance(value, str) or not value:
                raise ValueError("Expected a path as text")
            return (folder / Path(value).expanduser()).absolute()
        raise NotImplementedError(kind)

    try:
        return msgspec.convert(raw, type=cls, strict=True, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_explained(str(error), cls)}") from None
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise ConfigError(f"{where}: Config cannot be filled from TOML: {error}") from None


def _secret(value: Any, environ: Mapping[str, str], folder: Path) -> Secret:
    if not isinstance(value, dict) or set(value) not in ({"env"}, {"file"}):
        raise ValueError('A secret must be {env = "NAME"} or {file = "path"}, never the value itself')
    ((source, name),) = value.items()
    if not isinstance(name, str) or not name:
        raise ValueError(f"A secret's `{source}` must be text")
    if source == "env":
        text = environ.get(name, "")
        if not text:
            raise ValueError(f"The environment variable {name} is not set or empty")
        return Secret(text)
    return Secret(_secret_file((folder / Path(name).expanduser()).absolute()))


def _secret_file(path: Path) -> str:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_SECRET_BYTES:
            raise ValueError(f"The secret file {path} must be a plain file of at most 64 KiB")
        # Docker and Kubernetes mount secrets as 0444 into a file system that only the container sees.
        forbidden = 0o022 if path.is_relative_to(MOUNTED_SECRETS) else 0o077
        if found.st_mode & forbidden:
            raise ValueError(f"Others may read or write the secret file {path}: expected mode 0600 (chmod 600)")
        text = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is not UTF-8 text"
        raise ValueError(f"The secret file {path}: {reason}") from None
    if not text:
        raise ValueError(f"The secret file {path} is empty")
    return text


def _explained(text: str, cls: type[PluginConfig]) -> str:
    """msgspec's error, with the known keys of the table it speaks of."""
    match = _FIELD.search(text)
    known = _keys_at(cls, match["at"] or "") if match else ()
    text = text.replace(" - at `$.", " - at `")
    if match is None or not known:
        return text
    return f"{text}; {closest(match['name'], known) if 'unknown' in text else 'known: ' + ', '.join(sorted(known))}"


def _keys_at(cls: type[msgspec.Struct], at: str) -> tuple[str, ...]:
    """The known keys of the Struct that stands at a path like `.targets[0].auth`; () when it is none."""
    here: Any = cls
    for name in re.findall(r"\.(\w+)", at):
        here = _struct_in(get_type_hints(here).get(name)) if here else None
    return tuple(here.__struct_fields__) if here else ()


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for member in get_args(hint) if (found := _struct_in(member))), None)


def masked(value: Any) -> Any:
    """A Config as JSON-able data for people: secrets are ***, passwords in URLs too."""
    if isinstance(value, Secret):
        return "***" if value else ""
    if isinstance(value, msgspec.Struct):
        return {name: masked(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(key): masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"(://[^/@:\s]*):[^\s]*@", r"\1:***@", value)
    return value if isinstance(value, bool | int | float) or value is None else str(value)
