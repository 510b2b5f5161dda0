"""Names and words of hand-made integrations: nobody spells a key like the next one, so keys are folded.

Folding drops case, blanks, "_" and "-": plate_number, plateNumber and PlateNumber are one key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.api import Direction, ViolationType

PLATE = ("platenumber", "plate", "plateno", "platenum", "licenseplate", "licenseplatenumber", "licenceplate",
         "carplate", "carnumber", "carno", "platestr", "platevalue", "lpnumber", "lpr", "platetext",
         "numberplate", "nomorpolisi", "nopol", "nopolisi", "registration")  # fmt: skip
"""Naming a vehicle, for the endpoint's answer and the parser alike."""
CONFIDENCE = ("confidence", "score", "plateconfidence", "confidencelevel", "accuracy")
TIME = ("timestamp", "capturetime", "time", "datetime", "pictime", "eventtime", "snaptime", "capturedat", "waktu",
        "shottime", "detectedat")  # fmt: skip
VEHICLE_TYPE = ("vehicletype", "cartype", "vehicleclass", "vehiclecategory", "jeniskendaraan")
VEHICLE_COLOR = ("vehiclecolor", "vehiclecolour", "carcolor", "color", "colour", "warna")
VEHICLE_BRAND = ("vehiclebrand", "carbrand", "brand", "vehiclemake", "make", "merk", "merek")
PLATE_COLOR = ("platecolor", "platecolour", "warnaplat")
LANE = ("laneno", "lane", "lanenumber", "laneid", "lajur", "line")
DIRECTION = ("direction", "dir", "arah", "movedirection", "carmovedirection")
SPEED = ("speed", "speedkmh", "vehiclespeed", "kecepatan", "velocity")
EVENT_ID = ("clienteventid", "eventid", "uuid", "guid", "messageid", "requestid")
EVENT = ("eventtype", "event", "eventname", "action")
VIOLATION = ("violationtype", "violation", "pelanggaran", "jenispelanggaran", "offence", "offense", "violations")
SERIAL = ("deviceid", "serial", "serialnumber", "deviceserial", "cameraid", "devicecode", "cameracode")
CHANNEL = ("channel", "channelid", "channelno")
COUNTRY = ("country", "countrycode")
PLATE_IMAGE = ("plateimage", "plateimg", "plateimageurl", "platecrop", "platepicture", "platephoto", "platepic",
               "cropimage", "evidenceplate")  # fmt: skip
VEHICLE_IMAGE = ("vehicleimage", "vehicleimg", "vehicleimageurl", "carimage", "vehiclepicture", "vehiclephoto",
                 "vehiclepic", "evidencevehicle")  # fmt: skip
SCENE_IMAGE = ("image", "imageurl", "snapshot", "picture", "photo", "photos", "fullimage", "sceneimage", "contextimage",
               "img", "imagefile", "background", "overview", "file", "pic", "picurl", "imagebase64")  # fmt: skip

DIRECTIONS: Mapping[str, Direction] = {
    "approach": "approach", "approaching": "approach", "forward": "approach", "obverse": "approach",
    "towards": "approach", "mendekat": "approach", "depart": "depart", "departing": "depart", "away": "depart",
    "reverse": "depart", "leaving": "depart", "menjauh": "depart", "in": "in", "entry": "in", "enter": "in",
    "entrance": "in", "masuk": "in", "out": "out", "exit": "out", "leave": "out", "keluar": "out",
}  # fmt: skip
_VIOLATIONS: Mapping[str, ViolationType] = {
    **{v.value.replace("_", ""): v for v in ViolationType},
    "redlight": ViolationType.LAMPU_MERAH, "runredlight": ViolationType.LAMPU_MERAH, "apill": ViolationType.LAMPU_MERAH,
    "speeding": ViolationType.BATAS_KECEPATAN, "overspeed": ViolationType.BATAS_KECEPATAN,
    "speed": ViolationType.BATAS_KECEPATAN, "kecepatan": ViolationType.BATAS_KECEPATAN,
    "seatbelt": ViolationType.SABUK_KESELAMATAN, "noseatbelt": ViolationType.SABUK_KESELAMATAN,
    "sabuk": ViolationType.SABUK_KESELAMATAN, "phone": ViolationType.PONSEL, "mobilephone": ViolationType.PONSEL,
    "calling": ViolationType.PONSEL, "helmet": ViolationType.HELM, "nohelmet": ViolationType.HELM,
    "wrongway": ViolationType.LAWAN_ARAH, "wrongdirection": ViolationType.LAWAN_ARAH,
    "contraflow": ViolationType.LAWAN_ARAH,
    "buslane": ViolationType.BUSWAY, "overline": ViolationType.MARKA_JALAN, "laneviolation": ViolationType.MARKA_JALAN,
    "roadmarking": ViolationType.MARKA_JALAN, "marka": ViolationType.MARKA_JALAN, "oddeven": ViolationType.GANJIL_GENAP,
    "overdimension": ViolationType.ODOL, "overload": ViolationType.ODOL, "overdimensionoverload": ViolationType.ODOL,
}  # fmt: skip
_DEPTH = 4
_PICTURE = re.compile(r"image|img|pic|photo|snapshot|evidence")


def fold(key: str) -> str:
    """A key without case, blanks and separators."""
    return re.sub(r"[\W_]", "", key).lower()


class Fields:
    """The values of one event by folded key; what stands nearer to the top wins. Lists are kept whole."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        self._take(source, _DEPTH)

    def get(self, names: tuple[str, ...]) -> Any:
        """The first value that is there and not empty, of any of the names."""
        for name in names:
            value = self._values.get(fold(name))
            if value is not None and value != "" and not isinstance(value, dict | list):
                return value
        return None

    def text(self, names: tuple[str, ...]) -> str:
        """The same as text; "" when there is none."""
        value = self.get(names)
        return "" if value is None or isinstance(value, bool) else str(value).strip()

    def has(self, names: tuple[str, ...]) -> bool:
        """Whether one of the keys is there at all, empty or not."""
        return any(fold(name) in self._values for name in names)

    def items(self) -> Iterator[tuple[str, Any]]:
        """All folded keys and their values."""
        yield from self._values.items()

    def _take(self, source: Mapping[str, Any], depth: int, within: str = "") -> None:
        """Breadth first. A nested key counts by itself and with its parent's name: plate.number is platenumber too.

        Below a picture's key only the joined name counts: images.plate is no plate.
        """
        below: list[tuple[str, Mapping[str, Any]]] = []
        for key, value in source.items():
            folded = fold(str(key))
            if isinstance(value, dict):
                below.append((folded, value))
            elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
                below.extend((folded, item) for item in value if isinstance(item, dict))
            else:
                if not _PICTURE.search(within):
                    self._values.setdefault(folded, value)
                if within:
                    self._values.setdefault(within + folded, value)
        if depth:
            for name, child in below[:50]:
                self._take(child, depth - 1, name)


def violations(value: Any) -> tuple[ViolationType, ...]:
    """The violation types that a body names, by our names or usual synonyms; unknown words are none."""
    words = value if isinstance(value, list) else re.split(r"[,;|]", str(value or ""))
    found = (_VIOLATIONS.get(fold(str(word))) for word in words)
    return tuple(dict.fromkeys(v for v in found if v is not None))
