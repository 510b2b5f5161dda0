"""Who reports (vendors), who watches (devices) and who decides (officers, admins)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.db.base import metadata, moment, tenant

vendors = Table(
    "vendors",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("vendor_code", String(50), nullable=False, unique=True),
    Column("vendor_name", String(100)),
    Column("region", String(100)),
    Column("etnas_url", Text),
    Column("api_key", Text, comment="a reference only: env:NAME or file:/path, never the key"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    moment("created_at", now=True),
    moment("updated_at", now=True),
    CheckConstraint("api_key IS NULL OR api_key ~ '^(env|file):'", name="api_key_is_reference"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("device_code", String(100), nullable=False, unique=True),
    Column("device_name", String(100)),
    Column("ip_address", String(50)),
    Column("location", Text),
    tenant(),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at", now=True),
    moment("updated_at", now=True),
    Column("maker", String(40), nullable=False),
    Column("zone", String(64), nullable=False, server_default=text("'Asia/Jakarta'")),
    Column("time_rule", String(12), nullable=False, server_default=text("'offset'")),
    Column("purposes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("speed_limit_kmh", Double),
    Column("serial", String(100)),
    Column("channel", String(20)),
    Column("parent_id", BigInteger, ForeignKey("devices.id"), comment="the NVR that posts for this camera"),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("auth", ARRAY(Text), nullable=False, server_default=text("'{api_key}'"),
           comment="accepted: api_key, token (path or query), basic, digest, ip"),
    Column("ip_allow", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="CIDRs; empty = any"),
    Column("image_hosts", ARRAY(Text), nullable=False, server_default=text("'{}'"),
           comment="CIDR[:port] that picture URLs of this device may be fetched from"),
    Column("rate_per_s", Double, nullable=False, server_default=text("20")),
    Column("rate_burst", Double, nullable=False, server_default=text("100")),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("owner_id", BigInteger, ForeignKey("owners.id"), comment="the citizen whose CCTV it is"),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("camera_type", String(50), nullable=False, server_default=text("''")),
    Column("cctv_status", String(12), comment="inactive or maintenance, set by a person; NULL = derived"),
    Column("stream_kind", String(10), comment="rtsp, mjpeg, snapshot, file, vendor; NULL = nothing is pulled"),
    Column("stream_url", Text, comment="without user and password"),
    Column("stream_login", LargeBinary, comment="user:password of stream_url, AES-GCM under the secret key"),
    Column("stream_allow", ARRAY(Text), nullable=False, server_default=text("'{}'"),
           comment="host[:port] or CIDR that an admin approved; empty = the stream is not opened"),
    Column("stream_approved_by", String(150)),
    moment("stream_approved_at"),
    Column("detect", Boolean, nullable=False, server_default=text("false"), comment="its pictures go to the detectors"),
    CheckConstraint("cctv_status IN ('inactive','maintenance')", name="cctv_status"),
    CheckConstraint("stream_kind IN ('rtsp','mjpeg','snapshot','file','vendor')", name="stream_kind"),
    Index("ix_devices_owner_id", "owner_id"),
    CheckConstraint("time_rule IN ('offset','wall_clock')", name="time_rule"),
    Index("ix_devices_vendor_id", "vendor_id"),
    Index("ix_devices_parent_id", "parent_id"),
)  # fmt: skip

device_credentials = Table(
    "device_credentials",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(),
    Column("device_id", BigInteger, ForeignKey("devices.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("key_id", String(40), comment="public half of tk_<key_id>_<secret>"),
    Column("username", String(100)),
    Column("secret_hash", LargeBinary, comment="SHA-256 of an API key; argon2id text of a Basic password"),
    Column("ha1_encrypted", LargeBinary, comment="Digest HA1 values, AES-GCM under the secret key"),
    Column("allow_md5", Boolean, nullable=False, server_default=text("false")),
    moment("created_at", now=True),
    moment("expires_at"),
    moment("revoked_at"),
    moment("last_used_at"),
    CheckConstraint("kind IN ('api_key','basic','digest')", name="kind"),
    Index("uq_device_credentials_key_id", "key_id", unique=True, postgresql_where=text("key_id IS NOT NULL")),
    Index("ix_device_credentials_device_id", "device_id"),
)

device_health = Table(
    "device_health",
    metadata,
    Column("device_id", BigInteger, ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    tenant(),
    moment("last_seen"),
    moment("last_heartbeat"),
    moment("last_event"),
    Column("last_peer", String(64)),
    Column("events", BigInteger, nullable=False, server_default=text("0")),
    Column("heartbeats", BigInteger, nullable=False, server_default=text("0")),
    Column("problems", BigInteger, nullable=False, server_default=text("0")),
    Column("skew_samples", ARRAY(Double), nullable=False, server_default=text("'{}'"),
           comment="the last 50 of capture time minus receive time, seconds"),
    Column("skew_s", Double, comment="their median"),
    Column("skew_state", String(12), nullable=False, server_default=text("'unknown'"),
           comment="unknown, ok, warn, hold, wrong_zone"),
    Column("skew_note", Text),
    moment("updated_at", now=True),
)  # fmt: skip


def _staff(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(
        name,
        metadata,
        Column("id", BigInteger, Identity(always=False), primary_key=True),
        Column("username", String(100), nullable=False, unique=True),
        Column("full_name", String(150), nullable=False, server_default=text("''")),
        Column("password_hash", Text, nullable=False),
        Column("token_version", Integer, nullable=False, server_default=text("1")),
        Column("is_active", Boolean, nullable=False, server_default=text("true")),
        moment("created_at", now=True),
        moment("updated_at", now=True),
        moment("last_login_at"),
        *columns,
    )


stations = Table(
    "stations",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(),
    Column("name", String(150), nullable=False),
    Column("address", Text, nullable=False, server_default=text("''")),
    Column("phone", String(30), nullable=False, server_default=text("''")),
    Column("latitude", Double, nullable=False),
    Column("longitude", Double, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at", now=True),
    moment("updated_at", now=True),
    Index("uq_stations_vendor_id_name", "vendor_id", "name", unique=True),
    Index("ix_stations_latitude_longitude", "latitude", "longitude"),
)


def _contact(name: str) -> tuple[Column[Any] | Index, ...]:
    return (
        Column("email", String(254), comment="lower case; people log in with it too"),
        Index(f"uq_{name}_email", "email", unique=True),
        Column("phone", String(30), nullable=False, server_default=text("''")),
        Column("language", String(2), nullable=False, server_default=text("'id'")),
        Column("notify", JSONB, nullable=False, server_default=text("'{}'"), comment="notification settings"),
    )


def _on_duty(*, default: str) -> tuple[Column[Any], ...]:
    return (
        Column("station_id", BigInteger, ForeignKey("stations.id")),
        Column("status", String(12), nullable=False, server_default=text(f"'{default}'"),
               comment="available, busy, offline"),
    )  # fmt: skip


officers = _staff(
    "officers", tenant(), Column("badge_no", String(50)), *_contact("officers"), *_on_duty(default="available")
)
admins = _staff(
    "admins", Column("vendor_id", BigInteger, ForeignKey("vendors.id"), comment="NULL = national"), *_contact("admins")
)
owners = _staff(
    "owners", tenant(), *_contact("owners"), Column("address", Text, nullable=False, server_default=text("''")),
    Column("latitude", Double), Column("longitude", Double),
)  # fmt: skip
police = _staff(
    "police", tenant(), Column("badge_no", String(50)), *_contact("police"), *_on_duty(default="offline"),
    Column("vehicle_type", String(50), nullable=False, server_default=text("''")),
    Column("license_plate", String(20), nullable=False, server_default=text("''")),
    Column("latitude", Double), Column("longitude", Double), Column("accuracy_m", Double), moment("position_at"),
    Index("ix_police_latitude_longitude", "latitude", "longitude"),
)  # fmt: skip

service_keys = Table(
    "service_keys",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    tenant(),
    Column("name", String(100), nullable=False),
    Column("scope", String(20), nullable=False, comment="detection"),
    Column("key_id", String(40), nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False),
    moment("created_at", now=True),
    moment("last_used_at"),
    moment("revoked_at"),
    comment="keys of programs, such as an external detector that posts to /deteksi",
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("actor_role", String(20), nullable=False),
    Column("actor_id", BigInteger, nullable=False),
    moment("expires_at", nullable=False),
    moment("revoked_at", now=True),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("account", String(64), primary_key=True, comment="SHA-256 of the name typed; '' = all of this peer"),
    Column("peer", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    moment("last_at", now=True),
    comment="throttle of the login; names are hashed, since people type their password into the wrong field",
)

audit_log_id_seq = Sequence("audit_log_id_seq", metadata=metadata)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False,
           server_default=text("nextval('audit_log_id_seq')")),
    tenant(foreign_key=False),
    moment("at", now=True),
    Column("actor_role", String(20), nullable=False, comment="officer, admin, system, cli"),
    Column("actor_id", BigInteger),
    Column("actor_name", String(150), nullable=False, server_default=text("''")),
    Column("action", String(60), nullable=False),
    Column("object_kind", String(40), nullable=False, server_default=text("''")),
    Column("object_id", BigInteger),
    Column("trace", String(64), nullable=False, server_default=text("''")),
    Column("peer", String(64), nullable=False, server_default=text("''")),
    Column("purpose", Text, nullable=False, server_default=text("''")),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_audit_log_object", "object_kind", "object_id"),
    Index("ix_audit_log_vendor_id_at", "vendor_id", "at"),
    postgresql_partition_by="RANGE (id)",
)  # fmt: skip

__all__ = [
    "admins", "audit_log", "device_credentials", "device_health", "devices", "login_failures",
    "officers", "owners", "police", "revoked_tokens", "service_keys", "stations", "vendors",
]  # fmt: skip
