"""Addresses that open a picture by themselves, for `<img>` and notices: signed, short-lived, for one recipient.

The address names the vendor, the hash, the time it ends and for whom it was made; the signature covers all of it. Times
end on whole steps of the lifetime's third, so that a list asked for twice names the same picture the same way.
"""

from __future__ import annotations

import hashlib
import hmac
import time

import msgspec

from core.hooks.plugin import Secret
from core.secrets import derive

PATH = "/api/media/"


class MediaLink(msgspec.Struct, frozen=True):
    """What a valid address says. `holder` is for whom it was made ("officer:7"); `expires` in Unix seconds."""

    vendor_id: int
    sha256: str
    holder: str
    expires: int


class LinkRefused(Exception):
    """Not an address of ours, or over."""


class MediaLinks:
    """Makes and reads addresses of pictures. `key` is the installation's (Settings.signing_key)."""

    def __init__(self, key: Secret | str, lifetime_s: int = 900) -> None:
        self._key = derive(key, b"tangkapin media link 1")
        self._lifetime_s = lifetime_s

    def url(self, base: str, vendor_id: int, sha256: bytes | str, holder: str, *, now: float | None = None) -> str:
        """The absolute address. base is scheme and host of the API ("https://api.example.id")."""
        digest = sha256 if isinstance(sha256, str) else bytes(sha256).hex()
        step = max(1, self._lifetime_s // 3)
        expires = (int(now if now is not None else time.time()) // step + 4) * step
        link = MediaLink(vendor_id, digest, holder, expires)
        query = f"v={vendor_id}&e={expires}&h={holder}&s={self._sign(link)}"
        return f"{base.rstrip('/')}{PATH}{digest}?{query}"

    def read(self, sha256: str, vendor: str, expires: str, holder: str, signature: str) -> MediaLink:
        """Check an address. Raises LinkRefused."""
        try:
            link = MediaLink(int(vendor), sha256, holder, int(expires))
        except ValueError:
            raise LinkRefused from None
        if not hmac.compare_digest(self._sign(link).encode(), signature.encode("utf-8", "replace")):
            raise LinkRefused
        if link.expires < time.time():
            raise LinkRefused
        return link

    def _sign(self, link: MediaLink) -> str:
        told = f"{link.vendor_id}\n{link.sha256}\n{link.holder}\n{link.expires}"
        return hmac.new(self._key, told.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:40]
