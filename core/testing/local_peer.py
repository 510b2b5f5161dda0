"""A small HTTP or HTTPS server for tests of what goes out: it keeps what it got and answers as it is told."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Got(msgspec.Struct, frozen=True):
    """One request: header names in lower case, the path with its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `lost` closes the connection without one; `after_s` waits before."""

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b"{}"
    after_s: float = 0.0
    lost: bool = False


Answerer = Callable[[Got], Say]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are part of the tests."""


class LocalPeer:
    """A server on 127.0.0.1. `answer` may be replaced at any time; `got` lists what came, oldest first."""

    def __init__(self, answer: Answerer | None = None, tls: tuple[Path, Path] | None = None) -> None:
        self.answer: Answerer = answer or (lambda got: Say())
        self.got: list[Got] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                got = Got(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                peer.got.append(got)
                say = peer.answer(got)
                time.sleep(say.after_s)
                if say.lost:
                    self.close_connection = True
                    return
                self.send_response(say.status)
                for name, value in say.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(say.body)))
                self.end_headers()
                self.wfile.write(say.body)

            do_GET = do_POST = do_PUT = do_DELETE = _take

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.scheme = "https"
        self.port = int(self._server.server_address[1])
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> LocalPeer:
        """Serve in a thread."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def close_unstarted(self) -> None:
        """Give the port back without having served."""
        self._server.server_close()


@contextmanager
def local_peer(answer: Answerer | None = None, tls: tuple[Path, Path] | None = None) -> Iterator[LocalPeer]:
    """`with local_peer(answer) as peer`: a running LocalPeer; `tls` as `own_certificate` gives it."""
    peer = LocalPeer(answer, tls).start()
    try:
        yield peer
    finally:
        peer.close()


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and localhost that vouches for itself: (certificate, key) as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "peer.pem", folder / "peer.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return pem, secret
