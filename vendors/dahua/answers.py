"""What Dahua firmwares expect to hear. Anything else, or a slow answer, makes them send the same again."""

from __future__ import annotations

from core.api import Answer

_JSON = "application/json"
_DONE = b'{"Result":true}'
_REGISTERED = b'{"Result":true,"Message":"Success"}'
_KEPT_ALIVE = b'{"result":true}'
# With any of these in it a body is more than a heartbeat: when in doubt it is an event and is stored.
_EVENT = (b'"picture"', b"snapinfo", b"plate", b'"code"', b"code=", b"events[", b'"events"', b"eventlist", b"image/",
          b"eventtype", b"alarmtype")  # fmt: skip


def _its(name: str) -> str:
    return f"/NotificationInfo/{name}"


def _alive(service: str) -> tuple[Answer, Answer]:
    path = f"/{service}/keepalive"
    return (
        Answer(kind="probe", path=path, methods=("GET", "HEAD"), body=_KEPT_ALIVE, media_type=_JSON),
        Answer(kind="heartbeat", path=path, lacks=_EVENT, max_body=4096, body=_KEPT_ALIVE, media_type=_JSON),
    )


# fmt: off
TABLE = (
    # some installations send every message to one path, so heartbeats are told by their body on all of them
    Answer(kind="heartbeat", contains=(b'"active"', b'"deviceid"'), lacks=_EVENT, max_body=1024, body=_DONE,
           media_type=_JSON),
    Answer(kind="registration", contains=(b'"devicemodel"',), lacks=_EVENT, max_body=4096, body=_REGISTERED,
           media_type=_JSON),
    Answer(kind="heartbeat", contains=(b"heartbeat",), lacks=(*_EVENT, b"{"), max_body=1024, body=_DONE,
           media_type=_JSON),
    Answer(kind="heartbeat", path=_its("KeepAlive"), lacks=_EVENT, max_body=4096, body=_DONE, media_type=_JSON),
    Answer(kind="registration", path=_its("DeviceInfo"), lacks=_EVENT, max_body=16384, body=_REGISTERED,
           media_type=_JSON),
    *(Answer(path=_its(name), body=_DONE, media_type=_JSON)
      for name in ("TollgateInfo", "ParkingInfo", "AlarmInfo", "KeepAlive", "DeviceInfo", "*")),
    *_alive("EventHttpUpload"),
    *_alive("PictureHttpUpload"),
    Answer(body=_DONE, media_type=_JSON),
)
# fmt: on
"""In matching order."""
