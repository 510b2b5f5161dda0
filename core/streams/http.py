"""HTTP to cameras: endless answers (MJPEG, vendor event streams) and single pictures, under the device's own policy.

One event loop in a thread of its own serves all cameras of the process; readers are plain threads that take chunks from
a short queue. Addresses are resolved once a connection and must be on the device's list (core.outbound); redirects
count as answers and are not followed; Digest and Basic are answered here, so that no plugin sees a credential.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
from yarl import URL

from core.domain.errors import Transient
from core.domain.stream_urls import StreamUrl
from core.domain.streams import StreamHead
from core.outbound import GuardedConnector, Policy, Resolve, check_url, refusal

CONNECT_S = 5.0
TICK_S = 0.5
"""An iterator gives b"" when nothing came for so long, so that its reader can hand on what is complete."""
_QUEUED = 64


class StreamLost(Transient):
    """The camera cannot be reached, went silent, hung up or refused; the text names host and reason only."""


class HttpLoop:
    """The event loop of a process's HTTP cameras. close() ends every connection."""

    def __init__(self, *, resolve: Resolve | None = None) -> None:
        self._resolve = resolve
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="camera-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the loop; open connections end with it. Safe twice."""
        if self._loop.is_closed():
            return

        async def end() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def open(
        self,
        url: StreamUrl,
        policy: Policy,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        silent_s: float = 60.0,
    ) -> HttpStream:
        """Open an address and return its answer, 2xx only. Raises StreamLost."""
        return HttpStream(self, url, policy, method, headers or {}, silent_s)

    def fetch(self, url: StreamUrl, policy: Policy, *, timeout_s: float = 10.0, max_bytes: int) -> tuple[str, bytes]:
        """One picture: content type and body. Raises StreamLost, for a body over the limit too."""
        data = bytearray()
        with self.open(url, policy, silent_s=timeout_s) as stream:
            for chunk in stream:
                data += chunk
                if len(data) > max_bytes:
                    raise StreamLost(f"{url.host}: the picture has more than {max_bytes} bytes")
            return stream.head.headers.get("content-type", ""), bytes(data)

    def run(self, coroutine: Any) -> asyncio.Future[Any]:
        """Start a coroutine on the loop; a concurrent future."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)  # type: ignore[return-value]

    def call(self, function: Callable[[], object]) -> None:
        """Run a function on the loop soon; nothing when the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    @property
    def resolve(self) -> Resolve | None:
        """Replaces the system's resolver, for tests."""
        return self._resolve


class HttpStream:
    """An open answer. Iterate it for chunks; b"" means that nothing came for TICK_S. Use it with `with`."""

    def __init__(
        self, loop: HttpLoop, url: StreamUrl, policy: Policy, method: str, headers: dict[str, str], silent_s: float
    ) -> None:
        self._url = url
        self._silent_s = silent_s
        self._chunks: queue.Queue[bytes | BaseException | None] = queue.Queue()
        self._room = asyncio.Semaphore(_QUEUED)
        self._loop = loop
        self._head: queue.Queue[StreamHead | BaseException] = queue.Queue()
        self._closed = False
        self._task = loop.run(self._pump(policy, loop.resolve, method, headers))
        try:
            head = self._head.get(timeout=CONNECT_S * 2 + silent_s)
        except queue.Empty:
            self.close()
            raise StreamLost(f"{url.host}: no answer within {CONNECT_S * 2 + silent_s:g} s") from None
        if isinstance(head, BaseException):
            raise head
        self.head = head

    def __enter__(self) -> HttpStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. Safe twice, and from another thread: the reader's iteration then ends."""
        self._closed = True
        self._task.cancel()
        self._chunks.put(None)

    def __iter__(self) -> Iterator[bytes]:
        while not self._closed:
            try:
                chunk = self._chunks.get(timeout=TICK_S)
            except queue.Empty:
                yield b""
                continue
            if chunk is None:
                return
            if isinstance(chunk, BaseException):
                raise chunk
            self._loop.call(self._room.release)
            yield chunk

    async def _pump(self, policy: Policy, resolve: Resolve | None, method: str, headers: dict[str, str]) -> None:
        try:
            check_url(self._url.shown)
            await self._talk(policy, resolve, method, headers)
        except asyncio.CancelledError:
            self._fail(StreamLost(f"{self._url.host}: hung up"))
            raise
        except StreamLost as error:
            self._fail(error)
        except TimeoutError:
            self._fail(StreamLost(f"{self._url.host}: silent for {self._silent_s:g} s"))
        except Exception as error:  # aiohttp's, the guard's: one kind for the reader
            self._fail(StreamLost(refusal(error) or f"{self._url.host}: {_plain(error, self._url)}"))
        else:
            self._chunks.put(None)

    def _fail(self, error: StreamLost) -> None:
        self._head.put(error)
        self._chunks.put(error)

    async def _talk(self, policy: Policy, resolve: Resolve | None, method: str, headers: dict[str, str]) -> None:
        target = URL(self._url.shown, encoded=True)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self._silent_s)
        login = self._url.login
        middlewares = (aiohttp.DigestAuthMiddleware(*login),) if login else ()
        connector = GuardedConnector(policy, resolve=resolve, limit=4)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, timeout=timeout,
            headers={"User-Agent": "Tangkapin", "Accept-Encoding": "identity"},
        ) as session:  # fmt: skip
            request = {"headers": headers, "allow_redirects": False}
            answer = await session.request(method, target, middlewares=middlewares, **request)  # type: ignore[arg-type]
            if answer.status == 401 and login and "basic" in _challenges(answer):
                answer.close()
                basic = {**headers, "Authorization": aiohttp.encode_basic_auth(*login)}
                answer = await session.request(method, target, headers=basic, allow_redirects=False)
            async with answer:
                await self._read(answer)

    async def _read(self, answer: aiohttp.ClientResponse) -> None:
        if not 200 <= answer.status < 300:
            why = {401: "user or password is wrong", 403: "the account may not do this"}.get(answer.status, "")
            moved = "redirected, which is not followed" if 300 <= answer.status < 400 else why
            raise StreamLost(f"{self._url.host}: HTTP {answer.status}{': ' if moved else ''}{moved}")
        self._head.put(StreamHead(status=answer.status, headers={k.lower(): v for k, v in answer.headers.items()}))
        async for chunk in answer.content.iter_any():
            await self._room.acquire()  # the reader is slower: the camera waits, nothing piles up
            self._chunks.put(chunk)


def _challenges(answer: aiohttp.ClientResponse) -> str:
    return " ".join(answer.headers.getall("www-authenticate", [])).lower()


def _plain(error: BaseException, url: StreamUrl) -> str:
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return text.replace(url.login[1], "***") if url.login and url.login[1] else text
