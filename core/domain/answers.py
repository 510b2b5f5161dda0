"""What a make's firmware expects to hear: a table that the plugin declares and core compiles.

No plugin code runs before the commit; so the answer, the paths, what a heartbeat looks like, and what makes a body
worth a 400 are all data.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec


class BodyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """For clients that read our answer (the generic endpoint): say 400 where the parser would only quarantine.

    The payload is stored all the same; only the answer changes.
    media_types  accepted Content-Types (prefixes); anything else is 415 and not stored
    any_key      the JSON body (or its form fields) has one of these keys, case and "_-" ignored, up to 3 levels deep
    """

    media_types: tuple[str, ...] = ()
    any_key: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a make's table. The first row that matches a request gives its answer, in the declared order.

    kind      event         stored in the inbox, answered after the commit
              heartbeat     updates device health, stores nothing else
              registration  like heartbeat (a device announcing itself)
              probe         a GET or HEAD test of the URL: nothing is stored or updated
    path      an absolute path that the make insists on ("/NotificationInfo/KeepAlive"), "" = /cam/<maker>[/<device>];
              may end in "*"
    shared    where another make that is loaded insists on the path too, it is that make's; this one is then served
              behind /cam/<maker>/<device> only (a re-labelled firmware)
    methods   as sent by the device
    contains  all of these bytes are in the body, ASCII case ignored (rows without any match every body)
    lacks     none of these bytes are in the body
    max_body  a body longer than this does not match: a doubtful heartbeat is an event and is stored
    status, body, media_type  the answer, byte for byte
    """

    kind: Literal["event", "heartbeat", "registration", "probe"] = "event"
    path: str = ""
    shared: bool = False
    methods: tuple[str, ...] = ("POST", "PUT")
    contains: tuple[bytes, ...] = ()
    lacks: tuple[bytes, ...] = ()
    max_body: int | None = None
    status: int = 200
    body: bytes = b""
    media_type: str = ""
    check: BodyCheck | None = None


class Recognition(msgspec.Struct, frozen=True, kw_only=True):
    """How sure a plugin is that a payload is its make's, and why. confidence 0..1."""

    confidence: float
    why: str


def recognise_by_marks(body: bytes, marks: Iterable[tuple[bytes, float, str]]) -> Recognition | None:
    """The first of these (lower-case mark, confidence, what it is) in the first 200 kB of the body, in any case."""
    head = body[:200_000].lower()
    found = next(((sure, what) for mark, sure, what in marks if mark in head), None)
    return Recognition(confidence=found[0], why=f"the body has {found[1]}") if found else None
