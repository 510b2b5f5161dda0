"""Cameras' newest pictures: still and live, for who may see the camera, without opening it once more."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from core.accounts.tables import audit_log
from core.incidents import routes_media


def test_a_still_is_for_the_owner_the_staff_and_the_police_who_are_sent(town: Any, client: Any, draw: Any) -> None:
    town.previews.pictures[town.cctv] = draw(200)
    _, phone = town.sent(client)
    path = f"/api/cctv/{town.cctv}/snapshot"
    for person in (town.sri, town.ani, town.kepala, phone):
        answer = client.get(path, headers=person.headers)
        assert (200, "image/jpeg", draw(200)) == (
            answer.status_code, answer.headers["content-type"], answer.content,
        )  # fmt: skip
    for stranger in (town.joko, town.made, town.rudi, town.wayan):
        assert 404 == client.get(path, headers=stranger.headers).status_code
    seen = select(func.count()).where(audit_log.c.action == "camera_watched", audit_log.c.object_id == town.cctv)
    assert 4 == town.execute(seen)[0]["count"]


def test_without_a_picture_there_is_none(town: Any, client: Any) -> None:
    assert 404 == client.get(f"/api/cctv/{town.cctv_joko}/snapshot", headers=town.joko.headers).status_code


@pytest.mark.threat("T33")
def test_the_preview_address_opens_by_itself_for_the_one_camera(town: Any, client: Any, draw: Any) -> None:
    town.previews.pictures[town.cctv] = draw(210)
    told = client.get(f"/api/cctv/preview?cctv_id={town.cctv}", headers=town.sri.headers).json()["data"]
    path = told["preview_url"].removeprefix("http://testserver.local")
    assert draw(210) == client.get(path).content
    other = path.replace(f"cctv-{town.cctv}?", f"cctv-{town.cctv_joko}?")
    assert path != other and 403 == client.get(other).status_code
    assert 404 == client.get(f"/api/cctv/preview?cctv_id={town.cctv_joko}", headers=town.sri.headers).status_code


def test_a_live_picture_sends_what_changed_and_says_that_somebody_watches(town: Any, draw: Any) -> None:
    async def watch() -> list[bytes]:
        parts = []
        stream = routes_media._live(town.previews, town.cctv, lambda: False)
        for shade in (1, 2):
            town.previews.pictures[town.cctv] = draw(shade)
            parts.append(await anext(stream))
        await stream.aclose()
        return parts

    town.previews.asked.clear()
    parts = asyncio.run(watch())
    assert all(part.startswith(b"--tangkapin-picture\r\nContent-Type: image/jpeg\r\n") for part in parts)
    assert [True, True] == [draw(n) in part for n, part in zip((1, 2), parts, strict=True)]
    assert {town.cctv} == set(town.previews.asked)
    assert 0 == routes_media._watching, "a client that went away is not counted on"


def test_who_was_disabled_meanwhile_watches_no_longer(
    town: Any, draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    async def watch() -> bytes:
        return b"".join([part async for part in routes_media._live(town.previews, town.cctv, lambda: True)])

    monkeypatch.setattr(routes_media, "ASKED_AGAIN_S", 0.0)
    town.previews.pictures[town.cctv] = draw(3)
    assert b"--tangkapin-picture--\r\n" == asyncio.run(watch())


def test_so_many_live_pictures_at_once_and_no_more(town: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_media, "_watching", routes_media.LIVE_MOST)
    answer = client.get(f"/api/cctv/{town.cctv}/live", headers=town.sri.headers)
    assert (429, "10") == (answer.status_code, answer.headers["retry-after"])


def test_without_redis_there_is_no_preview_and_nothing_breaks(town: Any) -> None:
    with town.client() as other:
        told = other.get("/api/cctv", headers=town.sri.headers).json()["data"]["data"]
        assert {None} == {row["preview_url"] for row in told}
        assert 404 == other.get(f"/api/cctv/{town.cctv}/snapshot", headers=town.sri.headers).status_code
        assert 503 == other.get(f"/api/cctv/{town.cctv}/live", headers=town.sri.headers).status_code


def test_a_live_picture_names_its_boundary_or_browsers_show_nothing(town, client, monkeypatch):
    monkeypatch.setattr("core.incidents.routes_media.LIVE_S", 0)
    answer = client.get(f"/api/cctv/{town.cctv}/live", headers=town.sri.headers)
    assert ["multipart/x-mixed-replace; boundary=tangkapin-picture"] == answer.headers.get_list("content-type")
    assert b"--tangkapin-picture--\r\n" == answer.content
