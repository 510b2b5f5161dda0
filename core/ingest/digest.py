"""HTTP Digest for cameras and recorders (RFC 7616), as a server: SHA-256, and MD5 only where a device may.

The nonce proves its own age (time, random, HMAC under a key of this process), so nothing is kept for a challenge.
What is kept is the last nonce count of nonces that authenticated, a few for each device: a request cannot be played
again, and a device that never proved itself cannot fill memory. After a restart old nonces are stale, not replayable.

The older form without `qop` (RFC 2069) has no count, so its nonces work once; it shares MD5's flag.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import unquote

REALM = "tangkapin"
NONCE_LIFE_S = 300.0
_NONCES_EACH = 64
_ALGORITHMS = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
_PARAMETER = re.compile(r'([A-Za-z][A-Za-z0-9*_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_MAX_HEADER = 4096

Verdict = Literal["ok", "wrong", "stale"]


def ha1(algorithm: str, username: str, password: str) -> str:
    """H(username:realm:password), what the server keeps of a Digest password (encrypted: it works like one)."""
    return _ALGORITHMS[algorithm](f"{username}:{REALM}:{password}".encode()).hexdigest()


def parse_digest(value: str) -> dict[str, str] | None:
    """Parameters of an `Authorization: Digest …` value (what stands behind the scheme); None when not well-formed."""
    if len(value) > _MAX_HEADER:
        return None
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        name = match.group(1).lower()
        if name in found:
            return None
        quoted = match.group(2)
        found[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match.group(3)
    return found if {"username", "nonce", "uri", "response"} <= found.keys() else None


class _Used:
    """Nonce counts of one device. `floor`: nonces up to this time whose count was forgotten are not taken any more."""

    __slots__ = ("counts", "floor")

    def __init__(self) -> None:
        self.counts: OrderedDict[str, int] = OrderedDict()
        self.floor = 0.0


class DigestGuard:
    """Makes challenges and judges answers. Belongs to one event loop; `clock` gives unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._key = os.urandom(32)
        self._clock = clock
        self._used: dict[int, _Used] = {}

    def challenges(self, *, md5: bool, stale: bool = False) -> tuple[bytes, ...]:
        """Values for WWW-Authenticate, the preferred first; one nonce serves all of them."""
        nonce = self._nonce()
        tail = ", stale=true" if stale else ""
        return tuple(
            f'Digest realm="{REALM}", qop="auth", algorithm={name}, nonce="{nonce}", charset=UTF-8{tail}'.encode()
            for name in (("SHA-256", "MD5") if md5 else ("SHA-256",))
        )

    def verify(
        self,
        device_id: int,
        hashes: Mapping[str, str],
        given: Mapping[str, str],
        *,
        method: str,
        path: str,
        query: str,
    ) -> Verdict:
        """Judge an answer. "stale" means: the password is right, ask again with a new nonce.

        hashes  HA1 by algorithm; one that is not there is refused (MD5 where the device may not use it)
        path    percent-decoded, query as sent
        """
        algorithm = given.get("algorithm", "MD5").upper()
        expected_ha1 = hashes.get(algorithm)
        qop = given.get("qop", "").lower()
        if expected_ha1 is None or qop not in ("auth", "") or (not qop and "MD5" not in hashes):
            return "wrong"
        if not _same_target(given["uri"], path, query):
            return "wrong"
        nonce = given["nonce"]
        count = 0
        middle = nonce
        if qop:
            count_text = given.get("nc", "")
            if not re.fullmatch(r"[0-9a-fA-F]{8}", count_text) or not given.get("cnonce"):
                return "wrong"
            count = int(count_text, 16)
            if not count:
                return "wrong"
            middle = f"{nonce}:{count_text}:{given['cnonce']}:auth"
        digest = _ALGORITHMS[algorithm]
        ha2 = digest(f"{method}:{given['uri']}".encode("latin-1", "replace")).hexdigest()
        expected = digest(f"{expected_ha1}:{middle}:{ha2}".encode("latin-1", "replace")).hexdigest()
        if not hmac.compare_digest(expected.encode(), given["response"].lower().encode("latin-1", "replace")):
            return "wrong"
        return self._spend(device_id, nonce, count if qop else 0xFFFFFFFF)

    def _spend(self, device_id: int, nonce: str, count: int) -> Verdict:
        made = self._made_at(nonce)
        now = self._clock()
        if made is None or not -1.0 <= now - made <= NONCE_LIFE_S:
            return "stale"
        used = self._used.get(device_id)
        if used is None:
            used = self._used[device_id] = _Used()
        last = used.counts.get(nonce)
        if last is None:
            if made <= used.floor:
                return "stale"
            if len(used.counts) >= _NONCES_EACH:
                forgotten, _ = used.counts.popitem(last=False)
                used.floor = max(used.floor, self._made_at(forgotten) or 0.0)
        elif count <= last:
            return "stale"
        used.counts[nonce] = count
        used.counts.move_to_end(nonce)
        return "ok"

    def _nonce(self) -> str:
        head = int(self._clock() * 1_000_000).to_bytes(8, "big") + os.urandom(8)
        return (head + self._seal(head)).hex()

    def _made_at(self, nonce: str) -> float | None:
        try:
            raw = bytes.fromhex(nonce)
        except ValueError:
            return None
        if len(raw) != 32 or not hmac.compare_digest(self._seal(raw[:16]), raw[16:]):
            return None
        return int.from_bytes(raw[:8], "big") / 1_000_000

    def _seal(self, head: bytes) -> bytes:
        return hmac.digest(self._key, head, "sha256")[:16]


def _same_target(uri: str, path: str, query: str) -> bool:
    if uri.startswith(("http://", "https://")):
        uri = "/" + uri.split("://", 1)[1].partition("/")[2]
    sent_path, _, sent_query = uri.partition("?")
    return sent_query == query and unquote(sent_path) == path
