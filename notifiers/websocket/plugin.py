"""Notices over Tangkapin's own websocket (`/ws`). The rows are committed before this is asked; sockets that were away
catch up from them."""

from __future__ import annotations

import msgspec

from core import api
from core.api import Delivery, Notice, Recipient, Undeliverable, hookimpl, publish_realtime, realtime_event


class Plugin(api.Plugin):
    """Publishes to the web processes; nobody listening there is Undeliverable, so that the next channel is tried."""

    version = "1.0"
    guarantee = "at-least-once while a socket is open"
    in_app = True

    @hookimpl
    def deliver_notice(self, notice: Notice, recipient: Recipient) -> Delivery:
        """Accepted when a web process has a socket that hears it; the client's acknowledgement makes it delivered."""
        topics, event = realtime_event(notice, recipient)
        if not publish_realtime(topics, msgspec.json.encode(event)) and recipient.role != "dashboard":
            raise Undeliverable("no open socket")
        return Delivery(outcome="accepted")
