"""T02: an address allow-list that cannot be talked around, over real sockets with real proxies in between."""

import contextlib
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.ingest.peers import TrustedProxies

pytestmark = pytest.mark.threat("T02")

CAMERA, STRANGER, PROXY, OUTER = "127.0.0.21", "127.0.0.66", "127.0.0.31", "127.0.0.32"


@pytest.fixture
def proxy():
    """A reverse proxy as nginx is usually set up: appends its peer to X-Forwarded-For. proxy(port, address) -> port."""
    with contextlib.ExitStack() as stack:

        def start(upstream, address):
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    before = self.headers.get("X-Forwarded-For")
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in ("x-forwarded-for", "host")}
                    peer = self.client_address[0]
                    headers["X-Forwarded-For"] = f"{before}, {peer}" if before else peer
                    connection = HTTPConnection("127.0.0.1", upstream, timeout=10, source_address=(address, 0))
                    with contextlib.closing(connection):
                        connection.request("POST", self.path, body, headers)
                        answer = connection.getresponse()
                        self.send_response(answer.status)
                        self.end_headers()
                        self.wfile.write(answer.read())

                def log_message(self, *args):
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            stack.callback(server.server_close)
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server.server_address[1]

        yield start


@pytest.fixture
def camera(registry):
    return registry.add(auth=("ip",), ip_allow=[CAMERA])


def test_the_listed_address_needs_no_key(camera, serve):
    assert 200 == serve().post(camera.path, source=CAMERA)[0]


def test_another_address_is_forbidden(camera, serve):
    assert 403 == serve().post(camera.path, source=STRANGER)[0]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP"])
@pytest.mark.parametrize("proxies", [(), (PROXY,)])
def test_a_header_sent_directly_moves_nobody(camera, serve, name, proxies):
    value = f"for={CAMERA}" if name == "Forwarded" else CAMERA

    assert 403 == serve(proxies).post(camera.path, {name: value}, source=STRANGER)[0]


def test_the_camera_is_known_behind_a_trusted_proxy(camera, serve, proxy):
    served = serve([PROXY])
    port = proxy(served.port, PROXY)

    assert 200 == served.post(camera.path, source=CAMERA, port=port)[0]
    assert CAMERA == served.inbox.headers[0][":peer"]


def test_a_spoofed_header_through_the_proxy_is_not_believed(camera, serve, proxy):
    served = serve([PROXY])
    port = proxy(served.port, PROXY)

    assert 403 == served.post(camera.path, {"X-Forwarded-For": CAMERA}, source=STRANGER, port=port)[0]


def test_a_proxy_that_nobody_named_is_not_believed(camera, serve, proxy):
    served = serve()
    port = proxy(served.port, PROXY)

    assert 403 == served.post(camera.path, source=CAMERA, port=port)[0]


def test_the_camera_is_known_behind_two_proxies(camera, serve, proxy):
    served = serve([PROXY, OUTER])
    port = proxy(proxy(served.port, PROXY), OUTER)

    # The outer proxy is met by the inner one at its own address.
    assert 200 == served.post(camera.path, source=CAMERA, port=port)[0]
    assert 403 == served.post(camera.path, {"X-Forwarded-For": CAMERA}, source=STRANGER, port=port)[0]


def test_the_second_proxy_must_be_named_too(camera, serve, proxy):
    served = serve([PROXY])
    port = proxy(proxy(served.port, PROXY), OUTER)

    assert 403 == served.post(camera.path, source=CAMERA, port=port)[0]


def test_a_right_key_from_a_wrong_address_is_forbidden(registry, serve):
    camera = registry.add("keyed", auth=("api_key",), ip_allow=[CAMERA])
    served = serve()
    key = {"X-API-KEY": camera.key}

    assert [200, 403] == [served.post(camera.path, key, source=source)[0] for source in (CAMERA, STRANGER)]


def test_a_wrong_key_from_a_right_address_is_refused(registry, serve):
    camera = registry.add("keyed", auth=("api_key",), ip_allow=[CAMERA])

    assert 401 == serve().post(camera.path, {"X-API-KEY": camera.key + "x"}, source=CAMERA)[0]


def test_a_camera_is_found_by_its_address_on_the_makes_own_path(registry, serve):
    registry.add("tollgate", "other", auth=("ip",), ip_allow=[CAMERA])
    served = serve()

    statuses = [served.post("/NotificationInfo/Tollgate", source=source)[0] for source in (CAMERA, STRANGER)]
    assert [200, 401] == statuses


def test_a_revoked_key_is_not_taken_for_the_camera_that_is_known_by_the_same_address(registry, serve):
    registry.add("tollgate", "other", auth=("ip",), ip_allow=[CAMERA])
    revoked = "tk_AbCdEfGhIj_" + "0" * 43

    assert 401 == serve().post("/NotificationInfo/Tollgate", {"X-API-KEY": revoked}, source=CAMERA)[0]


def test_an_address_that_two_devices_share_finds_none(registry, serve):
    registry.add("one", "other", auth=("ip",), ip_allow=["127.0.0.0/24"])
    registry.add("two", "other", auth=("ip",), ip_allow=[CAMERA])

    assert 401 == serve().post("/NotificationInfo/Tollgate", source=CAMERA)[0]


def test_a_password_that_nobody_set_does_not_hurt_a_camera_known_by_address(camera, serve):
    served = serve()

    assert 200 == served.post(camera.path, {"Authorization": "Basic YWRtaW46YWRtaW4="}, source=CAMERA)[0]


def test_an_allow_list_with_a_mistake_in_it_lets_nobody_in(registry, serve):
    camera = registry.add("typo", auth=("ip",), ip_allow=["127.0.0.0/8", "10.0.0.0/99"])

    assert 403 == serve().post(camera.path, source=CAMERA)[0]


def test_ip_without_a_list_lets_nobody_in(registry, serve):
    camera = registry.add("open", auth=("ip",), ip_allow=[])

    assert 401 == serve().post(camera.path, source=CAMERA)[0]


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("::ffff:127.0.0.21", {}, "127.0.0.21"),
        ("fe80::1%eth0", {}, "fe80::1"),
        ("", {}, ""),
        ("::ffff:10.0.0.1", {"x-forwarded-for": "203.0.113.9"}, "203.0.113.9"),
        ("10.0.0.1", {"x-forwarded-for": "::ffff:203.0.113.9"}, "203.0.113.9"),
        ("10.0.0.1", {"x-forwarded-for": "198.51.100.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9:4711"}, "203.0.113.9"),
        ("10.0.0.1", {"x-forwarded-for": "[2001:db8::9]:4711"}, "2001:db8::9"),
        ("10.0.0.1", {"forwarded": 'for="[2001:db8::9]:4711";proto=https, for=10.0.0.2'}, "2001:db8::9"),
        ("10.0.0.1", {"forwarded": "proto=http;FOR=203.0.113.9;by=10.0.0.1"}, "203.0.113.9"),
        ("10.0.0.1", {"forwarded": 'for=198.51.100.1;host="a, for=203.0.113.9"'}, "198.51.100.1"),
        ("10.0.0.1", {"forwarded": 'for=203.0.113.9;host="a'}, ""),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9"}, "203.0.113.9"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9", "forwarded": "for=198.51.100.1"}, ""),
        ("10.0.0.1", {"x-forwarded-for": "unknown"}, ""),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9, "}, ""),
        ("10.0.0.1", {"x-forwarded-for": "10.0.0.3, 10.0.0.2"}, "10.0.0.3"),
        ("10.0.0.1", {}, "10.0.0.1"),
        ("192.0.2.1", {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9"}, "192.0.2.1"),
    ],
)
def test_the_client_is_the_right_most_hop_that_is_no_proxy(peer, headers, client):
    assert client == TrustedProxies(["10.0.0.0/8"]).client(peer, headers)


def test_a_mapped_network_means_the_ipv4_network(registry, ask):
    camera = registry.add("mapped", auth=("ip",), ip_allow=["::ffff:10.1.0.0/112"])

    assert "ip" == ask(camera, peer="10.1.0.7").method
    assert 403 == ask(camera, peer="10.2.0.7").status
