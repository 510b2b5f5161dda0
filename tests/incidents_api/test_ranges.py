"""Videos play: a signed address gives parts."""

from typing import Any

import pytest

from core.problems import Problem
from core.web.ranges import part_of


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-", (0, 100)), ("bytes=0-0", (0, 1)), ("bytes=10-19", (10, 10)), ("bytes=90-500", (90, 10)),
        ("bytes=-30", (70, 30)), ("bytes=-500", (0, 100)), (" bytes=99- ", (99, 1)),
        (None, None), ("", None), ("bytes=-", None), ("bytes=9-3", None), ("bytes=0-1,5-6", None), ("items=0-1", None),
        ("bytes=a-b", None), ("bytes=+1-2", None), ("bytes=" + "9" * 400 + "-", None), ("bytes=\u0661-\u0662", None),
    ],
)  # fmt: skip
def test_a_range_is_read_as_the_rfc_says_and_what_is_odd_is_all_of_it(header: str | None, found: Any) -> None:
    assert found == part_of(header, 100)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_part_behind_the_end_is_refused_with_the_length(header: str) -> None:
    with pytest.raises(Problem) as refused:
        part_of(header, 100)
    assert (416, "bytes */100") == (refused.value.status, refused.value.headers["Content-Range"])


def test_a_signed_address_gives_parts_and_all_of_it(town: Any, client: Any) -> None:
    report = town.report(client)
    url = client.get(f"/api/officer/report/{report}", headers=town.ani.headers).json()["data"]["report_image"]
    path = url.removeprefix("http://testserver.local")
    whole = client.get(path)
    assert (200, "bytes") == (whole.status_code, whole.headers["accept-ranges"])
    size = len(whole.content)
    part = client.get(path, headers={"Range": "bytes=4-9"})
    assert (206, f"bytes 4-9/{size}", "6") == (
        part.status_code, part.headers["content-range"], part.headers["content-length"],
    )  # fmt: skip
    assert whole.content[4:10] == part.content
    assert whole.content[-5:] == client.get(path, headers={"Range": "bytes=-5"}).content
    same = {"Range": "bytes=0-1", "If-Range": whole.headers["etag"]}
    assert 206 == client.get(path, headers=same).status_code
    assert 200 == client.get(path, headers=same | {"If-Range": '"another"'}).status_code
    behind = client.get(path, headers={"Range": f"bytes={size}-"})
    assert (416, f"bytes */{size}") == (behind.status_code, behind.headers["content-range"])
    assert behind.headers["content-type"].startswith("application/problem+json")


@pytest.mark.threat("T33")
def test_a_part_needs_the_signature_as_all_of_it_does(town: Any, client: Any) -> None:
    report = town.report(client)
    url = client.get(f"/api/officer/report/{report}", headers=town.ani.headers).json()["data"]["report_image"]
    bare = url.removeprefix("http://testserver.local").partition("?")[0]
    assert 403 == client.get(bare, headers={"Range": "bytes=0-1"}).status_code
