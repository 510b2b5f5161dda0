"""Dahua's words: event codes and what they mean, directions, phases. Codes are compared lower-cased.

Which codes were seen in dumps and which come from documents only: doc.md#event-codes.
"""

from __future__ import annotations

from core.api import Direction, ViolationType

HEARTBEATS = frozenset({"heartbeat", "keepalive"})

NOISE = frozenset(
    {
        "intelliframe", "ntpadjusttime", "timechange", "rtspsessiondisconnect", "rtspsessionconnect",
        "videomotioninfo", "newfile", "updatefile", "intervideoaccess", "systemstate", "lefunctionstatussync",
        "sessionlist", "clientconnect", "clientdisconnect", "dgserrorreport", "trafficflow", "trafficflowstat",
        "trafficflowstate", "configchange", "redirect", "timechanged", "_dotalkaction_",
    }
)  # fmt: skip
"""Housekeeping of the device: understood, and not for us."""

STATUS = frozenset(
    {
        "videoloss", "storagenotexist", "storagefailure", "storagelowspace", "storagewriteerror", "storageerror",
        "hddfailure", "diskfull", "diskerror", "netabort", "ipconflict", "macconflict", "loginfailure", "sdcarderror",
        "reboot", "systemreboot", "fanerror", "fanspeed", "cputemperature", "powererror", "powerfault", "wificonnect",
        "batterylowpower", "videounfocus", "videoframeloss", "clockerror",
    }
)  # fmt: skip
"""News about the device itself."""

PLATES = frozenset(
    {
        "trafficjunction", "trafficgate", "trafficparking", "trafficmanualsnap", "trafficcarmeasurement",
        "traffictollgate", "platedetection", "cardrivinginout", "trafficsnap", "vehiclesnap", "anpr", "lpr", "alpr",
        "vehiclerecognition", "platerecognition", "licenseplate", "licenseplaterecognition", "tollgateinfo", "plate",
    }
)  # fmt: skip
"""Events about one vehicle: a read even where the plate was not."""

SCENES = frozenset(
    {
        "trafficjam", "trafficpedestrain", "trafficpedestrian", "trafficaccident", "traffictrafficaccident",
        "trafficthrow", "trafficroadblock", "trafficroadconstruction", "trafficfire", "trafficsmoke",
    }
)  # fmt: skip
"""Traffic events about a place and not about one vehicle."""

OFFENCES: dict[str, ViolationType] = {
    "trafficrunredlight": ViolationType.LAMPU_MERAH,
    "trafficrunyellowlight": ViolationType.LAMPU_MERAH,
    "trafficoverspeed": ViolationType.BATAS_KECEPATAN,
    "trafficunderspeed": ViolationType.BATAS_KECEPATAN,
    "trafficretrograde": ViolationType.LAWAN_ARAH,
    "trafficwrongroute": ViolationType.MARKA_JALAN,
    "trafficoverline": ViolationType.MARKA_JALAN,
    "trafficoveryellowline": ViolationType.MARKA_JALAN,
    "trafficoverstopline": ViolationType.MARKA_JALAN,
    "trafficcrosslane": ViolationType.MARKA_JALAN,
    "trafficparkingonyellowbox": ViolationType.MARKA_JALAN,
    "trafficvehicleinbusroute": ViolationType.BUSWAY,
    "trafficwithoutsafebelt": ViolationType.SABUK_KESELAMATAN,
    "trafficdrivercalling": ViolationType.PONSEL,
    "trafficnonmotorwithoutsafehat": ViolationType.HELM,
    "trafficwithoutsafehat": ViolationType.HELM,
    "trafficoverload": ViolationType.ODOL,
    "trafficoverweight": ViolationType.ODOL,
    "trafficuturn": ViolationType.OTHER,
    "trafficturnleft": ViolationType.OTHER,
    "trafficturnright": ViolationType.OTHER,
    "trafficyellowinroute": ViolationType.OTHER,
    "trafficvehicleinroute": ViolationType.OTHER,
    "trafficbacking": ViolationType.OTHER,
    "trafficnopassing": ViolationType.OTHER,
    "trafficdriversmoking": ViolationType.OTHER,
    "trafficpedestrainpriority": ViolationType.OTHER,
    "trafficnonmotoroverload": ViolationType.OTHER,
    "trafficnonmotorinmotorroute": ViolationType.OTHER,
}
"""Codes by which a device claims a violation of one vehicle."""

# "Obverse" is the front of the vehicle, so it approaches the camera; Head and Tail say the same of the picture.
_DIRECTIONS: dict[str, Direction] = {
    "obverse": "approach", "approach": "approach", "approaching": "approach", "forward": "approach",
    "head": "approach", "come": "approach", "coming": "approach", "towards": "approach",
    "reverse": "depart", "leave": "depart", "leaving": "depart", "away": "depart", "depart": "depart",
    "departing": "depart", "tail": "depart", "backward": "depart",
    "in": "in", "entry": "in", "enter": "in", "entrance": "in", "entering": "in", "drivein": "in",
    "out": "out", "exit": "out", "exiting": "out", "driveout": "out",
}  # fmt: skip


def direction_of(word: str) -> Direction:
    """A direction by Dahua's or a relay's word, "unknown" for compass and left/right words."""
    return _DIRECTIONS.get(word.lower().replace("_", "").replace("-", "").replace(" ", ""), "unknown")
