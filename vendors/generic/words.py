"""The words of bodies that follow no vendor's document: keys by meaning, and what their values mean.

Keys are compared folded: letters and digits only, lower case, so `plateNumber`, `plate_number` and `Plate-Number` are
one. `names` are telling anywhere in the event; `bare` ones ("time", "color") only where they stand beside the plate or
in an object around it, since a camera or a box may have a colour too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

import msgspec

from core.api import Direction, ViolationType

_NOT_ALNUM = re.compile(r"[^a-z0-9]")
_LONGEST_KEY = 100
_MOST_KEYS = 4096
_folded: dict[str, str] = {}


def fold(key: str) -> str:
    """Letters and digits of a key, lower case; of an absurdly long one, only its beginning."""
    known = _folded.get(key)
    if known is None:
        known = _NOT_ALNUM.sub("", key[:_LONGEST_KEY].lower())
        if len(key) <= _LONGEST_KEY:
            if len(_folded) >= _MOST_KEYS:
                _folded.clear()
            _folded[key] = known
    return known


class Field(msgspec.Struct, frozen=True):
    """The folded keys of one field, in order of preference; `number` is its place in ANYWHERE and BESIDE."""

    number: int
    names: tuple[str, ...]
    bare: tuple[str, ...] = ()


ANYWHERE: dict[str, list[tuple[int, int]]] = {}
"""Folded key -> (number of a field, rank of the key in it), for keys that tell wherever they stand."""
BESIDE: dict[str, list[tuple[int, int]]] = {}
"""The same for keys beside the plate or in an object around it: all names and the bare ones."""
_numbers = count()


def _field(names: str, bare: str = "") -> Field:
    field = Field(next(_numbers), tuple(names.split()), tuple(bare.split()))
    for rank, name in enumerate(field.names + field.bare):
        BESIDE.setdefault(name, []).append((field.number, rank))
        if rank < len(field.names):
            ANYWHERE.setdefault(name, []).append((field.number, rank))
    return field


PLATE_KEYS = (
    "plateNumber", "plate", "plateNo", "licensePlate", "license_plate", "plate_number", "Carplate",
    "licensePlateNumber", "licensePlateNo", "licencePlate", "numberPlate", "plateText", "plateNum", "plateCode",
    "vehiclePlate", "vehiclePlateNumber", "vehicleRegistration", "registrationNumber", "carNumber", "licenseNumber",
    "carNo", "plateStr", "plateValue", "lpNumber", "lpr", "registration",
    "licenseNo", "nopol", "no_polisi", "nomorPolisi", "nomorPlat", "noPlat", "platNomor", "platNo", "plat", "plates",
    "licensePlates",
)  # fmt: skip
"""Keys that name a vehicle; the first ones are told to a client whose body has none."""

PLATES = frozenset(fold(key) for key in PLATE_KEYS)
PLATE_RANK = {key: rank for rank, key in enumerate(dict.fromkeys(fold(key) for key in PLATE_KEYS))}
INNER_PLATE = ("number", "text", "value", "plate", "platenumber", "plateno", "platetext", "licenseplate", "raw", "code",
               "string", "content", "nomor")  # fmt: skip
"""Keys inside an object under a plate key: `"plate": {"text": "B 1234 XYZ"}`."""

TIME = _field(
    "capturetime capturedat capturetimestamp capturedatetime snaptime snapshottime pictime picturetime passtime "
    "passingtime passedat violationtime eventtime eventdatetime eventtimestamp detectiontime detecttime detectedat "
    "recognitiontime recognizedat readtime triggertime occurredat occurtime timestamp timestampms timestamputc "
    "timestampseconds timestampdate datetime utctime unixtime epochtime epoch localtime abstime waktutangkap "
    "waktupelanggaran waktukejadian waktudeteksi tanggalwaktu recordtime starttime createdat",
    "time ts waktu utc at jam",
)
DATE = _field("capturedate eventdate snapdate passdate tanggalkejadian", "date tanggal")
TIME_ZONE = _field("timezone utcoffset timezoneoffset zonawaktu", "tz zone")
CONFIDENCE = _field(
    "plateconfidence confidenceplate platescore plateaccuracy ocrconfidence ocrscore ocraccuracy lprconfidence "
    "anprconfidence licenseplateconfidence licenseplatescore recognitionconfidence confidencelevel",
    "confidence conf score accuracy probability likelihood reliability kepercayaan akurasi",
)
SCORES = frozenset({"score", "platescore", "licenseplatescore", "ocrscore", "probability", "likelihood"})
"""Names that mean a fraction: 1 is certainty here, where `confidence: 1` is one percent."""
VEHICLE_TYPE = _field(
    "vehicletype vehicleclass vehiclecategory vehiclekind cartype typeofvehicle jeniskendaraan tipekendaraan "
    "kendaraanjenis kendaraantipe",
    "vehicle kendaraan",
)
VEHICLE_COLOR = _field(
    "vehiclecolor vehiclecolour carcolor carcolour warnakendaraan warnamobil kendaraanwarna", "color colour warna"
)
VEHICLE_BRAND = _field("vehiclebrand vehiclemake vehiclelogo carbrand merkkendaraan", "brand make merk merek")
PLATE_COLOR = _field("platecolor platecolour licenseplatecolor warnaplat warnapelat")
COUNTRY = _field("platecountry licenseplatecountry countrycode", "country negara")
LANE = _field("laneno lanenumber laneid laneindex nolajur nomorlajur", "lane lajur jalur")
DIRECTION = _field(
    "direction drivingdirection traveldirection movingdirection vehicledirection movedirection arah "
    "arahkendaraan dir inout entryexit"
)
SPEED = _field("speedkmh speedkph vehiclespeed vehiclespeedkmh kecepatan", "speed velocity")
SPEED_MPH = _field("speedmph vehiclespeedmph")
SPEED_UNIT = _field("speedunit unitofspeed satuankecepatan")
VIOLATION = _field(
    "violationtype violationtypes violationcode violationname violation violations offence offences offense offenses "
    "offencetype offensetype jenispelanggaran tipepelanggaran pelanggaran illegaltype illegalaction"
)
EVENT = _field("eventtype eventname event alarmtype messagetype operator action", "type")
EVENT_ID = _field("clienteventid eventid eventuuid eventguid transactionid passageid recordid violationid idkejadian")
RETRANSMITTED = _field("retransmitted retransmission isretransmission isdataretransmission buffered offlinedata")
SERIAL = _field("deviceserial serialnumber serialno deviceid cameraid devicecode cameracode deviceuuid", "serial sn")
CHANNEL = _field("channelid channelno channel")
IP = _field("deviceip cameraip ipaddress", "ip")
MAC = _field("macaddress", "mac")
NAME = _field("devicename cameraname channelname")

TEXTS = (EVENT, RETRANSMITTED, SERIAL, CHANNEL, IP, MAC, NAME, LANE, VEHICLE_TYPE, VEHICLE_COLOR, PLATE_COLOR,
         VEHICLE_BRAND, COUNTRY, SPEED_UNIT)  # fmt: skip
"""Fields of which the first text counts."""
KNOWN = frozenset(
    name
    for f in (TIME, DATE, CONFIDENCE, VEHICLE_TYPE, VEHICLE_COLOR, VEHICLE_BRAND, PLATE_COLOR, COUNTRY, LANE,
              DIRECTION, SPEED, SPEED_MPH, EVENT, EVENT_ID, SERIAL, CHANNEL, IP, MAC, NAME)
    for name in f.names + f.bare
) | PLATES  # fmt: skip
"""Keys that have a place of their own in a PlateRead: all others are worth keeping in `extra`."""
SECRET_WORDS = ("key", "token", "password", "passwd", "secret", "credential", "auth", "sandi")
NO_ID = frozenset({"", "0", "-1", "x", "-", "none", "null", "unknown", "n/a", "00000000-0000-0000-0000-000000000000"})
YES = frozenset({"true", "1", "yes", "ya"})
KMH_PER_MILE = 1.609344
HEARTBEATS = frozenset({"heartbeat", "keepalive", "heart", "ping", "alive"})

_WAYS: dict[Direction, str] = {
    "in": "in entry enter entering entrance entered inbound incoming ingress arrive arrival arriving masuk",
    "out": "out exit exiting exited leave leaving left outbound outgoing egress departure keluar",
    "approach": "approach approaching approached coming towards toward forward front obverse mendekat datang",
    "depart": "depart departing departed away goaway goingaway receding reverse backward backwards rear menjauh pergi",
}
DIRECTIONS: dict[str, Direction] = {word: way for way, words in _WAYS.items() for word in words.split()}

_SYNONYMS: dict[ViolationType, str] = {
    ViolationType.GANJIL_GENAP: "oddeven oddandeven oddevenplate gage",
    ViolationType.MARKA_JALAN: "marka lanemarking roadmarking crossline crosssolidline solidline overline stopline "
    "crossstopline illegallanechange lanechange laneviolation markajalan pelanggaranmarka",
    ViolationType.LAMPU_MERAH: "redlight runredlight runningredlight redlightrunning redlightviolation ranredlight "
    "redlightcrossing trafficlight trafficlightviolation terobosapill menerobosapill apill menerobos_lampu_merah",
    ViolationType.BATAS_KECEPATAN: "overspeed overspeeding speed speeding speedlimit speedviolation exceedspeedlimit "
    "kecepatan melebihikecepatan",
    ViolationType.SABUK_KESELAMATAN: "seatbelt noseatbelt nosafetybelt safetybelt safebelt withoutsafebelt "
    "withoutseatbelt unbelted seatbeltviolation sabuk sabukpengaman tidakpakaisabuk",
    ViolationType.PONSEL: "phone mobilephone cellphone handphone hp calling phonecall usingphone phoneuse phoneusage "
    "usephone mobilephoneuse usingmobilephone",
    ViolationType.BUSWAY: "buslane buslaneviolation buswayviolation transjakarta jalurbusway",
    ViolationType.HELM: "helmet nohelmet withouthelmet helmetviolation helmetoffence tanpahelm tidakpakaihelm",
    ViolationType.LAWAN_ARAH: "wrongway wrongdirection wrongwaydriving contraflow retrograde oppositedirection "
    "againsttraffic melawanarah lawanarus melawanarus",
    ViolationType.ODOL: "overdimensionoverload overload overloading overloaded overdimension overweight oversize",
    ViolationType.OTHER: "lainnya lain others",
}
VIOLATIONS: dict[str, ViolationType] = {
    fold(word): kind for kind in ViolationType for word in (kind.value, *_SYNONYMS[kind].split())
}
_STEMS: dict[ViolationType, str] = {
    ViolationType.GANJIL_GENAP: "ganjilgenap oddeven",
    ViolationType.MARKA_JALAN: "marka",
    ViolationType.LAMPU_MERAH: "lampumerah redlight apill",
    ViolationType.BATAS_KECEPATAN: "kecepatan overspeed speeding speedlimit",
    ViolationType.SABUK_KESELAMATAN: "sabuk seatbelt safetybelt",
    ViolationType.PONSEL: "ponsel handphone mobilephone cellphone",
    ViolationType.BUSWAY: "busway",
    ViolationType.HELM: "helm",
    ViolationType.LAWAN_ARAH: "lawanarah lawanarus wrongway",
    ViolationType.ODOL: "overload overdimensi",
}


@lru_cache(maxsize=1024)
def violation_of(folded: str) -> ViolationType:
    """What a folded claim means, of whatever words it is made: "tidakmemakaihelm"; OTHER when it may be none or two."""
    known = VIOLATIONS.get(folded)
    if known is not None:
        return known
    found = [kind for kind, stems in _STEMS.items() if any(stem in folded for stem in stems.split())]
    return found[0] if len(found) == 1 else ViolationType.OTHER


NO_VIOLATION = frozenset({"", "none", "null", "no", "normal", "false", "0", "tidakada", "nihil", "na", "unknown"})
