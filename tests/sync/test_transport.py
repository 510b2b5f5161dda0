"""Signatures over the exact bytes, and what is known of a request that brought no answer."""

import asyncio
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.domain.cases import HttpRequest
from core.outbound import MaybeSent, NotSent, SafeSession
from core.sync.policy import policy_of
from core.sync.transport import CONNECT_TRIES, SecretMissing, exchange, open_session, read_reference

SECRET = "whsec_bWFuYSByYWhhc2lhIHlhbmcgcGFuamFuZw=="


def send(request, body=b"{}", secrets=None, timeout_s=2.0):
    known = secrets or {}

    async def run():
        async with open_session(policy_of({}, ())) as session:
            return await exchange(
                session, request, body, purpose="send", key="tkp_1", secrets=known.__getitem__,
                timeout_s=timeout_s, keep_alive=False,
            )  # fmt: skip

    return asyncio.run(run())


@pytest.fixture
def receiver():
    """An HTTP server that remembers what came."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers.items()), body))
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.got = got
    yield server
    server.shutdown()
    server.server_close()


def test_a_webhook_s_signature_holds_for_old_and_new_secret_and_no_changed_byte(receiver):
    request = HttpRequest(
        url=f"http://127.0.0.1:{receiver.server_port}/", sign="standard-webhooks", sign_secret="new,old"
    )
    body = '{"plate":"B1234XYZ","tempat":"Jalan Café"}'.encode()
    done = send(request, body, {"new": SECRET, "old": "bGFtYQ=="})
    headers, received = receiver.got[0]
    assert (302, body, "tkp_1") == (done.response.status, received, headers["webhook-id"])
    assert json.loads(body) == Webhook(SECRET).verify(received, headers)
    assert json.loads(body) == Webhook("bGFtYQ==").verify(received, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received + b" ", headers)


def test_a_redirect_is_an_answer_and_not_followed(receiver):
    done = send(HttpRequest(url=f"http://127.0.0.1:{receiver.server_port}/"))
    assert (302, 1) == (done.response.status, len(receiver.got))


def test_a_signing_secret_that_is_no_base64_is_not_quoted():
    done = send(HttpRequest(url="http://127.0.0.1:1/", sign="standard-webhooks", sign_secret="s"), b"x", {"s": "päss"})
    assert (False, None) == (done.sent, done.response)
    assert "päss" not in done.error


def test_a_refused_connection_surely_sent_nothing():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = send(HttpRequest(url=f"http://127.0.0.1:{taken.getsockname()[1]}/"))
    assert (False, None) == (done.sent, done.response)


def test_what_surely_did_not_arrive_is_tried_again_at_once(receiver, monkeypatch):
    real, tries = SafeSession.request, []

    async def flaky(self, *arguments, **named):
        tries.append(1)
        if len(tries) < CONNECT_TRIES:
            raise NotSent("no route")
        return await real(self, *arguments, **named)

    monkeypatch.setattr(SafeSession, "request", flaky)
    done = send(HttpRequest(url=f"http://127.0.0.1:{receiver.server_port}/"))
    assert (CONNECT_TRIES, 302, 1) == (len(tries), done.response.status, len(receiver.got))


def test_what_may_have_arrived_is_never_repeated_within_an_attempt(monkeypatch):
    tries = []

    async def lost(self, *arguments, **named):
        tries.append(1)
        raise MaybeSent("cut off")

    monkeypatch.setattr(SafeSession, "request", lost)
    done = send(HttpRequest(url="http://127.0.0.1:1/"))
    assert (1, True, None) == (len(tries), done.sent, done.response)


def test_silence_after_the_request_may_have_been_heard():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = send(HttpRequest(url=f"http://127.0.0.1:{silent.getsockname()[1]}/"), timeout_s=0.3)
    assert (True, None) == (done.sent, done.response)


@pytest.mark.threat("T14")
@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "file:///etc/passwd", "http://u:p@127.0.0.1/"])
def test_some_addresses_are_never_gone_to(url):
    done = send(HttpRequest(url=url))
    assert (False, None) == (done.sent, done.response)


def test_a_vendor_s_key_comes_from_environment_or_file(monkeypatch, tmp_path):
    monkeypatch.setenv("K", "rahasia")
    (tmp_path / "key").write_text("dari berkas\n")
    assert "rahasia" == read_reference("env:K")
    assert "dari berkas" == read_reference(f"file:{tmp_path / 'key'}")
    for wrong in ("", "rahasia", "env:NOT_THERE", "file:/nowhere"):
        with pytest.raises(SecretMissing):
            read_reference(wrong)
