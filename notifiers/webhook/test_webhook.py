"""The webhook channel against a receiver that verifies what it gets as Standard Webhooks says."""

import base64

import pytest
from standardwebhooks import Webhook

from core.api import Undeliverable
from core.testing.local_peer import Say
from core.testing.notifier_contract import (
    ConfigMistake,
    HttpNotifierContract,
    channel,
    example_notice,
    example_recipient,
)

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = base64.b64encode(bytes(range(40, 72))).decode()
ENVIRON = {"S": SECRET, "O": OLD_SECRET}


def table(url, **more):
    return {"url": url, "secret": {"env": "S"}} | more


def verified(got, secret):
    """The body, when the makers' library finds a fresh signature of this secret."""
    return Webhook(secret).verify(got.body, {name.lower(): value for name, value in got.headers.items()})


class TestWebhook(HttpNotifierContract):
    use = "notifiers.webhook"
    secrets = (SECRET, SECRET.removeprefix("whsec_"))
    refusals = (400, 401, 403, 404, 410, 413)

    def make(self, peer, folder, timeout_s, **more):
        return channel(self.use, folder, table(f"{peer.url}/hook", timeout_s=timeout_s, **more), ENVIRON)

    def notice_ids(self, got):
        return {verified(got, SECRET)["data"]["noticeId"], got.headers["webhook-id"]}

    def test_the_receiver_gets_the_notice_and_whom_it_is_for(self, peer, told):
        told.deliver_notice(example_notice(), example_recipient(name="Ibu Ratna", language="en"))
        body = verified(peer.got[0], SECRET)
        assert "notice.weapon_detected" == body["type"]
        assert {"role": "owner", "id": 12, "language": "en"} == body["data"]["recipient"]
        assert {"reportId": 31, "incidentType": "knife", "urgent": True}.items() <= body["data"].items()
        assert "Ratna" not in peer.got[0].body.decode()

    def test_while_secrets_change_both_sign(self, peer, folder, recipient):
        made = self.make(peer, folder, 4.0, previous_secret={"env": "O"})
        made.deliver_notice(example_notice(), recipient)
        assert verified(peer.got[0], SECRET) == verified(peer.got[0], OLD_SECRET)
        made.close()

    @pytest.mark.parametrize(
        ("body", "outcome"),
        [(b'{"delivered": true}', "delivered"), (b'{"delivered": "yes"}', "accepted"), (b"", "accepted"),
         (b"[" * 50_000, "accepted")],
    )  # fmt: skip
    def test_a_receiver_may_say_that_the_person_has_it(self, peer, told, recipient, body, outcome):
        self.saying(peer, Say(body=body))
        assert outcome == told.deliver_notice(example_notice(), recipient).outcome

    def test_roles_that_are_not_named_go_to_the_next_channel(self, peer, folder, recipient):
        made = self.make(peer, folder, 4.0, roles=["police"])
        with pytest.raises(Undeliverable, match="owner"):
            made.deliver_notice(example_notice(), recipient)
        made.deliver_notice(example_notice(), example_recipient(role="police"))
        assert 1 == len(peer.got)
        made.close()


@pytest.mark.threat("T14")
def test_a_name_that_leads_inside_is_called_only_where_the_operator_says_so(tmp_path):
    made = channel("notifiers.webhook", tmp_path, table("https://10.11.12.13/hook"), ENVIRON)
    with pytest.raises(Undeliverable):
        made.deliver_notice(example_notice(), example_recipient())
    made.close()


def test_travel_in_the_clear_is_shown(tmp_path):
    def state(url, **more):
        return channel("notifiers.webhook", tmp_path, table(url, **more), ENVIRON).health().state

    assert ["ok", "ok"] == [state("https://g.example.id/"), state("http://127.0.0.1:1/")]
    assert "degraded" == state("http://gateway.internal/", allow_private=True)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"url": "ftp://g.example.id"}, "url"), ({"url": "http://g.example.id"}, "http://"),
        ({"url": "https://u:p@g.example.id"}, "user name"), ({"url": "https://[::1"}, "url"),
        ({"secret": {"env": "SHORT"}}, "24 to 64"), ({"previous_secret": {"env": "ODD"}}, "previous_secret"),
        ({"roles": ["dashboard"]}, "roles"), ({"sercet": "x"}, "sercet"),
    ],
)  # fmt: skip
def test_mistakes_in_the_config_are_named_without_the_secret(tmp_path, more, match):
    environ = ENVIRON | {"SHORT": base64.b64encode(b"kurang").decode(), "ODD": "bukan base64!"}
    with pytest.raises(ConfigMistake, match=match) as caught:
        channel("notifiers.webhook", tmp_path, table("https://g.example.id") | more, environ)
    assert not [value for value in environ.values() if value in str(caught.value)]
