"""The Pusher channel: its signatures against the maker's own library, its channels, sizes and errors."""

import hashlib
import json
import time
from datetime import UTC, datetime

import pusher
import pytest
from pusher.http import Request

from core.api import Heard, Transient, Undeliverable
from core.testing.local_peer import Say, local_peer, own_certificate
from core.testing.notifier_contract import (
    ConfigMistake,
    HttpNotifierContract,
    channel,
    example_notice,
    example_recipient,
)
from core.testing.pusher_peer import APP_ID, KEY, SECRET
from notifiers.pusher import hearing, wire
from notifiers.pusher.channels import MAX_DATA, events_of

ALL = ("owner", "police", "detection", "dashboard")
EAR = hearing.CHANNEL
SCREENS = example_recipient(role="dashboard", id=0)
LIBRARY = pusher.Pusher(app_id=APP_ID, key=KEY, secret=SECRET, host="127.0.0.1", ssl=False)


def table(peer, **more):
    base = {"app_id": APP_ID, "key": KEY, "secret": {"env": "S"}, "host": "127.0.0.1", "port": peer.port}
    return base | {"tls": peer.scheme == "https"} | more


def made(peer, folder, **more):
    return channel("notifiers.pusher", folder, table(peer, **more), {"S": SECRET})


def events_in(got):
    told = json.loads(got.body)
    return told.get("batch") or [
        {"channel": one, "name": told["name"], "data": told["data"]} for one in told["channels"]
    ]


class TestPusher(HttpNotifierContract):
    use = "notifiers.pusher"
    secrets = (SECRET,)

    def make(self, peer, folder, timeout_s):
        return made(peer, folder, timeout_s=timeout_s)

    def notice_ids(self, got):
        return {json.loads(event["data"])["noticeId"] for event in events_in(got)}

    def test_a_request_is_signed_as_the_makers_library_signs_it(self, peer, told, recipient, monkeypatch):
        monkeypatch.setattr(time, "time", lambda: 1_772_447_400.4)
        told.deliver_notice(example_notice(event=""), recipient)
        theirs = Request(LIBRARY._pusher_client, "POST", f"/apps/{APP_ID}/events")
        theirs.body, theirs.query_params = peer.got[0].body, {}
        theirs._generate_auth()
        assert sorted(theirs.signed_path.split("&")[1:]) == sorted(peer.got[0].path.split("&")[1:])
        assert theirs.signed_path.split("&")[0] == peer.got[0].path.split("&")[0]
        assert hashlib.md5(peer.got[0].body).hexdigest() in peer.got[0].path

    def test_several_channels_go_out_as_one_batch(self, peer, told):
        told.deliver_notice(example_notice(), SCREENS)
        assert 1 == len(peer.got)
        assert f"/apps/{APP_ID}/batch_events" == peer.got[0].path.partition("?")[0]
        assert ["private-officers-dashboard-3", "private-detection-5"] == [
            one["channel"] for one in events_in(peer.got[0])
        ]

    def test_a_server_with_a_lower_limit_gets_ids_only(self, peer, told, recipient):
        peer.answer = lambda got: Say(status=413) if len(got.body) > 1500 else Say()
        told.deliver_notice(example_notice(message="x" * 3000), recipient)
        first, second = (json.loads(events_in(got)[0]["data"]) for got in peer.got)
        assert (True, 31, "n-8801") == (second["truncated"], second["reportId"], second["noticeId"])
        assert ("truncated" not in first, "message" not in second) == (True, True)

    def test_a_server_that_takes_nothing_at_all_leads_to_the_next_channel(self, peer, told, recipient):
        self.saying(peer, Say(status=413))
        with pytest.raises(Undeliverable, match="413"):
            told.deliver_notice(example_notice(), recipient)
        assert 2 == len(peer.got)

    @pytest.mark.parametrize(("status", "hint"), [(401, "clock"), (403, "quota"), (404, "app_id")])
    def test_a_mistake_in_the_config_is_hinted_at(self, peer, told, recipient, status, hint):
        self.saying(peer, Say(status=status))
        with pytest.raises(Undeliverable, match=hint):
            told.deliver_notice(example_notice(), recipient)

    @pytest.mark.parametrize(("code", "outcome"), [(401, Undeliverable), (413, Undeliverable), (429, Transient)])
    def test_an_error_in_the_body_of_a_200_counts_as_soketi_means_it(self, peer, told, recipient, code, outcome):
        self.saying(peer, Say(body=json.dumps({"error": "no", "code": code}).encode()))
        with pytest.raises(outcome, match=str(code)):
            told.deliver_notice(example_notice(), recipient)

    @pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"ok":true}', b'{"code":"x"}', b"{" * 50_000])
    def test_any_other_body_of_a_200_is_a_yes(self, peer, told, recipient, body):
        self.saying(peer, Say(body=body))
        assert "accepted" == told.deliver_notice(example_notice(), recipient).outcome

    def test_a_server_of_ones_own_is_verified_by_its_own_authority(self, folder, recipient):
        certificate = own_certificate(folder)
        with local_peer(tls=certificate) as peer:
            with pytest.raises(Transient, match=r"(?i)certificate"):
                made(peer, folder).deliver_notice(example_notice(), recipient)
            made(peer, folder, ca_file="peer.pem").deliver_notice(example_notice(), recipient)
            assert 1 == len(peer.got)

    def test_travel_in_the_clear_to_another_machine_is_shown(self, peer, folder):
        assert "ok" == made(peer, folder).health().state
        assert "degraded" == made(peer, folder, host="soketi.internal").health().state


def names(role, public=(), **more):
    recipient = example_recipient(role=role, id=0 if role == "dashboard" else 12)
    return [event.channel for event in events_of(example_notice(**more), recipient, public)]


def test_each_role_has_a_private_channel_of_its_own():
    assert ["private-owner-12"] == names("owner")
    assert ["private-police-12"] == names("police", event="new-incident")
    assert ["private-officer-12"] == names("officer", event="incident-update")
    assert ["private-admin-12"] == names("admin", event="")
    assert ["private-officers-dashboard-3"] == names("dashboard", event="incident-update")


def test_the_screens_copy_of_a_weapon_goes_to_the_cameras_channel_too():
    assert ["private-officers-dashboard-3", "private-detection-5"] == names("dashboard")
    assert ["private-officers-dashboard-3"] == names("dashboard", device_id=None)
    assert ["incident-update", "weapon-detected"] == [event.name for event in events_of(example_notice(), SCREENS, ())]


def test_the_public_names_of_the_contract_are_used_where_switched_on():
    assert ["private-owner-12", "owner-12", EAR] == names("owner", ALL)
    assert ["private-police-12", "police-12", EAR] == names("police", ALL, event="new-incident")
    screens = ["private-officers-dashboard-3", "officers-dashboard", EAR]
    assert screens == names("dashboard", ALL, event="incident-update")
    screens = ["private-officers-dashboard-3", "private-detection-5", "officers-dashboard", "detection-5", EAR]
    assert screens == names("dashboard", ALL)
    assert ["private-police-12"] == names("police", ("owner", "dashboard"), event="new-incident")


@pytest.mark.parametrize("event", ["weapon-detected", "new-incident", "incident-update"])
def test_the_officers_screens_hear_of_everything_by_the_one_event_of_the_contract(event):
    payload = example_notice().payload | {"status": "new", "priority": "critical"}
    heard = events_of(example_notice(event=event, payload=payload), SCREENS, ("dashboard",))[-2]
    assert ("officers-dashboard", "incident-update") == (heard.channel, heard.name)
    assert {"status": "new", "priority": "critical", "reportId": 31}.items() <= json.loads(heard.data).items()


def test_kinds_that_the_contract_has_no_event_for_stay_private():
    assert ["private-police-12"] == names("police", ALL, event="", kind="recalled")
    event = events_of(example_notice(event="", kind="recalled"), example_recipient(), ALL)[0]
    assert ("notice", "recalled") == (event.name, json.loads(event.data)["kind"])


@pytest.mark.threat("T31")
@pytest.mark.parametrize(
    ("urgent", "again", "told"),
    [
        (False, False, ["private-officers-dashboard-3", "officers-dashboard", EAR]),
        (False, True, ["private-officers-dashboard-3"]),
        (True, True, ["private-officers-dashboard-3", "officers-dashboard", EAR]),
    ],
)
def test_what_a_public_name_may_have_comes_again_only_where_silence_is_worse(tmp_path, urgent, again, told):
    notice = example_notice(kind="incident_update", event="incident-update", urgent=urgent, again=again)
    with local_peer() as peer:
        made(peer, tmp_path, public=["dashboard"]).deliver_notice(notice=notice, recipient=SCREENS)
        assert told == [event["channel"] for event in events_in(peer.got[0])]


def test_an_answer_of_a_proxy_that_lost_the_server_leaves_it_open(tmp_path):
    unsure = {}
    for status in (500, 502, 503, 504, 429):
        with local_peer(lambda got, status=status: Say(status=status)) as peer:
            with pytest.raises(Transient) as caught:
                made(peer, tmp_path).deliver_notice(notice=example_notice(), recipient=SCREENS)
        unsure[status] = caught.value.unsure
    assert {500: True, 502: True, 503: False, 504: True, 429: False} == unsure


def test_public_channels_carry_no_evidence_no_person_and_only_the_district():
    notice = example_notice(payload=example_notice().payload | {"ownerName": "Ibu Ratna", "phone": "0812000111"})
    told = {
        "reportId": 31, "cctvId": 5, "incidentType": "knife", "timestamp": "2026-03-02T17:30:00+07:00",
        "noticeId": "n-8801", "location": "Tanah Abang",
    }  # fmt: skip
    assert told == json.loads(events_of(notice, example_recipient(), ALL)[-2].data)
    screens, camera, ear = (json.loads(event.data) for event in events_of(notice, SCREENS, ALL)[-3:])
    assert {"noticeId", "at"} == set(ear)
    assert told == camera
    assert {name: value for name, value in told.items() if name != "cctvId"} == screens


def test_data_over_ten_kilobytes_is_cut_to_ids_and_marked():
    for text, fits in (("x" * 9_000, True), ("x" * MAX_DATA, False), ("é" * 6_000, False)):
        event = events_of(example_notice(message=text), example_recipient(), ())[0]
        assert MAX_DATA >= len(event.data.encode())
        assert fits is ("truncated" not in event.data)
    assert {"noticeId", "kind", "at", "reportId", "cctvId", "incidentType", "timestamp", "truncated"} == set(
        json.loads(event.data)
    )


def test_ids_that_are_no_ids_do_not_survive_the_cut():
    event = events_of(example_notice(payload={"reportId": "x" * 20_000}), example_recipient(), ())[0]
    assert "reportId" not in json.loads(event.data)


def test_no_delivery_needs_more_than_one_batch():
    roles = ("owner", "officer", "police", "admin", "dashboard")
    events = ("weapon-detected", "new-incident", "incident-update", "")
    assert 5 == max(len(names(role, ALL, event=event)) for role in roles for event in events)


def test_a_subscription_is_signed_as_the_makers_library_signs_it():
    ours = wire.sign_subscription(KEY, SECRET, "1234.5678", "private-owner-12")
    assert LIBRARY.authenticate("private-owner-12", "1234.5678") == ours
    data = {"user_id": "12"}
    presence = wire.sign_subscription(KEY, SECRET, "1234.5678", "presence-room", json.dumps(data))
    assert LIBRARY.authenticate("presence-room", "1234.5678", data) == presence


@pytest.mark.threat("T30")
@pytest.mark.parametrize(
    ("socket_id", "name", "user_data"),
    [
        ("1.2:private-police-1", "private-owner-1", ""), ("1", "private-owner-1", ""), ("", "private-owner-1", ""),
        ("1.2", "owner-1", ""), ("1.2", "private-owner-1:x", ""), ("1.2", "private-a\nb", ""), ("1.2", "private-", ""),
        ("1.2", "private-" + "x" * 200, ""), ("1.2", "private-encrypted-a", ""), ("1.2", "presence-a", ""),
        ("1.2", "private-a", "{}"), ("1.2\n", "private-a", ""),
    ],
)  # fmt: skip
def test_what_is_no_socket_or_channel_is_not_signed(socket_id, name, user_data):
    with pytest.raises(ValueError, match=r"socket_id|channel|user_data"):
        wire.sign_subscription(KEY, SECRET, socket_id, name, user_data)


class Server:
    """A server's side of a conversation: it says what was written down; then the connection is lost."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.said = []
        self.closed = False

    def receive(self, timeout_s):
        if not self.messages:
            raise Transient("the connection was lost")
        message = self.messages.pop(0)
        return message if message is None or isinstance(message, str) else json.dumps(message)

    def send(self, text):
        self.said.append(json.loads(text))

    def close(self):
        self.closed = True


OPEN = {"event": "pusher:connection_established", "data": json.dumps({"socket_id": "1.2"})}
SUBSCRIBED = {"event": "pusher_internal:subscription_succeeded", "channel": EAR, "data": "{}"}
TOLD = {"event": "told", "channel": EAR, "data": json.dumps({"noticeId": "7", "at": "2026-03-02T10:30:00+00:00"})}


def heard_of(*messages):
    """(what is heard, ticks left out; the server) of a subscribed ear."""
    server, found = Server(OPEN, SUBSCRIBED, *messages), []
    with pytest.raises(Transient):
        for one in hearing.listen(lambda: server, lambda socket_id: {"auth": f"signed {socket_id}"}):
            found.append(one)
    assert server.closed
    return [one for one in found if one is not None], server


def test_an_ear_subscribes_with_its_socket_and_hears_what_is_told():
    heard, server = heard_of(None, TOLD)
    assert ["7"] == [one.notice_id for one in heard]
    assert [{"event": "pusher:subscribe", "data": {"channel": EAR, "auth": "signed 1.2"}}] == server.said


def test_an_ear_answers_pings():
    _, server = heard_of({"event": "pusher:ping", "data": "{}"})
    assert {"event": "pusher:pong", "data": {}} == server.said[-1]


@pytest.mark.parametrize(
    "message",
    ["no JSON", "[" * 3000, "[]", {"event": 5}, TOLD | {"channel": "officers-dashboard"}, TOLD | {"data": "{}"},
     TOLD | {"data": '{"noticeId": "7", "at": 5}'}, TOLD | {"data": '{"noticeId": "7", "at": "x"}'},
     TOLD | {"event": "client-told"}],
)  # fmt: skip
def test_what_is_no_word_of_ours_is_passed_over(message):
    heard, _ = heard_of(message, TOLD)
    assert [Heard(notice_id="7", at=datetime(2026, 3, 2, 10, 30, tzinfo=UTC))] == heard


@pytest.mark.parametrize(
    ("messages", "text"),
    [([OPEN, {"event": "pusher:error", "data": {"code": 4001}}], "error 4001"),
     ([OPEN, {"event": "pusher:subscription_error", "data": {}}], "refused the subscription"),
     ([], "lost")],
)  # fmt: skip
def test_an_ear_that_may_not_listen_says_why(messages, text):
    server = Server(*messages)
    with pytest.raises(Transient, match=text):
        next(hearing.listen(lambda: server, lambda socket_id: {}))
    assert server.closed


def test_apps_of_pushers_own_servers_connect_to_their_cluster(tmp_path):
    with local_peer() as peer:
        settings = made(peer, tmp_path, host="api-ap1.pusher.com", tls=True).client_settings()
    assert "ws-ap1.pusher.com" == settings["host"]


def test_without_public_names_nothing_is_listened_to(tmp_path):
    with local_peer() as peer:
        assert made(peer, tmp_path).hear() is None


def test_a_client_learns_the_key_and_never_the_secret(tmp_path):
    with local_peer() as peer:
        told = made(peer, tmp_path, client_host="ws.example.id").client_settings()
    assert ("pusher", KEY, "ws.example.id", False) == (told["protocol"], told["key"], told["host"], told["tls"])
    assert SECRET not in str(told)


def hook(now, secret=SECRET, key=KEY, **more):
    body = json.dumps({"time_ms": int(now * 1000), "events": [{"name": "channel_occupied", "channel": "a"}]} | more)
    return {"x-pusher-key": key, "x-pusher-signature": wire.sign(secret, body)}, body.encode()


@pytest.mark.threat("T30")
def test_a_webhook_of_ours_is_read_once(tmp_path):
    with local_peer() as peer:
        plugin = made(peer, tmp_path)
        headers, body = hook(time.time())
        assert LIBRARY.validate_webhook(headers["x-pusher-key"], headers["x-pusher-signature"], body.decode())
        assert [{"name": "channel_occupied", "channel": "a"}] == plugin.read_webhook(headers, body)
        assert plugin.read_webhook(headers, body) is None


FORGED = [
    lambda now: (hook(now)[0], hook(now)[1] + b" "), lambda now: hook(now, secret="other"),
    lambda now: hook(now, key="other"), lambda now: hook(now - 400), lambda now: hook(now + 400),
    lambda now: ({}, b"{}"), lambda now: hook(now, time_ms="now"), lambda now: hook(now, events=None),
    lambda now: ({"x-pusher-key": KEY, "x-pusher-signature": wire.sign(SECRET, "[" * 100_000)}, b"[" * 100_000),
    lambda now: ({"x-pusher-key": KEY, "x-pusher-signature": "é"}, b"{}"),
]  # fmt: skip


@pytest.mark.threat("T30")
@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_old_or_broken_webhook_is_none(tmp_path, forge):
    headers, body = forge(time.time())
    with local_peer() as peer:
        assert made(peer, tmp_path).read_webhook(headers, body) is None


@pytest.mark.parametrize(
    "mistake",
    [
        {"secret": "in the clear"}, {"host": "https://x.test"}, {"app_id": "1/../2"}, {"public": ["all"]},
        {"key": "a&b"}, {"port": 0}, {"clusster": "ap1"},
    ],
)  # fmt: skip
def test_mistakes_in_the_config_are_named(tmp_path, mistake):
    with local_peer() as peer:
        with pytest.raises(ConfigMistake, match=next(iter(mistake))):
            made(peer, tmp_path, **mistake)
