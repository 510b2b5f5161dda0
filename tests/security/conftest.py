"""Cameras, their credentials, and a real server of the cameras' front with an inbox that only remembers."""

import asyncio
import contextlib
import hashlib
import threading
import time
from http.client import HTTPConnection

import msgspec
import pytest
import uvicorn

from core.domain.answers import Answer
from core.ingest.answers import AnswerTable
from core.ingest.auth import PASSWORDS, Authenticator, ha1_context
from core.ingest.digest import ha1
from core.ingest.directory import DeviceDirectory, Snapshot
from core.ingest.front import CameraRequest, Front
from core.ingest.gate import CameraGate
from core.ingest.protocol import CameraProtocol
from core.ingest.rate import RateLimiter
from core.secrets import SecretBox
from core.testing.house import event

ROW = {
    "vendor_id": 1, "vendor_code": "polda-banten", "vendor_settings": {}, "device_name": None, "location": None,
    "active": True, "zone": "Asia/Jakarta", "time_rule": "offset", "purposes": [], "speed_limit_kmh": None,
    "serial": None, "channel": None, "latitude": None, "longitude": None, "detect": False, "settings": {},
    "image_hosts": [], "rate_per_s": 1000.0, "rate_burst": 1000.0, "parent_id": None,
}  # fmt: skip
NO_CREDENTIAL = {
    "credential_id": None, "kind": None, "key_id": None, "username": None, "secret_hash": None, "ha1_encrypted": None,
    "allow_md5": False, "expires_at": None,
}  # fmt: skip


class Clock:
    """Unix seconds that stand still until moved."""

    def __init__(self, now=1_780_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


class NoDatabase:
    """The directory asks it only when somebody unknown posts."""

    def system(self):
        raise ConnectionError("there is no database in this test")


class Camera:
    def __init__(self, code, maker, key):
        self.code, self.maker, self.key = code, maker, key
        self.path = f"/cam/{maker}/{code}"


class Registry:
    """Registers cameras in memory, in the very rows that the directory loads."""

    def __init__(self, clock):
        self.clock = clock
        self.box = SecretBox("the secret key of these tests, 0123456789")
        self.directory = DeviceDirectory(NoDatabase())
        self.rows = []
        self._ids = 0

    def add(self, code="simpang-5", maker="acme", *, auth=("api_key",), ip_allow=(), password=None, username=None,
            allow_md5=False, expires_at=None, **fields):  # fmt: skip
        self._ids += 1
        device = {**ROW, "id": self._ids, "device_code": code, "maker": maker, "auth": list(auth),
                  "ip_allow": list(ip_allow), **fields}  # fmt: skip
        key = f"tk_id{self._ids}_" + hashlib.sha256(code.encode()).hexdigest()
        credentials = []
        if {"api_key", "token"} & set(auth):
            credentials.append(self.key_row(key, expires_at))
        if "basic" in auth and password:
            credentials.append({"kind": "basic", "secret_hash": PASSWORDS.hash(password).encode()})
        if "digest" in auth and password:
            names = ("SHA-256", "MD5") if allow_md5 else ("SHA-256",)
            hashes = {name: ha1(name, username or code, password) for name in names}
            sealed = self.box.seal(msgspec.json.encode(hashes), ha1_context(self._ids))
            credentials.append({"kind": "digest", "ha1_encrypted": sealed, "allow_md5": allow_md5})
        for nth, credential in enumerate(credentials):
            credential.setdefault("username", username)
            self.rows.append({**device, **NO_CREDENTIAL, "credential_id": self._ids * 10 + nth, **credential})
        if not credentials:
            self.rows.append({**device, **NO_CREDENTIAL})
        self.publish()
        return Camera(code, maker, key)

    @staticmethod
    def key_row(key, expires_at=None):
        return {
            "kind": "api_key",
            "key_id": key.split("_")[1],
            "secret_hash": hashlib.sha256(key.encode()).digest(),
            "expires_at": expires_at,
        }

    def publish(self):
        self.directory.current = Snapshot(self.rows)

    def authenticator(self, trusted_proxies=()):
        return Authenticator(self.directory, self.box, trusted_proxies, clock=self.clock)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def registry(clock):
    return Registry(clock)


@pytest.fixture
def ask(registry):
    """Judge one request: ask(camera, headers=…, path=…, query=…, peer=…) -> Identified or Denied."""
    made = {}

    def do(camera, headers=None, *, key_in_path="", query="", peer="10.1.0.7", maker=None, code=None, proxies=(),
           method="POST"):  # fmt: skip
        authenticator = made.setdefault(tuple(proxies), registry.authenticator(proxies))
        maker = maker or camera.maker
        code = camera.code if code is None else code
        path = "/".join(["/cam", maker, *([code] if code else []), *([key_in_path] if key_in_path else [])])
        rest = (key_in_path,) if key_in_path else ()
        return authenticator.identify(CameraRequest(method, path, query, headers or {}, peer, maker, code, rest))

    return do


class Inbox:
    """Remembers what would be stored."""

    def __init__(self):
        self.arrivals = []

    def room(self):
        return True

    def submit(self, arrival):
        self.arrivals.append(arrival)
        arrival.future.set_result(len(self.arrivals))

    @property
    def headers(self):
        return [msgspec.json.decode(arrival.headers) for arrival in self.arrivals]


class NoHealth:
    def note(self, *args, **kwargs):
        pass


class Served:
    """A running front. post() may come from any loopback address; the answer is (status, headers, body)."""

    def __init__(self, port, inbox):
        self.port, self.inbox = port, inbox
        self.url = f"http://127.0.0.1:{port}"

    def post(self, path, headers=None, *, source="127.0.0.1", body=b'{"plateNumber":"B1234XYZ"}', port=None):
        connection = HTTPConnection("127.0.0.1", port or self.port, timeout=10, source_address=(source, 0))
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


@pytest.fixture
def serve(registry):
    """Start the front on a free port: serve(trusted_proxies=…, limiter=…) -> Served."""
    with contextlib.ExitStack() as stack:

        def start(trusted_proxies=(), limiter=None):
            inbox = Inbox()
            gate = CameraGate(registry.directory, registry.authenticator(trusted_proxies), limiter or RateLimiter())
            table = AnswerTable({"acme": [Answer()], "other": [Answer(path="/NotificationInfo/Tollgate")]})

            async def inner(scope, receive, send):
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b""})

            front = Front(
                inner, table=table, gate=gate, writer=inbox, health=NoHealth(), max_body_bytes=1 << 20, body_timeout_s=5
            )
            config = uvicorn.Config(
                front, port=0, log_config=None, lifespan="off", proxy_headers=False, http=CameraProtocol, ws="none"
            )
            server = uvicorn.Server(config)
            thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
            thread.start()

            def stop():
                server.should_exit = True
                thread.join()

            stack.callback(stop)
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            return Served(server.servers[0].sockets[0].getsockname()[1], inbox)

        yield start


@pytest.fixture
def serves_others(house):
    """Asserts that a good event of somebody else comes through."""

    def check():
        camera = house.spare("generic")
        assert 200 == house.send(camera, event("B 8 OK")).status
        assert (["B8OK"], []) == house.outcome(camera)

    return check
