"""Access tokens: JWT, HS256, for one shift. Signed here, believed only together with the database's word."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from datetime import UTC, datetime, timedelta
from typing import get_args

import jwt
import msgspec

from core.accounts.principal import Role

ISSUER = "tangkapin"
AUDIENCE = "tangkapin-api"
LIFETIME = timedelta(hours=12)


class Claims(msgspec.Struct, frozen=True):
    """What a token says. `version` must equal the account's token_version."""

    role: Role
    id: int
    version: int
    jti: str
    expires_at: datetime


class TokenRefused(Exception):
    """Not a token of ours, or no longer valid."""


class TokenKey:
    """Signs and reads tokens. The key is derived, so the installation's secret serves other uses beside it."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.new(secret.encode(), b"tangkapin access token 1", hashlib.sha256).digest()

    def issue(self, role: Role, actor_id: int, version: int, *, now: datetime | None = None) -> tuple[str, Claims]:
        """Return the token and what it says."""
        issued = (now or datetime.now(UTC)).replace(microsecond=0)
        claims = Claims(role, actor_id, version, uuid.uuid4().hex, issued + LIFETIME)
        text = jwt.encode(
            {
                "iss": ISSUER,
                "aud": AUDIENCE,
                "sub": f"{role}:{actor_id}",
                "ver": version,
                "jti": claims.jti,
                "iat": issued,
                "exp": claims.expires_at,
            },
            self._key,
            algorithm="HS256",
        )
        return text, claims

    def read(self, token: str) -> Claims:
        """Check signature, algorithm, issuer, audience and expiry. Raises TokenRefused."""
        try:
            body = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["iss", "aud", "sub", "ver", "jti", "iat", "exp"]},
            )
            role, _, number = body["sub"].partition(":")
            if role not in get_args(Role) or not isinstance(body["ver"], int):
                raise TokenRefused
            return Claims(role, int(number), body["ver"], body["jti"], datetime.fromtimestamp(body["exp"], UTC))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, AttributeError):
            raise TokenRefused from None
