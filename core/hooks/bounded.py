"""Plugin code in a thread of its own, with a deadline: a hook that hangs costs its plugin, not who asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from core.domain.errors import TangkapinError

T = TypeVar("T")
HOOK_TIMEOUT_S = 10.0


class HookHung(TangkapinError):
    """A hook did not come back in time. Its thread is left behind; it cannot be killed."""


def bounded(call: Callable[[], T], timeout_s: float | None = None, *, name: str = "hook") -> T:
    """Return what `call` returns, raise what it raises, or HookHung after `timeout_s` (HOOK_TIMEOUT_S).

    name  of the thread
    """
    timeout_s = HOOK_TIMEOUT_S if timeout_s is None else timeout_s
    result: list[Any] = []
    error: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call())
        except BaseException as caught:
            error.append(caught)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if error:
        raise error[0]
    if not result:
        raise HookHung(f"no answer within {timeout_s:g} s")
    found: T = result[0]
    return found
