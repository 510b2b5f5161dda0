"""Hearing one's own events back, as a client of the server: what was heard was told, whatever became of the answer.

Source: Pusher's WebSocket protocol, version 7 (connection, subscription, ping); tried against soketi.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from core.api import Conversation, Heard, Transient

CHANNEL = "private-told"
"""Ours alone: the auth endpoint signs it for nobody."""
EVENT = "told"
_TICK_S = 0.5
_PING_S = 20.0
_SILENT_S = 45.0
_SUBSCRIBE_S = 15.0


def socket_path(key: str) -> str:
    """The path of a client's socket."""
    return f"/app/{key}?protocol=7&client=tangkapin&version=1.0"


def listen(open_socket: Callable[[], Conversation], sign: Callable[[str], dict[str, str]]) -> Iterator[Heard | None]:
    """What is told on CHANNEL from now on; None at least every second, first when the subscription stands.

    sign  socket id -> the members that a subscription to CHANNEL shows
    Raises Transient when the connection is lost, silent or refused.
    """
    socket = open_socket()
    try:
        _subscribe(socket, sign)
        yield None
        heard_at = pinged_at = time.monotonic()
        while True:
            now = time.monotonic()
            if now - heard_at > _SILENT_S:
                raise Transient("the server is silent")
            if now - max(heard_at, pinged_at) > _PING_S:
                pinged_at = now
                _say(socket, "pusher:ping", {})
            message = _next(socket, _TICK_S)
            if message is not None:
                heard_at = time.monotonic()
            yield _heard(message) if message is not None else None
    finally:
        socket.close()


def _subscribe(socket: Conversation, sign: Callable[[str], dict[str, str]]) -> None:
    until = time.monotonic() + _SUBSCRIBE_S
    while time.monotonic() < until:
        message = _next(socket, _TICK_S)
        name = message["event"] if message is not None else ""
        if message is not None and name == "pusher:connection_established":
            socket_id = _object(message.get("data")).get("socket_id")
            _say(socket, "pusher:subscribe", {"channel": CHANNEL} | sign(str(socket_id)))
        elif name == "pusher_internal:subscription_succeeded":
            return
        elif name == "pusher:subscription_error":
            raise Transient("the server refused the subscription: check key and secret")
    raise Transient(f"not subscribed within {_SUBSCRIBE_S:g} s")


def _next(socket: Conversation, timeout_s: float) -> dict[str, Any] | None:
    text = socket.receive(timeout_s)
    if text is None:
        return None
    message = _object(text)
    name = message.get("event")
    if not isinstance(name, str):
        return None
    if name == "pusher:ping":
        _say(socket, "pusher:pong", {})
    if name == "pusher:error":
        # 4000 to 4099: the app or the key is not known, 4100 to 4199: over capacity, 4200 to 4299: connect again.
        raise Transient(f"the server's error {_object(message.get('data')).get('code')}")
    return message


def _heard(message: dict[str, Any]) -> Heard | None:
    if message["event"] != EVENT or message.get("channel") != CHANNEL:
        return None
    data = _object(message.get("data"))
    try:
        return Heard(notice_id=str(data["noticeId"]), at=datetime.fromisoformat(data["at"]))
    except (KeyError, TypeError, ValueError):
        return None


def _say(socket: Conversation, event: str, data: dict[str, str]) -> None:
    socket.send(json.dumps({"event": event, "data": data}))


def _object(value: Any) -> dict[str, Any]:
    """A JSON object, or JSON text of one; {} for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}
