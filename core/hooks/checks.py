"""What pluggy does not check (its issues 15, 170, 191, 320): refused at load, with plugin and hook named.

`inspect_plugin` looks at a plugin class and lists what is wrong with it.
"""

from __future__ import annotations

import difflib
import inspect
import re
import types
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin, get_type_hints

from core.hooks.plugin import Plugin, PluginConfig
from core.hooks.specs import HOOKS_VERSION, PROJECT, Specs

HOOKS: dict[str, Callable[..., Any]] = {
    name: function for name, function in vars(Specs).items() if hasattr(function, PROJECT + "_spec")
}
"""Hook name -> its spec, in the order of the manual."""
STABILITIES = ("trial", "ready", "deprecated")
SINK_HOOKS = frozenset({"build_sync", "push_sync"})
SHADOWED = frozenset({"parse_payload", "judge_read", "classify_passage", "detect_frames"})
"""The hooks that a shadow is asked: those that only give an opinion. It is never asked to send, tell or open."""


def inspect_plugin(cls: Any) -> list[str]:
    """Everything wrong with a plugin class, one line each; [] when it may be loaded."""
    if not (isinstance(cls, type) and issubclass(cls, Plugin)):
        return [f"`Plugin` must be a class that subclasses core.api.Plugin, got {_name(cls)}"]
    problems = []
    if cls.hooks != HOOKS_VERSION:
        problems.append(f"written for hooks = {cls.hooks!r}, this core has hooks = {HOOKS_VERSION} (docs/hooks.md)")
    if not (isinstance(cls.Config, type) and issubclass(cls.Config, PluginConfig)):
        problems.append(f"`Config` must subclass core.api.PluginConfig, got {_name(cls.Config)}")
    if cls.stability not in STABILITIES:
        problems.append(f"stability {cls.stability!r}: expected one of {', '.join(STABILITIES)}")
    if not all(isinstance(value, str) for value in (cls.version, cls.maker, cls.guarantee)):
        problems.append("`version`, `maker` and `guarantee` must be text")
    for name in dir(cls):
        function = _function(cls, name)
        if function is None:
            continue
        options = getattr(function, PROJECT + "_impl", None)
        if options is None:
            if name in HOOKS:
                problems.append(f"{name}: is a hook but has no @hookimpl")
        else:
            problems += [f"{name}: {text}" for text in _impl_problems(name, function, options)]
    hooks = implemented(cls)
    if "build_sync" in hooks and not {"read_receipt", "push_sync"} & set(hooks):
        problems.append("build_sync: needs read_receipt (or push_sync) too, else no answer could be understood")
    for declaring, doing in (("routes", "answer_route"), ("commands", "run_command")):
        if (declaring in hooks) != (doing in hooks):
            problems.append(f"{declaring} and {doing}: one without the other is of no use")
    return problems


def implemented(cls: type[Plugin]) -> tuple[str, ...]:
    """The hooks that a plugin class implements, in the order of the manual."""
    return tuple(name for name in HOOKS if hasattr(_function(cls, name), PROJECT + "_impl"))


def kind_of(hooks: tuple[str, ...]) -> str:
    """One word for people: what an instance with these hooks is."""
    for hook, kind in (
        ("parse_payload", "parser"),
        ("build_sync", "sink"),
        ("push_sync", "sink"),
        ("detect_frames", "detector"),
        ("deliver_notice", "channel"),
        ("judge_read", "judge"),
        ("classify_passage", "rules"),
        ("observe_event", "observer"),
        ("pages", "page"),
        ("routes", "routes"),
        ("run_command", "commands"),
    ):
        if hook in hooks:
            return kind
    return "other"


def closest(name: str, known: Any) -> str:
    """A "did you mean" for an error line, else the list of what is known."""
    known = sorted(known)
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    listed = f"known: {', '.join(known) or 'none'}"
    return f"did you mean {match[0]}? ({listed})" if match else listed


def _function(cls: type, name: str) -> Any:
    """The plain function behind a method, static or class method; None for anything else (properties are not run)."""
    value = inspect.getattr_static(cls, name, None)
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    return value if inspect.isroutine(value) and hasattr(value, "__code__") else None


def _impl_problems(name: str, function: Any, options: dict[str, Any]) -> list[str]:
    if options.get("specname"):
        return [f"specname={options['specname']!r} is refused: name the method after its hook"]
    if options.get("wrapper") or options.get("hookwrapper"):
        return ["hook wrappers are refused: plugins are asked one at a time, only core measures and traces"]
    if options.get("tryfirst") or options.get("trylast") or options.get("optionalhook"):
        return ["tryfirst, trylast and optionalhook are refused: no hook depends on the order of plugins"]
    if name not in HOOKS:
        return [f"unknown hook; {closest(name, HOOKS)}"]
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return ["is async: all hooks are plain functions, core runs them in a process or thread of its own"]
    if inspect.isgeneratorfunction(function):
        return ["is a generator (it yields): return the whole result"]
    return _signature_problems(HOOKS[name], function)


def _signature_problems(spec: Callable[..., Any], function: Any) -> list[str]:
    allowed = [parameter for parameter in inspect.signature(spec).parameters if parameter != "self"]
    problems = []
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            problems.append(f"{parameter}: *args, **kwargs and keyword-only arguments are refused")
        elif parameter.default is not parameter.empty:
            problems.append(
                f"argument {parameter.name} has a default: what it would receive depends on pluggy's version"
            )
        elif parameter.name not in allowed:
            problems.append(f"unknown argument {parameter.name}; {closest(parameter.name, allowed)}")
    return problems or _annotation_problems(spec, function)


def _annotation_problems(spec: Callable[..., Any], function: Any) -> list[str]:
    """Annotations that say something else than the spec's. Unannotated is allowed; a narrower result is, too."""
    expected = get_type_hints(spec)
    try:
        found = get_type_hints(function)
    except (NameError, AttributeError, TypeError) as error:
        return [f"annotations cannot be resolved: {error}"]
    problems = []
    for name, wanted in expected.items():
        if name not in found:
            continue
        fits = _fits(found[name], wanted) if name == "return" else _fits(wanted, found[name])
        if not fits:
            what = "the result" if name == "return" else f"argument {name}"
            problems.append(f"{what} is annotated {_name(found[name])}, the hook says {_name(wanted)}")
    return problems


def _fits(narrow: Any, wide: Any) -> bool:
    """True when every value of `narrow` is one of `wide`, as far as annotations tell."""
    if wide in (Any, object) or narrow is Any or narrow == wide:
        return True
    narrow_origin, wide_origin = get_origin(narrow), get_origin(wide)
    if narrow_origin in (Union, types.UnionType):
        return all(_fits(member, wide) for member in get_args(narrow))
    if wide_origin in (Union, types.UnionType):
        return any(_fits(narrow, member) for member in get_args(wide))
    if narrow_origin or wide_origin:
        if not _is_subclass(narrow_origin or narrow, wide_origin or wide):
            return False
        ours, theirs = get_args(narrow), get_args(wide)
        if not ours or not theirs:
            return True
        return len(ours) == len(theirs) and all(_fits(a, b) for a, b in zip(ours, theirs, strict=True))
    return _is_subclass(narrow, wide)


def _is_subclass(narrow: Any, wide: Any) -> bool:
    return isinstance(narrow, type) and isinstance(wide, type) and issubclass(narrow, wide)


def _name(annotation: Any) -> str:
    """An annotation as its author wrote it, without module names."""
    if annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return re.sub(r"\b(?:typing|(?:core\.)[a-z_.]+)\.(?=[A-Z])", "", str(annotation))
