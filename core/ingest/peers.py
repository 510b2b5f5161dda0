"""The address a request really comes from, behind reverse proxies that the operator named.

Headers are believed only when the direct peer is a trusted proxy; of the chain they give, the right-most hop that is
not itself a trusted proxy is the client (everything left of it was written by the client). uvicorn's own rewriting
(`proxy_headers`) must be off: it would do this a second time by other rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from core.domain.addresses import Address, contains, parse_address, parse_networks

_FORWARDED = re.compile(r'\s*([A-Za-z]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s"]*)\s*(?:[;,]|$)')
_V4_PORT = re.compile(r"^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$")
_V6_PORT = re.compile(r"^\[([^\]]+)\](?::\d{1,5})?$")
_MAX_HOPS = 32


class TrustedProxies:
    """Finds the client's address. cidrs: the operator's proxies; none = headers are never believed."""

    def __init__(self, cidrs: Iterable[str] = ()) -> None:
        self._networks = parse_networks(cidrs)
        self._direct = lru_cache(maxsize=4096)(self._judge_direct)

    def client(self, peer: str, headers: Mapping[str, str]) -> str:
        """The client's address in its usual form; "" when it cannot be known (then it is in no allow-list).

        peer     the address of the other end of the connection
        headers  lower-case names; several X-Forwarded-For lines must be joined by commas or be the last one
        """
        shown, trusted = self._direct(peer)
        if not trusted:
            return shown
        by_x = headers.get("x-forwarded-for")
        by_rfc = headers.get("forwarded")
        if by_x is None and by_rfc is None:
            return shown
        seen = set()
        if by_x is not None:
            seen.add(self._first_stranger(by_x.split(",")))
        if by_rfc is not None:
            seen.add(self._first_stranger(_forwarded_for(by_rfc)))
        # A proxy keeps one of the two headers and passes the other on as the client wrote it: believe neither then.
        return seen.pop() if len(seen) == 1 else ""

    def _judge_direct(self, peer: str) -> tuple[str, bool]:
        address = parse_address(peer)
        return (str(address) if address else ""), contains(self._networks, address)

    def _first_stranger(self, hops: list[str]) -> str:
        address: Address | None = None
        for hop in reversed(hops[-_MAX_HOPS:]):
            address = _hop_address(hop)
            if address is None:
                return ""
            if not contains(self._networks, address):
                return str(address)
        return str(address) if address else ""


def _forwarded_for(value: str) -> list[str]:
    """The for= parts of a Forwarded header (RFC 7239). Quotes count: host= repeats what the client wrote as Host."""
    hops: list[str] = []
    at = 0
    while at < len(value):
        match = _FORWARDED.match(value, at)
        if match is None:
            return [""]
        if match[1].lower() == "for":
            hops.append(match[2])
        at = match.end()
    return hops


def _hop_address(hop: str) -> Address | None:
    hop = hop.strip().strip('"').strip()
    match = _V4_PORT.match(hop) or _V6_PORT.match(hop)
    return parse_address(match.group(1) if match else hop)
