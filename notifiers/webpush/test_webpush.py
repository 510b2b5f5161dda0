"""The Web Push channel against a local push service that verifies the token and decrypts as the subscriber would."""

import base64
import json
import re
import time
from datetime import UTC, datetime, timedelta

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.api import Address, HttpReply, Outbound, Transient, Undeliverable
from core.testing.local_peer import Say, local_peer
from core.testing.notifier_contract import (
    ConfigMistake,
    HttpNotifierContract,
    channel,
    example_notice,
    example_recipient,
)
from notifiers.webpush.message import headers_of, is_service, read_reply, read_subscription, text_of

VAPID = ec.generate_private_key(ec.SECP256R1())
BROWSER = ec.generate_private_key(ec.SECP256R1())
AUTH = bytes(range(16))
NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
MAX_CIPHER = 4_096
CONTACT = "mailto:siaga@tangkapin.test"


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def point(key):
    return url64(
        key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )


RAW = url64(VAPID.private_numbers().private_value.to_bytes(32, "big"))


def subscribed(url, path="/kotak/lubang-surat", **keys):
    keys = {"p256dh": point(BROWSER), "auth": url64(AUTH)} | keys
    return json.dumps({"endpoint": url + path, "expirationTime": None, "keys": keys})


def address(value, number=71):
    return Address(id=number, channel="webpush", value=value)


def made(folder, key=RAW, **more):
    table = {"vapid_key": {"env": "K"}, "contact": CONTACT} | more
    return channel("notifiers.webpush", folder, table, {"K": key})


SHORT = url64(
    BROWSER.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
)


class TestWebPush(HttpNotifierContract):
    use = "notifiers.webpush"
    needs_addresses = True
    tls = True
    secrets = ("lubang-surat", url64(AUTH), RAW)

    @pytest.fixture
    def recipient(self, peer):
        return example_recipient(address(subscribed(peer.url)))

    def make(self, peer, folder, timeout_s):
        listed = [f"127.0.0.1:{peer.port}"]
        return made(folder, services=["127.0.0.1"], listed=listed, ca_file="peer.pem", timeout_s=timeout_s)

    def taken(self, got):
        self.opened(got)
        return Say(status=201, headers={"Location": "/pesan/1"}, body=b"")

    def notice_ids(self, got):
        return {self.opened(got)["noticeId"]}

    def opened(self, got):
        """As a push service and the browser behind it do: the token is of the subscribed key, the text opens."""
        token, key = re.fullmatch(r"vapid t=([^,]+),\s*k=(\S+)", got.headers["authorization"]).groups()
        assert point(VAPID) == key
        claims = jwt.decode(
            token,
            VAPID.public_key(),
            ["ES256"],
            audience=f"https://{got.headers['host']}",
            options={"require": ["exp"]},
        )
        assert (CONTACT, True) == (claims["sub"], claims["exp"] <= time.time() + 86_400)
        assert ("POST", "aes128gcm") == (got.method, got.headers["content-encoding"])
        assert MAX_CIPHER >= len(got.body)
        assert re.fullmatch(r"[A-Za-z0-9_-]{0,32}", got.headers.get("topic", ""))
        assert got.headers["ttl"].isdigit()
        return json.loads(http_ece.decrypt(got.body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm"))

    def test_the_browser_opens_what_was_sent(self, peer, told, recipient):
        told.deliver_notice(example_notice(), recipient)
        assert {
            "noticeId": "n-8801", "kind": "weapon_detected", "event": "weapon-detected", "title": "Senjata terdeteksi",
            "message": "Pisau terlihat di Gudang Utara", "at": "2026-03-02T10:30:00.000+00:00", "reportId": 31,
            "deviceId": 5, "urgent": True, "collapseKey": "report-31",
        } == self.opened(peer.got[0])  # fmt: skip
        assert ("/kotak/lubang-surat", "high") == (peer.got[0].path, peer.got[0].headers["urgency"])

    def test_two_notices_are_never_encrypted_alike(self, peer, told, recipient):
        for _ in range(2):
            told.deliver_notice(example_notice(), recipient)
        assert peer.got[0].body[:21] != peer.got[1].body[:21]

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_subscription_that_is_gone_is_named(self, peer, told, recipient, status):
        self.saying(peer, Say(status=status))
        with pytest.raises(Undeliverable, match="the subscription is gone") as caught:
            told.deliver_notice(example_notice(), recipient)
        assert (71,) == caught.value.dead

    def test_a_living_browser_is_told_beside_a_dead_and_a_damaged_one(self, peer, told):
        peer.answer = lambda got: Say(status=410) if got.path == "/mati" else self.taken(got)
        mine = [subscribed(peer.url), subscribed(peer.url, "/mati"), "{}", subscribed("https://elsewhere.test")]
        delivery = told.deliver_notice(example_notice(), example_recipient(*map(address, mine, range(4))))
        assert ("accepted", (1, 2)) == (delivery.outcome, delivery.dead)

    def test_an_address_of_another_channel_is_not_told(self, peer, told):
        phone = Address(id=9, channel="fcm", value="tok-phone")
        with pytest.raises(Undeliverable, match="no address") as caught:
            told.deliver_notice(example_notice(), example_recipient(phone))
        assert ((), []) == (caught.value.dead, peer.got)

    def test_another_key_is_hinted_at_and_buries_no_subscription(self, peer, told, recipient):
        self.saying(peer, Say(status=403))
        with pytest.raises(Undeliverable, match="another vapid_key") as caught:
            told.deliver_notice(example_notice(), recipient)
        assert () == caught.value.dead

    @pytest.mark.threat("T14")
    @pytest.mark.parametrize(
        "endpoint",
        ["https://127.0.0.1:{}", "https://localhost:{}", "https://169.254.169.254", "https://10.1.2.3", "https://[::1]:{}",
         "https://2130706433:{}", "https://fcm.googleapis.com.evil.test", "https://fcm.googleapis.com@127.0.0.1:{}"],
    )  # fmt: skip
    def test_an_endpoint_that_is_no_push_service_is_not_called(self, peer, folder, endpoint):
        told = made(folder, ca_file="peer.pem")
        with pytest.raises(Undeliverable, match=r"not of a known push service|not a push subscription"):
            told.deliver_notice(
                example_notice(), example_recipient(address(subscribed(endpoint.format(peer.port))))
            )  # fmt: skip
        assert [] == peer.got

    @pytest.mark.threat("T14")
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.1.2.3"])
    def test_a_service_by_name_that_leads_inside_is_not_called(self, peer, folder, host):
        told = made(folder, services=[host], ca_file="peer.pem")
        recipient = example_recipient(address(subscribed(f"https://{host}:{peer.port}")))
        with pytest.raises(Undeliverable, match="leads where nothing is sent"):
            told.deliver_notice(example_notice(), recipient)
        told.close()
        assert [] == peer.got

    @pytest.mark.threat("T14")
    def test_a_service_without_a_certificate_that_holds_is_told_nothing(self, peer, folder, recipient):
        told = made(folder, services=["127.0.0.1"], listed=["127.0.0.1"])
        with pytest.raises(Transient, match=r"(?i)certificate"):
            told.deliver_notice(example_notice(), recipient)
        told.close()
        assert [] == peer.got


@pytest.mark.threat("T14")
def test_an_endpoint_without_tls_is_no_subscription(tmp_path):
    with local_peer() as peer:
        told = made(tmp_path, services=["127.0.0.1"], listed=["127.0.0.1"])
        with pytest.raises(Undeliverable, match="not a push subscription") as caught:
            told.deliver_notice(example_notice(), example_recipient(address(subscribed(peer.url))))
        assert ((71,), []) == (caught.value.dead, peer.got)


def test_the_key_may_be_pem_and_pages_subscribe_with_its_public_half(tmp_path):
    pem = VAPID.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()  # fmt: skip
    assert [point(VAPID)] * 2 == [made(tmp_path, key).application_key() for key in (pem, RAW)]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", '"x"', "[" * 90_000, "{}", subscribed("http://a.test"), subscribed("https://u:p@a.test"),
        subscribed("https://", ""), subscribed("https://a.test", p256dh="AAAA"),
        subscribed("https://a.test", auth="AA"), subscribed("https://a.test:0"), subscribed("https://a.test:99999"),
        subscribed("https://a.test", p256dh=url64(b"\x04" + b"\x01" * 64)), subscribed("https://a.test", auth=5),
        subscribed("https://a.test", p256dh="é"), subscribed("https://[a.test"),
        subscribed("https://a.test", p256dh=SHORT), json.dumps({"endpoint": 1, "keys": {}}),
    ],
)  # fmt: skip
def test_what_is_no_subscription_is_refused_without_repeating_it(text):
    with pytest.raises(ValueError, match=r"^not a push subscription$"):
        read_subscription(text)


@given(
    host=st.sampled_from(
        ["push.test", "PUSH.test", "push.test:", "push.test:443", "push.test:8443", "push.test.", "[::1]"]
    ),
    path=st.text(max_size=12),
    auth=st.one_of(st.just(url64(AUTH)), st.just(url64(AUTH) + "=="), st.text(max_size=24)),
    shape=st.sampled_from([{}, {"p256dh": SHORT}, {"p256dh": point(BROWSER) + "="}, {"p256dh": ""}]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_subscriber_sends_is_an_answer_and_never_a_failure_of_the_plugin(tmp_path, host, path, auth, shape):
    told = made(tmp_path, services=["push.test"])
    told._out = Outbound(resolve=nowhere)
    value = subscribed(f"https://{host}", path, **{"auth": auth} | shape)
    with pytest.raises((Undeliverable, Transient)):
        told.deliver_notice(example_notice(), example_recipient(address(value)))
    told.close()


async def nowhere(host, port):
    raise OSError("no such host")


def test_services_are_known_by_their_whole_name():
    known = ("fcm.googleapis.com", "*.push.apple.com")
    assert [True, True, True] == [
        is_service(one, known) for one in ("fcm.googleapis.com", "web.push.apple.com", "a.b.push.apple.com")
    ]
    assert [False] * 4 == [
        is_service(one, known) for one in ("xfcm.googleapis.com", "push.apple.com", "evilpush.apple.com", "")
    ]


@pytest.mark.parametrize("text", ["x" * 50_000, '"\\\n' * 9_000, "é" * 9_000, "🚨" * 9_000, "\x00" * 9_000])
def test_the_longest_notice_still_fits_one_message(text):
    notice = example_notice(id=text, kind=text, event=text, title=text, message=text, collapse_key=text)
    cipher_overhead = 103
    assert MAX_CIPHER - cipher_overhead >= len(text_of(notice))
    assert json.loads(text_of(notice))["message"].endswith("…")


@pytest.mark.parametrize(
    ("after", "ttl"), [(timedelta(minutes=30), "1800"), (timedelta(days=90), "2419200"), (timedelta(-1), "0")]
)
def test_a_notice_is_kept_until_it_expires(after, ttl):
    assert ttl == headers_of(example_notice(expires_at=NOW + after), 14_400, NOW)["TTL"]
    assert "14400" == headers_of(example_notice(expires_at=None), 14_400, NOW)["TTL"]


def test_a_recall_takes_the_place_of_what_it_recalls_and_the_service_learns_no_id():
    first, recall, other = (
        headers_of(example_notice(kind=kind, collapse_key=key), 1, NOW).get("Topic")
        for kind, key in (("weapon_detected", "report-31"), ("recalled", "report-31"), ("weapon_detected", "report-32"))
    )
    assert (True, False) == (first == recall, first == other)
    assert "31" not in base64.urlsafe_b64decode(first).decode("latin-1")
    assert "Topic" not in headers_of(example_notice(collapse_key=""), 1, NOW)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(201, "told"), (202, "told"), (204, "told"), (400, "refused"), (401, "refused"), (403, "refused"), (404, "gone"),
     (410, "gone"), (413, "refused"), (429, "later"), (500, "later"), (307, "refused")],
)  # fmt: skip
def test_an_answer_is_read_by_its_status(status, outcome):
    assert outcome == read_reply(1, HttpReply(status, {}, b"")).outcome


@pytest.mark.parametrize(
    ("key", "more", "match"),
    [
        ("rahasia-pendek", {}, "vapid_key"), (RAW[:-4], {}, "vapid_key"), ("-----BEGIN x", {}, "vapid_key"),
        (RAW, {"contact": "siaga"}, "contact"), (RAW, {"contact": "mailto:x"}, "contact"),
        (RAW, {"services": ["https://a.test"]}, "services"), (RAW, {"ttl_s": -1}, "ttl_s"),
    ],
    ids=range(7),  # the same names in every process of a run
)  # fmt: skip
def test_mistakes_in_the_config_are_named_without_the_key(tmp_path, key, more, match):
    with pytest.raises(ConfigMistake, match=match) as caught:
        made(tmp_path, key, **more)
    assert key not in str(caught.value)
