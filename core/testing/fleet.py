"""Many simulated cameras posting at a rate, with what real fleets do: duplicates, late posts, a clock that is wrong."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec

from core.domain.observations import Device
from core.domain.plates import normalise_plate
from core.testing.camera import CannotPlay, Parse, Shot, SimulatedCamera, playable
from core.testing.drawing import indonesian_plate


class Member(msgspec.Struct):
    """A camera of the fleet: the device, its key, and one SimulatedCamera for each form it can play."""

    device: Device
    key: str
    cameras: list[SimulatedCamera]


class Posted(msgspec.Struct, frozen=True):
    """One post and its last answer. status 0 = no answer; sha256 of the body, in hex."""

    device: Device
    form: str
    plate: str
    status: int
    repeat: bool
    sha256: str


class Tally(msgspec.Struct):
    """What a fleet did. vehicles: distinct (device code, plate) shots that were answered 2xx at least once."""

    posts: int = 0
    accepted: int = 0
    repeats: int = 0
    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    forms: Counter[str] = msgspec.field(default_factory=Counter)
    vehicles: set[tuple[str, str]] = msgspec.field(default_factory=set)


def enlist(device: Device, key: str, fixtures: Path, parse: Parse, *, seed: int = 0, skew_s: float = 0.0) -> Member:
    """Make a member that plays every form of its make's fixtures that can be varied and that names a time.

    Raises CannotPlay when there is none.
    """
    cameras = [
        SimulatedCamera(path, device, parse, seed=seed + number, skew_s=skew_s)
        for number, path in enumerate(playable(fixtures, device, parse))
    ]
    usable = [camera for camera in cameras if not camera.unfit_for_live]
    if not usable:
        raise CannotPlay(f"no fixture in {fixtures} can be played")
    return Member(device, key, usable)


class Fleet:
    """Posts until `count` events were sent or stop() is called.

    rate        events a second, all cameras together (repeats come on top)
    duplicates  share of events that are posted again, once to three times
    reorder     share of events that are sent a few seconds late
    patience    how often a camera sends one post until it is told yes
    pictured    share of events in forms that carry both a plate and a vehicle picture, where the make has such
    cloned      share of events with a plate that another camera of the agency has just seen: one on two vehicles
    """

    def __init__(
        self,
        url: str,
        members: Sequence[Member],
        *,
        rate: float = 5.0,
        duplicates: float = 0.0,
        reorder: float = 0.0,
        patience: int = 20,
        pictured: float = 0.0,
        cloned: float = 0.0,
        seed: int = 1,
        on_post: Callable[[Posted], None] = lambda posted: None,
    ) -> None:
        self._url = url.rstrip("/")
        self._members = members
        self._rate = rate
        self._duplicates = duplicates
        self._reorder = reorder
        self._patience = patience
        self._pictured = pictured
        self._cloned = cloned
        self._latest: dict[int, dict[int, str]] = {}
        self._chance = random.Random(seed)
        self._on_post = on_post
        self._stop = asyncio.Event()
        self.tally = Tally()

    def stop(self) -> None:
        """Send no more events; what is under way is finished."""
        self._stop.set()

    async def run(self, count: int | None = None) -> Tally:
        """Post; returns when everything was answered."""
        turns = itertools.count() if count is None else range(count)
        pending: set[asyncio.Task[None]] = set()
        start = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            for number in turns:
                delay = start + number / self._rate - time.monotonic()
                if delay > 0:
                    try:
                        await asyncio.wait_for(self._stop.wait(), delay)
                    except TimeoutError:
                        pass
                if self._stop.is_set():
                    break
                task = asyncio.create_task(self._event(session, self._members[number % len(self._members)]))
                pending.add(task)
                task.add_done_callback(pending.discard)
                if number % 16 == 0:
                    await asyncio.sleep(0)
            await asyncio.gather(*pending)
        return self.tally

    def _forms(self, member: Member) -> list[SimulatedCamera]:
        complete = [camera for camera in member.cameras if camera.has_both_pictures]
        return complete if complete and self._chance.random() < self._pictured else member.cameras

    def _plate(self, device: Device) -> str:
        seen = self._latest.setdefault(device.vendor_id, {})
        elsewhere = sorted(seen.keys() - {device.id})
        if self._cloned and elsewhere and self._chance.random() < self._cloned:
            return seen.pop(self._chance.choice(elsewhere))
        seen[device.id] = indonesian_plate(self._chance)
        return seen[device.id]

    async def _event(self, session: aiohttp.ClientSession, member: Member) -> None:
        camera = self._chance.choice(self._forms(member))
        shot = camera.shoot(self._plate(member.device), datetime.now(UTC))
        repeats = self._chance.randint(1, 3) if self._chance.random() < self._duplicates else 0
        if self._chance.random() < self._reorder:
            await asyncio.sleep(self._chance.uniform(0.5, 1.5))
        for repeat in range(1 + repeats):
            if repeat:
                await asyncio.sleep(self._chance.uniform(0.05, 0.5))
            await self._post(session, member, camera, shot, repeat=bool(repeat))

    async def _post(
        self, session: aiohttp.ClientSession, member: Member, camera: SimulatedCamera, shot: Shot, *, repeat: bool
    ) -> None:
        code = member.device.code
        path = f"/cam/{member.device.maker}/{code}" if shot.path.startswith("/cam/") else shot.path.split("?")[0]
        headers = {k: v for k, v in shot.headers.items() if k.lower() in ("content-type", "content-encoding")}
        headers["X-API-KEY"] = member.key
        status = 0
        for _ in range(self._patience):
            try:
                async with session.request(shot.method, self._url + path, data=shot.body, headers=headers) as answer:
                    await answer.read()
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError, OSError):
                status = 0
            self.tally.statuses[status] += 1
            if status not in (0, 429, 503) or self._stop.is_set():
                break
            await asyncio.sleep(0.3)  # a camera tries again until it is told yes
        self.tally.posts += 1
        self.tally.repeats += repeat
        self.tally.forms[f"{member.device.maker}/{camera.fixture.stem}"] += 1
        if 200 <= status < 300:
            self.tally.accepted += 1
            self.tally.vehicles.add((code, normalise_plate(shot.plate) or ""))
        sha256 = hashlib.sha256(shot.body).hexdigest()
        self._on_post(Posted(member.device, camera.fixture.stem, shot.plate, status, repeat, sha256))
