"""The Pusher protocol's signatures: of requests, of subscriptions, of webhooks. Pure.

Source: Pusher's HTTP API reference ("Authentication"), channel authorisation and webhook pages; checked against the
maker's own Python library in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

WEBHOOK_WINDOW_S = 300
"""How far a webhook's time may lie from ours."""
_SOCKET = re.compile(r"\d{1,20}\.\d{1,20}")
_CHANNEL = re.compile(r"(?:private|presence)-[-a-zA-Z0-9_=@,.;]{1,180}")


def sign(secret: str, text: str | bytes) -> str:
    """HMAC-SHA256 in hexadecimal."""
    data = text.encode() if isinstance(text, str) else text
    return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()


def signed_path(key: str, secret: str, path: str, body: bytes, now: float) -> str:
    """The path of a POST with the query that proves who sends this body; servers take it for ten minutes."""
    query = (
        f"auth_key={key}&auth_timestamp={now:.0f}&auth_version=1.0"
        f"&body_md5={hashlib.md5(body, usedforsecurity=False).hexdigest()}"
    )
    signature = sign(secret, "\n".join(("POST", path, query)))
    return f"{path}?{query}&auth_signature={signature}"


def sign_subscription(key: str, secret: str, socket_id: str, channel: str, user_data: str = "") -> dict[str, str]:
    """What an authorised client shows the server to subscribe to a private or presence channel.

    user_data  for presence channels: JSON text with user_id, signed and passed on as it is
    Raises ValueError for what is no socket id or no such channel: signing any text would sign other channels too.
    """
    if not _SOCKET.fullmatch(socket_id):
        raise ValueError("socket_id: expected two numbers with a dot between")
    if not _CHANNEL.fullmatch(channel) or channel.startswith("private-encrypted-"):
        raise ValueError("channel: expected the name of a private or presence channel")
    if channel.startswith("presence-") != bool(user_data):
        raise ValueError("user_data: presence channels need it, private ones take none")
    signature = sign(secret, ":".join(filter(None, (socket_id, channel, user_data))))
    return {"auth": f"{key}:{signature}"} | ({"channel_data": user_data} if user_data else {})


def read_webhook(
    key: str, secret: str, given_key: str, signature: str, body: bytes, now: float
) -> list[dict[str, Any]] | None:
    """The events of a webhook of ours; None when it is not signed by this app's secret or is not of now."""
    if not hmac.compare_digest(given_key.encode(), key.encode()):
        return None
    if not hmac.compare_digest(signature.encode(), sign(secret, body).encode()):
        return None
    try:
        told = json.loads(body)
        age_s = abs(now - told["time_ms"] / 1000)
        events = [event for event in told["events"] if isinstance(event, dict)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return events if age_s <= WEBHOOK_WINDOW_S else None
