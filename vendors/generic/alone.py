"""The usual body in fewer steps: one flat object that is the vehicle, with keys met before.

Which key is which field is found out once for a form of object (`plan`); what the values mean is told by the same
functions as everywhere. A form that has a field anywhere but at its top is read by vendors.generic.reading.
"""

from __future__ import annotations

from core.api import Device, DeviceHint, PlateRead, read_time
from vendors.generic import words
from vendors.generic.clock import PLAIN, read_capture_time
from vendors.generic.reading import (
    LONGEST_WORD,
    Config,
    claims_of,
    confidence_of,
    direction_of,
    event_id_of,
    extra_alone,
    kmh_per,
    offences_of,
    scalar,
    speed_of,
)
from vendors.generic.tree import Form, Scope

Named = tuple[tuple[str, str], ...]
"""(folded key, key), the most telling first."""
_TEXT_AT = {field.number: at for at, field in enumerate(words.TEXTS)}
_BLANK = [""] * len(words.TEXTS)


class Plan:
    """Where the fields of a form stand: keys of its top.

    texts    (place in words.TEXTS, key) of the fields that one key may be; `several` of those that more keys may be
    """

    __slots__ = ("confidence", "direction", "event_id", "offence", "several", "speed", "speed_mph", "texts", "time")

    def __init__(self, form: Form) -> None:
        def named(field: words.Field) -> Named:
            return tuple((name, str(path[0])) for _, name, path in form.layout.get(field.number, ()))

        texts = [(_TEXT_AT[f.number], tuple(key for _, key in named(f))) for f in words.TEXTS]
        self.texts = tuple((at, keys[0]) for at, keys in texts if len(keys) == 1)
        self.several = tuple((at, keys) for at, keys in texts if len(keys) > 1)
        self.time = tuple(key for _, key in named(words.TIME))
        self.event_id = named(words.EVENT_ID)
        self.confidence = named(words.CONFIDENCE)
        self.direction = named(words.DIRECTION)
        self.speed = named(words.SPEED)
        self.speed_mph = named(words.SPEED_MPH)
        self.offence = named(words.VIOLATION)


def plan_of(form: Form) -> Plan | None:
    """The plan of a form; None for one with a field below its top."""
    if form.plan is None:
        flat = form.shape is not None and all(len(path) == 1 for at in form.layout.values() for _, _, path in at)
        form.plan = Plan(form) if flat else False
    return form.plan or None


def read_alone(scope: Scope, plan: Plan, device: Device, config: Config, raw: str, number: str | None) -> PlateRead:
    """As reading.read_vehicle, of a body without pictures."""
    node = scope.node
    texts = _BLANK.copy()
    for at, key in plan.texts:
        value = node[key]
        texts[at] = value.strip()[:LONGEST_WORD] if type(value) is str else scalar(value)
    for at, keys in plan.several:
        texts[at] = next(filter(None, (scalar(node[key]) for key in keys)), "")
    event, again, serial, channel, ip, mac, name, lane, kind, color, plate_color, brand, country, unit = texts
    written = node[plan.time[0]] if plan.time else None
    time = None
    if type(written) is str and device.time_rule == "offset" and PLAIN.fullmatch(written):
        time = read_time(written, device)
    if time is None or time.utc is None:
        time = read_capture_time([scope], device, epoch_clock=config.epoch_clock)
    speed = speed_of([(n, node[key]) for n, key in plan.speed], kmh_per(unit)) if plan.speed else None
    if speed is None and plan.speed_mph:
        speed = speed_of([(n, node[key]) for n, key in plan.speed_mph], words.KMH_PER_MILE)
    return PlateRead(
        event=event or "plate",
        capture_time=time.utc,
        capture_time_raw=time.raw,
        time_source=time.source,
        event_id=event_id_of([(n, node[key]) for n, key in plan.event_id]) if plan.event_id else "",
        retransmitted=again.lower() in words.YES if again else False,
        hint=DeviceHint(serial=serial, channel=channel, ip=ip, mac=mac, name=name),
        direction=direction_of([(n, node[key]) for n, key in plan.direction]) if plan.direction else "unknown",
        lane_no=lane,
        vehicle_type=kind.lower(),
        vehicle_color=color.lower(),
        plate_number=number,
        plate_raw=raw,
        confidence=confidence_of([(n, node[key]) for n, key in plan.confidence], config.confidence)
        if plan.confidence
        else None,
        plate_color=plate_color.lower(),
        speed_kmh=speed,
        vehicle_brand=brand,
        country=country,
        offences=offences_of(claims_of([(n, node[key]) for n, key in plan.offence]) if plan.offence else [], event),
        extra=extra_alone(node, scope.form),
    )
