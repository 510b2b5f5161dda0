from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from core.accounts.tokens import LIFETIME, TokenKey, TokenRefused

KEY = TokenKey("a key of the tests, long enough to sign tokens")
NOW = datetime.now(UTC)


def forge(**changes: Any) -> dict[str, Any]:
    body = {
        "iss": "tangkapin", "aud": "tangkapin-api", "sub": "officer:7", "ver": 1, "jti": "j",
        "iat": NOW, "exp": NOW + timedelta(hours=1),
    }  # fmt: skip
    return {name: value for name, value in (body | changes).items() if value is not None}


def signed(body: dict[str, Any], algorithm: str = "HS256", key: Any = KEY._key) -> str:
    return jwt.encode(body, key, algorithm=algorithm)


def test_a_token_says_whose_it_is_for_one_shift() -> None:
    text, claims = KEY.issue("officer", 7, 3, now=NOW)
    assert claims == KEY.read(text)
    assert ("officer", 7, 3) == (claims.role, claims.id, claims.version)
    assert NOW.replace(microsecond=0) + timedelta(hours=12) == claims.expires_at


def test_two_tokens_are_never_the_same() -> None:
    assert KEY.issue("admin", 1, 1)[1].jti != KEY.issue("admin", 1, 1)[1].jti


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        signed(forge(), "none", None),
        signed(forge(), "HS512"),
        signed(forge(), key=b"another key, also long enough to sign with"),
        signed(forge(exp=NOW - timedelta(seconds=1))),
        signed(forge(exp=None)),
        signed(forge(jti=None)),
        signed(forge(ver=None)),
        signed(forge(ver="1")),
        signed(forge(aud="another-api")),
        signed(forge(iss="another")),
        signed(forge(sub="root:1")),
        signed(forge(sub="officer:x")),
        signed(forge(sub="officer")),
        signed(forge(iat=NOW + timedelta(hours=2))),
    ],
)
@pytest.mark.threat("T19")
def test_what_is_no_token_of_ours_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        KEY.read(token)


def test_another_installation_does_not_know_our_tokens() -> None:
    with pytest.raises(TokenRefused):
        TokenKey("the key of another installation, long enough").read(KEY.issue("admin", 1, 1)[0])


def test_an_expired_shift_is_over() -> None:
    with pytest.raises(TokenRefused):
        KEY.read(KEY.issue("officer", 7, 1, now=NOW - LIFETIME - timedelta(seconds=2))[0])
