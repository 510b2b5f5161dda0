"""What a plugin is: a class named `Plugin` in its folder's plugin.py, made once for each instance in plugins.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from core.hooks.specs import HOOKS_VERSION


class Secret:
    """A secret value. Its repr, str and JSON form show nothing; `reveal()` is for the code that sends it.

    In plugins.toml a field of this type takes `{env = "NAME"}` or `{file = "/run/secrets/x"}` and nothing else.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: never log it, never store it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class PluginConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every plugin's Config: unknown keys are refused by name, with the known ones listed."""


class SinkConfig(PluginConfig, frozen=True, kw_only=True):
    """Base of a sink's Config: how core delivers for this instance. Core reads these, the plugin need not.

    idempotent        the centre honours the idempotency key: after an unknown outcome, sending again is safe
    trust_errors      the centre's 5xx mean that nothing was stored; otherwise 500, 502, 504 and the like are unknown
    timeout_s         of one request, connecting included
    in_flight         requests under way at a time, in each worker process
    retry_first_s, retry_max_s   shortest and longest wait between attempts (full jitter, doubling)
    settle_s          wait after an unknown outcome before the centre is asked or sent to again: it may still be at work
    breaker_failures  failures in a row that open the breaker
    breaker_wait_s, breaker_max_s   first and longest wait before a probe
    """

    idempotent: bool = False
    trust_errors: bool = False
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 30.0
    in_flight: Annotated[int, msgspec.Meta(ge=1, le=256)] = 64
    retry_first_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    retry_max_s: Annotated[float, msgspec.Meta(gt=0)] = 36_000.0
    settle_s: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    breaker_failures: Annotated[int, msgspec.Meta(ge=1)] = 10
    breaker_wait_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    breaker_max_s: Annotated[float, msgspec.Meta(gt=0)] = 600.0


class PluginContext(msgspec.Struct, frozen=True, kw_only=True):
    """Where an instance stands: its id in plugins.toml, whom it serves, and a folder of its own for files."""

    instance: str
    vendors: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    data_dir: Path | None = None


class Plugin:
    """Base of all plugins. Subclass as `Plugin` in plugin.py; put hook methods on it with `@hookimpl`.

    version    of this plugin, shown and stored with what it made
    hooks      the version of core.hooks.specs it was written for
    stability  "trial" | "ready" | "deprecated"; sinks in trial refuse to run unless the instance says `trial = true`
    maker      the camera make that an out-of-tree plugin parses; a folder of vendors/ speaks for its own name
    guarantee  for sinks and notifiers: what is promised ("at-least-once", "best-effort"), "" elsewhere
    in_app     of a notifier that reaches an open app only (a socket): used even for people who want no push, and what
               it says "accepted" to may still be unseen
    """

    Config: ClassVar[type[PluginConfig]] = PluginConfig
    version: ClassVar[str] = "1"
    hooks: ClassVar[int] = HOOKS_VERSION
    stability: ClassVar[Literal["trial", "ready", "deprecated"]] = "ready"
    maker: ClassVar[str] = ""
    guarantee: ClassVar[str] = ""
    in_app: ClassVar[bool] = False

    def __init__(self, config: Any, context: PluginContext) -> None:
        self.config = config
        self.context = context
