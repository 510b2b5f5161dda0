"""The one way out: HTTP to addresses that somebody else supplied, without being led to where they must not lead.

A URL is read strictly (http and https, no user name, no numeric disguises), its host is resolved once, every address
found must be allowed by the policy, and the connection goes to just those addresses; TLS and the Host header keep the
name. Redirects are not followed, proxies and credentials from the environment are not used, answers are cut.

`GuardedConnector` is the guard itself, for code that has an aiohttp session of its own; `SafeSession` is the rest.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.domain.addresses import Address, Network, contains, parse_address, parse_networks
from core.domain.errors import TangkapinError

CONNECT_S = 2.0
KEEP_ALIVE_S = 4.0
"""Below the idle time of common servers (Node closes after 5 s): a request seldom meets a closing connection."""
MAX_ANSWER = 64 * 1024
_MAX_URL = 4096
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_NUMERIC_LABEL = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
_FORBIDDEN = re.compile(r"[^\x21-\x7e]|\\")
_LISTED = re.compile(r"(?:\[([^\]]+)\]|([^\[\]:]+))(?:/(\d{1,3}))?(?::(\d{1,5}))?")

# Never by a range, only by the exact address: this machine, its link, and where clouds keep credentials (Amazon, Azure,
# Oracle, Alibaba); and IPv6 that wraps an IPv4 address (NAT64, 6to4, Teredo), which would lead around the IPv4 rules.
_NEVER = parse_networks(
    (
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "192.0.0.0/24", "100.100.100.200", "168.63.129.16",
        "::/127", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::254", "fd20:ce::254", "64:ff9b::/96",
        "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96",
    )
)  # fmt: skip
_PRIVATE = parse_networks(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
_LOOPBACK = parse_networks(("127.0.0.0/8", "::1"))

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port -> addresses. May raise OSError."""


class OutboundError(TangkapinError):
    """A request that brought no answer. Its text names host and reason, never headers or body."""


class NotSent(OutboundError):
    """Nothing of the request left: the other side surely does not have it."""


class AddressRefused(NotSent):
    """The URL is not well-formed or leads where the policy does not allow."""


class MaybeSent(OutboundError):
    """The request may have arrived, the answer did not (completely)."""


class Policy(Protocol):
    """Which addresses a request may go to."""

    def allows(self, address: Address, port: int) -> bool: ...


class Reply(NamedTuple):
    """Status, headers with lower-case names, the body cut at the limit."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Listed(NamedTuple):
    network: Network
    port: int | None

    @property
    def exact(self) -> bool:
        return self.network.num_addresses == 1

    def covers(self, address: Address, port: int) -> bool:
        return self.port in (None, port) and address in self.network


class _ImagePolicy:
    def __init__(self, listed: tuple[_Listed, ...]) -> None:
        self._listed = listed

    def allows(self, address: Address, port: int) -> bool:
        never = contains(_NEVER, address)
        return any(entry.covers(address, port) and (entry.exact or not never) for entry in self._listed)


class _OperatorPolicy:
    def __init__(self, listed: tuple[_Listed, ...], allow_private: bool) -> None:
        self._listed = _ImagePolicy(listed)
        self._allow_private = allow_private

    def allows(self, address: Address, port: int) -> bool:
        if self._listed.allows(address, port):
            return True
        if contains(_LOOPBACK, address) or contains(_PRIVATE, address):
            return self._allow_private and not (contains(_NEVER, address) and not contains(_LOOPBACK, address))
        return address.is_global and not contains(_NEVER, address)


def per_device_images(image_hosts: Iterable[str]) -> Policy:
    """Only what the device's `image_hosts` lists: CIDR or address, with :port or for any port.

    This machine, link-local and cloud metadata addresses count only when listed exactly. Raises ValueError.
    """
    return _ImagePolicy(tuple(map(_listed, image_hosts)))


def operator_configured(*, allow_private: bool = False, listed: Iterable[str] = ()) -> Policy:
    """For addresses from the operator's own configuration: the public internet, and what the operator lists.

    allow_private  also private networks and this machine; link-local and metadata addresses still only when listed
    listed         as in per_device_images. Raises ValueError.
    """
    return _OperatorPolicy(tuple(map(_listed, listed)), allow_private)


def _listed(text: str) -> _Listed:
    text = text.strip()
    if text.count(":") > 1 and not text.startswith("["):
        return _Listed(parse_networks([text])[0], None)
    match = _LISTED.fullmatch(text)
    if match is None:
        raise ValueError(f"expected CIDR or CIDR:port, [v6]/n:port for IPv6, got {text[:80]!r}")
    host = match[1] or match[2]
    port = int(match[4]) if match[4] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"a port lies in 1..65535, got {text[:80]!r}")
    return _Listed(parse_networks([f"{host}/{match[3]}" if match[3] else host])[0], port)


def check_url(url: str) -> URL:
    """Read a URL strictly. Raises AddressRefused; the text never repeats a user name or password."""
    if len(url) > _MAX_URL or _FORBIDDEN.search(url):
        raise AddressRefused("the URL is too long or has blanks, backslashes or other characters that do not belong")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("the URL cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise AddressRefused(f"only http and https are fetched, not {parts.scheme[:20]!r}")
    if "@" in parts.netloc:
        raise AddressRefused("a URL with a user name is not followed")
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        if parse_address(host) is None or "%" in host:
            raise AddressRefused("the URL's IPv6 address cannot be read")
    elif not _HOST.fullmatch(host) or ".." in host:
        raise AddressRefused("the URL has no readable host")
    elif _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]) and not _plain_ipv4(host):
        raise AddressRefused("an IPv4 address is written as four decimal numbers")
    if port == 0:
        raise AddressRefused("port 0 cannot be reached")
    return URL(url.partition("#")[0], encoded=True)


def _plain_ipv4(host: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False


class GuardedConnector(aiohttp.TCPConnector):
    """A TCPConnector that reaches only what the policy allows; other arguments as for aiohttp.TCPConnector.

    Names are resolved once for a connection and every address found must pass. The check is repeated on the very
    address that a socket is made for, so literal addresses pass it too. URLs still go through check_url first.
    """

    def __init__(self, policy: Policy, *, resolve: Resolve | None = None, **arguments: Any) -> None:
        super().__init__(
            resolver=_GuardedResolver(policy, resolve or _system_resolve),
            socket_factory=_socket_factory(policy),
            **{"use_dns_cache": False, **arguments},
        )


class _GuardedResolver(AbstractResolver):
    def __init__(self, policy: Policy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found: list[ResolveResult] = []
        for text in await self._resolve(host, port):
            address = parse_address(text)
            if address is None or not self._policy.allows(address, port):
                raise _Refused(f"{host} leads to {text}, which is not allowed here (port {port})")
            kind = socket.AF_INET if address.version == 4 else socket.AF_INET6
            if family in (socket.AF_UNSPEC, kind):
                found.append(
                    ResolveResult(
                        hostname=host, host=str(address), port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST
                    )
                )
        if not found:
            raise OSError(f"{host} has no address")
        return found

    async def close(self) -> None:
        """Nothing is held."""


class _Refused(OSError):
    pass


def _socket_factory(policy: Policy) -> Callable[[Any], socket.socket]:
    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, target = info
        address = parse_address(str(target[0]))
        if address is None or not policy.allows(address, target[1]):
            raise _Refused(f"{target[0]} is not allowed here (port {target[1]})")
        return socket.socket(family, kind, protocol)

    return make


async def connect(
    url: URL, policy: Policy, *, resolve: Resolve | None = None, timeout: float = CONNECT_S  # noqa: ASYNC109
) -> socket.socket:  # fmt: skip
    """A connected blocking socket for a URL that check_url has read: no TLS yet. Raises AddressRefused or NotSent."""
    host, port = url.host or "", url.port or 0
    last: OSError | TimeoutError = OSError(f"{host} has no address")
    try:
        found = await _GuardedResolver(policy, resolve or _system_resolve).resolve(host, port)
    except OSError as error:
        raise _sorted(error, host, timeout, sent=False) from error
    for one in found:
        opened = socket.socket(one["family"], socket.SOCK_STREAM)
        opened.setblocking(False)
        try:
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(opened, (one["host"], port))
        except OSError as error:
            last = error
            opened.close()
        else:
            opened.setblocking(True)
            return opened
    raise _sorted(last, host, timeout, sent=False) from last


async def _system_resolve(host: str, port: int) -> list[str]:
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


class SafeSession:
    """Requests under one policy, at most `limit` at a time, over kept connections. Made and used on an event loop.

    resolve  for tests; the system's resolver otherwise
    tls      whom to trust instead of the system's authorities
    """

    def __init__(
        self, policy: Policy, limit: int = 256, *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sent)
        self._session = aiohttp.ClientSession(
            connector=GuardedConnector(
                policy, resolve=resolve, limit=limit, keepalive_timeout=KEEP_ALIVE_S, ssl=tls or True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            trace_configs=[tracing],
            headers={"User-Agent": "Tangkapin", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> SafeSession:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let the connections go."""
        await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - part of the contract: it decides between NotSent and MaybeSent
        *,
        max_bytes: int = MAX_ANSWER,
    ) -> Reply:
        """Send one request; any status is an answer, redirects included.

        timeout    seconds for everything, connecting included (of which 2 s at most)
        max_bytes  the body is cut there
        Raises AddressRefused, NotSent or MaybeSent.
        """
        target = check_url(url)
        told = {"sent": False}
        try:
            async with self._session.request(
                method,
                target,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_S),
                trace_request_ctx=told,
            ) as answer:
                data = await _read(answer, max_bytes)
                return Reply(answer.status, {k.lower(): v for k, v in answer.headers.items()}, data)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _sorted(error, target.host or "", timeout, sent=told["sent"]) from error


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in answer.content.iter_chunked(65536):
        data += chunk
        if len(data) >= max_bytes:
            answer.close()
            break
    return bytes(data[:max_bytes])


async def _note_sent(session: aiohttp.ClientSession, context: SimpleNamespace, parameters: Any) -> None:
    context.trace_request_ctx["sent"] = True


def refusal(error: BaseException) -> str | None:
    """Why the guard refused an address, when that is what an error of a GuardedConnector comes from."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, _Refused):
            return str(link)
        link = link.__cause__ or link.__context__
    return None


def _sorted(error: BaseException, host: str, timeout_s: float, *, sent: bool) -> OutboundError:
    refused = refusal(error)
    if refused is not None:
        return AddressRefused(refused)
    if isinstance(error, TimeoutError):
        reason = f"no complete answer within {timeout_s:g} s" if sent else "no connection in time"
    else:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    return MaybeSent(f"{host}: {reason}") if sent else NotSent(f"{host}: {reason}")
