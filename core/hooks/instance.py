"""One plugin instance while it runs: its state and counters, and what is shown of it."""

from __future__ import annotations

import threading
from typing import Any, Literal

import msgspec

from core.hooks.checks import implemented, kind_of
from core.hooks.deployment import Declared, masked
from core.hooks.plugin import Plugin


class InstanceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An instance as `plugins list`, health and the UI show it. JSON-able; secrets are masked.

    maker          the camera make it speaks for, "" for none
    shadow         it runs beside the live ones and decides nothing: kind and hooks are known where it is loaded
    total_seconds  spent inside its hooks
    failures       all; consecutive_failures since the last call that went well
    """

    id: str
    use: str
    kind: str
    maker: str
    version: str
    stability: str
    guarantee: str
    hooks: tuple[str, ...]
    state: Literal["ready", "quarantined"]
    reason: str
    required: bool
    trial: bool
    shadow: bool
    vendors: tuple[str, ...]
    devices: tuple[str, ...]
    calls: int
    failures: int
    consecutive_failures: int
    last_error: str
    total_seconds: float
    config: dict[str, Any]


class Instance:
    """What the host keeps of one instance. `plugin` is None when it did not load; then it stays quarantined."""

    def __init__(self, declared: Declared, cls: type[Plugin] | None = None) -> None:
        self.declared = declared
        self.id = declared.id
        self.cls = cls
        self.plugin: Plugin | None = None
        self.hooks: tuple[str, ...] = implemented(cls) if cls else ()
        self.maker = declared.make or (cls.maker if cls else "")
        self.callers: dict[str, Any] = {}
        self.reason = ""
        self.calls = self.failures = self.consecutive = 0
        self.last_error = ""
        self.total_seconds = 0.0
        self._vendors = frozenset(declared.vendors)
        self._devices = frozenset(declared.devices)
        self._lock = threading.Lock()

    @property
    def quarantined(self) -> bool:
        return bool(self.reason)

    @property
    def specificity(self) -> int:
        """How narrowly it is bound: 2 by devices, 1 by vendors, 0 to all."""
        return 2 if self._devices else 1 if self._vendors else 0

    def serves(self, vendor_code: str, device_code: str | None = None) -> bool:
        """True when it is bound to this vendor (and device, where one is meant)."""
        if self._vendors and vendor_code not in self._vendors:
            return False
        return device_code is None or not self._devices or device_code in self._devices

    def overlaps(self, other: Instance) -> bool:
        """True when both could be asked for one device with neither bound more narrowly."""
        if self.specificity != other.specificity:
            return False
        vendors = not (self._vendors and other._vendors) or self._vendors & other._vendors
        devices = not (self._devices and other._devices) or self._devices & other._devices
        return bool(vendors and devices)

    def went_well(self, seconds: float) -> None:
        with self._lock:
            self.calls += 1
            self.consecutive = 0
            self.total_seconds += seconds

    def went_wrong(self, seconds: float, error_text: str) -> int:
        """Count a failure; returns how many there were in a row."""
        with self._lock:
            self.calls += 1
            self.failures += 1
            self.consecutive += 1
            self.last_error = error_text
            self.total_seconds += seconds
            return self.consecutive

    def info(self) -> InstanceInfo:
        cls = self.cls or Plugin
        return InstanceInfo(
            id=self.id,
            use=self.declared.use,
            kind=kind_of(self.hooks),
            maker=self.maker,
            version=cls.version if self.cls else "",
            stability=cls.stability if self.cls else "",
            guarantee=cls.guarantee,
            hooks=self.hooks,
            state="quarantined" if self.reason else "ready",
            reason=self.reason,
            required=self.declared.required,
            trial=self.declared.trial,
            shadow=self.declared.shadow,
            vendors=self.declared.vendors,
            devices=self.declared.devices,
            calls=self.calls,
            failures=self.failures,
            consecutive_failures=self.consecutive,
            last_error=self.last_error,
            total_seconds=round(self.total_seconds, 6),
            config=masked(self.plugin.config) if self.plugin else {},
        )
