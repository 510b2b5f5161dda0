"""ETNAS: the central system that receives approved violations. Its mapping lives here alone (doc.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from string import Formatter
from urllib.parse import quote, urlsplit

from core import api
from core.api import (
    CaseView,
    HttpRequest,
    HttpResponse,
    Secret,
    SinkConfig,
    SyncReceipt,
    Unbuildable,
    hookimpl,
    read_answer,
    read_look_up,
)

VENDOR_KEY = "vendor.api_key"
_PLACES = ("idempotency_key", "violation_id", "vendor_id", "plate_number", "violation_type", "capture_time")


class EtnasConfig(SinkConfig, frozen=True, kw_only=True):
    """Fields of SinkConfig, and:

    url                       "" = each vendor's own `etnas_url`
    api_key                   absent = each vendor's own key (`vendors.api_key`)
    key_header                the header that carries the key; "" sends none
    idempotency_header        the header that carries the idempotency key; "" sends none
    trace_header              carries the trace id of the camera's request; "" sends none
    look_up_url               how to ask for a violation, with {idempotency_key}, {violation_id}, {vendor_id},
                              {plate_number}, {violation_type}, {capture_time} in it; "" = ETNAS cannot be asked
    look_up_404_means_absent  the look-up answers 404 for a violation that it does not have
    """

    url: str = ""
    api_key: Secret | None = None
    key_header: str = "X-API-KEY"
    idempotency_header: str = "Idempotency-Key"
    trace_header: str = "X-Request-ID"
    look_up_url: str = ""
    look_up_404_means_absent: bool = False

    def __post_init__(self) -> None:
        for name in ("url", "look_up_url"):
            _check_url(name, getattr(self, name))
        unknown = {field for _, field, _, _ in Formatter().parse(self.look_up_url) if field is not None} - set(_PLACES)
        if unknown:
            raise ValueError(f"look_up_url: unknown place {sorted(unknown)[0]!r}; known: {', '.join(_PLACES)}")


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(f"{name}: expected http:// or https:// with a host")
    if parts.username or parts.password:
        raise ValueError(f"{name}: a key does not stand in the URL; use api_key and key_header")


class Plugin(api.Plugin):
    """Builds ETNAS requests and reads its answers."""

    Config = EtnasConfig
    config: EtnasConfig
    version = "1.0"
    guarantee = "at-least-once"

    @hookimpl
    def build_sync(self, case: CaseView) -> HttpRequest:
        """The seed's payload, nothing more and nothing less."""
        url = self.config.url or case.vendor.etnas_url
        if not url:
            raise Unbuildable(f"no address: neither this sink's url nor etnas_url of vendor {case.vendor.code}")
        if not case.plate_number:
            raise Unbuildable("ETNAS needs a plate number, and the case has none")
        return HttpRequest(
            url=url,
            headers={"Content-Type": "application/json", **self._headers(case)},
            secret_headers=self._secret_headers(),
            body={
                "vendor_id": case.vendor.code,
                "plate_number": case.plate_number,
                "violation_type": case.violation_type,
                "capture_time": utc_seconds(case.capture_time),
                "location": case.location,
                "evidence_plate": case.plate_image or "",
                "evidence_vehicle": case.vehicle_image or "",
            },
        )

    @hookimpl
    def read_receipt(self, response: HttpResponse) -> SyncReceipt:
        """By status, then by the meaning of the body: an error in a 200 is an error."""
        if response.purpose == "look_up":
            return read_look_up(response, absent_on_404=self.config.look_up_404_means_absent)
        return read_answer(response)

    @hookimpl
    def build_look_up(self, case: CaseView) -> HttpRequest | None:
        """A GET of look_up_url; None when there is none."""
        if not self.config.look_up_url:
            return None
        places = {
            "idempotency_key": case.idempotency_key,
            "violation_id": case.violation_id,
            "vendor_id": case.vendor.code,
            "plate_number": case.plate_number,
            "violation_type": case.violation_type,
            "capture_time": utc_seconds(case.capture_time),
        }
        url = self.config.look_up_url.format_map({name: quote(str(value), safe="") for name, value in places.items()})
        return HttpRequest(url=url, method="GET", headers=self._headers(case), secret_headers=self._secret_headers())

    def _headers(self, case: CaseView) -> dict[str, str]:
        named = {
            self.config.idempotency_header: case.idempotency_key,
            self.config.trace_header: case.trace,
        }
        return {name: value for name, value in named.items() if name and value}

    def _secret_headers(self) -> dict[str, str]:
        if not self.config.key_header:
            return {}
        return {self.config.key_header: VENDOR_KEY if self.config.api_key is None else "api_key"}


def utc_seconds(at: datetime) -> str:
    """The capture time as the centre writes it: UTC, whole seconds, Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
