"""A signed webhook after Standard Webhooks: any system that wants to hear of approved violations."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

from core import api
from core.api import (
    CaseView,
    HttpRequest,
    HttpResponse,
    Secret,
    SinkConfig,
    SyncReceipt,
    hookimpl,
    read_status,
)


class WebhookConfig(SinkConfig, frozen=True, kw_only=True):
    """Fields of SinkConfig (idempotent is true here: receivers de-duplicate by `webhook-id`), and:

    url              where to post
    secret           base64, with or without the prefix whsec_
    previous_secret  signed with too, while receivers change to a new secret
    evidence         "hash" names the pictures by SHA-256, "inline" adds them in base64
    """

    url: str
    secret: Secret
    previous_secret: Secret | None = None
    evidence: str = "hash"
    idempotent: bool = True

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError("url: expected http:// or https:// with a host and without a user name")
        if self.evidence not in ("hash", "inline"):
            raise ValueError('evidence: expected "hash" or "inline"')


class Plugin(api.Plugin):
    """Builds the event; core signs the exact bytes at each attempt."""

    Config = WebhookConfig
    config: WebhookConfig
    version = "1.0"
    guarantee = "at-least-once"

    @hookimpl
    def build_sync(self, case: CaseView) -> HttpRequest:
        """The event `violation.approved`."""
        return HttpRequest(
            url=self.config.url,
            headers={"Content-Type": "application/json"},
            body={
                "type": "violation.approved",
                "timestamp": case.verified_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                "data": self._data(case),
            },
            sign="standard-webhooks",
            sign_secret="secret" if self.config.previous_secret is None else "secret,previous_secret",
        )

    @hookimpl
    def read_receipt(self, response: HttpResponse) -> SyncReceipt:
        """Any 2xx is a yes, as Standard Webhooks says; 410 Gone is a no."""
        return read_status(response) or SyncReceipt(outcome="accepted")

    def _data(self, case: CaseView) -> dict[str, Any]:
        pictures = [picture for picture in (case.plate_image, case.vehicle_image) if picture is not None]
        return {
            "violation_id": case.violation_id,
            "vendor": case.vendor.code,
            "plate_number": case.plate_number,
            "violation_type": case.violation_type,
            "capture_time": case.capture_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "location": case.location,
            "device": case.device.code,
            "verified_by": case.verified_by,
            "trace": case.trace,
            "evidence": [
                {"role": one.role, "mime": one.mime, "sha256": one.sha256}
                | ({"content": one} if self.config.evidence == "inline" else {})
                for one in pictures
            ],
        }
