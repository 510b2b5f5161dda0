"""What the simulated cameras of the benchmarks send: every event has a plate, an event id and a time of its own.

Requests have a fixed length, so that a sender only patches places in a prepared one.
"""

from __future__ import annotations

import io
import os
import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from PIL import Image

_JAKARTA = timezone(timedelta(hours=7))
_REGIONS = b"BBBA"
_PLATES = 9000 * 26 * 26
_STRIDE = 2_741_839  # shares no factor with _PLATES: consecutive numbers give plates far apart
BOUNDARY = b"MIME_boundary"
PLATE_PICTURE, SCENE_PICTURE = 20_000, 576_000


def plate(number: int) -> bytes:
    """The nth plate, like B1234XYZ. Any two differ in two characters or more, so that none merge into one passage."""
    n = (number * _STRIDE) % _PLATES
    n, second = divmod(n, 26)
    digits, first = divmod(n, 26)
    region = _REGIONS[number % len(_REGIONS)]
    text = b"%d" % (1000 + digits)
    # odd weights but 13 make every exchange of one character change the last letter
    checked = 15 * region + text[0] + 3 * text[1] + 5 * text[2] + 7 * text[3] + 9 * first + 11 * second
    return b"%c%s%c%c%c" % (region, text, 65 + first, 65 + second, 65 + checked % 26)


def now_text() -> bytes:
    """The camera's clock, to the millisecond, 29 bytes."""
    return _clock(int(time.time() * 50))


@lru_cache(maxsize=4)
def _clock(step: int) -> bytes:
    return datetime.fromtimestamp(step / 50, _JAKARTA).isoformat(timespec="milliseconds").encode()


def json_body(number: int) -> bytes:
    """A generic JSON event of about 600 bytes without pictures."""
    return (
        b'{"eventId":"evt-%012d","eventType":"ANPR","plateNumber":"%s","confidence":96.4,"plateColor":"white",'
        b'"vehicleType":"car","vehicleColor":"black","vehicleBrand":"Toyota","laneNo":"2","direction":"approach",'
        b'"speed":47.5,"timestamp":"%s","cameraName":"Simpang Ciceri arah Serang lajur dua","channel":"1",'
        b'"serialNo":"BENCH-000017","firmware":"V5.7.12 build 260114","country":"ID","roi":{"x":412,"y":633,"w":188,'
        b'"h":64},"trigger":"loop","redLightMs":1840,"exposureUs":650,"gain":12,"plateScore":[98,97,96,99,95,97,98,'
        b'96],"note":"kendaraan melewati garis henti saat lampu merah"}'
    ) % (number, plate(number), now_text())


@lru_cache(maxsize=1)
def image_template() -> tuple[bytes, dict[str, int]]:
    """A Hikvision multipart of 600 kB and where in it the plate, the time, the id and each picture's counter stand."""
    xml = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<EventNotificationAlert version="2.0" '
        b'xmlns="http://www.hikvision.com/ver20/XMLSchema">\n<ipAddress>192.0.2.21</ipAddress><portNo>80</portNo>'
        b"<protocol>HTTP</protocol><macAddress>02:00:5e:00:53:17</macAddress><channelID>1</channelID>\n"
        b"<dateTime>@TIME@000000000000000000000000</dateTime><activePostCount>1</activePostCount>"
        b"<eventType>ANPR</eventType><eventState>active</eventState><eventDescription>ANPR</eventDescription>\n"
        b"<channelName>Simpang Uji</channelName>\n<ANPR><country>87</country><licensePlate>@PLATE@0</licensePlate>"
        b"<line>1</line><direction>forward</direction><confidenceLevel>96</confidenceLevel>"
        b"<plateType>unknown</plateType><plateColor>white</plateColor><vehicleType>saloon</vehicleType>\n"
        b"<vehicleInfo><vehicleType>1</vehicleType><color>white</color><speed>41</speed></vehicleInfo>\n"
        b"<pictureInfoList><pictureInfo><fileName>licensePlatePicture.jpg</fileName><type>licensePlatePicture</type>"
        b"<dataType>0</dataType></pictureInfo><pictureInfo><fileName>detectionPicture.jpg</fileName>"
        b"<type>detectionPicture</type><dataType>0</dataType></pictureInfo></pictureInfoList></ANPR>\n"
        b"<UUID>@UUID@0000000</UUID>\n</EventNotificationAlert>\n"
    )
    parts = [
        (b"anpr.xml", b"text/xml", xml),
        (b"licensePlatePicture.jpg", b"image/jpeg", _jpeg(PLATE_PICTURE, (200, 72))),
        (b"detectionPicture.jpg", b"image/jpeg", _jpeg(SCENE_PICTURE, (1280, 720))),
    ]
    out = bytearray()
    for name, kind, content in parts:
        out += b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n' % (BOUNDARY, name, name)
        out += b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n" % (kind, len(content), content)
    out += b"--%s--\r\n" % BOUNDARY
    body = bytes(out)
    first = body.index(b"@COUNTER@")
    at = {
        "time": body.index(b"@TIME@"),
        "plate": body.index(b"@PLATE@"),
        "uuid": body.index(b"@UUID@"),
        "counter": first,
        "counter2": body.index(b"@COUNTER@", first + 1),
    }
    return body, at


def patch_image(body: bytearray, at: dict[str, int], number: int, offset: int = 0) -> None:
    """Make the template the nth event: no two have a picture in common."""
    for place, value in (
        ("time", now_text()[:29].ljust(30)),
        ("plate", plate(number)),
        ("uuid", b"%013d" % number),
        ("counter", b"%012d" % number),
        ("counter2", b"%012d" % number),
    ):
        start = at[place] + offset
        body[start : start + len(value)] = value


def _jpeg(size: int, shape: tuple[int, int]) -> bytes:
    """Noise with a counter in its comment, filled up to exactly `size` bytes behind the end mark."""
    comment = b"@COUNTER@000 SIMULASI"
    best = b""
    for quality in range(10, 96, 5):
        picture = Image.effect_noise(shape, 60).convert("RGB")
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, comment=comment)
        if out.tell() > size:
            break
        best = out.getvalue()
    return best + os.urandom((size - len(best)) // 2).hex().encode().ljust(size - len(best), b"0")
