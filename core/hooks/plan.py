"""What another plugins.toml would do, against the one in use. Pure: whoever calls it looks at files and database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from core.hooks.deployment import Declared, masked
from core.hooks.instance import Instance
from core.hooks.plugin import Plugin

Queue = Literal["outbox", "notices"]
_QUEUE_HOOKS: dict[str, tuple[str, ...]] = {"outbox": ("build_sync", "push_sync"), "notices": ("deliver_notice",)}


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A registered device, as far as a plan needs it."""

    code: str
    maker: str
    vendor_code: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that wait for one instance."""

    instance: str
    queue: Queue
    rows: int


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a table that differs; "config.url" inside of the config. None: not there. Secrets are masked."""

    key: str
    before: Any = None
    after: Any = None


class InstanceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one instance.

    serves              vendors and devices it is bound to afterwards (removed: before); () = all
    gained, lost        hooks
    position            (before, after) among the instances that stay, where the order of the file differs: it is the
                        order of fallback of channels
    """

    instance: str
    change: Literal["added", "removed", "changed"]
    use: str
    serves: tuple[str, ...]
    keys: tuple[KeyChange, ...] = ()
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    position: tuple[int, int] | None = None


class DeviceChange(msgspec.Struct, frozen=True, kw_only=True):
    """A device whose parser becomes another; `after` "" = it loses its parser."""

    code: str
    maker: str
    vendor_code: str
    before: str
    after: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The difference. problems: why the new file would not start; orphaned: queues that nobody would empty."""

    instances: tuple[InstanceChange, ...] = ()
    devices: tuple[DeviceChange, ...] = ()
    orphaned: tuple[Waiting, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def silenced(self) -> tuple[DeviceChange, ...]:
        """The devices that lose their parser."""
        return tuple(device for device in self.devices if not device.after)

    @property
    def loses(self) -> bool:
        """Whether payloads would find no parser or queued rows no plugin."""
        return bool(self.silenced or self.orphaned)


def make_plan(
    before: Sequence[Declared],
    after: Sequence[Declared],
    *,
    classes: Mapping[str, type[Plugin]],
    devices: Iterable[Site] = (),
    waiting: Iterable[Waiting] = (),
    problems: Iterable[str] = (),
) -> Plan:
    """Compare two deployments.

    classes  `use` -> class, for those that can be imported; hooks and makes of the others count as unknown (none)
    """
    old = {one.id: Instance(one, classes.get(one.use)) for one in before}
    new = {one.id: Instance(one, classes.get(one.use)) for one in after}
    stay_before, stay_after = [i for i in old if i in new], [i for i in new if i in old]
    changes = [_removed(old[i]) for i in old if i not in new] + [_added(new[i]) for i in new if i not in old]
    for instance in stay_after:
        places = stay_before.index(instance), stay_after.index(instance)
        changes += _changed(old[instance], new[instance], places if stay_before != stay_after else None)
    return Plan(
        instances=tuple(changes),
        devices=tuple(_devices(old, new, devices)),
        orphaned=tuple(row for row in waiting if row.rows and not _emptied(row, new)),
        problems=tuple(problems),
    )


def _serves(one: Declared) -> tuple[str, ...]:
    return (*one.vendors, *one.devices)


def _added(one: Instance) -> InstanceChange:
    keys = tuple(KeyChange(key=key, after=value) for key, value in _flat(one).items())
    return InstanceChange(
        instance=one.id, change="added", use=one.declared.use, serves=_serves(one.declared), keys=keys, gained=one.hooks
    )


def _removed(one: Instance) -> InstanceChange:
    return InstanceChange(
        instance=one.id, change="removed", use=one.declared.use, serves=_serves(one.declared), lost=one.hooks
    )


def _changed(old: Instance, new: Instance, places: tuple[int, int] | None) -> list[InstanceChange]:
    shown_before, shown_after = _flat(old), _flat(new)
    real_before, real_after = _flat(old, mask=False), _flat(new, mask=False)
    keys = [
        KeyChange(key=key, before=shown_before.get(key), after=shown_after.get(key))
        for key in dict.fromkeys((*real_before, *real_after))
        if real_before.get(key) != real_after.get(key)
    ]
    moved = places if places and places[0] != places[1] and "deliver_notice" in new.hooks else None
    gained = tuple(hook for hook in new.hooks if hook not in old.hooks)
    lost = tuple(hook for hook in old.hooks if hook not in new.hooks)
    if not (keys or moved or gained or lost):
        return []
    return [
        InstanceChange(
            instance=new.id, change="changed", use=new.declared.use, serves=_serves(new.declared), keys=tuple(keys),
            gained=gained, lost=lost, position=moved,
        )
    ]  # fmt: skip


def _flat(one: Instance, *, mask: bool = True) -> dict[str, Any]:
    """The table's keys that say something, the config's one by one."""
    declared = one.declared
    default = Declared(id="x", use="x")
    found: dict[str, Any] = {
        name: getattr(declared, name)
        for name in declared.__struct_fields__
        if name not in ("id", "config") and getattr(declared, name) != getattr(default, name)
    }
    for path, value in _leaves(declared.config, "config"):
        found[path] = _shown(value, path.rpartition(".")[2]) if mask else value
    return found


def _leaves(table: Mapping[str, Any], path: str) -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and not _is_reference(value):
            yield from _leaves(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and set(value) in ({"env"}, {"file"})


def _shown(value: Any, key: str) -> Any:
    """A value for people. A secret written out, which loading refuses, must not be shown by the plan that says so."""
    if _is_reference(value):
        ((source, name),) = value.items()
        return f"*** ({source} {name})"
    if any(word in key for word in ("secret", "password", "token", "api_key", "private_key", "credential")):
        return "***"
    if isinstance(value, list):
        return [_shown(item, key) if not isinstance(item, dict) else _shown_table(item) for item in value]
    return masked(value)


def _shown_table(table: dict[str, Any]) -> Any:
    if _is_reference(table):
        return _shown(table, "")
    return {key: _shown_table(item) if isinstance(item, dict) else _shown(item, key) for key, item in table.items()}


def _devices(
    old: Mapping[str, Instance], new: Mapping[str, Instance], devices: Iterable[Site]
) -> Iterable[DeviceChange]:
    for device in devices:
        before, after = _parser(old.values(), device), _parser(new.values(), device)
        if before is None or (after and after.id == before.id and after.declared.use == before.declared.use):
            continue
        yield DeviceChange(
            code=device.code, maker=device.maker, vendor_code=device.vendor_code,
            before=before.id, after=after.id if after else "",
        )  # fmt: skip


def _parser(instances: Iterable[Instance], device: Site) -> Instance | None:
    """The most narrowly bound parser of the device's make, as the host would choose it."""
    fitting = [
        one
        for one in instances
        if one.maker == device.maker
        and not one.declared.shadow
        and ("parse_payload" in one.hooks or one.cls is None)
        and one.serves(device.vendor_code, device.code)
    ]
    return max(fitting, key=lambda one: one.specificity, default=None)


def _emptied(row: Waiting, new: Mapping[str, Instance]) -> bool:
    instance = new.get(row.instance)
    if instance is None or instance.declared.shadow:
        return False
    return instance.cls is None or any(hook in instance.hooks for hook in _QUEUE_HOOKS[row.queue])
