"""Plugin code in a thread of its own, with a deadline: a hook that hangs costs its sink, not the worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from core.domain.errors import TangkapinError
from core.hooks.host import Host

T = TypeVar("T")
HOOK_TIMEOUT_S = 10.0


class HookHung(TangkapinError):
    """A hook did not come back in time. Its thread is left behind; it cannot be killed."""


def bounded(call: Callable[[], T], timeout_s: float | None = None) -> T:
    """Return what `call` returns, raise what it raises, or HookHung after `timeout_s` (HOOK_TIMEOUT_S)."""
    timeout_s = HOOK_TIMEOUT_S if timeout_s is None else timeout_s
    result: list[Any] = []
    error: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call())
        except BaseException as caught:
            error.append(caught)

    thread = threading.Thread(target=run, name="sink-hook", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if error:
        raise error[0]
    if not result:
        raise HookHung(f"no answer within {timeout_s:g} s")
    found: T = result[0]
    return found


def give_up(host: Host, sink: str, reason: str) -> None:
    """Quarantine a sink that hung, and have it remembered where the process does that (`host.on_quarantine`)."""
    host.quarantine(sink, reason)
    if host.on_quarantine is not None:
        host.on_quarantine(sink, reason)
