"""From a declared instance to a plugin object that may be asked, or to a reason why not."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path

from core.hooks.checks import SHADOWED, SINK_HOOKS, inspect_plugin
from core.hooks.deployment import Declared, convert_config, find_class
from core.hooks.errors import ConfigError, PluginNotFound
from core.hooks.instance import Instance
from core.hooks.plugin import PluginConfig, PluginContext

MAX_ERROR = 500
MAX_TRACE = 4096


def belongs_to_the_process(error: BaseException, let_through: tuple[type[BaseException], ...]) -> bool:
    """True for what was thrown INTO plugin code from outside and is not the plugin's own doing.

    That is: the classes the process named (a task library's shutdown interrupt), and Ctrl-C where it lands: in the
    main thread under Python's own SIGINT handler. Anywhere else a KeyboardInterrupt can only be the plugin's.
    """
    if isinstance(error, let_through):
        return True
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def describe(error: BaseException) -> str:
    """One line: type and text, cut."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # a plugin's own exception class may have a broken __str__
        text = "(its text cannot be shown)"
    return f"{type(error).__name__}: {text}"[:MAX_ERROR] if text else type(error).__name__


def trace_of(error: BaseException) -> str:
    """The end of the traceback, without chained causes' locals; at most 4 KiB."""
    try:
        return "".join(traceback.format_exception(error))[-MAX_TRACE:]
    except Exception:
        return describe(error)


def load_instance(
    declared: Declared,
    *,
    file: Path,
    environ: Mapping[str, str],
    data_dir: Path | None,
    let_through: tuple[type[BaseException], ...],
) -> tuple[Instance, list[str]]:
    """Import, check, configure and make one plugin. Returns it with what is wrong ([] = ready to be asked)."""
    table = f"{file} [plugin.{declared.id}]"
    instance = Instance(declared)
    try:
        cls = find_class(declared.use)
        problems = [f"{table} {declared.use}: {text}" for text in inspect_plugin(cls)]
        if problems:
            return instance, problems
        instance = Instance(declared, cls)
        if problems := [f"{table}: {text}" for text in _deployment_problems(instance)]:
            return instance, problems
        config = convert_config(
            declared.config, cls.Config, where=f"{table[:-1]}.config]", environ=environ, folder=file.parent
        )
        instance.plugin = cls(config, _context(declared, config, data_dir))
    except PluginNotFound as error:
        return instance, [f"{table}: {error}"]
    except ConfigError as error:
        return instance, [str(error)]
    except BaseException as error:
        if belongs_to_the_process(error, let_through):
            raise
        return instance, [f"{table}: {declared.use} could not be loaded: {describe(error)}"]
    return instance, []


def _deployment_problems(instance: Instance) -> list[str]:
    declared, cls = instance.declared, instance.cls
    sink = bool(SINK_HOOKS & set(instance.hooks))
    problems = []
    if sink and cls is not None and cls.stability == "trial" and not declared.trial:
        problems.append(f"{declared.use} is in trial and would send real cases; say `trial = true` to run it")
    if sink and declared.devices:
        problems.append("devices: a sink serves vendors; bind it by `vendors`")
    if declared.shadow and not SHADOWED & set(instance.hooks):
        problems.append(f"shadow: {declared.use} has none of {', '.join(sorted(SHADOWED))}; only these can be compared")
    if declared.maker and "parse_payload" not in instance.hooks:
        problems.append(f"maker: {declared.use} parses nothing, only a parser speaks for a make")
    if "parse_payload" in instance.hooks and not instance.maker:
        problems.append(f'{declared.use} parses payloads but names no make: set `maker = "…"` on its class Plugin')
    return problems


def _context(declared: Declared, config: PluginConfig, data_dir: Path | None) -> PluginContext:
    own: Path | None = None
    if data_dir is not None:
        own = data_dir / declared.id
        own.mkdir(parents=True, exist_ok=True, mode=0o700)
    return PluginContext(instance=declared.id, vendors=declared.vendors, devices=declared.devices, data_dir=own)
