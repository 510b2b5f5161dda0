"""T03: Digest that cannot be replayed or talked down to MD5, driven by real clients against a real server."""

import hashlib
import re
import shutil
import subprocess

import httpx
import pytest

from core.ingest.digest import NONCE_LIFE_S, DigestGuard, parse_digest

pytestmark = pytest.mark.threat("T03")

PASSWORD = "Rahasia-Kamera-88"


def by_httpx(url, username, password):
    with httpx.Client(trust_env=False) as client:
        answer = client.post(url, auth=httpx.DigestAuth(username, password), content=b'{"plateNumber":"B1234XYZ"}')
    return answer.status_code


def by_curl(url, username, password):
    command = [
        "curl", "--silent", "--noproxy", "*", "--digest", "--user", f"{username}:{password}", "--output", "/dev/null",
        "--write-out", "%{http_code}", "--data", '{"plateNumber":"B1234XYZ"}', url,
    ]  # fmt: skip
    return int(subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout)


CLIENTS = [by_httpx, *([by_curl] if shutil.which("curl") else [])]


class Client:
    """Answers challenges by hand, to do what real clients do not. `send` posts with these headers."""

    def __init__(self, send, uri, username, password, algorithm="SHA-256"):
        self.send, self.uri, self.username, self.password = send, uri, username, password
        self.algorithm = algorithm
        self.nonce = ""

    def challenge(self):
        judged = self.send({})
        return self.take(judged)

    def take(self, judged):
        self.nonce = re.search(r'nonce="([^"]+)"', judged.headers[0][1].decode())[1]
        return judged

    def header(self, count=1, *, qop="auth", uri=None, method="POST", **overrides):
        uri = self.uri if uri is None else uri
        algorithm = hashlib.sha256 if self.algorithm == "SHA-256" else hashlib.md5

        def h(text):
            return algorithm(text.encode()).hexdigest()

        secret, target = h(f"{self.username}:tangkapin:{self.password}"), h(f"{method}:{uri}")
        middle = f"{self.nonce}:{count:08x}:c0ffee:{qop}" if qop else self.nonce
        fields = {"username": self.username, "realm": "tangkapin", "nonce": self.nonce, "uri": uri,
                  "algorithm": self.algorithm, "response": h(f"{secret}:{middle}:{target}")}  # fmt: skip
        if qop:
            fields |= {"qop": qop, "nc": f"{count:08x}", "cnonce": "c0ffee"}
        fields |= overrides
        return {"authorization": "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())}


@pytest.fixture
def camera(registry):
    return registry.add(auth=("digest",), password=PASSWORD)


@pytest.fixture
def client(camera, ask):
    client = Client(lambda headers, **more: ask(camera, headers, **more), camera.path, camera.code, PASSWORD)
    client.challenge()
    return client


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("allow_md5", [False, True])
def test_a_real_client_is_let_in_with_the_right_password(registry, serve, client, allow_md5):
    camera = registry.add(auth=("digest",), password=PASSWORD, allow_md5=allow_md5)
    served = serve()

    assert 200 == client(served.url + camera.path + "?lane=2", camera.code, PASSWORD)
    assert "digest" == served.inbox.headers[0][":auth"]
    assert "authorization" not in served.inbox.headers[0]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_real_client_is_refused_with_a_wrong_password(registry, serve, client):
    camera = registry.add(auth=("digest",), password=PASSWORD)

    assert 401 == client(serve().url + camera.path, camera.code, PASSWORD + "x")


def test_a_large_body_that_is_refused_first_comes_again_over_the_same_connection(registry, serve):
    camera = registry.add(auth=("digest",), password=PASSWORD)
    served = serve()
    picture = b"x" * 900_000

    with httpx.Client(trust_env=False, auth=httpx.DigestAuth(camera.code, PASSWORD)) as client:
        statuses = [client.post(served.url + camera.path, content=picture).status_code for _ in range(3)]

    assert [200] * 3 == statuses
    assert [900_000] * 3 == [len(arrival.body) for arrival in served.inbox.arrivals]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_user_name_finds_the_device_on_the_makes_own_path(registry, serve, client):
    registry.add("gate", "other", auth=("digest",), password=PASSWORD, username="tollgate-7")

    assert 200 == client(serve().url + "/NotificationInfo/Tollgate", "tollgate-7", PASSWORD)


def test_the_challenge_names_sha256_alone_by_default(client):
    challenges = [value.decode() for name, value in client.challenge().headers if name == b"www-authenticate"]

    assert 1 == len(challenges)
    assert "algorithm=SHA-256" in challenges[0]
    assert 'qop="auth"' in challenges[0]


def test_md5_is_offered_second_where_the_device_may_use_it(registry, ask):
    camera = registry.add("old-nvr", auth=("digest",), password=PASSWORD, allow_md5=True)

    challenges = [value.decode() for _, value in ask(camera).headers]
    assert ["SHA-256", "MD5"] == [re.search(r"algorithm=([\w-]+)", c)[1] for c in challenges]


def test_the_right_answer_is_let_in(client):
    assert "digest" == client.send(client.header()).method


def test_a_repeated_nonce_count_is_refused_as_stale(client):
    header = client.header(7)
    client.send(header)

    replayed = client.send(header)

    assert (401, "stale_nonce") == (replayed.status, replayed.cause)
    assert b"stale=true" in replayed.headers[0][1]


def test_a_lower_nonce_count_is_refused_and_a_higher_one_let_in(client):
    client.send(client.header(7))

    assert 401 == client.send(client.header(6)).status
    assert "digest" == client.send(client.header(8)).method


def test_a_count_of_zero_is_refused(client):
    assert 401 == client.send(client.header(0)).status


def test_a_stale_nonce_is_replaced_and_the_new_one_works(client, clock):
    clock.now += NONCE_LIFE_S + 1
    stale = client.send(client.header())

    assert b"stale=true" in stale.headers[0][1]
    client.take(stale)
    assert "digest" == client.send(client.header()).method


def test_a_nonce_from_the_future_or_of_another_process_is_stale(client, clock, registry, camera, ask):
    clock.now -= 60
    assert "stale_nonce" == client.send(client.header()).cause
    clock.now += 60
    assert "stale_nonce" == ask(camera, client.header(), proxies=("10.9.9.9",)).cause  # an authenticator of its own


def test_a_wrong_password_is_never_called_stale(client, clock):
    client.password = "wrong-password"
    clock.now += NONCE_LIFE_S + 1

    assert "wrong_digest" == client.send(client.header()).cause


@pytest.mark.parametrize("nonce", ["", "0" * 64, "zz" * 32, "0" * 63, "é" * 64, " " * 64])
def test_a_nonce_of_the_clients_own_making_is_stale(client, nonce):
    client.nonce = nonce

    assert 401 == client.send(client.header()).status


def test_md5_is_refused_by_default(client):
    client.algorithm = "MD5"

    assert "wrong_digest" == client.send(client.header()).cause


def test_md5_is_taken_where_the_device_may(registry, ask):
    camera = registry.add("old-nvr", auth=("digest",), password=PASSWORD, allow_md5=True)
    client = Client(lambda h: ask(camera, h), camera.path, camera.code, PASSWORD, "MD5")
    client.challenge()

    assert "digest" == client.send(client.header()).method


def test_the_form_without_qop_is_refused_by_default(client):
    assert "wrong_digest" == client.send(client.header(qop="")).cause


def test_the_form_without_qop_works_once_for_a_nonce_where_md5_may_be_used(registry, ask):
    camera = registry.add("old-nvr", auth=("digest",), password=PASSWORD, allow_md5=True)
    client = Client(lambda h: ask(camera, h), camera.path, camera.code, PASSWORD, "MD5")
    client.challenge()

    assert "digest" == client.send(client.header(qop="")).method
    assert "stale_nonce" == client.send(client.header(qop="")).cause


@pytest.mark.parametrize(
    "change",
    [
        {"uri": "/cam/acme/simpang-6"},
        {"uri": "/cam/acme/simpang-5?lane=1"},
        {"method": "GET"},
        {"username": "simpang-6"},
        {"algorithm": "SHA-512-256"},
        {"algorithm": "SHA-256-sess"},
        {"qop": "auth-int"},
        {"nc": "1"},
        {"nc": "-0000001"},
        {"cnonce": ""},
        {"response": ""},
        {"response": "ä"},
    ],
)
def test_an_answer_for_something_else_is_refused(client, change):
    assert 401 == client.send(client.header(**change)).status


def test_an_answer_for_an_absolute_uri_is_let_in(client):
    assert "digest" == client.send(client.header(uri="http://10.0.0.1:8097/cam/acme/simpang-5")).method


def test_the_answer_of_one_device_is_refused_for_another(registry, client, ask):
    other = registry.add("simpang-6", auth=("digest",), password=PASSWORD)

    assert 401 == ask(other, client.header()).status


def test_an_expired_password_is_refused(registry, client):
    registry.rows = [{**row, "expires_at": 1.0} for row in registry.rows]
    registry.publish()

    assert "unknown_user" == client.send(client.header()).cause


def test_ha1_at_rest_is_encrypted_and_bound_to_its_device(registry, camera):
    sealed = registry.rows[0]["ha1_encrypted"]
    registry.add("thief", auth=("digest",), password="x" * 12)
    registry.rows[1]["ha1_encrypted"] = sealed  # copied in the database to another device
    registry.publish()

    assert hashlib.sha256(f"{camera.code}:tangkapin:{PASSWORD}".encode()).hexdigest().encode() not in sealed
    thief = registry.directory.current.find("acme", "thief")
    assert {} == registry.authenticator()._hashes(thief.digest[0])


def test_memory_of_nonces_is_bounded_and_forgetting_opens_no_replay(clock):
    guard = DigestGuard(clock)
    secret = hashlib.sha256(b"u:tangkapin:p").hexdigest()

    def answer(nonce):
        middle = hashlib.sha256(b"POST:/x").hexdigest()
        response = hashlib.sha256(f"{secret}:{nonce}:00000001:c:auth:{middle}".encode()).hexdigest()
        given = {"username": "u", "nonce": nonce, "uri": "/x", "response": response, "algorithm": "SHA-256",
                 "qop": "auth", "nc": "00000001", "cnonce": "c"}  # fmt: skip
        return guard.verify(1, {"SHA-256": secret}, given, method="POST", path="/x", query="")

    nonces = []
    for _ in range(200):
        clock.now += 0.01
        nonces.append(re.search(r'nonce="(\w+)"', guard.challenges(md5=False)[0].decode())[1])

    assert ["ok"] * 200 == [answer(nonce) for nonce in nonces]
    assert ["stale"] * 200 == [answer(nonce) for nonce in nonces]
    assert 64 >= len(guard._used[1].counts)


@pytest.mark.parametrize(
    "value",
    ["", "username", 'username="a"', 'username="a", nonce="b", uri="c"', "x" * 5000,
     'username="a", username="b", nonce="n", uri="/", response="r"'],
)  # fmt: skip
def test_a_header_that_is_not_well_formed_is_none(value):
    assert parse_digest(value) is None


def test_quoted_and_bare_parameters_are_read():
    given = parse_digest(r'username="a \"b\", c", nonce=n1,uri="/x?a=1,b", response="r", nc=00000001,qop=auth')

    assert {"username": 'a "b", c', "nonce": "n1", "uri": "/x?a=1,b", "response": "r", "nc": "00000001",
            "qop": "auth"} == given  # fmt: skip
