"""The cameras' endpoint as a device sees it, on the real server."""

from core.testing.house import event


def test_a_stored_event_is_answered_with_its_id(house):
    camera = house.spare("generic")

    answer = house.send(camera, event())

    assert 200 == answer.status
    assert {"status": "ok", "id": house.one("SELECT id FROM payloads WHERE device_id = %s", camera.id)} == answer.json
