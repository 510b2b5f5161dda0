"""Which violations a Dahua event itself claims: by its code, by the seats, by the scale."""

from __future__ import annotations

from core.api import ViolationType
from vendors.dahua.fields import Node, fold
from vendors.dahua.words import OFFENCES

_CALLING = ("calling", "call", "phone")


def by_code(*codes: str) -> list[ViolationType]:
    """What the event codes claim ("TrafficRunRedLight"); [] for plain captures."""
    return [offence for code in codes if (offence := OFFENCES.get(code.lower())) is not None]


def of_car(data: Node) -> list[ViolationType]:
    """Belts, telephone and load of a motor vehicle; the front passenger's belt counts like the driver's."""
    found = []
    seats = data.nodes("CommInfo/Seat", "CommInfo/Seats", "Seat", "Seats", "MainSeat", "SubSeat", "Vehicle/Seat")
    words = [seat.text("SafeBelt", "SeatBelt", "Belt") for seat in seats]
    words += [data.text(key) for key in ("MainSeat", "SubSeat", "MainSeatBelt", "SubSeatBelt")]
    words += [data.text(f"Vehicle/{key}") for key in ("SafeBelt", "MainSeatBelt", "SubSeatBelt")]
    if any(fold(word).startswith(("withoutsafebelt", "withoutseatbelt", "nosafebelt", "noseatbelt")) for word in words):
        found.append(ViolationType.SABUK_KESELAMATAN)
    states = [state for seat in seats for state in _words(seat.at("Status", "State"))]
    states += _words(data.at("Vehicle/DriverState", "DriverState"))
    if any(fold(state).startswith(_CALLING) for state in states):
        found.append(ViolationType.PONSEL)
    weight = data.node("CarWeightInfo")
    over = weight.number("Ultralimit")
    if over is None:
        over = weight.number("OverWeight")
    if over is not None and over > 0:
        found.append(ViolationType.ODOL)
    return found


def of_rider(rider: Node) -> list[ViolationType]:
    """A missing helmet on a NonMotor or one of its riders."""
    people = [rider, *rider.nodes("RiderList", "Riders", "Rider", "RiderInfo")]
    words = [fold(person.text("Helmet", "SafeHat", "SafeHelmet", "HelmetState")) for person in people]
    if any(word.startswith(("without", "nohelmet", "nosafehat", "notwear")) for word in words):
        return [ViolationType.HELM]
    return []


def _words(value: object) -> list[str]:
    return [word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str)]
