"""Passwords: argon2id, bounded, with one path for known and unknown users."""

from __future__ import annotations

import functools
import secrets
import threading
import unicodedata

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from core.domain.errors import TangkapinError

MIN_LENGTH = 10
MAX_LENGTH = 200
_TURNS = threading.BoundedSemaphore(2)
"""One hash takes 64 MiB: a flood of logins must not take them all at once."""


class WeakPassword(TangkapinError):
    """The password does not do; the text says why."""


@functools.cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@functools.cache
def _decoy() -> str:
    return hash_password(secrets.token_urlsafe(24))


def hash_password(password: str) -> str:
    """Return the argon2id text (salt and parameters included)."""
    with _TURNS:
        return _hasher().hash(_normal(password))


def verify_password(password: str, stored: str | None) -> bool:
    """True when it fits. `stored=None` (no such user) costs the same time and is False."""
    if len(password) > MAX_LENGTH:
        password = ""
    reference = stored if stored is not None else _decoy()
    with _TURNS:
        try:
            right = _hasher().verify(_normal(password), reference)
        except Exception:  # an unreadable stored hash (hand-made row) is a wrong password, not a crash
            return False
    return right and stored is not None


def check_new_password(password: str, username: str) -> None:
    """Raise WeakPassword unless it is long enough and not the user's name."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    if username and username.lower() in password.lower():
        raise WeakPassword("the password contains the user name")
    if len(set(password)) < 5:
        raise WeakPassword("the password repeats the same few characters")


def _normal(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
