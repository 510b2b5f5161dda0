"""An announcement is told to the officers and police of the agency, and to nobody else."""

from typing import Any

import pytest

BODY = {"title": "Apel pagi", "message": "Pukul tujuh\n" + "x" * 480, "client_id": "a-1"}


def heard(client: Any, person: Any, path: str) -> list[Any]:
    rows = client.get(f"/api{path}?limit=100", headers=person.headers).json()["data"]["data"]
    return [row for row in rows if "Apel pagi" in row["title"]]


def test_it_is_told_to_officers_and_police_of_the_agency_once(town: Any, client: Any) -> None:
    town.officer()
    for prefix in ("/api", "/api/v1"):  # the second time as by a page that did not hear the answer
        answer = client.post(f"{prefix}/officer/announcement", json=BODY, headers=town.ani.headers)
        assert 201 == answer.status_code, answer.text
    [told] = heard(client, town.tono, "/police/notification")
    assert ("Announcement: Apel pagi", True) == (told["title"], told["message"].startswith("Pukul tujuh xxx"))
    assert 492 == len(told["message"])
    assert 1 == len(heard(client, town.rudi, "/police/notification"))
    assert [] == heard(client, town.ani, "/officer/notification"), "who wrote it knows it"
    assert [] == heard(client, town.ketut, "/police/notification") + heard(client, town.sri, "/notification")


@pytest.mark.threat("T22")
def test_nobody_announces_without_an_end(town: Any, client: Any) -> None:
    answers = [client.post("/api/officer/announcement", json=BODY, headers=town.wayan.headers) for _ in range(11)]
    assert [201] * 10 + [429] == [answer.status_code for answer in answers]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_national_admin_has_nobody_to_tell(town: Any, client: Any) -> None:
    answer = client.post("/api/officer/announcement", json=BODY, headers=town.nasional.headers)
    assert (403, False) == (answer.status_code, answer.json()["success"])
