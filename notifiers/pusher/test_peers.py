"""The Pusher channel against a real server of the protocol (soketi) with its real client (pusher-js) listening."""

import json
import time
from urllib.parse import parse_qs

import pytest

from core.api import Heard, Transient, Undeliverable
from core.testing.local_peer import LocalPeer, Say
from core.testing.notifier_contract import channel, example_notice, example_recipient
from core.testing.pusher_peer import APP_ID, KEY, SECRET, PusherClient, PusherServer

MINE = ("private-owner-12", "private-detection-5", "private-officers-dashboard-3", "presence-room")


class Site:
    """A server, and the auth endpoint and webhook receiver of a deployment that uses it."""

    def __init__(self, folder):
        self.web = LocalPeer(self.answer).start()
        self.server = PusherServer(folder, webhook=f"{self.web.url}/webhook").start()
        self.folder = folder
        self.plugin = self.make()

    def make(self, secret=SECRET, **more):
        table = {"app_id": APP_ID, "key": KEY, "secret": {"env": "S"}, "host": "127.0.0.1", "port": self.server.port}
        return channel("notifiers.pusher", self.folder, table | {"tls": False} | more, {"S": secret})

    def answer(self, got):
        if got.path == "/webhook":
            return Say()
        asked = {name: values[0] for name, values in parse_qs(got.body.decode()).items()}
        if asked["channel_name"] not in MINE:
            return Say(status=403)
        person = json.dumps({"user_id": "12"}) if asked["channel_name"].startswith("presence-") else ""
        signed = self.plugin.sign_channel(asked["socket_id"], asked["channel_name"], person)
        return Say(headers={"Content-Type": "application/json"}, body=json.dumps(signed).encode())

    def listen(self, *channels):
        """pusher-js on these channels, each subscription settled."""
        client = PusherClient(self.server.port, channels, auth=f"{self.web.url}/auth")
        return client, client.subscriptions(len(channels))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("pusher"))
    yield site
    site.plugin.close()
    site.server.kill()
    site.web.close()


def test_the_owners_client_hears_the_whole_notice_on_its_private_channel(site):
    client, settled = site.listen("private-owner-12", "owner-12")
    try:
        assert [{"subscribed": "owner-12"}, {"subscribed": "private-owner-12"}] == settled
        site.plugin.deliver_notice(example_notice(), example_recipient())
        heard = client.heard()
        assert ("private-owner-12", "weapon-detected") == (heard["channel"], heard["event"])
        expected = example_notice().payload | {"noticeId": "n-8801", "title": "Senjata terdeteksi"}
        assert expected == {name: heard["data"][name] for name in expected}
    finally:
        client.close()


@pytest.mark.threat("T30")
def test_a_channel_of_somebody_else_is_refused(site):
    client, settled = site.listen("private-owner-13", "private-owner-12", "presence-room")
    try:
        assert {"refused": "private-owner-13", "status": 403} in settled
        assert {"subscribed": "presence-room"} in settled
        site.plugin.deliver_notice(example_notice(), example_recipient(id=13))
        site.plugin.deliver_notice(example_notice(id="n-2"), example_recipient())
        assert "n-2" == client.heard()["data"]["noticeId"]
    finally:
        client.close()


def test_the_deployed_clients_channel_is_heard_where_it_is_switched_on(site):
    plugin = site.make(public=["dashboard", "detection"])
    client, _ = site.listen("officers-dashboard", "detection-5")
    try:
        plugin.deliver_notice(example_notice(), example_recipient(role="dashboard", id=0))
        heard = sorted((client.heard(), client.heard()), key=lambda one: one["channel"])
        assert [("detection-5", "weapon-detected"), ("officers-dashboard", "incident-update")] == [
            (one["channel"], one["event"]) for one in heard
        ]
        assert [("Tanah Abang", False)] * 2 == [
            (one["data"]["location"], "evidenceUrl" in one["data"]) for one in heard
        ]
    finally:
        client.close()
        plugin.close()


def test_a_notice_of_the_largest_size_arrives_and_a_larger_one_as_ids(site):
    client, _ = site.listen("private-owner-12")
    try:
        for length, cut in ((9_000, None), (20_000, True)):
            site.plugin.deliver_notice(example_notice(event="", message="x" * length), example_recipient())
            assert cut is client.heard()["data"].get("truncated")
    finally:
        client.close()


@pytest.mark.threat("T30")
def test_the_servers_webhooks_are_read_and_altered_ones_are_not(site):
    begun = len(site.web.got)
    client, _ = site.listen("private-owner-12")
    client.close()
    until = time.monotonic() + 60
    while not (hooks := [got for got in site.web.got[begun:] if got.path == "/webhook"]):
        assert time.monotonic() < until, "no webhook came"
        time.sleep(0.05)
    assert site.plugin.read_webhook(hooks[0].headers, hooks[0].body + b" ") is None
    events = site.plugin.read_webhook(hooks[0].headers, hooks[0].body)
    assert events is not None
    assert {"channel_occupied", "channel_vacated"} >= {event["name"] for event in events}


def test_a_wrong_secret_leads_to_the_next_channel(site):
    plugin = site.make(secret="bukan-rahasia")
    with pytest.raises(Undeliverable, match="401: check key, secret"):
        plugin.deliver_notice(example_notice(), example_recipient())
    plugin.close()


def test_a_killed_server_means_later_and_its_successor_takes_the_notice(site):
    client, _ = site.listen("private-owner-12")
    client.close()
    site.server.kill()
    with pytest.raises(Transient):
        site.plugin.deliver_notice(example_notice(), example_recipient())
    site.server.start()
    client, settled = site.listen("private-owner-12")
    try:
        assert [{"subscribed": "private-owner-12"}] == settled
        site.plugin.deliver_notice(example_notice(id="n-3"), example_recipient())
        assert "n-3" == client.heard()["data"]["noticeId"]
    finally:
        client.close()


def listening(plugin):
    """What the channel hears of itself, once its subscription stands."""
    ear = plugin.hear()
    assert next(ear) is None
    return ear


def next_heard(ear):
    until = time.monotonic() + 60
    while (heard := next(ear)) is None:
        assert time.monotonic() < until, "nothing was heard"
    return heard


def test_the_channel_hears_what_it_told_on_public_names_and_nothing_of_the_rest(site):
    plugin = site.make(public=["dashboard"])
    ear, notice, screens = listening(plugin), example_notice(id="8801"), example_recipient(role="dashboard", id=0)
    plugin.deliver_notice(example_notice(id="8800"), example_recipient())
    plugin.deliver_notice(notice, screens)
    assert Heard(notice_id="8801", at=notice.at) == next_heard(ear)
    ear.close()
    plugin.close()


def test_a_killed_server_ends_what_is_heard_and_its_successor_is_heard_again(site):
    plugin = site.make(public=["dashboard"])
    ear = listening(plugin)
    site.server.kill()
    with pytest.raises(Transient):
        next_heard(ear)
    with pytest.raises(Transient):
        next(plugin.hear())
    site.server.start()
    ear = listening(plugin)
    plugin.deliver_notice(example_notice(id="8802"), example_recipient(role="dashboard", id=0))
    assert "8802" == next_heard(ear).notice_id
    ear.close()
    plugin.close()


def test_a_wrong_secret_is_not_heard_and_says_what_to_check(site):
    plugin = site.make(secret="bukan-rahasia", public=["dashboard"])
    with pytest.raises(Transient, match=r"refused the subscription: check key and secret|the server's error 4"):
        next(plugin.hear())
    plugin.close()


@pytest.mark.threat("T30")
def test_no_app_may_listen_where_the_channel_hears_itself(site):
    client, settled = site.listen("private-told")
    assert [{"refused": "private-told", "status": 403}] == settled
    client.close()
