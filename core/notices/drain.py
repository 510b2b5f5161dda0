"""Tells people: plans new notices, then empties each channel in a thread of its own: a slow one holds up no other.

A claim (a lease) commits before anything is sent, no transaction is open while it is told, and each answer is settled
as it comes. A worker that dies in between leaves rows whose lease runs out: they may have been told, and are told again
as such, under the same notice id, which a device drops if it has it (docs/decisions/0011).
"""

from __future__ import annotations

import queue
import secrets as entropy
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.db.engine import Database
from core.domain.errors import Transient, Undeliverable
from core.domain.notices import Address, Delivery, Notice, Recipient
from core.hooks.errors import PluginFailed, PluginQuarantined, UnknownInstance
from core.hooks.host import Host
from core.notices import outbox
from core.notices.journal import Journal, Line
from core.notices.outbox import Claimed, Outcome
from core.notices.rules import RULES
from core.notices.states import MAX_ATTEMPTS, State, wait_s

log = structlog.get_logger(__name__)

IN_FLIGHT = 8
"""Deliveries of a channel that are claimed together, and told at once: what is claimed is being told."""
HOOK_TIMEOUT_S = 10.0
LEASE_S = 30.0
"""Three times what a hook may take: an alarm whose worker died is not silent for long."""
SETTLE_AGAIN_S = 0.3
EAR_S = 2.0
"""A channel that can hear what went out is given so long to hear it, before what is unsure is told again."""
HEARD = Delivery(outcome="accepted", receipt="heard")
Link = Callable[[int, bytes, str], str]
"""(vendor id, SHA-256, holder) -> address of a picture that opens by itself for some minutes."""

_PEOPLE = text("""
SELECT 'owner' AS role, id, full_name, language FROM owners WHERE id = ANY(:owner)
UNION ALL SELECT 'officer', id, full_name, language FROM officers WHERE id = ANY(:officer)
UNION ALL SELECT 'police', id, full_name, language FROM police WHERE id = ANY(:police)
UNION ALL SELECT 'admin', id, full_name, language FROM admins WHERE id = ANY(:admin)
""")
_ADDRESSES = text("""
SELECT a.id, a.role, a.person_id, a.channel, a.value FROM push_addresses a
  JOIN jsonb_to_recordset(CAST(:people AS jsonb)) AS x(role text, id bigint) ON a.role = x.role AND a.person_id = x.id
 ORDER BY a.id
""")
_PICTURES = text("""
SELECT DISTINCT ON (report_id) report_id, sha256 FROM report_evidence
 WHERE report_id = ANY(:reports) AND type = 'IMAGE' ORDER BY report_id, (role = 'annotated') DESC, id
""")


Answer = Delivery | Exception | None
"""What a channel said or raised; None: it was not asked, for it is too late, or a newer one says more."""


class NotBack(Exception):
    """A channel's hook did not come back in time."""


class Known:
    """What a batch needs to know of people, addresses and pictures: read in one transaction with its claim."""

    def __init__(self, connection: Connection, rows: list[Claimed]) -> None:
        ids: dict[str, list[int]] = {role: [] for role in ("owner", "officer", "police", "admin")}
        for row in rows:
            ids.setdefault(row.role, []).append(row.person_id)
        ids.pop("dashboard", None)
        self.people = {(one.role, one.id): one for one in connection.execute(_PEOPLE, ids)}
        told = [{"role": role, "id": person} for role, persons in ids.items() for person in set(persons)]
        self.addresses: dict[tuple[str, int], list[Address]] = {}
        for one in connection.execute(_ADDRESSES, {"people": outbox.as_json(told)}):
            address = Address(id=one.id, channel=one.channel, value=one.value)
            self.addresses.setdefault((one.role, one.person_id), []).append(address)
        reports = [row.report_id for row in rows if row.report_id is not None]
        self.pictures = {
            one.report_id: bytes(one.sha256) for one in connection.execute(_PICTURES, {"reports": reports})
        }


def render(row: Claimed, known: Known, link: Link | None) -> tuple[Notice, Recipient]:
    """A delivery as channels get it: in the recipient's language, with an address of the picture made for them."""
    who = known.people.get((row.role, row.person_id))
    language: Literal["id", "en"] = "en" if who is not None and who.language == "en" else "id"
    payload = dict(row.payload)
    picture = known.pictures.get(row.report_id or 0)
    if link is not None and picture is not None:
        payload["evidenceUrl"] = link(row.vendor_id, picture, f"{row.role}:{row.person_id}")
    words = row.texts[language]
    notice = Notice(
        id=str(row.recipient_id), kind=row.kind, title=words["title"], message=words["message"], at=row.at,
        event=row.event, payload=payload, report_id=row.report_id, device_id=row.device_id, urgent=row.urgent,
        collapse_key=row.collapse_key or f"notice:{row.recipient_id}", expires_at=row.expires_at, again=row.unsure,
    )  # fmt: skip
    recipient = Recipient(
        role=row.role, id=row.person_id, vendor_id=row.vendor_id,  # type: ignore[arg-type]
        name=who.full_name if who is not None else "", language=language,
        addresses=tuple(known.addresses.get((row.role, row.person_id), ())),
    )  # fmt: skip
    return notice, recipient


class NoticeDesk:
    """Tells what is due. Any number of them work beside each other; each channel is emptied once at a time in each.

    link     makes addresses of pictures; None: notices carry none
    journal  of this machine's workers; None: what a killed one told in its last moment is told again
    """

    def __init__(
        self, database: Database, host: Host, *, stop: threading.Event, link: Link | None = None,
        journal: Journal | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._host = host
        self._link = link
        self._stop = stop
        self._journal = journal
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._rung: set[str] = set()
        self._hung: dict[str, int] = {}

    def look(self, *, wait: bool = False) -> None:
        """Plan what is new and start on what is due; `wait`: come back when it is done (tests, the command line)."""
        self._succeed()
        self._plan()
        with self._database.system() as connection:
            channels = outbox.due_channels(connection)
        for channel in channels:
            self._start(channel)
        while wait:
            with self._lock:
                threads = list(self._threads.values())
            if not threads:
                return
            for thread in threads:
                thread.join()

    def close(self, timeout_s: float) -> None:
        """After `stop`: wait for what is being told, so that no other worker has to tell it again."""
        until = time.monotonic() + timeout_s
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        if self._journal is not None:
            self._journal.close()

    def is_due(self, late_s: float = 0.0) -> bool:
        """Whether something waits for longer than so."""
        with self._database.system() as connection:
            return outbox.is_waiting(connection, late_s=late_s)

    def _succeed(self) -> None:
        """Settle what workers of this machine told and could not commit before they were killed: at each look, for one
        may have died beside us, and its lease ends before it is back."""
        if self._journal is None:
            return
        with self._lock:
            for path, lines in self._journal.left():
                with self._database.system() as connection:
                    known = outbox.settle_known(connection, lines)
                path.unlink(missing_ok=True)
                if known:
                    log.info("told_by_predecessor", deliveries=known)

    def _plan(self) -> None:
        while not self._stop.is_set():
            with self._database.system() as connection:
                planned = outbox.plan(connection, self._host.channels_for, self._host.is_in_app)
                outbox.wake(connection)
            if planned < outbox.BATCH:
                return

    def _start(self, channel: str) -> None:
        with self._lock:
            if channel in self._threads:
                self._rung.add(channel)  # it looks again before it ends
                return
            thread = threading.Thread(target=self._drain, args=(channel,), name=f"tell-{channel}", daemon=True)
            self._threads[channel] = thread
            thread.start()

    def _drain(self, channel: str) -> None:
        try:
            while not self._stop.is_set():
                if self._batch(channel):
                    continue
                with self._lock:
                    if channel not in self._rung:
                        del self._threads[channel]
                        return
                    self._rung.discard(channel)
        except Exception as error:  # the rows are still there; their lease runs out
            log.warning("telling_failed", channel=channel, error=f"{type(error).__name__}: {error}"[:300])
        with self._lock:
            self._threads.pop(channel, None)

    def _batch(self, channel: str) -> int:
        with self._database.system() as connection:
            token = entropy.randbits(62)
            rows = outbox.claim(connection, channel, limit=IN_FLIGHT, token=token, lease_s=LEASE_S)
            if not rows:
                return 0
            known = Known(connection, rows)
        for answers in self._tell_all(channel, rows, known):
            for other in self._settle([self._outcome(channel, row, answer) for row, answer in answers]):
                if other != channel:
                    self._start(other)
            if self._journal is not None:
                self._journal.committed(row.id for row, _ in answers)
        return len(rows)

    def _settle(self, outcomes: list[Outcome]) -> list[str]:
        """Write what came of it; returns the channels that are due now. While PostgreSQL is away it is kept here: what
        would be forgotten would be told again."""
        while True:
            try:
                with self._database.system() as connection:
                    other_due = outbox.settle(connection, outcomes)
                    return outbox.due_channels(connection) if other_due else []
            except (OperationalError, InterfaceError, PoolTimeout) as error:
                if self._stop.wait(SETTLE_AGAIN_S):
                    raise
                log.warning("settling_waits", error=type(error).__name__)

    def _tell_all(self, channel: str, rows: list[Claimed], known: Known) -> Iterator[list[tuple[Claimed, Answer]]]:
        """Tell all at once, and give the answers as they come. A thread that does not come back in time is left behind,
        since it cannot be killed."""
        answers: queue.SimpleQueue[tuple[Claimed, Answer]] = queue.SimpleQueue()

        def work(row: Claimed) -> None:
            try:
                told = self._tell(channel, row, known)
            except Exception as error:
                answers.put((row, error))
            else:
                self._note(channel, row, told, until)
                answers.put((row, told))

        until = time.monotonic() + HOOK_TIMEOUT_S
        for row in rows:
            threading.Thread(target=work, args=(row,), name=f"notice-{channel}", daemon=True).start()
        left = {row.id: row for row in rows}
        while left:
            try:
                came = [answers.get(timeout=max(0.0, until - time.monotonic()))]
            except queue.Empty:
                yield [(row, NotBack()) for row in left.values()]
                return
            while not answers.empty():
                came.append(answers.get())
            for row, _ in came:
                del left[row.id]
            yield came

    def _tell(self, channel: str, row: Claimed, known: Known) -> Delivery | None:
        if row.heard:
            return HEARD
        return None if _is_past(row) else self._host.deliver_notice(channel, *render(row, known, self._link))

    def _note(self, channel: str, row: Claimed, told: Delivery | None, until: float) -> None:
        if self._journal is not None and told is not None:
            enough = told.outcome == "delivered" or self._is_enough(channel, row)
            self._journal.note(
                Line(id=row.id, token=row.token, state=told.outcome, receipt=told.receipt[:500],
                     enough=row.recipient_id if enough else 0),
                before=until,
            )  # fmt: skip

    def _is_enough(self, channel: str, row: Claimed) -> bool:
        """Whether what this channel took needs no further one."""
        return not row.urgent and not self._host.is_in_app(channel)

    def _outcome(self, channel: str, row: Claimed, answer: Answer) -> Outcome:
        match answer:
            case None:
                return Outcome(row=row, state=State.SUPERSEDED, error=_is_past(row))
            case Delivery():
                self._hung.pop(channel, None)
                enough = self._is_enough(channel, row)
                state = State(answer.outcome)
                return Outcome(row=row, state=state, receipt=answer.receipt, dead=answer.dead, enough=enough)
            case Undeliverable():
                return Outcome(row=row, state=State.UNDELIVERABLE, error=str(answer), dead=answer.dead)
            case Transient():
                return self._later(channel, row, str(answer), answer.retry_after_s, unsure=answer.unsure)
            case PluginQuarantined() | UnknownInstance():
                return Outcome(row=row, state=State.UNDELIVERABLE, error=str(answer))
            case NotBack():
                self._note_hung(channel)
                return self._later(channel, row, f"no answer within {HOOK_TIMEOUT_S:g} s", unsure=True)
            case PluginFailed():
                return self._later(channel, row, answer.error_text, unsure=True)
            case _:
                return self._later(channel, row, type(answer).__name__, unsure=True)

    def _later(
        self, channel: str, row: Claimed, error: str, asked_s: float | None = None, *, unsure: bool
    ) -> Outcome:  # fmt: skip
        if row.attempts >= MAX_ATTEMPTS:
            log.warning("notice_dead", delivery=row.id, attempts=row.attempts, error=error[:200])
            return Outcome(row=row, state=State.DEAD, error=error, unsure=unsure)
        wait = wait_s(row.attempts, asked_s)
        if unsure and self._host.hears(channel):
            wait = max(wait, EAR_S)
        return Outcome(row=row, state=State.PENDING, error=error, wait_s=wait, unsure=unsure)

    def _note_hung(self, channel: str) -> None:
        """A thread that hangs cannot be killed: after a pool full of them the channel is asked no more."""
        self._hung[channel] = self._hung.get(channel, 0) + 1
        if self._hung[channel] >= IN_FLIGHT:
            self._host.give_up(channel, f"hung {self._hung[channel]} times in a row")


def _is_past(row: Claimed) -> str:
    """Why it is not told any more; "" = it is. A position that may have been told is not: the next one says more."""
    if row.expired:
        return "too late to tell"
    rule = RULES.get(row.kind)
    return "perhaps told" if row.unsure and rule is not None and rule.replaces == "kind" else ""
