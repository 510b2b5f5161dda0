"""Signs that a plate hangs on two vehicles: seen too far apart too soon, or on another kind of vehicle.

Each is a hint for the person who decides, and errs on the side of silence: a wrong hint teaches people to pass over
the right ones. Nothing here decides, drops or delays a case.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from core.domain.geo import distance_m, is_position
from core.domain.plates import read_indonesian_plate

MIN_DISTANCE_M = 2_000.0
"""Nearer cameras say nothing: their positions are typed by hand, their clocks differ by seconds."""
CLOCK_S = 10.0
"""How far a clock may be off although the post came on time; beyond it (skew_hold_s) its violations are held."""
_CLASSES = (
    "motorcycle motorbike lightmotorcycle motor sepedamotor scooter moped twowheel twowheeler twowheelvehicle",
    "threewheel threewheeler threewheelvehicle tricycle bajaj",
    "car mobil passengercar smallcar minicar saloon salooncar sedan sedancompact sedanwagon hatchback coupe suv "
    "suvmpv suvcrossover suvstandard mpv",
    "van vanmini vanfull minivan minibus microbus angkot pickup pickuptruck truckstandard buggy minitruck lighttruck",
    "bus bis mediumbus largebus bigbus truck truk lorry bigtruck heavytruck mediumheavytruck containertruck trailer "
    "tractortrailer concretemixer slagtruck platformtrailer oiltanktruck",
)
"""The devices' words from small to large. Cameras take neighbours for each other: only others are unlike."""
_SIZE = {word: size for size, words in enumerate(_CLASSES) for word in words.split()}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A plate seen by a device.

    at, received_at      aware UTC: what the camera said, and when its post came
    latitude, longitude  of the device; None where nobody gave them
    vehicle_type         the device's word
    """

    at: datetime
    received_at: datetime
    latitude: float | None = None
    longitude: float | None = None
    vehicle_type: str = ""


class Travel(msgspec.Struct, frozen=True, kw_only=True):
    """What one vehicle would have had to do. distance_m as the crow flies; speed_kmh is the least that fits."""

    distance_m: float
    speed_kmh: float


def may_be_cloned(plate: str | None) -> bool:
    """Whether looking for its double makes sense: a civil plate of a region that exists.

    Pieces of plates, shop signs and official plates are read everywhere at once.
    """
    read = read_indonesian_plate(plate)
    return read is not None and read.kind == "civil" and read.known_region


def impossible_travel(one: Seen, other: Seen, *, limit_kmh: float) -> Travel | None:
    """The journey between both, where no vehicle makes it: it takes more than limit_kmh. Else None, either way round.

    A clock is taken to be as far off as its post came late or early, and CLOCK_S more: a camera that was out of
    reach and sends the day's events at night proves nothing.
    """
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    if not (is_position(one.latitude, one.longitude) and is_position(other.latitude, other.longitude)):
        return None
    distance = distance_m(one.latitude, one.longitude, other.latitude, other.longitude)
    if distance < MIN_DISTANCE_M:
        return None
    time_s = abs((one.at - other.at).total_seconds()) + _doubt_s(one) + _doubt_s(other)
    speed = distance / time_s * 3.6
    return Travel(distance_m=distance, speed_kmh=speed) if speed > limit_kmh else None


def unlike_vehicles(one: Seen, other: Seen) -> bool:
    """Whether the devices saw vehicles that no camera takes for each other: a motorcycle and a car, a car and a bus.

    Never for words that say too little ("vehicle") or that nobody here knows. Colours are no proof: they change with
    the light.
    """
    first, second = _size(one.vehicle_type), _size(other.vehicle_type)
    return first is not None and second is not None and abs(first - second) > 1


def _size(word: str) -> int | None:
    return _SIZE.get("".join(char for char in word.lower() if char.isalnum()))


def _doubt_s(seen: Seen) -> float:
    return abs((seen.at - seen.received_at).total_seconds()) + CLOCK_S
