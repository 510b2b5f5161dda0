"""The page of the API description, from the swagger-ui-bundle wheel: no CDN, no inline script, a strict policy.

The bundled Swagger UI (4.15) renders OpenAPI 3.0 and refuses 3.1, so the page reads `/schema/openapi-3.0.json`, a
faithful translation; the description itself, for clients and generators, is `/schema/openapi.json` (3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.params import FromPath

from core.problems import Problem

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tangkapin API</title>
<link rel="icon" href="/schema/assets/favicon-32x32.png">
<link rel="stylesheet" href="/schema/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The API description is at <a href="/schema/openapi.json">/schema/openapi.json</a>.</noscript>
<script src="/schema/assets/swagger-ui-bundle.js"></script>
<script src="/schema/assets/start.js"></script>
</body>
</html>
"""
_START = b"""window.ui = SwaggerUIBundle({
  url: "/schema/openapi-3.0.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout"
});
"""
_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}


class OfflineSwagger(OpenAPIRenderPlugin):
    """Swagger UI at /schema, its files beside it."""

    def __init__(self) -> None:
        super().__init__(path="/swagger")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page; its policy is set by `security_headers`."""
        return _PAGE

    def receive_router(self, router: Router) -> None:
        """Add the page's files and the 3.0 translation beside it."""
        router.register(_asset)
        router.register(_openapi_30)


class Description(JsonRenderPlugin):
    """`/schema/openapi.json`: made when somebody first asks for it, not at every start."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as bytes."""
        return super().render(request, with_optional_bodies(openapi_schema))


def with_optional_bodies(document: dict[str, Any]) -> dict[str, Any]:
    """The document, changed in place: Litestar says "required" of every body; one that may be null may be left out."""
    for item in document.get("paths", {}).values():
        body = item.get("post", {}).get("requestBody", {})
        schema = body.get("content", {}).get("application/json", {}).get("schema", {})
        if {"type": "null"} in schema.get("oneOf", ()):
            body["required"] = False
    return document


@get("/assets/{name:str}", include_in_schema=False, sync_to_thread=True)
def _asset(name: FromPath[str]) -> Response[bytes]:
    if name == "start.js":
        return Response(_START, media_type="text/javascript")
    mime = _ASSETS.get(name)
    if mime is None:
        raise Problem("not-found")
    data = (_folder() / name).read_bytes()
    return Response(data, media_type=mime, headers={"Cache-Control": "public, max-age=3600"})


@get("/openapi-3.0.json", include_in_schema=False, sync_to_thread=True)
def _openapi_30(request: Request[Any, Any, Any]) -> Response[bytes]:
    document = as_openapi_30(with_optional_bodies(request.app.openapi_schema.to_schema()))
    return Response(msgspec.json.encode(document), media_type="application/json")


def _folder() -> Path:
    import swagger_ui_bundle

    return Path(swagger_ui_bundle.swagger_ui_path)


def as_openapi_30(document: dict[str, Any]) -> dict[str, Any]:
    """Translate an OpenAPI 3.1 description to 3.0.3: null types become `nullable`, `const` an enum of one."""
    told = _walk(document, _down)
    told["openapi"] = "3.0.3"
    return dict(told)


def _walk(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, dict):
        return change({key: _walk(item, change) for key, item in value.items()})
    return [_walk(item, change) for item in value] if isinstance(value, list) else value


_NULL_30: dict[str, Any] = {"nullable": True, "enum": [None]}


def _down(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if kind == "null":
        return dict(_NULL_30)
    if isinstance(kind, list):
        rest = [one for one in kind if one != "null"]
        schema = {**schema, "type": rest[0] if rest else "object", "nullable": True}
    for word in ("oneOf", "anyOf"):
        options = schema.get(word)
        if isinstance(options, list) and _NULL_30 in options:
            rest = [option for option in options if option != _NULL_30]
            schema = {key: item for key, item in schema.items() if key != word} | {"nullable": True}
            schema |= {"allOf": rest} if len(rest) == 1 else {word: rest}
    if "const" in schema and not isinstance(schema["const"], dict):
        schema = {key: item for key, item in schema.items() if key != "const"} | {"enum": [schema["const"]]}
    if isinstance(schema.get("examples"), list):
        schema = {key: item for key, item in schema.items() if key != "examples"}
    for word, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(word), int | float) and not isinstance(schema.get(word), bool):
            schema = {**schema, limit: schema[word], word: True}
    return schema
