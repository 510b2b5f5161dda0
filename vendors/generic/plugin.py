"""Generic devices and scripts: JSON, forms and multipart on POST /api/violation, matched by meaning."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from core.api import (
    Answer,
    BodyCheck,
    Device,
    MalformedPayload,
    Observation,
    Payload,
    Recognition,
    hookimpl,
    normalise_plate,
)
from core.api import Plugin as Base
from vendors.generic import pictures
from vendors.generic.alone import plan_of, read_alone
from vendors.generic.reading import Config, is_heartbeat, read_vehicle
from vendors.generic.tree import Chain, Scope, find_vehicles, plate_text, read_body
from vendors.generic.words import PLATE_KEYS, fold

PATH = "/api/violation"
_JSON = "application/json"
_CHECK = BodyCheck(
    media_types=("application/json", "text/json", "multipart/", "application/x-www-form-urlencoded"),
    any_key=PLATE_KEYS,
)
_HEARTBEATS = (b'"heartbeat"', b'"keepalive"', b'"keep-alive"', b'"keep_alive"')
PLATE_MARKS = (
    b"plate", b'plat"', b"platn", b"licen", b"nopol", b"polisi", b"registration", b"carn", b"lpnumber", b'lpr"',
)  # fmt: skip
"""Bytes of which every quoted plate key holds one ("platform" does not).

A body with any of them is never taken for a heartbeat.
"""
_MAX_HEARTBEAT = 2048
_TOLD_KEYS = 8
MAX_VEHICLES = 500


class Plugin(Base):
    """Its clients read the answer: the payload's id when stored, 400 with the reason when the body names no vehicle."""

    Config = Config
    maker = "generic"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [row for path in (PATH, "") for row in _rows(path)]

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        config = _config_of(payload.device, self.config)
        body = read_body(payload.body, payload.content_type)
        root = body.root
        written = plate_text(root) if body.json and type(root) is dict else None
        plate = normalise_plate(written) if written else None
        if written and plate is not None:
            scope = Scope(root, set())  # the whole body is one vehicle, as most are
            plan = plan_of(scope.form)
            if plan is not None and not pictures.possible(payload.body, scope.form):
                return [read_alone(scope, plan, payload.device, config, written, plate)]
            images = pictures.bind(body, [(root,)])[0] if pictures.possible(payload.body, scope.form) else ()
            return [read_vehicle((root,), [scope], images, payload.device, config, plate=(written, plate))]
        vehicles: list[Chain] = []
        for event in body.root if isinstance(body.root, list) and body.root else (body.root,):
            found = find_vehicles(event)
            if not found and not is_heartbeat(event):
                raise MalformedPayload(f"generic: the body names no vehicle: {_expected()}; it has {_keys(event)}")
            vehicles += found
        if len(vehicles) > MAX_VEHICLES:
            raise MalformedPayload(f"generic: the body names {len(vehicles)} vehicles, at most {MAX_VEHICLES} are read")
        roads = {id(node) for chain in vehicles for node in chain}
        scopes: dict[int, Scope] = {}
        vehicles_below: dict[int, int] = {}
        for chain in vehicles:
            for node in chain:
                vehicles_below[id(node)] = vehicles_below.get(id(node), 0) + 1
                if id(node) not in scopes:
                    scopes[id(node)] = Scope(node, roads - {id(node)})
        reads: list[Observation] = []
        whole = scopes[id(body.root)].form if body.json and id(body.root) in scopes else None
        bound = pictures.bind(body, vehicles) if pictures.possible(payload.body, whole) else [()] * len(vehicles)
        for n, (chain, images) in enumerate(zip(vehicles, bound, strict=True)):
            near = [scopes[id(node)] for node in reversed(chain)]
            own = sum(vehicles_below[id(node)] == 1 for node in chain)
            reads.append(read_vehicle(chain, near, images, payload.device, config, ordinal=n, own_scopes=own))
        return reads

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        try:
            vehicles = find_vehicles(read_body(payload.body, payload.content_type).root)
        except MalformedPayload:
            return None
        if not vehicles:
            return None
        if payload.path.rstrip("/").endswith(PATH):
            return Recognition(confidence=0.8, why=f"posted to {PATH}, and an object has a plate key")
        return Recognition(confidence=0.3, why="an object has a plate key; a make's own plugin knows better")


def _rows(path: str) -> Iterator[Answer]:
    yield Answer(kind="probe", path=path, methods=("GET", "HEAD"), body=b'{"status":"ok"}', media_type=_JSON)
    for mark in _HEARTBEATS:
        yield Answer(
            kind="heartbeat", path=path, contains=(mark,), lacks=PLATE_MARKS, max_body=_MAX_HEARTBEAT,
            body=b'{"status":"ok"}', media_type=_JSON,
        )  # fmt: skip
    yield Answer(
        kind="event", path=path, body=b'{"status":"ok","id":$payload_id}', media_type=_JSON, check=_CHECK
    )  # fmt: skip


def _config_of(device: Device, config: Config) -> Config:
    """The plugin's config with the device's own settings over it."""
    own = device.settings.get("generic")
    if not own:
        return config
    try:
        return msgspec.convert({**msgspec.to_builtins(config), **own}, Config)
    except (msgspec.ValidationError, TypeError) as error:
        raise MalformedPayload(
            f"generic: device {device.code} has settings.generic that cannot be used: {error}; correct them and replay"
        ) from None


def _expected() -> str:
    return (
        f"expected one of {', '.join(PLATE_KEYS[:8])} in the body or in an object inside it (params, info, event, data)"
    )


def _keys(root: object) -> str:
    """The top keys, for the reader of the quarantine; never a value."""
    if not isinstance(root, dict):
        return f"no object but {type(root).__name__}"
    names = [key[:40] for key in root if fold(key)][:_TOLD_KEYS]
    return f"the keys {', '.join(names)}" if names else "no keys"
