"""The FCM channel against a local service that checks the signed assertion, the bearer token and the message's form."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.api import Address, HttpReply, Transient, Undeliverable
from core.testing.local_peer import Say
from core.testing.notifier_contract import (
    ConfigMistake,
    HttpNotifierContract,
    channel,
    example_notice,
    example_recipient,
)
from notifiers.fcm.message import message_of, read_reply

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()  # fmt: skip
NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
PHONE, TABLET = Address(id=71, channel="fcm", value="tok-phone"), Address(id=72, channel="fcm", value="tok-tablet")


def account(url, **more):
    return {
        "type": "service_account", "project_id": "tangkapin-uji", "private_key": PEM, "private_key_id": "k1",
        "client_email": "kirim@tangkapin-uji.test", "token_uri": f"{url}/token",
    } | more  # fmt: skip


def made(url, folder, more_account=None, **more):
    table = {"service_account": {"env": "S"}, "base_url": url} | more
    return channel("notifiers.fcm", folder, table, {"S": json.dumps(account(url, **more_account or {}))})


def fcm_error(status, code, message="", **detail):
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}, detail]
    error = {"code": status, "message": message, "status": "GENERAL", "details": details}
    return Say(status=status, body=json.dumps({"error": error}).encode())


class TestFcm(HttpNotifierContract):
    use = "notifiers.fcm"
    needs_addresses = True
    secrets = ("tok-phone", "bearer-1", PEM.split("\n")[2])

    @pytest.fixture(autouse=True)
    def fresh(self):
        self.assertions, self.tokens, self.dead = [], [], {}

    @pytest.fixture
    def recipient(self):
        return example_recipient(PHONE)

    def make(self, peer, folder, timeout_s):
        return made(peer.url, folder, timeout_s=timeout_s)

    def sends(self, got):
        return got.path != "/token"

    def notice_ids(self, got):
        return {json.loads(got.body)["message"]["data"]["noticeId"]}

    def taken(self, got):
        """As the real service: an assertion signed by the account's key buys a token, which buys a message."""
        if got.path == "/token":
            form = {name: values[0] for name, values in parse_qs(got.body.decode()).items()}
            assert "urn:ietf:params:oauth:grant-type:jwt-bearer" == form["grant_type"]
            claims = jwt.decode(
                form["assertion"], KEY.public_key(), ["RS256"], audience="https://oauth2.googleapis.com/token"
            )
            self.assertions.append(claims)
            self.tokens.append(f"bearer-{len(self.assertions)}")
            answer = {"access_token": self.tokens[-1], "expires_in": 3599, "token_type": "Bearer"}
            return Say(headers={"Content-Type": "application/json"}, body=json.dumps(answer).encode())
        if got.headers["authorization"] != f"Bearer {self.tokens[-1]}":
            return fcm_error(401, "THIRD_PARTY_AUTH_ERROR")
        assert "/v1/projects/tangkapin-uji/messages:send" == got.path
        token = check_form(json.loads(got.body))
        if token in self.dead:
            return self.dead[token]
        return Say(body=json.dumps({"name": f"projects/tangkapin-uji/messages/{token}"}).encode())

    def test_the_account_proves_itself_once_and_names_its_scope(self, peer, told, recipient):
        assert "projects/tangkapin-uji/messages/tok-phone" == told.deliver_notice(example_notice(), recipient).receipt
        told.deliver_notice(example_notice(), recipient)
        claims = self.assertions.pop()
        assert ("kirim@tangkapin-uji.test", "https://www.googleapis.com/auth/firebase.messaging") == (
            claims["iss"], claims["scope"],
        )  # fmt: skip
        assert [] == self.assertions
        assert 3 == len(peer.got)

    def test_a_token_that_ended_early_is_renewed_by_the_next_attempt(self, peer, told, recipient):
        told.deliver_notice(example_notice(), recipient)
        self.tokens.append("revoked-meanwhile")
        with pytest.raises(Transient, match="ended early") as caught:
            told.deliver_notice(example_notice(), recipient)
        assert 0.0 == caught.value.retry_after_s
        assert "accepted" == told.deliver_notice(example_notice(), recipient).outcome
        assert 2 == len(self.assertions)

    def test_an_account_whose_new_token_is_refused_leads_to_the_next_channel(self, peer, told, recipient):
        self.saying(peer, Say(status=401))
        with pytest.raises(Undeliverable, match="401: check the service account"):
            told.deliver_notice(example_notice(), recipient)
        assert 1 == len(self.sent(peer))

    def test_an_address_of_another_channel_is_not_told(self, peer, told):
        browser = Address(id=9, channel="webpush", value="{}")
        told.deliver_notice(example_notice(), example_recipient(browser, PHONE))
        assert ["tok-phone"] == [json.loads(got.body)["message"]["token"] for got in self.sent(peer)]
        with pytest.raises(Undeliverable, match="no FCM token") as caught:
            told.deliver_notice(example_notice(), example_recipient(browser))
        assert () == caught.value.dead

    def test_dead_tokens_are_named_while_a_living_one_is_told(self, peer, told):
        self.dead["tok-tablet"] = fcm_error(404, "UNREGISTERED")
        delivery = told.deliver_notice(example_notice(), example_recipient(PHONE, TABLET))
        assert ("accepted", (72,)) == (delivery.outcome, delivery.dead)

    def test_dead_tokens_alone_lead_to_the_next_channel(self, peer, told):
        self.dead["tok-tablet"] = fcm_error(404, "UNREGISTERED")
        self.dead["tok-phone"] = fcm_error(400, "INVALID_ARGUMENT", "The registration token is not a valid one")
        with pytest.raises(Undeliverable, match="the token is gone") as caught:
            told.deliver_notice(example_notice(), example_recipient(PHONE, TABLET))
        assert (71, 72) == caught.value.dead

    def test_a_recipient_with_many_devices_has_the_newest_told(self, peer, told):
        devices = [Address(id=one, channel="fcm", value=f"tok-{one}") for one in range(100)]
        told.deliver_notice(example_notice(), example_recipient(*devices))
        expected = {f"tok-{one}" for one in range(90, 100)}
        assert expected == {json.loads(got.body)["message"]["token"] for got in self.sent(peer)}

    def test_what_comes_twice_is_shown_once_on_every_kind_of_device(self, peer, told, recipient):
        for one in ({}, {"again": True}, {"id": "n-2", "collapse_key": "notice:n-2"}):
            told.deliver_notice(example_notice(**one), recipient)
        came = [json.loads(got.body)["message"] for got in self.sent(peer)]
        assert ["n-8801", "n-8801", "n-2"] == [message["data"]["noticeId"] for message in came]
        trays = (
            lambda message: message["android"]["notification"]["tag"],
            lambda message: message["apns"]["headers"]["apns-collapse-id"],
            lambda message: message["webpush"]["notification"]["tag"],
        )
        assert [["report-31", "notice:n-2"]] * 3 == [list(dict.fromkeys(map(shown, came))) for shown in trays]

    @pytest.mark.parametrize(
        ("say", "outcome"),
        [
            (Say(status=400, body=b'{"error": "invalid_grant", "error_description": "bearer-1"}'), Undeliverable),
            (Say(lost=True), Transient), (Say(status=503), Transient), (Say(status=429), Transient),
            (Say(status=404, body=b"<html>"), Undeliverable),
        ],
    )  # fmt: skip
    def test_a_token_service_that_fails_is_told_apart(self, peer, told, recipient, say, outcome):
        peer.answer = lambda got: say
        with pytest.raises(outcome, match="no token") as caught:
            told.deliver_notice(example_notice(), recipient)
        assert "bearer-1" not in str(caught.value)

    def test_the_account_of_another_key_is_refused(self, peer, folder, recipient):
        other = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )  # fmt: skip
        peer.answer = lambda got: (
            self.taken(got) if _verifies(got) else Say(status=400, body=b'{"error":"invalid_grant"}')
        )
        told = made(peer.url, folder, {"private_key": other.decode()})
        with pytest.raises(Undeliverable, match="refused the service account"):
            told.deliver_notice(example_notice(), recipient)


def _verifies(got):
    try:
        jwt.decode(
            parse_qs(got.body.decode())["assertion"][0], KEY.public_key(), ["RS256"], options={"verify_aud": False}
        )
    except jwt.InvalidSignatureError:
        return False
    return True


def check_form(told):
    """The form of HTTP v1: what FCM would refuse fails here. Returns the token."""
    assert {"message"} == set(told)
    message = told["message"]
    assert {"token", "notification", "data", "android", "apns", "webpush"} >= set(message)
    assert {"title", "body"} >= set(message["notification"])
    assert all(isinstance(value, str) for value in message["data"].values())
    assert not {name for name in message["data"] if name in ("from", "message_type") or name.startswith("google")}
    assert message["android"]["priority"] in ("HIGH", "NORMAL")
    assert message["android"]["ttl"].removesuffix("s").isdigit()
    assert all(isinstance(value, str) for value in message["apns"]["headers"].values())
    assert 64 >= len(message["apns"]["headers"].get("apns-collapse-id", "").encode())
    assert 4096 >= len(json.dumps(message, ensure_ascii=False).encode())
    return message["token"]


def message(full_text=False, **more):
    return message_of(example_notice(**more), "t", full_text=full_text, default_ttl_s=14_400, now=NOW)["message"]


def test_an_alarm_wakes_the_phone_and_other_notices_do_not():
    alarm, other = message(), message(urgent=False)
    assert ("HIGH", "10", "high", "alarm") == (
        alarm["android"]["priority"], alarm["apns"]["headers"]["apns-priority"], alarm["webpush"]["headers"]["Urgency"],
        alarm["android"]["notification"]["channel_id"],
    )  # fmt: skip
    assert ("NORMAL", "5", {}) == (
        other["android"]["priority"], other["apns"]["headers"]["apns-priority"], other["apns"]["payload"]["aps"],
    )  # fmt: skip


@pytest.mark.threat("T31")
def test_google_reads_ids_and_a_title_and_no_place_or_evidence():
    text = json.dumps(message())
    assert {"reportId": "31", "deviceId": "5", "noticeId": "n-8801", "kind": "weapon_detected"}.items() <= message()[
        "data"
    ].items()
    assert not [word for word in ("Melati", "Gudang", "Tanah Abang", "t.test") if word in text]


def test_the_whole_text_goes_out_where_the_deployment_says_so():
    assert {"title": "Senjata terdeteksi"} == message()["notification"]
    assert "Pisau terlihat di Gudang Utara" == message(full_text=True)["notification"]["body"]


def test_a_recall_takes_the_place_of_what_it_recalls():
    recall = message(kind="recalled", collapse_key="report-31")
    assert ("report-31", "report-31", "report-31") == (
        recall["android"]["collapse_key"], recall["android"]["notification"]["tag"],
        recall["apns"]["headers"]["apns-collapse-id"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("after", "ttl", "expiration"),
    [(timedelta(minutes=30), "1800s", 1800), (timedelta(days=90), "2419200s", 2_419_200), (timedelta(-1), "0s", None)],
)
def test_a_notice_is_kept_until_it_expires(after, ttl, expiration):
    made_of = message(expires_at=NOW + after)
    assert ttl == made_of["android"]["ttl"]
    until = str(int(NOW.timestamp()) + expiration) if expiration else "0"
    assert until == made_of["apns"]["headers"]["apns-expiration"]
    assert "14400s" == message(expires_at=None)["android"]["ttl"]


@pytest.mark.parametrize(
    ("say", "outcome"),
    [
        (fcm_error(404, "UNREGISTERED"), "gone"),
        (Say(status=404, body=b'{"error":{"status":"NOT_FOUND"}}'), "gone"),
        (Say(status=404, body=b"<html>not here</html>"), "refused"),
        (fcm_error(400, "INVALID_ARGUMENT", fieldViolations=[{"field": "message.token"}]), "gone"),
        (fcm_error(400, "INVALID_ARGUMENT", fieldViolations=[{"field": "message.data"}]), "refused"),
        (fcm_error(400, "INVALID_ARGUMENT", "The message is too big"), "refused"),
        (fcm_error(403, "SENDER_ID_MISMATCH"), "refused"),
        (fcm_error(429, "QUOTA_EXCEEDED"), "later"), (fcm_error(503, "UNAVAILABLE"), "later"),
        (fcm_error(500, "INTERNAL"), "later"), (Say(status=200, body=b"[]"), "told"), (Say(status=302), "refused"),
        (Say(status=400, body=b'{"error":{"details":[{"fieldViolations":[1]},2],"status":5}}'), "refused"),
        (Say(status=400, body=b"[" * 90_000), "refused"),
    ],
)  # fmt: skip
def test_an_answer_is_read_by_its_code(say, outcome):
    assert outcome == read_reply(1, HttpReply(say.status, {}, say.body)).outcome


def test_a_quota_without_a_time_means_a_minute():
    assert 60.0 == read_reply(1, HttpReply(429, {}, b"")).retry_after_s
    assert 5.0 == read_reply(1, HttpReply(429, {"retry-after": "5"}, b"")).retry_after_s
    assert read_reply(1, HttpReply(503, {}, b"")).retry_after_s is None


@pytest.mark.parametrize(
    ("more_account", "more", "match"),
    [
        ({"private_key": "rubbish"}, {}, "RSA key"), ({"client_email": 5}, {}, "client_email missing"),
        ({}, {"base_url": "http://fcm.test"}, "base_url: expected https"),
        ({}, {"token_url": "http://10.0.0.1/t"}, "token_url: expected https"),
        ({"token_uri": "ftp://x"}, {}, "token_url: expected https"), ({}, {"text": "all"}, "text"),
    ],
)  # fmt: skip
def test_mistakes_in_the_config_are_named_without_the_key(tmp_path, more_account, more, match):
    with pytest.raises(ConfigMistake, match=match) as caught:
        made("https://fcm.test", tmp_path, more_account, **more)
    assert PEM.split("\n")[2] not in str(caught.value)


def test_an_account_that_is_no_json_is_named_without_its_text(tmp_path):
    with pytest.raises(ConfigMistake, match="JSON of a service account") as caught:
        channel("notifiers.fcm", tmp_path, {"service_account": {"env": "S"}}, {"S": "sangat-rahasia"})
    assert "sangat-rahasia" not in str(caught.value)
