"""The websocket channel on a bus in memory; the sockets themselves are tested where they live, in core."""

import pytest

from core.api import Delivery, Transient, Undeliverable
from core.testing.notifier_contract import (
    ConfigMistake,
    NotifierContract,
    channel,
    example_notice,
    example_recipient,
    realtime_bus,
)

OWNER, SCREENS, CAMERA = "3:owner-12", "3:officers-dashboard", "3:detection-5"
DASHBOARD = example_recipient(role="dashboard", id=0)


class TestWebsocket(NotifierContract):
    use = "notifiers.websocket"

    @pytest.fixture
    def told(self, tmp_path):
        with realtime_bus(OWNER):
            yield channel(self.use, tmp_path, {})


@pytest.fixture
def plugin(tmp_path):
    return channel("notifiers.websocket", tmp_path, {})


def test_a_person_hears_it_on_their_own_channel_and_nobody_else_does(plugin):
    with realtime_bus(OWNER) as bus:
        assert Delivery(outcome="accepted") == plugin.deliver_notice(example_notice(), example_recipient())
    [(topic, event)] = bus.published
    assert (OWNER, "n-8801", "weapon-detected", 31) == (topic, event["id"], event["event"], event["data"]["reportId"])
    assert {"cctvId", "incidentType", "location", "timestamp", "evidenceUrl", "kind", "title"} <= set(event["data"])


def test_a_person_without_an_open_socket_is_told_by_the_next_channel(plugin):
    with realtime_bus("3:owner-13"), pytest.raises(Undeliverable, match="no open socket"):
        plugin.deliver_notice(example_notice(), example_recipient())


def test_the_screens_copy_of_a_weapon_goes_to_its_camera_too_and_needs_no_listener(plugin):
    with realtime_bus() as bus:
        assert "accepted" == plugin.deliver_notice(example_notice(), DASHBOARD).outcome
        plugin.deliver_notice(example_notice(kind="incident_update", event="incident-update"), DASHBOARD)
    assert [SCREENS, CAMERA, SCREENS] == [topic for topic, _ in bus.published]


def test_a_bus_that_is_away_means_later(plugin):
    with pytest.raises(Transient):
        plugin.deliver_notice(example_notice(), example_recipient())


def test_a_mistake_in_the_config_is_named(tmp_path):
    with pytest.raises(ConfigMistake, match="hots"):
        channel("notifiers.websocket", tmp_path, {"hots": "127.0.0.1"})
