"""What a plugin adds to the house: routes of the API, pages of the client, commands of `tangkapin plugins run`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Asker = Literal["owner", "officer", "police", "admin"]


class PluginRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One route: `/api/plugins/<instance>/routes/<name>`. A person of another role is told that there is none.

    name     a lower-case letter, then up to 40 of a-z 0-9 _
    summary  English, one line
    """

    name: str
    method: Literal["GET", "POST"] = "GET"
    roles: tuple[Asker, ...] = ("admin",)
    summary: str = ""


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks of a route. Core has checked the token, the role and that the instance serves their agency.

    query     each name once, the last value counts; at most 20
    body      the JSON of a POST (at most 64 KiB), None otherwise
    vendors   codes of the agencies whose data this person may see: answer with nothing of others
    language  "id" or "en"
    """

    route: str
    method: Literal["GET", "POST"] = "GET"
    query: dict[str, str] = {}
    body: Any = None
    role: Asker = "admin"
    person_id: int = 0
    vendors: tuple[str, ...] = ()
    language: Literal["id", "en"] = "id"


class PluginPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page in the client's navigation, shown in a sandboxed frame without an origin.

    name      as a route's
    title     English; title_id Indonesian ("" = the English one)
    roles     who sees it
    html      the content of <body>; scripts, event handlers and style attributes in it do not run
    style     CSS; pictures and fonts as data: addresses only
    script    JavaScript without imports. `tangkapin.ask(route, {query, body})` promises the answer of a route of this
              instance; `tangkapin.language` is "id" or "en"; nothing else can be reached: no other host, no token, no
              cookie, no storage, no form, no window around it
    """

    name: str
    title: str
    title_id: str = ""
    roles: tuple[Asker, ...] = ("admin",)
    html: str = ""
    style: str = ""
    script: str = ""


class PluginCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command: `tangkapin plugins run <instance> <name> [ARGUMENT …]`. Name as a route's."""

    name: str
    help: str = ""
