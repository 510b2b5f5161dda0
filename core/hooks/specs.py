"""The hooks of Tangkapin: this file is their manual (docs/hooks.md is generated from it and checked by tests).

All hooks are plain functions, never `async`: core runs them in the process and thread that their docstring names, one
plugin at a time, so that one that raises stops no other. A hook takes one or two Structs of `core.api` and returns
Structs; it evolves by fields with defaults. `hooks = 1` in plugins.toml names this version.

Each docstring says: what each argument is, what comes back, what may be raised and what core then does, who is asked,
where it is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pluggy

from core.domain.answers import Answer, Recognition
from core.domain.cases import (
    CaseDraft,
    CaseView,
    HttpRequest,
    HttpResponse,
    Passage,
    SyncReceipt,
    Verdict,
)
from core.domain.events import DomainEvent, Health
from core.domain.extensions import PluginCommand, PluginPage, PluginRoute, RouteRequest
from core.domain.frames import Frame, Sighting
from core.domain.notices import Delivery, Notice, Recipient
from core.domain.observations import Device, Observation, Payload, PlateRead
from core.domain.streams import StreamConnect

PROJECT = "tangkapin"
HOOKS_VERSION = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Specs:
    """Every hook, in the order of an event's way through the house."""

    # -- ingest -------------------------------------------------------------------------------------------------

    @hookspec
    def answers(self) -> list[Answer]:  # type: ignore[empty-body]
        """Declare what the make's firmware expects to hear, and the paths it insists on.

        returns  rows in matching order; core compiles them, so no plugin code runs before the commit
        asked    every vendor plugin, once, at load
        errors   anything raised: the plugin fails to load
        called   in every process that serves the camera endpoint, in the main thread
        since    hooks 1
        """

    @hookspec
    def parse_payload(self, payload: Payload) -> list[Observation]:  # type: ignore[empty-body]
        """Turn one stored request of a device into observations.

        payload  the raw body (Content-Encoding undone, at most 64 MiB), content type, headers, the device
        returns  observations in the order of the payload; [] = understood, nothing to record (a heartbeat)
        raises   UnsupportedEvent   understood, not for us: counted by event name
                 MalformedPayload   quarantined with its text, can be replayed
                 anything else      ours: quarantined with the traceback; after 20 in a row the plugin is quarantined
        limits   2 s and 1 GiB: beyond that its process is killed, the payload put aside, the others re-queued
        asked    the ONE plugin named by the device's maker
        called   in the parse process, behind the inbox; no network, no files, no sleep
        since    hooks 1
        """

    @hookspec
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        """Say whether a payload of unknown origin looks like this make's, and why.

        returns  None for "not mine"
        asked    all vendor plugins, for onboarding only: live traffic is never guessed
        errors   isolated: that plugin has no opinion
        called   in the CLI or a web worker
        since    hooks 1
        """

    # -- judging ------------------------------------------------------------------------------------------------

    @hookspec
    def judge_read(self, read: PlateRead, device: Device) -> Verdict | None:
        """Give an opinion of a read: accept, review or drop, with a reason code.

        returns  None for no opinion; over all plugins the strictest wins (accept < review < drop), order-free
        asked    all judges bound to the device
        errors   isolated and counted; the read goes to review with the reason "judge_failed"
        called   in the parse process, once for each read; pure
        since    hooks 1
        """

    @hookspec
    def classify_passage(self, passage: Passage, device: Device) -> list[CaseDraft]:  # type: ignore[empty-body]
        """Say which violations a passage is.

        passage  all merged reads of one vehicle; called again when a later read changes it
        returns  drafts; (passage, violation_type) is unique in the database, so returning one twice is safe
        asked    all rule plugins bound to the device's vendor; drafts of one type from two plugins merge
        errors   isolated, counted, shown; the passage is kept and `tangkapin replay` classifies it again
        called   in the parse process; pure, no clock but the passage's own times
        since    hooks 1
        """

    # -- detection ----------------------------------------------------------------------------------------------

    @hookspec
    def open_stream(self, device: Device, connect: StreamConnect) -> Iterator[Payload] | None:
        """Attach to a device's own event stream and hand on what it says, as the device would have posted it.

        connect  opens a path of the device's approved address with its credentials, which the plugin never sees
        returns  an iterator of payloads, each stored in the inbox like a posted one; it ends or raises when the
                 connection is lost, and core attaches again with back-off; None: this make has no stream
        asked    the ONE plugin named by the device's maker
        errors   isolated and counted; the camera is shown as offline with the text
        called   in the streams process, in a thread of the device's own
        since    hooks 1
        """

    @hookspec
    def detect_frames(self, frames: list[Frame]) -> list[list[Sighting]]:  # type: ignore[empty-body]
        """Look at frames of one or several cameras.

        returns  for each frame, in order, what is seen in it; [] = nothing
        asked    every detector bound to the frames' cameras; a first call at start has one blank frame (warm-up)
        errors   isolated and counted; pushed pictures of that call are tried again, pulled ones are dropped and counted
        called   in the one process that owns the models, one call at a time
        since    hooks 1
        """

    # -- notices ------------------------------------------------------------------------------------------------

    @hookspec
    def deliver_notice(self, notice: Notice, recipient: Recipient) -> Delivery:  # type: ignore[empty-body]
        """Tell one recipient. Attempts repeat: the channel or the device drops a notice.id that it has.

        returns  delivered (the device said so) or accepted (the service took it), and dead addresses
        raises   Transient: tried again with jitter; Undeliverable: the next channel; anything else: as Transient
        asked    the ONE channel instance of the delivery row
        called   in a worker, in a thread; at most 10 s
        since    hooks 1
        """

    # -- sinks --------------------------------------------------------------------------------------------------

    @hookspec
    def build_sync(self, case: CaseView) -> HttpRequest | None:
        """Make the request that tells a centre of an approved violation. Pure: core stores it, then sends it.

        returns  the request, without secrets (name the Config field in `secret_headers`)
        raises   Unbuildable: the case goes back to a person with the text
        asked    the ONE sink instance of the outbox row
        called   in a worker, once for each case
        since    hooks 1
        """

    @hookspec
    def read_receipt(self, response: HttpResponse) -> SyncReceipt | None:
        """Say what the centre's answer to `build_sync` or `build_look_up` means.

        response  status, headers, body (cut at 64 KiB); never a network error: core knows those itself
        returns   accepted, refused, transient, unknown or (look-up only) absent
        errors    treated as "unknown"
        asked     the ONE sink instance of the outbox row
        called    in a worker; pure
        since     hooks 1
        """

    @hookspec
    def build_look_up(self, case: CaseView) -> HttpRequest | None:
        """Make a request that asks the centre whether it has this case already.

        returns  None when the centre cannot be asked: an unknown outcome then becomes `uncertain`, for a person
        asked    the ONE sink instance of the outbox row, before an attempt whose predecessor's outcome is unknown
        called   in a worker; pure
        since    hooks 1
        """

    @hookspec
    def push_sync(self, case: CaseView, rendered: bytes) -> SyncReceipt | None:
        """Deliver a case by something that is not HTTP (a file drop). Must be idempotent by case.idempotency_key.

        rendered  the exact bytes of the stored request's body, evidence included
        returns   a receipt; None when this sink speaks HTTP (core then sends `build_sync`'s request)
        raises    Transient: retried; Refused: terminal; anything else: unknown
        called    in a worker thread
        since     hooks 1
        """

    # -- additions to the house ---------------------------------------------------------------------------------

    @hookspec
    def routes(self) -> list[PluginRoute]:  # type: ignore[empty-body]
        """Declare routes of the API: `/api/plugins/<instance>/routes/<name>`.

        returns  the same at every call
        asked    all, when one of their routes is asked
        errors   isolated and counted; the route is not available
        called   in a web worker
        since    hooks 1
        """

    @hookspec
    def answer_route(self, request: RouteRequest) -> dict[str, Any]:  # type: ignore[empty-body]
        """Answer one request of a person to a route that `routes` declares.

        request  who asks, with which role and for which agencies: core has checked the token, not what you answer
        returns  JSON-able data, at most 1 MiB: `data` of the envelope
        raises   Refused: the person is told its text (422); Transient: "later" (503); anything else: 503, counted
        limits   10 s; then the person is told "later"
        asked    the ONE instance of the address, when it serves one of the person's agencies
        called   in a web worker, in a thread; several at a time
        since    hooks 1
        """

    @hookspec
    def pages(self) -> list[PluginPage]:  # type: ignore[empty-body]
        """Declare pages of the client. They run in a frame without an origin and reach only this instance's routes.

        returns  the same at every call; all pages together at most 2 MiB
        asked    all that serve an agency of the person who looks
        errors   isolated and counted; its pages are not shown
        called   in a web worker
        since    hooks 1
        """

    @hookspec
    def commands(self) -> list[PluginCommand]:  # type: ignore[empty-body]
        """Declare commands of `tangkapin plugins run`.

        errors   shown
        called   in the CLI
        since    hooks 1
        """

    @hookspec
    def run_command(self, name: str, arguments: list[str]) -> str:  # type: ignore[empty-body]
        """Run one of the declared commands.

        arguments  what stood behind the name, unread
        returns    what is printed
        raises     Refused, Transient: one line on standard error and exit code 1; anything else: the same, counted
        called     in the CLI, in the main thread
        since      hooks 1
        """

    # -- everybody ----------------------------------------------------------------------------------------------

    @hookspec
    def observe_event(self, event: DomainEvent) -> None:
        """Hear of something that happened, after its transaction committed.

        asked    all
        errors   isolated, counted, logged
        called   in a worker
        since    hooks 1
        """

    @hookspec
    def health(self) -> Health | None:
        """Say how the plugin itself is, for /readyz and `plugins list`. Must answer at once, from memory.

        asked    all
        errors   isolated: shown as "error"
        since    hooks 1
        """

    @hookspec
    def close(self) -> None:
        """Let go of what the plugin holds. Called at shutdown in reverse order of loading; must be safe twice.

        errors   isolated, logged
        since    hooks 1
        """
