"""Subscriptions to Pusher's private channels: signed for whom they are meant, by the channel's own key."""

import pytest
from litestar.testing import TestClient

from core.accounts.service import Accounts
from core.accounts.tables import officers, owners
from core.app import furnish
from core.hooks.plugin import Secret
from core.settings import Settings
from core.testing.review import routes_once
from core.web.prefixes import PREFIXES

KEY = "kunci-uji-" * 5


class Signer:
    """A host with one Pusher notifier."""

    instances = ()

    def signers(self, vendor_code):
        def sign(socket_id, channel, user_data=""):
            if "." not in socket_id:
                raise ValueError("socket_id")
            return {"auth": f"{vendor_code}:{socket_id}:{channel}"}

        return [sign]

    def client_settings(self, vendor_code):
        return {"pusher": {"key": f"key-of-{vendor_code}", "port": 443}, "fcm": {}}

    def is_in_app(self, channel):
        return channel == "pusher"

    def application_key(self, vendor_code):
        return "BPublic"

    def webhook_reader(self, channel):
        def read(headers, body):
            return [{"name": "channel_occupied", "channel": "a"}] if headers.get("x-signature") == "good" else None

        return read if channel == "pusher" else None


@pytest.fixture
def house(database, make_vendor, tmp_path):
    accounts, vendor = Accounts(database, KEY), make_vendor(database)

    def token(table, role):
        with database.system() as connection:
            query = table.insert().values(vendor_id=vendor, username=role, password_hash="x").returning(table.c.id)
            number = connection.execute(query).scalar_one()
        return number, {"Authorization": f"Bearer {accounts._key.issue(role, number, 1)[0]}"}

    settings = Settings(home=tmp_path, secret_key=Secret(KEY), docs_enabled=False)
    with TestClient(furnish(routes_once(docs=False), settings, database, host=Signer())) as client:
        yield client, vendor, token(owners, "owner"), token(officers, "officer")


@pytest.mark.threat("T30")
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_private_channel_is_signed_for_whom_it_is_meant(house, prefix):
    client, vendor, (owner, as_owner), (officer, as_officer) = house

    def ask(channel, headers, socket_id="1.2"):
        form = {"socket_id": socket_id, "channel_name": channel}
        return client.post(f"{prefix}/broadcasting/auth", data=form, headers=headers)

    mine = f"private-owner-{owner}"
    assert (200, {"auth": f"polda-uji:1.2:{mine}"}) == (lambda a: (a.status_code, a.json()))(ask(mine, as_owner))
    assert 200 == ask(f"private-officers-dashboard-{vendor}", as_officer).status_code
    for channel, headers in (
        (mine, as_officer), (f"private-officer-{officer}", as_owner), (f"private-owner-{owner + 1}", as_owner),
        (f"private-officers-dashboard-{vendor}", as_owner), (f"private-officers-dashboard-{vendor + 1}", as_officer),
        ("private-detection-999", as_officer), ("private-nonsense", as_owner),
    ):  # fmt: skip
        assert (channel, 403) == (channel, ask(channel, headers).status_code)
    assert 401 == ask(mine, {}).status_code
    assert 422 == ask(f"owner-{owner}", as_owner).status_code
    assert 422 == ask(mine, as_owner, socket_id="no").status_code
    assert 422 == ask(mine, as_owner, socket_id="").status_code


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_client_learns_which_channels_there_are_and_their_public_keys(house, prefix):
    client, _, (_, as_owner), _ = house
    data = client.get(f"{prefix}/realtime/config", headers=as_owner).json()["data"]
    assert "BPublic" == data["application_key"]
    assert [("pusher", True, {"key": "key-of-polda-uji", "port": 443}), ("fcm", False, {})] == [
        (one["name"], one["in_app"], one["settings"]) for one in data["channels"]
    ]
    assert 401 == client.get(f"{prefix}/realtime/config").status_code


@pytest.mark.threat("T30")
def test_a_webhook_is_taken_for_its_signature_alone(house):
    client = house[0]

    def post(channel, signature):
        return client.post(f"/api/realtime/webhooks/{channel}", content=b"{}", headers={"X-Signature": signature})

    taken = post("pusher", "good")
    assert (200, {"events": 1}) == (taken.status_code, taken.json()["data"])
    assert 401 == post("pusher", "bad").status_code
    assert 404 == post("fcm", "good").status_code
    assert 413 == client.post("/api/realtime/webhooks/pusher", content=b"x" * 300_000).status_code
