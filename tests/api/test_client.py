"""How the pages are served: strict policy, long-lived hashed files, nothing for machines where there is nothing."""

import gzip
import re
from pathlib import Path

import pytest
from litestar.testing import TestClient

from core.web import client as pages

BROWSER = {"Accept": "text/html,application/xhtml+xml", "Accept-Encoding": "gzip"}


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>Tangkapin</title>")
    (dist / "favicon.svg").write_text("<svg/>")
    (dist / "sw.js").write_text("fetch('/')")
    (dist / ".stamp").write_text("secret")
    (dist / "assets" / "index-abc.js").write_text("let plain")
    (dist / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(b"let plain"))
    monkeypatch.setattr(pages, "DIST", dist)
    return dist


@pytest.mark.threat("T23")
def test_a_page_may_run_only_our_own_files_and_talk_only_to_us(client: TestClient) -> None:
    policy = client.get("/", headers=BROWSER).headers["content-security-policy"]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert "'none'" == rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"]
    assert "'self'" == rules["script-src"] == rules["style-src"] == rules["connect-src"]
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy


@pytest.mark.threat("T23")
def test_the_service_worker_may_ask_us_and_nobody_else(client: TestClient) -> None:
    answer = client.get("/sw.js")
    assert "default-src 'none'; connect-src 'self'; frame-ancestors 'none'" == answer.headers["content-security-policy"]
    assert "no-cache" == answer.headers["cache-control"]


def test_every_address_of_the_client_is_its_page_asked_for_anew(client: TestClient) -> None:
    for path in ("/", "/review", "/devices/17", "/some/thing/deep"):
        answer = client.get(path, headers=BROWSER)
        assert (path, 200, "no-cache") == (path, answer.status_code, answer.headers["cache-control"])
        assert "<title>Tangkapin" in answer.text


def test_machines_still_hear_that_there_is_nothing(client: TestClient) -> None:
    for method, path in (("GET", "/nothing"), ("GET", "/api/nothing"), ("POST", "/nothing"), ("DELETE", "/review")):
        answer = client.request(method, path)
        assert (path, 404) == (path, answer.status_code)
        assert answer.headers["content-type"].startswith("application/problem+json")
    assert 404 == client.get("/api/nothing", headers=BROWSER).status_code


def test_hashed_files_are_kept_for_a_year_and_travel_compressed(client: TestClient) -> None:
    answer = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "gzip, br"})
    assert "immutable" in answer.headers["cache-control"]
    assert ("gzip", "let plain") == (answer.headers["content-encoding"], answer.text)
    assert "text/javascript" in answer.headers["content-type"] and "nosniff" == answer.headers["x-content-type-options"]
    plain = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and "let plain" == plain.text


@pytest.mark.threat("T33")
def test_only_what_was_built_is_served(client: TestClient) -> None:
    for path in ("/assets/..%2findex.html", "/assets/%2e%2e%2f.stamp", "/.stamp", "/assets/.stamp", "/assets/x%00.js",
                 "/index.html", "/../core/app.py"):  # fmt: skip
        assert (path, 404) == (path, client.get(path).status_code)
    assert 200 == client.get("/favicon.svg").status_code


def test_where_nothing_is_built_the_page_says_what_to_run(client: TestClient, built: Path) -> None:
    (built / "index.html").unlink()
    answer = client.get("/", headers=BROWSER)
    assert 503 == answer.status_code and "make setup" in answer.text


def test_the_page_in_the_sources_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    source = (Path(__file__).parents[2] / "web" / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?://", source)
