"""Slows down guessing at the login, per (account, peer) and per peer. In the database: it needs no Redis.

An attempt is counted before the password is looked at, in one statement, so parallel guesses cannot slip through.
Nobody can lock a colleague out from elsewhere: an account alone is never blocked, only its use from one peer.
"""

from __future__ import annotations

import hashlib
import math

from sqlalchemy import Connection, text

ACCOUNT_LIMIT = 5
PEER_LIMIT = 50
WINDOW_S = 900
FIRST_DELAY_S = 15

# blocked: at or over the limit, and the delay (15 s doubling up to 15 min) since the last counted attempt still runs
_COUNT = text("""
INSERT INTO login_failures AS f (account, peer, failures, last_at) VALUES (:account, :peer, 1, now())
ON CONFLICT (account, peer) DO UPDATE
   SET failures = CASE WHEN f.last_at < now() - make_interval(secs => :window) THEN 1 ELSE f.failures + 1 END,
       last_at = now()
 WHERE f.failures < :limit OR f.last_at < now() - make_interval(
           secs => least(:window, :delay * power(2, least(f.failures - :limit, 10))))
RETURNING failures
""")
_WAIT = text("""
SELECT extract(epoch FROM last_at - now()) + least(:window, :delay * power(2, least(failures - :limit, 10)))
  FROM login_failures WHERE account = :account AND peer = :peer
""")
_FORGET = text("DELETE FROM login_failures WHERE account = :account AND peer = :peer")
_FORGIVE = text("UPDATE login_failures SET failures = greatest(failures - 1, 0) WHERE account = '' AND peer = :peer")
_SWEEP = text("DELETE FROM login_failures WHERE last_at < now() - make_interval(secs => :window * 2)")


def account_key(username: str) -> str:
    """Names are stored hashed: people type their password into the wrong field."""
    return hashlib.sha256(username.encode("utf-8", "surrogatepass")).hexdigest()


def count_attempt(connection: Connection, username: str, peer: str) -> int:
    """Count an attempt; return 0 when it may go on, else the seconds to wait."""
    for account, limit in ((account_key(username), ACCOUNT_LIMIT), ("", PEER_LIMIT)):
        values = {"account": account, "peer": peer[:64], "limit": limit, "window": WINDOW_S, "delay": FIRST_DELAY_S}
        if connection.execute(_COUNT, values).first() is None:
            wait = connection.execute(_WAIT, values).scalar()
            return max(1, math.ceil(float(wait or 1)))
    return 0


def forget(connection: Connection, username: str, peer: str) -> None:
    """The password was right: nothing is held against this account and peer; old rows of others go too."""
    connection.execute(_FORGET, {"account": account_key(username), "peer": peer[:64]})
    connection.execute(_FORGIVE, {"peer": peer[:64]})
    connection.execute(_SWEEP, {"window": WINDOW_S})
