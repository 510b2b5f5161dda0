import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from core.accounts.policy import POLICY
from core.app import describe
from core.cli.openapi import command, rendered
from core.testing.review import World
from core.web.docs import as_openapi_30

ROOT = Path(__file__).parents[2]
DOCUMENT = describe()
METHODS = [(path, method, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()]


def test_the_committed_description_is_the_live_one(client: TestClient) -> None:
    assert rendered() == (ROOT / "docs" / "openapi.json").read_text("utf-8"), "run `tangkapin openapi`"
    assert json.loads(rendered()) == client.get("/schema/openapi.json").json()


def test_the_check_of_the_command_notices_an_old_file(tmp_path: Path) -> None:
    old = tmp_path / "openapi.json"
    runner = CliRunner()
    assert 1 == runner.invoke(command, ["--check", "--output", str(old)]).exit_code
    assert 0 == runner.invoke(command, ["--output", str(old)]).exit_code
    assert 0 == runner.invoke(command, ["--check", "--output", str(old)]).exit_code
    old.write_text(old.read_text().replace("Tangkapin", "Tangkap"))
    assert 1 == runner.invoke(command, ["--check", "--output", str(old)]).exit_code


def test_the_description_is_openapi_3_1_and_names_every_operation_of_the_policy() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert {name for name in POLICY if not name.startswith("GET ")} == {o["operationId"] for _, _, o in METHODS}


@pytest.mark.parametrize(("path", "method", "operation"), METHODS, ids=[o["operationId"] for _, _, o in METHODS])
def test_every_operation_documents_its_errors_as_problems(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"] and operation["description"]
    rule = POLICY[operation["operationId"]]
    errors = {int(status) for status in operation["responses"] if int(status) >= 400}
    assert errors >= {400, 422, 500, 503} | ({401, 403} if rule.roles else set())
    assert "{" not in path or 404 in errors
    for status in errors:
        assert {"application/problem+json"} == set(operation["responses"][str(status)]["content"])
    wanted = {"public": [{}], "service": [{"service_key": []}]}.get(rule.scope)
    assert wanted == operation.get("security")


def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline(client: TestClient) -> None:
    page = client.get("/schema")
    assert 200 == page.status_code and page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=|https?://", page.text)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        answer = client.get(address)
        assert (address, 200) == (address, answer.status_code)
        assert answer.content
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy and "script-src 'self'" in policy and "default-src 'none'" in policy


def test_only_the_files_of_the_page_are_served(client: TestClient) -> None:
    for name in ("index.html", "swagger-ui-bundle.js.map", "..%2f__init__.py", "%2fetc%2fpasswd"):
        assert (name, 404) == (name, client.get(f"/schema/assets/{name}").status_code)


@pytest.mark.threat("T37")
def test_the_description_can_be_switched_off(world: World) -> None:
    world.configure(docs_enabled=False)
    with world.client() as client:
        found = [client.get(p).status_code for p in ("/schema", "/schema/openapi.json", "/schema/assets/start.js")]
        assert [404, 404, 404] == found
        assert 200 == client.get("/healthz").status_code


def test_the_translation_for_the_page_has_no_word_of_3_1_left(client: TestClient) -> None:
    told = client.get("/schema/openapi-3.0.json").json()
    assert ("3.0.3", set(DOCUMENT["paths"])) == (told["openapi"], set(told["paths"]))

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            assert not isinstance(value.get("type"), list)
            assert value.get("type") != "null"
            assert "const" not in value or isinstance(value["const"], dict)
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(told)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"oneOf": [{"$ref": "#/x"}, {"type": "null"}]}, {"nullable": True, "allOf": [{"$ref": "#/x"}]}),
        ({"const": "ok"}, {"enum": ["ok"]}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
    ],
)
def test_how_a_schema_is_said_in_3_0(new: dict[str, Any], old: dict[str, Any]) -> None:
    assert old | {"openapi": "3.0.3"} == as_openapi_30(new)
