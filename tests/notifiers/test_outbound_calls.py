"""Calls of plugins to the outside: guarded, verified, bounded, from several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.sync.server import serve

from core.domain.errors import Transient
from core.outbound_calls import NotAllowed, Outbound
from core.testing.local_peer import Say, local_peer, own_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return own_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def calls():
    made = []

    def make(**how):
        made.append(Outbound(**how))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_any_status_is_an_answer_and_redirects_are_not_followed(calls):
    with local_peer(lambda got: Say(status=302, headers={"Location": "http://127.0.0.1/x"}, body=b"no")) as peer:
        reply = calls(allow_private=True).call("POST", peer.url + "/a?b=1", {"X-A": "b"}, b"body")
        assert (302, b"no") == (reply.status, reply.body)
        assert [("POST", "/a?b=1", b"body")] == [(one.method, one.path, one.body) for one in peer.got]


@pytest.mark.threat("T14")
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{}/", "http://localhost:{}/", "http://169.254.169.254/latest", "http://10.0.0.1/",
        "http://[::1]:{}/", "file:///etc/passwd", "http://u:p@a.test/",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_called_unless_listed(calls, url):
    with local_peer() as peer:
        with pytest.raises(NotAllowed):
            calls().call("GET", url.format(peer.port))
        assert [] == peer.got


@pytest.mark.threat("T14")
def test_a_name_that_changes_its_address_is_looked_up_once_and_refused(calls):
    asked = []

    async def flip(host, port):
        asked.append(host)
        return ["93.184.215.14"] if len(asked) > 1 else ["93.184.215.14", "127.0.0.1"]

    with pytest.raises(NotAllowed, match=r"127\.0\.0\.1"):
        calls(resolve=flip).call("GET", "http://push.test/")
    assert ["push.test"] == asked


def test_a_certificate_that_nobody_vouches_for_is_refused(calls, certificate):
    with local_peer(tls=certificate) as peer:
        with pytest.raises(Transient, match=r"(?i)certificate"):
            calls(allow_private=True).call("GET", peer.url)
        assert 200 == calls(allow_private=True, ca_file=str(certificate[0])).call("GET", peer.url).status
        assert 1 == len(peer.got)


def test_a_peer_that_does_not_answer_in_time_means_later(calls):
    with local_peer(lambda got: Say(after_s=0.6)) as peer:
        with pytest.raises(Transient, match=r"127\.0\.0\.1: no complete answer within 0\.2 s") as caught:
            calls(allow_private=True, timeout_s=0.2).call("GET", peer.url + "/secret-token")
    assert caught.value.unsure, "it had gone out"


def test_what_found_nobody_was_surely_not_told(calls):
    with local_peer() as peer:
        gone = peer.url
    with pytest.raises(Transient) as caught:
        calls(allow_private=True).call("POST", gone)
    assert not caught.value.unsure


def test_a_lost_answer_means_later_and_its_text_names_no_path(calls):
    with local_peer(lambda got: Say(lost=True)) as peer:
        with pytest.raises(Transient) as caught:
            calls(allow_private=True).call("POST", peer.url + "/secret-token", body=b"secret-body")
    assert "secret" not in str(caught.value)


def test_calls_of_many_threads_go_out_together(calls):
    together = threading.Barrier(4, timeout=5)
    with local_peer(lambda got: Say() if together.wait() >= 0 else Say(status=500)) as peer:
        out = calls(allow_private=True)
        with ThreadPoolExecutor(4) as pool:
            assert [200] * 4 == list(pool.map(lambda _: out.call("GET", peer.url).status, range(4)))


def test_closing_ends_what_is_under_way_and_may_be_done_twice(calls):
    arrived = threading.Event()
    with local_peer(lambda got: arrived.set() or Say(after_s=0.8)) as peer:
        out = calls(allow_private=True)
        waiting = out.start("GET", peer.url)
        assert arrived.wait(5)
        out.close()
        out.close()
        for late in (waiting.result, lambda: out.call("GET", peer.url)):
            with pytest.raises(Transient, match="closed"):
                late()


@pytest.fixture
def echo():
    """A websocket server that says everything back, and `bye` hangs up; its port."""

    def answer(connection):
        for message in connection:
            if message == "bye":
                return
            connection.send(message)

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join(10)


def test_a_websocket_carries_text_both_ways_until_the_other_side_hangs_up(calls, echo):
    talk = calls(allow_private=True).converse(f"http://127.0.0.1:{echo}/app?x=1")
    talk.send("halo")
    assert "halo" == talk.receive(60)
    assert talk.receive(0.01) is None
    talk.send("bye")
    with pytest.raises(Transient, match="lost"):
        talk.receive(60)
    with pytest.raises(Transient, match="lost"):
        talk.send("halo")
    talk.close()
    talk.close()


@pytest.mark.threat("T14")
@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://169.254.169.254/", "ws://127.0.0.1:{}/"])
def test_a_websocket_to_an_address_inside_is_not_opened_unless_listed(calls, echo, url):
    with pytest.raises(NotAllowed):
        calls().converse(url.format(echo))


@pytest.mark.threat("T14")
@pytest.mark.parametrize("status", [302, 403])
def test_a_websocket_that_is_refused_or_sent_elsewhere_means_later(calls, echo, status):
    with local_peer(lambda got: Say(status=status, headers={"Location": f"ws://127.0.0.1:{echo}/"})) as peer:
        with pytest.raises(Transient):
            calls(allow_private=True).converse(peer.url)
        assert 1 == len(peer.got)


def test_a_websocket_where_nobody_listens_and_after_close_means_later(calls, certificate):
    outbound = calls(allow_private=True)
    with local_peer() as peer:
        url = peer.url
    with pytest.raises(Transient, match=r"refused|Connect"):
        outbound.converse(url)
    with local_peer(tls=certificate) as peer, pytest.raises(Transient, match=r"(?i)certificate"):
        outbound.converse(peer.url)
    outbound.close()
    with pytest.raises(Transient, match="closed"):
        outbound.converse(url)
