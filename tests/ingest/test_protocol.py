"""Requests over one connection, on the real server: the same head again, bodies in pieces, pipelines, revoked keys."""

import contextlib
import itertools
import json
import re
import socket
import time

import pytest

from core.testing.house import event


class Wire:
    """One keep-alive connection. ask() sends pieces and reads one answer: (status, headers, body)."""

    def __init__(self, port, source=""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def send(self, *pieces, pause=0.05):
        for n, piece in enumerate(pieces):
            if n:
                time.sleep(pause)
            self.socket.sendall(piece)

    def answer(self):
        while b"\r\n\r\n" not in self._rest:
            self._take()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        while len(self._rest) < length:
            self._take()
        body, self._rest = self._rest[:length], self._rest[length:]
        return int(lines[0].split()[1]), headers, body

    def ask(self, *pieces):
        self.send(*pieces)
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def closed(self):
        return self._rest == b"" and self.socket.recv(1) == b""

    def _take(self):
        got = self.socket.recv(65536)
        assert got, f"the server closed the connection behind {self._rest!r}"
        self._rest += got


@pytest.fixture
def wire(house):
    with contextlib.ExitStack() as stack:

        def connect(of=house):
            one = Wire(of.port)
            stack.callback(one.socket.close)
            return one

        yield connect


def request(camera, body, *lines, target="", key=""):
    head = [
        f"POST {target or camera.path} HTTP/1.1", "Host: x", f"X-API-KEY: {key or camera.key}",
        "Content-Type: application/json", *lines, f"Content-Length: {len(body)}",
    ]  # fmt: skip
    return "\r\n".join([*head, "", ""]).encode() + body


def bodies(house, camera):
    found = house.rows("SELECT id, body FROM payloads WHERE device_id = %s ORDER BY id", camera.id)
    return {payload_id: bytes(body) for payload_id, body in found}


def test_the_same_head_with_bodies_of_many_lengths_keeps_each_body_under_its_own_id(house, wire):
    camera = house.spare("generic")
    connection = wire()
    sent = {}

    for n in range(12):
        body = json.dumps(event(f"B {n} XYZ", note="x" * n * 7)).encode()
        status, _, told = connection.ask(request(camera, body))
        assert 200 == status
        sent[json.loads(told)["id"]] = body

    assert sent == bodies(house, camera)


def test_the_same_head_is_kept_with_the_same_headers_each_time(house, wire):
    camera = house.spare("generic")
    connection = wire()

    for n in range(3):
        connection.ask(request(camera, json.dumps(event(f"B {n} ABC")).encode(), "X-Model: uji"))

    kept = house.rows("SELECT DISTINCT headers::text, content_type FROM payloads WHERE device_id = %s", camera.id)
    assert 1 == len(kept)
    headers = json.loads(kept[0][0])
    assert ("uji", "127.0.0.1", "api_key") == (headers["x-model"], headers[":peer"], headers[":auth"])
    assert not {"x-api-key", "content-length"} & set(headers)


def test_a_key_that_was_revoked_is_refused_on_the_connection_it_was_good_on(house, wire):
    camera = house.spare("generic")
    connection = wire()
    post = request(camera, json.dumps(event("B 11 XYZ")).encode())
    assert [200, 200] == [connection.ask(post)[0] for _ in range(2)]

    with house.database.system() as database:
        database.exec_driver_sql("UPDATE device_credentials SET revoked_at = now() WHERE device_id = %s", (camera.id,))
    house.wait_until(lambda: connection.ask(post)[0] == 401, what="the key is refused")

    assert 401 == connection.ask(post)[0]


def test_a_head_known_from_another_connection_is_let_in_and_refused_as_there(house, wire):
    """Cameras behind a proxy share its connections: a head is known by its bytes and the address it came from."""
    one, other = house.spare("generic"), house.spare("generic")
    connections = [wire() for _ in range(3)]
    posts = {camera.id: request(camera, json.dumps(event("B 13 XYZ")).encode()) for camera in (one, other)}

    for connection in connections:
        for camera in (one, other):
            assert 200 == connection.ask(posts[camera.id])[0]
    assert [3, 3] == [len(bodies(house, camera)) for camera in (one, other)]

    with house.database.system() as database:
        database.exec_driver_sql("UPDATE device_credentials SET revoked_at = now() WHERE device_id = %s", (one.id,))
    house.wait_until(lambda: connections[0].ask(posts[one.id])[0] == 401, what="the key is refused")

    assert [401, 401, 401] == [connection.ask(posts[one.id])[0] for connection in connections]
    assert [200, 200, 200] == [connection.ask(posts[other.id])[0] for connection in connections]


def test_a_head_known_from_one_address_is_judged_anew_from_another(house, wire):
    camera = house.camera("generic", ip_allow=("127.0.0.1/32",))
    connection = wire()
    post = request(camera, json.dumps(event("B 14 XYZ")).encode())
    assert [200, 200] == [connection.ask(post)[0] for _ in range(2)]

    with Wire(house.port, source="127.0.0.2") as elsewhere:
        assert 403 == elsewhere.ask(post)[0]


def test_the_same_head_too_often_is_429_and_good_again_later(house, wire):
    camera = house.camera("generic", rate_per_s=20.0, rate_burst=3)
    connection = wire()
    post = request(camera, json.dumps(event("B 12 XYZ")).encode())

    heard = [connection.ask(post)[0] for _ in range(40)]
    house.wait_until(lambda: connection.ask(post)[0] == 200, what="it is let through again")

    assert {200, 429} == set(heard)
    assert [200, 200, 200] == heard[:3]


def test_another_key_on_the_same_connection_is_another_camera(house, wire):
    one, other = house.spare("generic"), house.spare("generic")
    connection = wire()

    for camera in (one, other, one, other):
        assert 200 == connection.ask(request(camera, b'{"plate":"B 1 A"}', target="/api/violation"))[0]
    wrong = one.key[:-1] + ("A" if one.key[-1] != "A" else "B")

    assert 401 == connection.ask(request(one, b'{"plate":"B 1 A"}', target="/api/violation", key=wrong))[0]
    assert (2, 2) == (house.count("payloads", one), house.count("payloads", other))


@pytest.mark.parametrize("cuts", [(1,), (17, 18), (-30,), (-1,), (60, -40, -20)])
def test_a_request_in_pieces_is_put_together_and_the_connection_goes_on(house, wire, cuts):
    camera = house.spare("generic")
    connection = wire()
    body = json.dumps(event("B 13 XYZ")).encode()
    post = request(camera, body)
    edges = [0, *(cut % len(post) for cut in cuts), len(post)]

    first = connection.ask(post)
    second = connection.ask(*(post[a:b] for a, b in itertools.pairwise(edges)))
    third = connection.ask(post)

    assert [200, 200, 200] == [first[0], second[0], third[0]]
    assert [body] * 3 == list(bodies(house, camera).values())


def test_a_pipeline_is_answered_in_order(house, wire):
    camera = house.spare("generic")
    connection = wire()
    posts = [json.dumps(event(f"B {n} PQR")).encode() for n in range(5)]

    connection.send(b"".join(request(camera, body) for body in posts))
    told = [connection.answer() for _ in posts]

    assert [200] * 5 == [status for status, _, _ in told]
    kept = bodies(house, camera)
    assert posts == [kept[json.loads(body)["id"]] for _, _, body in told]


def test_a_request_behind_one_that_is_still_being_committed_waits_its_turn(house, wire):
    camera = house.spare("generic")
    connection = wire()
    first, second = (json.dumps(event(f"B {n} RST")).encode() for n in (1, 2))
    connection.ask(request(camera, first))

    connection.send(request(camera, first), request(camera, second), pause=0.0)
    told = [connection.answer(), connection.answer()]

    kept = bodies(house, camera)
    assert [first, second] == [kept[json.loads(body)["id"]] for _, _, body in told]


def test_who_expects_100_continue_hears_it(house, wire):
    camera = house.spare("generic")
    connection = wire()
    head, _, body = request(camera, b'{"plate":"B 1 A"}', "Expect: 100-continue").partition(b"\r\n\r\n")
    connection.send(head + b"\r\n\r\n")

    assert 100 == connection.answer()[0]
    assert 200 == connection.ask(body)[0]


def test_blank_lines_between_requests_and_a_length_with_zeros_in_front_change_nothing(house, wire):
    camera = house.spare("generic")
    connection = wire()
    body = b'{"plate":"B 1 A"}'
    post = request(camera, body)
    odd = post.replace(b"Content-Length: 17", b"Content-Length: 0017")
    assert post != odd

    told = [connection.ask(piece)[0] for piece in (post, b"\r\n" + post, odd, post + b"\r\n", post, odd)]

    assert [200] * 6 == told
    assert [body] * 6 == list(bodies(house, camera).values())


def test_a_length_that_is_no_number_is_a_bad_request_also_behind_good_ones(house, wire):
    camera = house.spare("generic")
    post = request(camera, b'{"plate":"B 1 A"}')
    for wrong in (b"Content-Length: +17", b"Content-Length: 17, 17", b"Content-Length: 17\r\nContent-Length: 16"):
        connection = wire()
        assert [200, 200] == [connection.ask(post)[0] for _ in range(2)]

        status, headers, _ = connection.ask(post.replace(b"Content-Length: 17", wrong))

        assert (400, "close") == (status, headers["connection"])
        assert connection.closed()
    assert 6 == house.count("payloads", camera)


def test_connection_close_is_answered_so_and_the_connection_ends(house, wire):
    camera = house.spare("generic")
    connection = wire()

    status, headers, _ = connection.ask(request(camera, b'{"plate":"B 1 A"}', "Connection: close"))

    assert (200, "close") == (status, headers["connection"])
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} .*gmt", headers["date"])
    assert connection.closed()


def test_a_camera_that_left_before_its_answer_has_its_event_kept(house, wire):
    camera = house.spare("generic")
    connection = wire()
    post = request(camera, b'{"plate":"B 1 A"}')
    connection.ask(post)

    connection.send(post)
    connection.socket.close()

    house.wait_until(lambda: house.count("payloads", camera) == 2, what="both are kept")


def test_a_body_over_the_limit_is_413_behind_the_same_head(open_house, wire):
    house = open_house("ingest", settings={"max_body_bytes": 2000})
    camera = house.camera("generic")
    connection = wire(house)
    small, large = (request(camera, json.dumps(event("B 1 A", note="x" * n)).encode()) for n in (10, 3000))

    heard = [connection.ask(post)[0] for post in (small, small, large)]

    assert [200, 200, 413] == heard
    assert connection.closed()
    assert 2 == house.count("payloads", camera)
