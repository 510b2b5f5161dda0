"""What the host raises: about plugins, never instead of a plugin's own Malformed, Unsupported, Unbuildable."""

from __future__ import annotations

import msgspec

from core.domain.errors import TangkapinError


class PluginLoadError(TangkapinError):
    """A deployment that cannot start. `problems` names file, table and what to put right, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ConfigError(TangkapinError):
    """A plugin's config table does not fit its Config."""


class PluginNotFound(TangkapinError):
    """`use` names nothing that is there."""


class PluginFailed(TangkapinError):
    """A plugin raised something that its hook does not allow, or returned nonsense: ours to repair.

    error_text  one line: the error's type and text
    trace_text  the end of its traceback (at most 4 KiB), for the quarantined payload; "" where nothing was raised
    """

    def __init__(self, instance: str, hook: str, error_text: str, trace_text: str = "") -> None:
        super().__init__(f"plugin {instance}: {hook}: {error_text}")
        self.instance = instance
        self.hook = hook
        self.error_text = error_text
        self.trace_text = trace_text


class PluginQuarantined(PluginFailed):
    """The plugin was not asked: it is quarantined since too many failures, or did not load."""


class UnknownMaker(TangkapinError):
    """No enabled plugin speaks for this maker (or none is bound to this device)."""


class UnknownInstance(TangkapinError):
    """plugins.toml has no such instance, or it does not implement the hook asked for."""


class PluginFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A contained failure, where the other plugins' results are still worth having."""

    instance: str
    hook: str
    error_text: str
