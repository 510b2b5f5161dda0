"""Who may post: the devices with their credentials, in memory, for look-ups that cost the hot path nothing.

A snapshot never changes; a new one replaces it whole. `refresh()` (the serving process's timer, every two seconds)
first asks for a fingerprint of the tables and loads only when it changed, so an added device or a revoked key takes
effect within the timer's step, without a start. A request that names nobody known asks for a refresh at once, at most
once a second.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, text

from core.domain.addresses import Address, Network, contains, parse_address, parse_networks
from core.domain.observations import Device

log = structlog.get_logger(__name__)

_MISS_PAUSE_S = 1.0
_IP_CACHE = 4096

# xmin changes with every update of a row and its sum also when transactions commit in another order than they began.
# Credentials never change but for these two columns and last_used_at, which must not cause a reload.
_FINGERPRINT = text("""
SELECT (SELECT concat_ws(':', count(*), sum(xmin::text::bigint)) FROM devices),
       (SELECT concat_ws(':', count(*), sum(xmin::text::bigint)) FROM vendors),
       (SELECT concat_ws(':', count(*), sum(hashtextextended(concat_ws('|', id, expires_at, revoked_at), 0)::numeric))
          FROM device_credentials)
""")

_LOAD = text("""
SELECT d.*, d.is_active AND v.is_active AS active, v.vendor_code, v.settings AS vendor_settings,
       c.id AS credential_id, c.kind, c.key_id, c.username, c.secret_hash, c.ha1_encrypted, c.allow_md5,
       extract(epoch FROM c.expires_at)::float8 AS expires_at
FROM devices d
JOIN vendors v ON v.id = d.vendor_id
LEFT JOIN device_credentials c ON c.device_id = d.id AND c.vendor_id = d.vendor_id AND c.revoked_at IS NULL
ORDER BY d.id, c.id
""")


class Connects(Protocol):
    """What the directory needs of core.db.engine.Database: a transaction that sees all vendors."""

    def system(self) -> Any: ...


class Credential:
    """One credential of a device. expires_at: unix seconds, infinity when it does not expire."""

    __slots__ = ("allow_md5", "entry", "expires_at", "ha1_sealed", "id", "kind", "secret_hash", "username")

    def __init__(self, row: Mapping[str, Any], entry: DeviceEntry) -> None:
        self.id: int = row["credential_id"]
        self.kind: str = row["kind"]
        self.entry = entry
        self.username: str = row["username"] or entry.device.code
        self.secret_hash: bytes = bytes(row["secret_hash"] or b"")
        self.ha1_sealed: bytes = bytes(row["ha1_encrypted"] or b"")
        self.allow_md5: bool = row["allow_md5"]
        self.expires_at: float = math.inf if row["expires_at"] is None else row["expires_at"]


class DeviceEntry:
    """A device as the endpoint sees it.

    active      False: it may not post; the parse stage still needs it for what it posted before
    auth        accepted: api_key, token, basic, digest, ip
    restricted  devices.ip_allow is not empty: `networks` is then a condition whatever the credential
    basic, digest  credentials of these kinds that are not revoked (they may have expired)
    image_hosts CIDR[:port] that picture URLs may be fetched from
    vendor_rate_per_s  of all devices of the vendor together; None = no limit (vendors.settings: rate_per_s, rate_burst)
    children_by_channel, children_by_serial  the cameras that this recorder posts for
    """

    __slots__ = (
        "active", "auth", "basic", "children_by_channel", "children_by_serial", "device", "digest", "id", "image_hosts",
        "maker", "networks", "parent_id", "rate_burst", "rate_per_s", "restricted", "vendor_burst", "vendor_id",
        "vendor_rate_per_s",
    )  # fmt: skip

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.device = device_of(row)
        self.active: bool = row["active"]
        self.id: int = row["id"]
        self.vendor_id: int = row["vendor_id"]
        self.maker: str = row["maker"]
        self.auth = frozenset(row["auth"])
        self.restricted = bool(row["ip_allow"])
        self.networks = _networks(row["device_code"], row["ip_allow"])
        self.image_hosts: tuple[str, ...] = tuple(row["image_hosts"])
        self.rate_per_s: float = row["rate_per_s"]
        self.rate_burst: float = row["rate_burst"]
        self.vendor_rate_per_s = _positive(row["vendor_settings"].get("rate_per_s"))
        self.vendor_burst = _positive(row["vendor_settings"].get("rate_burst")) or 5 * (self.vendor_rate_per_s or 0.0)
        self.parent_id: int | None = row["parent_id"]
        self.basic: tuple[Credential, ...] = ()
        self.digest: tuple[Credential, ...] = ()
        self.children_by_channel: dict[str, DeviceEntry] = {}
        self.children_by_serial: dict[str, DeviceEntry] = {}

    def admits(self, address: Address | None) -> bool:
        """Whether ip_allow lets this address in; an empty ip_allow lets everybody in."""
        return not self.restricted or contains(self.networks, address)


class Snapshot:
    """All devices at one moment, found by id; by everything else only the active ones. Treat as immutable."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.by_id: dict[int, DeviceEntry] = {}
        self.by_code: dict[str, DeviceEntry] = {}
        self.by_key_id: dict[str, Credential] = {}
        self._by_username: dict[tuple[str, str], DeviceEntry | None] = {}
        self._kinds: dict[str, frozenset[str]] = {}
        self._by_ip: dict[tuple[str, str], DeviceEntry | None] = {}
        self._ip_entries: dict[str, list[DeviceEntry]] = {}
        for row in rows:
            entry = self.by_id.get(row["id"])
            if entry is None:
                entry = self._add(row)
            if row["credential_id"] is not None and entry.active:
                self._add_credential(row, entry)
        for entry in self.by_id.values():
            parent = self.by_id.get(entry.parent_id) if entry.parent_id is not None else None
            if parent is not None and parent.vendor_id == entry.vendor_id:
                if entry.device.channel:
                    parent.children_by_channel.setdefault(entry.device.channel, entry)
                if entry.device.serial:
                    parent.children_by_serial.setdefault(entry.device.serial, entry)

    def find(self, maker: str, device_code: str) -> DeviceEntry | None:
        """The device of that code, if it is of that make."""
        entry = self.by_code.get(device_code)
        return entry if entry is not None and entry.maker == maker else None

    def by_token(self, key: str) -> Credential | None:
        """The credential that a key tk_<key_id>_<secret> names; the caller compares the secret."""
        parts = key.split("_", 2)
        return self.by_key_id.get(parts[1]) if len(parts) == 3 and parts[0] == "tk" else None

    def by_username(self, maker: str, username: str) -> DeviceEntry | None:
        """The one device of the make with this Basic or Digest user; None when several share the name."""
        return self._by_username.get((maker, username))

    def by_peer(self, maker: str, peer: str) -> DeviceEntry | None:
        """The one device of the make that may be known by its address alone and allows this one."""
        key = (maker, peer)
        if key in self._by_ip:
            return self._by_ip[key]
        address = parse_address(peer)
        found = [entry for entry in self._ip_entries.get(maker, ()) if contains(entry.networks, address)]
        if len(self._by_ip) >= _IP_CACHE:
            self._by_ip.clear()
        result = self._by_ip[key] = found[0] if len(found) == 1 else None
        return result

    def kinds(self, maker: str) -> frozenset[str]:
        """What the devices of a make accept, all together ("digest-md5" if any may use MD5)."""
        return self._kinds.get(maker, frozenset({"api_key"}))

    def _add(self, row: Mapping[str, Any]) -> DeviceEntry:
        entry = DeviceEntry(row)
        self.by_id[entry.id] = entry
        if not entry.active:
            return entry
        self.by_code[entry.device.code] = entry
        self._kinds[entry.maker] = self._kinds.get(entry.maker, frozenset()) | entry.auth
        if "ip" in entry.auth:
            self._ip_entries.setdefault(entry.maker, []).append(entry)
        return entry

    def _add_credential(self, row: Mapping[str, Any], entry: DeviceEntry) -> None:
        credential = Credential(row, entry)
        if credential.kind == "api_key":
            self.by_key_id[row["key_id"]] = credential
            return
        if credential.kind == "basic":
            entry.basic += (credential,)
        else:
            entry.digest += (credential,)
            if credential.allow_md5:
                self._kinds[entry.maker] |= {"digest-md5"}
        name = (entry.maker, credential.username)
        known = self._by_username.setdefault(name, entry)
        if known is not entry:
            self._by_username[name] = None


class DeviceDirectory:
    """Keeps the current snapshot. `current` is read by the event loop, refresh() runs in any thread."""

    def __init__(self, database: Connects) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._fingerprint: tuple[str, ...] | None = None
        self._last_miss = 0.0
        self._used: dict[int, float] = {}
        self._noted: dict[int, float] = {}
        self.current = Snapshot()

    def refresh(self) -> bool:
        """Load what changed and note which credentials were used; True when there is a new snapshot.

        Blocks for a query; not for the event loop. On an error the old snapshot stays and the error is raised.
        """
        with self._lock, self._database.system() as connection:
            self._note_used(connection)
            fingerprint = tuple(connection.execute(_FINGERPRINT).one())
            if fingerprint == self._fingerprint:
                return False
            self.current = Snapshot(dict(row) for row in connection.execute(_LOAD).mappings())
            self._fingerprint = fingerprint
        log.info("devices_loaded", devices=len(self.current.by_id))
        return True

    def missed(self) -> None:
        """Somebody unknown posted: perhaps a device that was just added. Returns at once."""
        now = time.monotonic()
        if now - self._last_miss >= _MISS_PAUSE_S:
            self._last_miss = now
            threading.Thread(target=self._refresh_quietly, name="devices-refresh", daemon=True).start()

    def used(self, credential: Credential, now: float) -> None:
        """A credential was used at `now` (unix seconds); written every few minutes, shown by `device show`."""
        self._used[credential.id] = now

    def _refresh_quietly(self) -> None:
        try:
            self.refresh()
        except Exception as error:
            log.warning("devices_not_refreshed", error=str(error)[:200])

    def _note_used(self, connection: Connection) -> None:
        due = [(i, at) for i, at in self._used.copy().items() if at - self._noted.get(i, 0.0) >= 300.0]
        if due:
            connection.execute(
                text(
                    "UPDATE device_credentials SET last_used_at = to_timestamp(u.at) "
                    "FROM unnest(CAST(:ids AS bigint[]), CAST(:ats AS float8[])) AS u(id, at) "
                    "WHERE device_credentials.id = u.id"
                ),
                {"ids": [i for i, _ in due], "ats": [at for _, at in due]},
            )
            self._noted.update(due)


def device_of(row: Mapping[str, Any]) -> Device:
    """A row of `devices` joined with vendor_code, as plugins see it."""
    return Device(
        id=row["id"],
        code=row["device_code"],
        maker=row["maker"],
        vendor_id=row["vendor_id"],
        vendor_code=row["vendor_code"],
        name=row["device_name"] or "",
        location=row["location"] or "",
        zone=row["zone"],
        time_rule=row["time_rule"],
        purposes=tuple(row["purposes"]),
        speed_limit_kmh=row["speed_limit_kmh"],
        serial=row["serial"] or "",
        channel=row["channel"] or "",
        latitude=row["latitude"],
        longitude=row["longitude"],
        detect=row["detect"],
        settings=row["settings"],
    )


def _networks(code: str, cidrs: list[str]) -> tuple[Network, ...]:
    """A list with a mistake in it lets nobody in: an allow-list must not become wider by a typing error."""
    try:
        return parse_networks(cidrs)
    except ValueError as error:
        log.error("device_ip_allow_invalid", device=code, error=str(error))
        return ()


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None
