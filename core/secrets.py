"""Secrets at rest: AES-GCM under keys derived from the installation's secret key (settings `secret_key`, or the file
home/secret.key that `Settings.signing_key` makes with mode 0600).

A sealed value names the key it was made with, so that a wrong key is told from a damaged value, and keys can change.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.domain.errors import TangkapinError
from core.hooks.plugin import Secret

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES


class Unsealable(TangkapinError):
    """A sealed value cannot be opened: made with another key, moved to another row, or damaged."""


class SecretBox:
    """Seals small secrets. `key` seals and opens, `previous` only open (while the secret key is being changed).

    `context` is bound to a sealed value: a value copied to another row does not open there.
    """

    def __init__(self, key: Secret | str, *previous: Secret | str) -> None:
        self._ciphers: dict[bytes, AESGCM] = {}
        for secret in (*previous, key):
            derived = derive(secret, b"tangkapin secret box v1")
            self._key_id = hashlib.sha256(derived).digest()[:_KEY_ID_BYTES]
            self._ciphers[self._key_id] = AESGCM(derived)

    @property
    def key_id(self) -> str:
        """Hex name of the key that seals; tells nothing of the key."""
        return self._key_id.hex()

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Encrypt. The same data gives another value each time."""
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._key_id
        return head + nonce + self._ciphers[self._key_id].encrypt(nonce, data, head + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt. Raises Unsealable, whose text holds no secret."""
        sealed = bytes(sealed)
        if len(sealed) < _HEAD or sealed[:1] != _VERSION:
            raise Unsealable("not a value of the secret box, or cut off")
        key_id = sealed[1 : 1 + _KEY_ID_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Unsealable(f"sealed with the secret key {key_id.hex()}, the one at hand is {self.key_id}")
        try:
            return cipher.decrypt(sealed[1 + _KEY_ID_BYTES : _HEAD], sealed[_HEAD:], _VERSION + key_id + context)
        except InvalidTag:
            raise Unsealable("the sealed value is damaged or belongs to another row") from None


def derive(key: Secret | str, purpose: bytes) -> bytes:
    """A 256-bit key for one purpose; keys for two purposes tell nothing of each other."""
    text = key.reveal() if isinstance(key, Secret) else key
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(text.encode())
