"""Korlantas: a second, national centre. The payload is this project's own; no public description exists (doc.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from core import api
from core.api import (
    CaseView,
    EvidenceRef,
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

SCHEMA = "tangkapin.korlantas/1"


class KorlantasConfig(SinkConfig, frozen=True, kw_only=True):
    """Fields of SinkConfig, and:

    url        the base address; a case is sent to `<url>/pelanggaran` and asked for at `<url>/pelanggaran/<key>`
    token      sent as `Authorization: Bearer …`; the secret holds the whole header value ("Bearer abc")
    can_ask    the centre answers the look-up; 404 then means that it does not have the case
    """

    url: str
    token: Secret | None = None
    can_ask: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected http:// or https:// with a host")
        if parts.username or parts.password or parts.query:
            raise ValueError("url: no key and no query in it; use token")


class Plugin(api.Plugin):
    """Builds Korlantas requests and reads its answers."""

    Config = KorlantasConfig
    config: KorlantasConfig
    version = "1.0"
    guarantee = "at-least-once"

    @hookimpl
    def build_sync(self, case: CaseView) -> HttpRequest:
        """One case with vehicle, place, decision and pictures."""
        if not case.plate_number:
            raise Unbuildable("Korlantas needs a plate number (nomor_polisi), and the case has none")
        return HttpRequest(
            url=self.config.url.rstrip("/") + "/pelanggaran",
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": case.idempotency_key,
                "X-Request-ID": case.trace,
            },
            secret_headers=self._secret_headers(),
            body={
                "schema": SCHEMA,
                "nomor_perkara": f"{case.vendor.code}-{case.violation_id}",
                "pelapor": {"kode": case.vendor.code, "nama": case.vendor.name, "wilayah": case.vendor.region},
                "kendaraan": {"nomor_polisi": case.plate_number},
                "pelanggaran": {"jenis": case.violation_type, "waktu": _utc(case.capture_time), **_measured(case)},
                "lokasi": _place(case),
                "keputusan": {"petugas": case.verified_by, "waktu": _utc(case.verified_at)},
                "bukti": [_evidence(picture) for picture in (case.plate_image, case.vehicle_image) if picture],
            },
        )

    @hookimpl
    def read_receipt(self, response: HttpResponse) -> SyncReceipt:
        """By status, then by the meaning of the body."""
        if response.purpose == "look_up":
            return read_look_up(response, absent_on_404=True)
        return read_answer(response)

    @hookimpl
    def build_look_up(self, case: CaseView) -> HttpRequest | None:
        """A GET by idempotency key; None when the centre cannot be asked."""
        if not self.config.can_ask:
            return None
        return HttpRequest(
            url=f"{self.config.url.rstrip('/')}/pelanggaran/{quote(case.idempotency_key, safe='')}",
            method="GET",
            headers={"X-Request-ID": case.trace},
            secret_headers=self._secret_headers(),
        )

    def _secret_headers(self) -> dict[str, str]:
        return {"Authorization": "token"} if self.config.token is not None else {}


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _measured(case: CaseView) -> dict[str, Any]:
    limit = case.detail.get("limit_kmh")
    known = {"kecepatan_kmh": case.speed_kmh, "batas_kmh": limit, "lajur": case.lane_no, "arah": case.direction}
    return {name: value for name, value in known.items() if value not in (None, "", "unknown")}


def _place(case: CaseView) -> dict[str, Any]:
    place: dict[str, Any] = {"nama": case.location, "perangkat": case.device.code}
    if case.device.latitude is not None and case.device.longitude is not None:
        place |= {"lintang": case.device.latitude, "bujur": case.device.longitude}
    return place


def _evidence(picture: EvidenceRef) -> dict[str, Any]:
    return {"peran": picture.role, "mime": picture.mime, "sha256": picture.sha256, "isi": picture}
