"""Outgoing HTTP for plugins that run in threads: the guard of core.outbound behind blocking calls.

One event loop in a thread of its own keeps the connections; it starts with the first call, so that a plugin can be
made, checked and closed without any, and a process that forks after loading its plugins has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from core.domain.errors import TangkapinError, Transient, Undeliverable
from core.domain.receipts import retry_after_s

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from core.outbound import Resolve, SafeSession

_CLOSE_S = 2.0
_LATER = frozenset({408, 421, 425, 429})
_UNSURE = frozenset({500, 502, 504})
"""The service, or a proxy before it, failed after the request had come: it may have acted on it."""


def is_later(status: int) -> bool:
    """Whether an answer means: the same again, later."""
    return status in _LATER or status >= 500


def check_answer(status: int, headers: dict[str, str], who: str, hint: str = "") -> None:
    """What an answer means to a notice channel: 2xx is fine. Raises Transient (later; `unsure` where it may have acted
    on it) or Undeliverable.

    who, hint  for the text: "WHO answered 401: HINT"; the body is not quoted, for it may repeat what was sent
    """
    if 200 <= status < 300:
        return
    text = f"{who} answered {status}" + (f": {hint}" if hint else "")
    if is_later(status):
        raise Transient(text, retry_after_s=retry_after_s(headers), unsure=status in _UNSURE)
    raise Undeliverable(text)


def on_this_machine(host: str | None) -> bool:
    """Whether a host's name says this machine, where plain http is no danger."""
    return host in ("127.0.0.1", "localhost", "::1")


class NotAllowed(TangkapinError):
    """The address is no URL that may be called, or leads where the policy does not allow. Nothing was sent."""


class HttpReply(NamedTuple):
    """Status, headers with lower-case names, the body cut at 64 KiB."""

    status: int
    headers: dict[str, str]
    body: bytes


class Conversation:
    """An open websocket, for one thread: text messages in order. Its library answers and sends pings by itself."""

    def __init__(self, connecting: ClientConnection) -> None:
        self._stack = contextlib.ExitStack()
        self._connection = self._stack.enter_context(connecting)

    def send(self, text: str) -> None:
        """Send one message. Raises Transient when the connection is lost."""
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(text)
        except (ConnectionClosed, OSError):
            raise Transient("the connection was lost") from None

    def receive(self, timeout_s: float) -> str | None:
        """The next message; None when there is none in time. Raises Transient when the connection is lost."""
        from websockets.exceptions import ConnectionClosed

        try:
            message = self._connection.recv(timeout=timeout_s)
        except TimeoutError:
            return None
        except (ConnectionClosed, OSError):
            raise Transient("the connection was lost") from None
        return message if isinstance(message, str) else None

    def close(self) -> None:
        """Hang up. Safe twice."""
        with contextlib.suppress(OSError):
            self._stack.close()


class Outbound:
    """Calls under one policy, from any thread: no redirects, no proxies of the environment, TLS always verified.

    allow_private  addresses come from the operator: private networks and this machine are allowed too
    listed         CIDR or address, with :port or for any port, that is allowed besides
    ca_file        PEM of certificate authorities to trust instead of the system's
    timeout_s      for one call, connecting included
    resolve        for tests: host and port -> addresses
    Raises ValueError for entries of `listed` that cannot be read, OSError for a ca_file that cannot.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        listed: Iterable[str] = (),
        ca_file: str = "",
        timeout_s: float = 5.0,
        resolve: Resolve | None = None,
    ) -> None:
        from core.outbound import operator_configured

        self._policy = operator_configured(allow_private=allow_private, listed=listed)
        self._tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._session: SafeSession | None = None
        self._closed = False

    def start(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Future[HttpReply]:
        """Send one request; several may be under way. The future raises as `call` does."""
        with self._lock:
            loop = self._running()
            return asyncio.run_coroutine_threadsafe(self._request(method, url, headers, body), loop)

    def call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpReply:
        """Send one request and wait. Any status is an answer.

        Raises NotAllowed, or Transient when no answer came, `unsure` when the request had gone out; their texts name
        the host, never the path or the body.
        """
        return self.start(method, url, headers, body).result()

    def converse(self, url: str) -> Conversation:
        """Open a websocket at an http or https address. Raises as `call` does, Transient for a refused upgrade too."""
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        from core.outbound import MAX_ANSWER, AddressRefused, OutboundError, check_url
        from core.outbound import connect as open_socket

        try:
            target = check_url(url)
            with self._lock:
                loop = self._running()
                opening = asyncio.run_coroutine_threadsafe(
                    open_socket(target, self._policy, resolve=self._resolve, timeout=self._timeout_s), loop
                )
            opened = opening.result()
        except AddressRefused as error:
            raise NotAllowed(str(error)) from None
        except OutboundError as error:
            raise Transient(str(error)) from None
        secure = target.scheme == "https"
        tls = (self._tls or ssl.create_default_context()) if secure else None
        try:
            return Conversation(
                connect(
                    str(target.with_scheme("wss" if secure else "ws")), sock=opened, ssl=tls, proxy=None,
                    compression=None, max_size=MAX_ANSWER, open_timeout=self._timeout_s, close_timeout=_CLOSE_S,
                    user_agent_header="Tangkapin",
                )
            )  # fmt: skip
        except (WebSocketException, OSError, ValueError) as error:  # ValueError: a redirect, which is not followed
            opened.close()
            raise Transient(f"{target.host}: {type(error).__name__}: {' '.join(str(error).split())}"[:300]) from None

    def close(self) -> None:
        """Let the connections go. Safe twice; calls after it raise Transient."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result(_CLOSE_S)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(_CLOSE_S)
        loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise Transient("this channel is being closed")
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="outbound", daemon=True)
            self._thread.start()
        return self._loop

    async def _request(self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> HttpReply:
        from core.outbound import AddressRefused, MaybeSent, OutboundError, SafeSession

        if self._session is None:
            self._session = SafeSession(self._policy, resolve=self._resolve, tls=self._tls)
        try:
            reply = await self._session.request(method, url, headers, body, self._timeout_s)
        except AddressRefused as error:
            raise NotAllowed(str(error)) from None
        except OutboundError as error:
            raise Transient(str(error), unsure=isinstance(error, MaybeSent)) from None
        except asyncio.CancelledError:
            raise Transient("this channel is being closed", unsure=True) from None
        return HttpReply(reply.status, reply.headers, reply.body)

    async def _end(self) -> None:
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
