"""T14: addresses that somebody else supplied lead nowhere but where the policy allows; one resolution, no redirect."""

import asyncio
import contextlib
import gzip
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.domain.addresses import parse_address
from core.outbound import (
    AddressRefused,
    MaybeSent,
    NotSent,
    SafeSession,
    check_url,
    operator_configured,
    per_device_images,
)

pytestmark = pytest.mark.threat("T14")


class Server:
    """A local HTTP server that notes what it was asked and answers as `answer` (status, headers, body) says."""

    def __init__(self):
        self.seen = []
        self.answer = (200, {}, b"hello")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                if outer.answer is None:
                    self.close_connection = True
                    return
                status, headers, data = outer.answer
                self.send_response(status)
                self.send_header("Content-Length", headers.get("Content-Length", str(len(data))))
                for name, value in headers.items():
                    if name != "Content-Length":
                        self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


class Names:
    """A resolver that gives each name its answers in turn, the last one for ever, and counts."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): list(turns) for name, turns in answers.items()}
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append(host)
        turns = self.answers[host]
        return turns.pop(0) if len(turns) > 1 else turns[0]


def request(policy, url, *, method="GET", headers=None, body=None, timeout=5.0, resolve=None, **options):
    async def run():
        async with SafeSession(policy, resolve=resolve) as session:
            return await session.request(method, url, headers, body, timeout, **options)

    return asyncio.run(run())


# -- what a URL may look like


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://10.0.0.1/", "ftp://10.0.0.1/", "data:image/png;base64,AA", "//10.0.0.1/x", "",
        "http:/10.0.0.1/x", "http://", "http:///x", "http://user@10.0.0.1/", "http://user:pw@10.0.0.1/",
        "http://10.0.0.1@169.254.169.254/", "http://10.0.0.1\\@169.254.169.254/", "http:\\\\10.0.0.1\\x",
        "http://10.0.0.1 /x", "http://10.0.0.1/\r\nHost: evil", "http://10.0.0.1/a b", "http://10.0.0.1/\x00",
        "http://10.0.0.1:99999/", "http://10.0.0.1:0/", "http://10.0.0.1:x/", "http://[::1/", "http://[::1%25eth0]/",
        "http://[vF.x]/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://127.1/", "http://127.0.1/",
        "http://0177.0.0.1/", "http://127.0.0.01/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://127.0.0.1./x",
        "http://0x7f.0.0.0x1/", "http://a..b/", "http://-a/", "http://ａ.example/", "http://①②⑦.⓪.⓪.①/",
        "http://a_b%2e/", "http://a.example/" + "x" * 5000,
    ],
)  # fmt: skip
def test_a_disguised_or_foreign_url_is_refused_before_anything_is_asked(url):
    names = Names()
    with pytest.raises(AddressRefused):
        request(operator_configured(allow_private=True), url, resolve=names)

    assert [] == names.asked


def test_a_refusal_does_not_repeat_the_password():
    with pytest.raises(AddressRefused) as caught:
        check_url("http://admin:Rahasia88@10.0.0.1/")

    assert "Rahasia88" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/a.jpg", "https://cam.example:8443/x?y=1&z=%20", "http://[fd00::7]:8080/", "http://cam_1.lan/",
     "HTTP://CAM.EXAMPLE/", "http://3com.example/", "http://a.example./x"],
)  # fmt: skip
def test_an_ordinary_url_is_read(url):
    assert url.partition("://")[2].lower() == str(check_url(url)).partition("://")[2].lower()


# -- which addresses a policy allows

NEVER = ["0.0.0.0", "127.0.0.1", "127.0.0.2", "::1", "::", "169.254.169.254", "169.254.0.7", "fe80::1", "224.0.0.1",
         "255.255.255.255", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "ff02::1",
         "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1"]  # fmt: skip


@pytest.mark.parametrize("text", [*NEVER, "10.0.0.1", "192.168.1.64", "8.8.8.8", "2606:4700::1"])
def test_pictures_are_fetched_from_nowhere_by_default(text):
    assert not per_device_images(()).allows(parse_address(text), 80)


@pytest.mark.parametrize("text", NEVER)
def test_special_addresses_are_refused_though_a_range_covers_them(text):
    assert not per_device_images(["0.0.0.0/0", "::/0"]).allows(parse_address(text), 80)


@pytest.mark.parametrize("text", NEVER)
def test_a_special_address_counts_when_exactly_it_is_listed(text):
    listed = f"[{text}]:80" if ":" in text else f"{text}:80"

    assert per_device_images([listed]).allows(parse_address(text), 80)
    assert not per_device_images([listed]).allows(parse_address(text), 81)


@pytest.mark.parametrize(
    ("listed", "address", "port", "allowed"),
    [
        ("192.168.1.0/24", "192.168.1.64", 8000, True),
        ("192.168.1.0/24", "192.168.2.64", 80, False),
        ("192.168.1.0/24:80", "192.168.1.64", 80, True),
        ("192.168.1.0/24:80", "192.168.1.64", 22, False),
        ("192.168.1.64", "192.168.1.64", 80, True),
        ("192.168.1.64:8080", "192.168.1.64", 8080, True),
        ("192.168.1.64", "::ffff:192.168.1.64", 80, True),
        ("::ffff:192.168.1.64", "192.168.1.64", 80, True),
        ("fd00:1::/32", "fd00:1::7", 80, True),
        ("[fd00:1::]/32:80", "fd00:1::7", 443, False),
        ("[fd00:1::7]:80", "fd00:1::7", 80, True),
    ],
)
def test_pictures_are_fetched_from_listed_networks_and_ports(listed, address, port, allowed):
    assert allowed == per_device_images([listed]).allows(parse_address(address), port)


@pytest.mark.parametrize(
    "listed", ["", "camera.lan", "10.0.0.0/8:0", "10.0.0.0/8:70000", "10.0.0.0/99", "[fd00::1", "*"]
)
def test_a_list_with_a_mistake_in_it_is_refused(listed):
    with pytest.raises(ValueError):
        per_device_images([listed])


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("8.8.8.8", True, True),
        ("2606:4700::1", True, True),
        ("10.0.0.1", False, True),
        ("172.20.0.1", False, True),
        ("100.64.0.1", False, True),
        ("fd00::1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("169.254.169.254", False, False),
        ("fe80::1", False, False),
        ("100.100.100.200", False, False),
        ("fd00:ec2::254", False, False),
        ("168.63.129.16", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
        ("198.51.100.1", False, False),
        ("64:ff9b::7f00:1", False, False),
    ],
)
def test_a_sink_reaches_the_public_and_private_only_where_the_operator_says_so(address, public, private):
    address = parse_address(address)

    assert public == operator_configured().allows(address, 443)
    assert private == operator_configured(allow_private=True).allows(address, 443)
    assert operator_configured(listed=[f"{address}/{address.max_prefixlen}"]).allows(address, 443)


# -- what really is connected to


def test_a_listed_address_is_reached_with_the_name_in_the_host_header(server):
    names = Names(cam_example=[["127.0.0.1"]])
    policy = per_device_images([f"127.0.0.1:{server.port}"])

    reply = request(policy, f"http://cam.example:{server.port}/p.jpg?a=%20b", resolve=names)

    assert (200, b"hello") == (reply.status, reply.body)
    command, path, headers, _ = server.seen[0]
    assert ("GET", "/p.jpg?a=%20b", f"cam.example:{server.port}") == (command, path, headers["Host"])


def test_a_literal_address_is_judged_like_a_resolved_one(server):
    with pytest.raises(AddressRefused):
        request(per_device_images(["127.0.0.2"]), f"http://127.0.0.1:{server.port}/")
    with pytest.raises(AddressRefused):
        request(per_device_images(["127.0.0.2"]), f"http://[::ffff:127.0.0.1]:{server.port}/")

    assert [] == server.seen


def test_a_name_that_changes_its_mind_is_resolved_once(server):
    names = Names(flip_example=[["127.0.0.1"], ["169.254.169.254"]])
    policy = per_device_images([f"127.0.0.1:{server.port}"])

    reply = request(policy, f"http://flip.example:{server.port}/", resolve=names)

    assert 200 == reply.status
    assert ["flip.example"] == names.asked


def test_a_name_that_turns_to_a_forbidden_address_is_refused_the_second_time(server):
    names = Names(flip_example=[["127.0.0.1"], ["127.0.0.2"]])
    policy = per_device_images([f"127.0.0.1:{server.port}"])
    server.answer = (200, {"Connection": "close"}, b"once")

    async def run():
        async with SafeSession(policy, resolve=names) as session:
            first = await session.request("GET", f"http://flip.example:{server.port}/")
            with pytest.raises(AddressRefused):
                await session.request("GET", f"http://flip.example:{server.port}/")
            return first

    assert 200 == asyncio.run(run()).status
    assert 1 == len(server.seen)


@pytest.mark.parametrize("found", [["127.0.0.1", "10.0.0.9"], ["10.0.0.9", "127.0.0.1"], ["127.0.0.1", "::1"]])
def test_one_forbidden_address_spoils_the_name(server, found):
    names = Names(mixed_example=[found])
    with pytest.raises(AddressRefused):
        request(per_device_images(["127.0.0.1"]), f"http://mixed.example:{server.port}/", resolve=names)

    assert [] == server.seen


def test_a_redirect_is_an_answer_and_is_not_followed(server):
    server.answer = (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b"")

    reply = request(per_device_images(["127.0.0.1"]), f"http://127.0.0.1:{server.port}/")

    assert 302 == reply.status
    assert 1 == len(server.seen)


def test_a_proxy_from_the_environment_is_not_used(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert 200 == request(per_device_images(["127.0.0.1"]), f"http://127.0.0.1:{server.port}/").status


def test_cookies_are_not_kept(server):
    server.answer = (200, {"Set-Cookie": "sid=1; Path=/"}, b"")

    async def run():
        async with SafeSession(per_device_images(["127.0.0.1"])) as session:
            for _ in range(2):
                await session.request("GET", f"http://127.0.0.1:{server.port}/")

    asyncio.run(run())
    assert [None, None] == [headers.get("Cookie") for _, _, headers, _ in server.seen]


def test_a_long_answer_is_cut(server):
    server.answer = (200, {}, b"x" * 300_000)
    url = f"http://127.0.0.1:{server.port}/"

    assert 65_536 == len(request(per_device_images(["127.0.0.1"]), url).body)
    assert 1000 == len(request(per_device_images(["127.0.0.1"]), url, max_bytes=1000).body)


def test_a_compressed_bomb_is_cut(server):
    server.answer = (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(50_000_000)))

    assert 65_536 >= len(request(per_device_images(["127.0.0.1"]), f"http://127.0.0.1:{server.port}/").body)


def test_method_headers_and_body_arrive_as_given(server):
    policy = operator_configured(allow_private=True)

    request(policy, f"http://127.0.0.1:{server.port}/v", method="POST", headers={"X-API-KEY": "k"}, body=b'{"a":1}')

    command, path, headers, body = server.seen[0]
    assert ("POST", "/v", "k", b'{"a":1}') == (command, path, headers["X-API-KEY"], body)


# -- did it leave?


def test_a_closed_port_means_not_sent():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(NotSent) as caught:
        request(per_device_images(["127.0.0.1"]), f"http://127.0.0.1:{port}/")
    assert not isinstance(caught.value, AddressRefused)


def test_an_unknown_name_means_not_sent():
    async def nobody(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(NotSent):
        request(operator_configured(), "http://no-such.example/", resolve=nobody)


def test_a_name_without_an_address_means_not_sent():
    with pytest.raises(NotSent):
        request(operator_configured(), "http://empty.example/", resolve=Names(empty_example=[[]]))


def test_a_broken_handshake_means_not_sent(server):
    with pytest.raises(NotSent):
        request(per_device_images(["127.0.0.1"]), f"https://127.0.0.1:{server.port}/", timeout=5.0)
    assert [] == server.seen


def test_a_connection_that_ends_without_an_answer_means_maybe_sent(server):
    server.answer = None

    with pytest.raises(MaybeSent):
        request(per_device_images(["127.0.0.1"]), f"http://127.0.0.1:{server.port}/", method="POST", body=b"{}")
    assert 1 == len(server.seen)


def test_an_answer_that_is_cut_off_means_maybe_sent(server):
    server.answer = (200, {"Content-Length": "100", "Connection": "close"}, b"only this")

    with pytest.raises(MaybeSent):
        request(per_device_images(["127.0.0.1"]), f"http://127.0.0.1:{server.port}/", method="POST", body=b"{}")


def test_a_server_that_says_nothing_means_maybe_sent():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"

        with pytest.raises(MaybeSent):
            request(per_device_images(["127.0.0.1"]), url, timeout=0.3)


def test_garbage_instead_of_http_means_maybe_sent():
    with socket.socket() as odd:
        odd.bind(("127.0.0.1", 0))
        odd.listen()

        def answer():
            connection, _ = odd.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"\x00\x01 not http\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(MaybeSent):
            request(per_device_images(["127.0.0.1"]), f"http://127.0.0.1:{odd.getsockname()[1]}/")
        thread.join()
