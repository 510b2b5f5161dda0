"""The websocket against a real server: tickets, origins, authorisation, catch-up, several processes, a lost bus."""

import asyncio
import contextlib
import json
import threading
from types import SimpleNamespace

import pytest
import uvicorn
from sqlalchemy import insert, text
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from core.accounts.service import Accounts
from core.accounts.tables import devices, officers, owners
from core.app import furnish, with_sockets
from core.hooks.plugin import Secret
from core.notices.drain import NoticeDesk
from core.notices.service import announce
from core.realtime.bus import Bus, use_bus
from core.settings import Settings
from core.testing.review import routes_once
from core.testing.waiting import until

PATIENCE_S = 20.0
KEY = "kunci-uji-" * 5


class Server:
    """One web process: an app with its sockets on a port of its own, in a thread."""

    def __init__(self, database, home, redis_url=""):
        settings = Settings(home=home, redis_url=redis_url, secret_key=Secret(KEY), docs_enabled=False,
                            cors_origins=("https://app.example.id",))  # fmt: skip
        app = furnish(routes_once(docs=False), settings, database)
        self.live, self.hub = app.state["live"], app.state["hub"]
        config = uvicorn.Config(with_sockets(app), port=0, log_config=None, ws="websockets-sansio", lifespan="on")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve()), daemon=True)
        self.thread.start()
        until(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def close(self):
        self.server.should_exit = True
        self.thread.join()

    @contextlib.contextmanager
    def open(self, token, **more):
        with connect(f"ws://127.0.0.1:{self.port}/ws?ticket={self.live.issue(token)}", **more) as socket:
            assert "ready" == read(socket)["op"]
            yield socket


def read(socket):
    return json.loads(socket.recv(timeout=PATIENCE_S))


def say(socket, **order):
    socket.send(json.dumps(order))
    return read(socket)


def subscribe(socket, channel, **more):
    return say(socket, op="subscribe", channel=channel, **more)["op"]


def code_of(socket):
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=PATIENCE_S)
    return closed.value.rcvd.code


@pytest.fixture
def house(database, make_vendor, tmp_path):
    """People with tokens, a camera, and tell(): announce and let a worker deliver over the websocket alone."""
    accounts = Accounts(database, KEY)
    vendor, other = make_vendor(database), make_vendor(database, "polda-lain")

    def person(table, role, name, vendor_id=vendor):
        with database.system() as connection:
            query = insert(table).values(vendor_id=vendor_id, username=name, password_hash="x").returning(table.c.id)
            number = connection.execute(query).scalar_one()
        token, claims = accounts._key.issue(role, number, 1)
        return SimpleNamespace(id=number, token=token, claims=claims)

    found = SimpleNamespace(
        database=database, home=tmp_path, accounts=accounts, vendor=vendor, other=other,
        officer=person(officers, "officer", "rani"), owner=person(owners, "owner", "wati"),
        neighbour=person(owners, "owner", "joko"), stranger=person(officers, "officer", "lain", other),
    )  # fmt: skip
    with database.system() as connection:
        query = insert(devices).values(vendor_id=vendor, device_code="c1", maker="generic", owner_id=found.owner.id)
        found.camera = connection.execute(query.returning(devices.c.id)).scalar_one()

    def commit(key="k1", kind="weapon_detected"):
        facts = {"incident_type": "knife", "location": "Gambir", "cctv_name": "c1", "at": "2026-11-21T03:00:00Z"}
        with database.system() as connection:
            announce(connection, vendor_id=vendor, kind=kind, device_id=found.camera, facts=facts, dedup_key=key)

    def tell(key="k1"):
        commit(key)
        NoticeDesk(database, Websocket(), stop=threading.Event()).look(wait=True)

    found.commit, found.tell = commit, tell
    yield found
    use_bus(None)


class Websocket:
    """A host with the websocket channel alone."""

    on_quarantine = None

    def __init__(self):
        from core.hooks.plugin import PluginConfig, PluginContext
        from notifiers.websocket.plugin import Plugin

        self.plugin = Plugin(PluginConfig(), PluginContext(instance="websocket"))

    def channels_for(self, vendor_code):
        return ["websocket"]

    def is_in_app(self, channel):
        return True

    def deliver_notice(self, channel, notice, recipient):
        return self.plugin.deliver_notice(notice, recipient)


@pytest.fixture
def serve(house):
    """serve(redis_url=""): another web process."""
    running = []

    def start(redis_url=""):
        running.append(Server(house.database, house.home, redis_url))
        if redis_url:
            use_bus(Bus(redis_url))
            until(lambda: running[-1].hub.connected)
        return running[-1]

    yield start
    for server in running:
        server.close()


def test_each_web_process_reaches_its_own_sockets(house, serve, redis_url):
    one, two = serve(redis_url), serve(redis_url)
    with one.open(house.owner.token) as owner, two.open(house.officer.token) as officer:
        assert "subscribed" == subscribe(owner, f"owner-{house.owner.id}")
        assert "subscribed" == subscribe(officer, "officers-dashboard")
        house.tell()
        told, shown = read(owner), read(officer)
    assert ("weapon-detected", f"owner-{house.owner.id}") == (told["event"], told["channel"])
    assert ("weapon-detected", "officers-dashboard") == (shown["event"], shown["channel"])
    assert "knife" == told["data"]["incidentType"]
    with house.database.system() as connection:
        rows = connection.execute(text("SELECT d.status FROM notice_deliveries d JOIN notice_recipients r"
                                       " ON r.id = d.recipient_id WHERE r.role = 'owner'")).scalars().all()  # fmt: skip
    assert ["accepted"] == rows


def test_nobody_listening_is_undeliverable_so_that_the_next_channel_is_tried(house, serve, redis_url):
    serve(redis_url)
    house.tell()
    with house.database.system() as connection:
        query = text("SELECT r.role, d.status FROM notice_deliveries d JOIN notice_recipients r"
                     " ON r.id = d.recipient_id")  # fmt: skip
        found = {row.role: row.status for row in connection.execute(query)}
    assert {"owner": "undeliverable", "officer": "undeliverable", "dashboard": "accepted"} == found


def test_a_socket_that_returns_gets_what_it_missed_once(house, serve, redis_url):
    server, channel = serve(redis_url), f"owner-{house.owner.id}"
    with server.open(house.owner.token) as socket:
        subscribe(socket, channel)
        house.tell("first")
        last = read(socket)["id"]
    house.tell("second")
    with server.open(house.owner.token) as socket:
        assert "subscribed" == subscribe(socket, channel, last_event_id=last)
        missed = read(socket)
        assert (True, True) == (missed["replayed"], int(missed["id"]) > int(last))
        assert {"op": "pong"} == say(socket, op="ping")
        assert "subscribed" == subscribe(socket, channel), "who asks twice is answered twice"


def test_without_a_bus_the_rows_are_read(house, serve):
    server = serve()
    with server.open(house.owner.token) as socket:
        subscribe(socket, f"owner-{house.owner.id}")
        house.commit()
        assert "weapon-detected" == read(socket)["event"]
        assert {"op": "pong"} == say(socket, op="ping")


def test_an_acknowledgement_is_noted_for_the_own_notices_only(house, serve, redis_url):
    server = serve(redis_url)
    with server.open(house.owner.token) as owner, server.open(house.officer.token) as officer:
        subscribe(owner, f"owner-{house.owner.id}")
        house.tell()
        number = read(owner)["id"]
        assert {"op": "acked", "ids": []} == say(officer, op="ack", ids=[number])
        assert {"op": "acked", "ids": [number]} == say(owner, op="ack", ids=[number, "x", "-1", "9" * 30])


@pytest.mark.threat("T21")
def test_each_person_hears_the_own_channels_and_no_others(house, serve):
    server = serve()
    channels = {
        f"owner-{house.owner.id}": {"owner"},
        f"private-officer-{house.officer.id}": {"officer"},
        f"detection-{house.camera}": {"owner", "officer"},
        "officers-dashboard": {"officer", "stranger"},
        f"private-officers-dashboard-{house.vendor}": {"officer"},
        "police-1": set(),
        "presence-owner-1": set(),
        "owner-0": set(),
        "owner-1' OR 1=1": set(),
        "*": set(),
    }
    found = {channel: set() for channel in channels}
    for name in ("owner", "neighbour", "officer", "stranger"):
        for channel in channels:
            with server.open(getattr(house, name).token) as socket:
                if subscribe(socket, channel) == "subscribed":
                    found[channel].add(name)
    assert channels == found


@pytest.mark.threat("T21")
def test_another_agencys_dashboard_hears_nothing_of_ours(house, serve, redis_url):
    server = serve(redis_url)
    with server.open(house.stranger.token) as socket:
        subscribe(socket, "officers-dashboard")
        house.tell()
        assert {"op": "pong"} == say(socket, op="ping")


@pytest.mark.threat("T21")
def test_a_change_is_told_once_in_every_process_and_to_no_other_agency(house, serve, redis_url):
    one, two = serve(redis_url), serve(redis_url)
    data = {"topics": ["violations"], "violation": 7}
    with one.open(house.officer.token) as near, two.open(house.officer.token) as far, two.open(
        house.stranger.token
    ) as stranger:  # fmt: skip
        for socket in (near, far, stranger):
            assert "subscribed" == subscribe(socket, "officers-dashboard")
        one.hub.changed(house.vendor, data)
        heard = [read(near), read(far)]
        assert [("changed", data)] * 2 == [(event["event"], event["data"]) for event in heard]
        for socket in (near, far, stranger):
            assert {"op": "pong"} == say(socket, op="ping")


@pytest.mark.threat("T21")
def test_a_foreign_origin_opens_no_socket_and_a_known_one_does(house, serve):
    server = serve()
    with pytest.raises(InvalidStatus) as refused, server.open(house.owner.token, origin="http://evil.example"):
        pass
    assert 403 == refused.value.response.status_code
    with server.open(house.owner.token, origin="https://app.example.id"):
        pass
    with server.open(house.owner.token, origin=f"http://127.0.0.1:{server.port}"):
        pass


@pytest.mark.threat("T21")
def test_a_ticket_opens_one_socket_and_nothing_else_opens_any(house, serve):
    server = serve()
    good = server.live.issue(house.owner.token)
    with connect(f"ws://127.0.0.1:{server.port}/ws?ticket={good}") as socket:
        assert "ready" == read(socket)["op"]
    for ticket in (good, "", "x", house.owner.token, good[:-4] + "AAAA"):
        with connect(f"ws://127.0.0.1:{server.port}/ws?ticket={ticket}") as socket:
            assert 4401 == code_of(socket)


@pytest.mark.threat("T21")
def test_a_ticket_is_over_after_half_a_minute(house, serve, monkeypatch):
    server = serve()
    monkeypatch.setattr("core.web.live.TICKET_S", -1)
    with connect(f"ws://127.0.0.1:{server.port}/ws?ticket={server.live.issue(house.owner.token)}") as socket:
        assert 4401 == code_of(socket)


@pytest.mark.threat("T21")
def test_logging_out_ends_the_socket_and_subscribes_to_nothing_more(house, serve, monkeypatch):
    monkeypatch.setattr("core.realtime.sockets.RECHECK_S", 0.2)
    server = serve()
    with server.open(house.owner.token) as socket:
        house.accounts.logout(house.accounts.authenticate(house.owner.token))
        assert 4401 == code_of(socket)


@pytest.mark.threat("T21")
def test_a_camera_that_changed_hands_is_heard_no_more(house, serve, monkeypatch):
    monkeypatch.setattr("core.realtime.sockets.RECHECK_S", 0.2)
    server, channel = serve(), f"detection-{house.camera}"
    with server.open(house.owner.token) as socket:
        assert "subscribed" == subscribe(socket, channel)
        with house.database.system() as connection:
            connection.execute(devices.update().values(owner_id=house.neighbour.id))
        assert ("refused", channel) == (lambda said: (said["op"], said["channel"]))(read(socket))


@pytest.mark.threat("T21")
@pytest.mark.parametrize(
    ("message", "code"),
    [("{", 4400), ("[]", 4400), ('{"op":"fly"}', 4400), ("x" * 5000, 4400), ("[" * 3000, 4400), ('{"op":1}', 4400)],
)
def test_nonsense_ends_the_socket(house, serve, message, code):
    with serve().open(house.owner.token) as socket:
        socket.send(message)
        assert code == code_of(socket)


@pytest.mark.threat("T21")
@pytest.mark.parametrize("message", ['{"op":"pong"}', '{"op":"ping"}'], ids=["unanswered", "answered"])
def test_a_flood_of_messages_ends_the_socket(house, serve, message):
    with serve().open(house.owner.token) as socket:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                socket.send(message)
        assert 4429 == code_of(socket)


def test_who_does_not_take_their_events_is_dropped_by_the_hub():
    from core.realtime.hub import QUEUE, Ear

    ear = Ear()
    ear.names["1:owner-1"] = "owner-1"
    for number in range(QUEUE):
        ear.offer("1:owner-1", {"id": str(number)})
        ear.offer("1:owner-1", {"id": str(number)})
    assert (QUEUE, False) == (ear.queue.qsize(), ear.slow.is_set())
    ear.offer("1:owner-1", {"id": "one too many"})
    assert ear.slow.is_set()
