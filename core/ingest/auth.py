"""Which device is this, and did it prove it? Pure look-ups in memory; no database, no thread.

A device accepts the methods in devices.auth: `api_key` (header X-API-KEY, or Authorization: Bearer), `token` (the same
key as a path segment behind the device code, or ?key= / ?token=), `basic`, `digest`, `ip` (the address alone).
devices.ip_allow, when not empty, is a further condition for every one of them. A credential is good for one device and
its make's paths. Client certificates end at the reverse proxy; X-Client-Cert-* headers prove nothing here and are
never stored.

Whoever fails is told the same, whether the device exists or not: 401 with the challenges that the device would
accept (for an unknown one: that devices of the make accept). Only a right credential from a wrong address is 403.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Protocol
from urllib.parse import unquote

import msgspec
import structlog
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from core.domain.addresses import parse_address
from core.ingest.digest import REALM, DigestGuard, parse_digest
from core.ingest.directory import Credential, DeviceDirectory, DeviceEntry
from core.ingest.peers import TrustedProxies
from core.ingest.rate import TokenBucket
from core.secrets import SecretBox, Unsealable

log = structlog.get_logger(__name__)

# 19 MiB, 2 passes: about 30 ms, paid once for each device and start. Device passwords are long and made by us.
PASSWORDS = Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = PASSWORDS.hash(os.urandom(16).hex())
_VERIFIED = 8192
_KEY_PARAMETERS = ("key", "token")
_SECRET_PARAMETERS = frozenset({*_KEY_PARAMETERS, "apikey", "api_key", "access_token", "password", "passwd", "pwd"})
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "cookie", "set-cookie", "x-auth-token", "x-access-token",
     "api-key", "apikey"}
)  # fmt: skip
_KEY_TEXT = re.compile(r"tk_[A-Za-z0-9]+_[A-Za-z0-9_-]*")
_UNAUTHORISED = "no valid credential for this device"

Headers = tuple[tuple[bytes, bytes], ...]


class CameraRequest(Protocol):
    """What is judged: core.ingest.front.CameraRequest. Headers have lower-case names; path is percent-decoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    peer: str
    maker: str
    device_code: str
    rest: tuple[str, ...]


class Identified(msgspec.Struct, frozen=True):
    """The device, by which method, and the client's address behind trusted proxies ("" if unknown).

    credential  the key that proved it, where an equal request proves as much; None for passwords, digests, addresses
    """

    entry: DeviceEntry
    method: str
    peer: str
    credential: Credential | None = None


class Denied(msgspec.Struct, frozen=True):
    """Turned away. reason is for the client and tells nothing; cause is a stable code for counters and our log."""

    status: int
    reason: str
    cause: str
    headers: Headers = ()


class Authenticator:
    """Belongs to one event loop. trusted_proxies: CIDRs whose X-Forwarded-For is believed; clock: unix seconds."""

    def __init__(
        self,
        directory: DeviceDirectory,
        box: SecretBox,
        trusted_proxies: Iterable[str] = (),
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._box = box
        self._proxies = TrustedProxies(trusted_proxies)
        self._clock = clock
        self._digest = DigestGuard(clock)
        self._basic = _BasicGuard(clock)

    def identify(self, request: CameraRequest) -> Identified | Denied:
        """Judge a request before its body is read. Never raises for what a client sent."""
        peer = self._proxies.client(request.peer, request.headers)
        headers = request.headers
        key = headers.get("x-api-key")
        method = "api_key"
        authorization = headers.get("authorization", "")
        if key is None and authorization[:7].lower() == "bearer ":
            key = authorization[7:].strip()
        if key is None:
            key = _token(request)
            method = "token"
        judged: Identified | str = self._by_key(request, key, method, peer) if key else "no_credential"
        if not isinstance(judged, Identified) and judged != "wrong_address":
            judged = self._otherwise(request, peer, authorization, judged, ours=(key or "").startswith("tk_"))
        return judged if isinstance(judged, Identified) else self._denied(request, judged)

    def _by_key(self, request: CameraRequest, key: str, method: str, peer: str) -> Identified | str:
        credential = self._directory.current.by_token(key)
        given = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        if credential is None:
            self._directory.missed()
            return "unknown_key"
        if not hmac.compare_digest(given, credential.secret_hash):
            return "wrong_key"
        entry = credential.entry
        if entry.maker != request.maker:
            return "key_of_other_maker"
        if request.device_code and request.device_code != entry.device.code:
            return "key_of_other_device"
        if method not in entry.auth:
            return "method_not_accepted"
        now = self._clock()
        if now >= credential.expires_at:
            return "expired_key"
        return self._admitted(entry, method, peer, credential, now)

    def _otherwise(
        self, request: CameraRequest, peer: str, authorization: str, cause: str, *, ours: bool
    ) -> Identified | str:
        """The bare address, Basic and Digest; `cause` is why the key, if any, did not do.

        A device that may be known by its address is, whatever else it sends: many cameras send a password nobody set.
        But a key that we made (`ours`) is some device's: what came with a revoked one is not the neighbour's.
        """
        snapshot = self._directory.current
        if request.device_code:
            entry = snapshot.find(request.maker, request.device_code)
        else:
            entry = None if ours else snapshot.by_peer(request.maker, peer)
        if entry is not None and "ip" in entry.auth and entry.restricted:
            if entry.admits(parse_address(peer)):
                return Identified(entry, "ip", peer)
            if len(entry.auth) == 1:
                return "wrong_address"
        scheme, _, value = authorization.partition(" ")
        scheme = scheme.lower()
        if scheme == "basic":
            pair = _basic_pair(value)
            if pair is None:
                return "malformed_basic"
            entry = entry or self._by_username(request, pair[0])
            if entry is None or "basic" in entry.auth:
                return self._by_basic(entry, pair, peer)
        elif scheme == "digest":
            given = parse_digest(value.strip())
            if given is None:
                return "malformed_digest"
            entry = entry or self._by_username(request, _utf8(given["username"]))
            if entry is not None and "digest" in entry.auth:
                return self._by_digest(entry, given, request, peer)
        if entry is None and request.device_code:
            self._directory.missed()
            return "unknown_device" if cause == "no_credential" else cause
        return cause

    def _by_username(self, request: CameraRequest, username: str) -> DeviceEntry | None:
        """For paths that name no device."""
        entry = None if request.device_code else self._directory.current.by_username(request.maker, username)
        if entry is None:
            self._directory.missed()
        return entry

    def _by_basic(self, entry: DeviceEntry | None, given: tuple[str, str], peer: str) -> Identified | str:
        now = self._clock()
        candidates = entry.basic if entry is not None else ()
        for credential in candidates:
            if hmac.compare_digest(credential.username.encode(), given[0].encode()) and now < credential.expires_at:
                verdict = self._basic.check(credential, given[0], given[1], peer)
                if verdict == "ok" and entry is not None:
                    return self._admitted(entry, "basic", peer, credential, now)
                if verdict == "throttled":
                    return "throttled"
                return "wrong_password"
        verdict = self._basic.check(None, given[0], given[1], peer)
        return "throttled" if verdict == "throttled" else "unknown_user"

    def _by_digest(
        self, entry: DeviceEntry, given: dict[str, str], request: CameraRequest, peer: str
    ) -> Identified | str:
        now = self._clock()
        username = _utf8(given["username"])
        for credential in entry.digest:
            if credential.username != username or now >= credential.expires_at:
                continue
            verdict = self._digest.verify(
                entry.id,
                self._hashes(credential),
                given,
                method=request.method,
                path=request.path,
                query=request.query,
            )
            if verdict == "ok":
                return self._admitted(entry, "digest", peer, credential, now)
            return "stale_nonce" if verdict == "stale" else "wrong_digest"
        return "unknown_user"

    def _hashes(self, credential: Credential) -> dict[str, str]:
        try:
            opened = self._box.open(credential.ha1_sealed, ha1_context(credential.entry.id))
        except Unsealable as error:
            log.error("digest_credential_unreadable", device=credential.entry.device.code, error=str(error))
            return {}
        hashes = msgspec.json.decode(opened, type=dict[str, str])
        if not credential.allow_md5:
            hashes.pop("MD5", None)
        return hashes

    def _admitted(
        self, entry: DeviceEntry, method: str, peer: str, credential: Credential | None, now: float
    ) -> Identified | str:
        if entry.restricted and not entry.admits(parse_address(peer)):
            return "wrong_address"
        if credential is not None:
            self._directory.used(credential, now)
        return Identified(entry, method, peer, credential if method in ("api_key", "token") else None)

    def lasts(self, known: Identified) -> bool:
        """Whether the key that identified somebody would do so again, of the same snapshot and from the same peer."""
        credential = known.credential
        if credential is None:
            return False
        now = self._clock()
        if now >= credential.expires_at:
            return False
        self._directory.used(credential, now)
        return True

    def _denied(self, request: CameraRequest, cause: str) -> Denied:
        if cause == "wrong_address":
            return Denied(403, "this address may not post for this device", cause)
        if cause == "throttled":
            return Denied(429, "too many logins, come again", cause, ((b"retry-after", b"2"),))
        snapshot = self._directory.current
        entry = snapshot.find(request.maker, request.device_code) if request.device_code else None
        if entry is None:
            kinds = snapshot.kinds(request.maker)
        else:
            kinds = entry.auth | {"digest-md5"} if any(c.allow_md5 for c in entry.digest) else entry.auth
        challenges: list[bytes] = []
        if "digest" in kinds:
            challenges += self._digest.challenges(md5="digest-md5" in kinds, stale=cause == "stale_nonce")
        if "basic" in kinds:
            challenges.append(f'Basic realm="{REALM}", charset="UTF-8"'.encode())
        if not challenges:
            challenges.append(f'Bearer realm="{REALM}"'.encode())
        return Denied(401, _UNAUTHORISED, cause, tuple((b"www-authenticate", value) for value in challenges))


class _BasicGuard:
    """Runs argon2 once for each right password and seldom for wrong ones.

    A right pair is remembered by an HMAC under a key of this process. Everything else pays from three buckets (all
    together, this peer, this peer with this name): argon2 costs 30 ms of the event loop, so it is rationed.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = os.urandom(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._all = TokenBucket(5.0, 20.0, clock())
        self._failed: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()

    def check(self, credential: Credential | None, username: str, password: str, peer: str) -> str:
        """ "ok", "wrong" or "throttled". Without a credential the work is the same and the answer never "ok"."""
        stored = credential.secret_hash.decode() if credential is not None else _NOBODY
        subject = str(credential.id) if credential is not None else ""
        seen = hmac.digest(self._key, "\0".join((subject, stored, username, password)).encode(), "sha256")
        if seen in self._verified:
            self._verified.move_to_end(seen)
            return "ok"
        now = self._clock()
        buckets = (self._bucket(peer, "", 2.0, 20.0), self._bucket(peer, username, 0.2, 5.0))
        for bucket in buckets:
            bucket.refill(now)
        if any(bucket.tokens < 1.0 for bucket in buckets) or self._all.take(now):
            return "throttled"
        try:
            right = PASSWORDS.verify(password, stored) and credential is not None
        except PwdlibError:
            right = False
        if right:
            self._verified[seen] = None
            if len(self._verified) > _VERIFIED:
                self._verified.popitem(last=False)
            return "ok"
        for bucket in buckets:
            bucket.take(now)
        return "wrong"

    def _bucket(self, peer: str, username: str, rate: float, burst: float) -> TokenBucket:
        key = (peer, username)
        bucket = self._failed.get(key)
        if bucket is None:
            bucket = self._failed[key] = TokenBucket(rate, burst, self._clock())
            if len(self._failed) > _VERIFIED:
                self._failed.popitem(last=False)
        self._failed.move_to_end(key)
        return bucket


def ha1_context(device_id: int) -> bytes:
    """What binds sealed HA1 values to their device."""
    return b"digest ha1 of device %d" % device_id


def public_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be stored: without credentials, cookies and client-certificate claims."""
    return {
        name: _KEY_TEXT.sub("***", value) if "tk_" in value else value
        for name, value in headers.items()
        if _storable(name)
    }


def public_query(query: str) -> str:
    """The query that may be stored: without key, token and password parameters, other order and escapes untouched."""
    if not query:
        return ""
    kept = [part for part in query.split("&") if _name(part) not in _SECRET_PARAMETERS]
    return _KEY_TEXT.sub("***", "&".join(kept))


def public_path(path: str) -> str:
    """The path that may be stored: without the segment that is a key, wherever it stands."""
    if "tk_" not in path:
        return path
    return "/".join(s for s in path.split("/") if not _KEY_TEXT.search(s)) or "/"


@lru_cache(maxsize=1024)
def _storable(name: str) -> bool:
    return name not in _SECRET_HEADERS and not name.startswith(("x-client-cert", "x-ssl-client", "ssl-client"))


def _name(part: str) -> str:
    return part.partition("=")[0].strip().lower()


def _token(request: CameraRequest) -> str | None:
    if request.rest and request.rest[0].startswith("tk_"):
        return request.rest[0]
    if request.query:
        for part in request.query.split("&"):
            if _name(part) in _KEY_PARAMETERS:
                return unquote(part.partition("=")[2])
    return request.rest[0] if request.rest else None


def _basic_pair(value: str) -> tuple[str, str] | None:
    if len(value) > 1024:
        return None
    try:
        raw = base64.b64decode(value.strip(), validate=True)
    except ValueError:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    username, colon, password = text.partition(":")
    return (username, password) if colon else None


def _utf8(value: str) -> str:
    """Header values arrive as latin-1; names are UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return value
