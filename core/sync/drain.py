"""Sends what is due at one sink: claims in batches, keeps many requests in flight, settles what comes back in groups.

Three commits a batch: the claim (a lease), the arming (requests stored, rows `sending`), the settling. A worker that
dies between them leaves rows whose lease runs out; only those that were `sending` are of unknown outcome.
"""

from __future__ import annotations

import asyncio
import secrets as entropy
import threading
import time

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core.db.engine import Database
from core.domain.cases import HttpRequest, SyncReceipt
from core.domain.errors import Refused, Transient
from core.hooks.bounded import HookHung, bounded
from core.hooks.errors import PluginQuarantined, UnknownInstance
from core.hooks.host import Host
from core.outbound import SafeSession
from core.sync import breaker, outbox
from core.sync.cases import Case, Readable, picture_reader, read_cases
from core.sync.events import announce
from core.sync.jobs import Job, build_all, fix_bytes, pictures_of
from core.sync.judge import Landed, judge, scrub, weigh
from core.sync.outbox import Claimed, Moved, Outcome
from core.sync.policy import SinkPolicy, policy_of
from core.sync.transport import VENDOR_KEY, Exchange, Purpose, SecretMissing, exchange, open_session, read_reference

log = structlog.get_logger(__name__)
LONGEST_S = 60.0
_PAUSE_S = 0.25
_LINGER_S = 0.03


class SinkDrain:
    """One run for one sink. `rung` may be set from any thread: rows have become due, look again before ending."""

    def __init__(self, database: Database, host: Host, media: Readable, sink: str, *, stop: threading.Event) -> None:
        self._database = database
        self._host = host
        self._media = media
        self._sink = sink
        self._stop = stop
        self.rung = threading.Event()
        self._secrets: set[str] = set()
        info = next((info for info in host.instances if info.id == sink), None)
        if info is None:
            raise UnknownInstance(f"no plugin instance {sink!r} in plugins.toml: its rows wait, or are cancelled")
        self._quarantined = info.state == "quarantined"
        self.policy: SinkPolicy = policy_of(info.config, info.hooks)

    def run(self) -> int:
        """Send until nothing is due, the breaker is open, told to stop, or LONGEST_S is over. Returns how many left."""
        return 0 if self._quarantined else asyncio.run(self._run())

    async def _run(self) -> int:
        ends = time.monotonic() + LONGEST_S
        flying: set[asyncio.Task[Landed]] = set()
        landed: list[Landed] = []
        count, dry, waits_since = 0, False, 0.0
        few = max(1, self.policy.in_flight // 2)
        async with open_session(self.policy) as session:
            while True:
                if self.rung.is_set():
                    self.rung.clear()
                    dry = False
                free = self.policy.in_flight - len(flying)
                open_ = not (dry or self._stop.is_set() or time.monotonic() > ends)
                if open_ and free >= few:
                    try:
                        jobs, claimed = await asyncio.to_thread(self._prepare, free)
                    except Exception as error:  # the database went away: what flies must still be settled
                        log.warning("sync_claim_failed", sink=self._sink, error=type(error).__name__)
                        jobs, claimed = [], 0
                    dry = not claimed
                    count += len(jobs)
                    flying |= {asyncio.create_task(self._fly(session, job)) for job in jobs}
                if not flying:
                    if dry or not open_:
                        return count
                    continue
                pause = _LINGER_S if landed else _PAUSE_S
                done, flying = await asyncio.wait(flying, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if done and not landed:
                    waits_since = time.monotonic()
                landed += [task.result() for task in done]
                # Three commits are paid for a batch of any size: answers wait a moment for each other.
                if landed and (len(landed) >= few or not flying or time.monotonic() - waits_since >= _LINGER_S):
                    await self._settle(landed)
                    landed = []

    # -- before -------------------------------------------------------------------------------------------------

    def _prepare(self, free: int) -> tuple[list[Job], int]:
        """Claim, build, store. Returns the armed jobs and how many rows were claimed."""
        with self._database.system() as connection:
            allowed = breaker.allowance(connection, self._sink, self.policy)
            limit, token = min(free, allowed.requests), entropy.randbits(62)
            lease_s = self.policy.lease_s
            rows = outbox.claim(connection, self._sink, limit=limit, token=token, lease_s=lease_s) if limit else []
            cases = read_cases(connection, [row.id for row in rows]) if rows else {}
            if allowed.probe and not rows:
                breaker.give_back_probe(connection, self._sink)
        if not rows:
            return [], 0
        try:
            return self._arm(rows, cases, probe=allowed.probe), len(rows)
        except BaseException:
            with self._database.system() as connection:
                outbox.release(connection, rows)
            raise

    def _arm(self, rows: list[Claimed], cases: dict[int, Case], *, probe: bool) -> list[Job]:
        waits = {row.id: self.policy.wait_s(row.failures + 1) for row in rows}
        built = build_all(self._host, self._sink, self.policy, rows, cases, waits)
        jobs = [one for one in built if isinstance(one, Job)]
        with self._database.system() as connection:
            reader = picture_reader(connection, self._media, {job.row.vendor_id for job in jobs}, pictures_of(jobs))
        fixed = [fix_bytes(job, reader(job.row.vendor_id), waits[job.row.id]) for job in jobs]
        jobs = [one for one in fixed if isinstance(one, Job)]
        outcomes = [one for one in (*built, *fixed) if isinstance(one, Outcome)]
        with self._database.system() as connection:
            requests = [(job.row, job.stored, job.sha256) for job in jobs]
            armed = outbox.arm(connection, requests, lease_s=self.policy.lease_s) if requests else set()
            moved = self._write(connection, outcomes) if outcomes else []
            if probe and not armed:
                breaker.give_back_probe(connection, self._sink)
        announce(self._host, moved)
        return [job for job in jobs if job.row.id in armed]

    def _write(self, connection: Connection, outcomes: list[Outcome]) -> list[Moved]:
        least_s, margin_s = self.policy.retry_first_s, self.policy.timeout_s
        written, violations = outbox.settle(connection, outcomes, least_s=least_s, margin_s=margin_s)
        for outcome in outcomes:
            level = log.info if outcome.id in written else log.warning
            name = "sync_settled" if outcome.id in written else "sync_result_came_too_late"
            level(name, sink=self._sink, sync=outcome.id, trace=outcome.trace, outcome=outcome.event.value)
        return outbox.roll_up(connection, violations)

    # -- on the way ---------------------------------------------------------------------------------------------

    async def _fly(self, session: SafeSession, job: Job) -> Landed:
        """Ask if that is due, then send. Never raises."""
        looked: Exchange | None = None
        if job.row.look_up_first and job.look_up is not None:
            looked = await self._exchange(session, job, job.look_up, b"", "look_up")
            found = await asyncio.to_thread(self._read, [looked])
            if judge(looked, found[0], self.policy).meaning != "absent" or job.row.expired:
                return Landed(job, looked, found[0])
        if self.policy.can_push:
            sent, receipt = await asyncio.to_thread(self._push, job)
            if sent is not None:
                return Landed(job, looked, None, sent, receipt)
        return Landed(job, looked, None, await self._exchange(session, job, job.request, job.body, "send"))

    async def _exchange(
        self, session: SafeSession, job: Job, request: HttpRequest, body: bytes, purpose: Purpose
    ) -> Exchange:
        return await exchange(
            session,
            request,
            body,
            purpose=purpose,
            key=job.row.key,
            secrets=lambda field: self._secret(job, field),
            timeout_s=self.policy.timeout_s,
            keep_alive=self.policy.idempotent or job.look_up is not None,
        )

    def _secret(self, job: Job, field: str) -> str:
        if field == VENDOR_KEY:
            value = read_reference(job.vendor_key)
        else:
            try:
                value = self._host.secret(self._sink, field)
            except UnknownInstance as error:
                raise SecretMissing(str(error)) from None
        self._secrets.add(value)
        return value

    def _push(self, job: Job) -> tuple[Exchange | None, SyncReceipt | None]:
        start = time.monotonic()

        def ended(*, sent: bool, error: str = "", outcome: str = "") -> tuple[Exchange, SyncReceipt | None]:
            over = Exchange(purpose="send", sent=sent, error=error, duration_s=round(time.monotonic() - start, 4))
            return over, SyncReceipt(outcome="refused", reason=error) if outcome == "refused" else None

        try:
            receipt = bounded(lambda: self._host.push_sync(self._sink, job.case, job.body), self.policy.timeout_s)
        except (Transient, PluginQuarantined) as error:
            return ended(sent=False, error=str(error))
        except Refused as error:
            return ended(sent=True, error=str(error), outcome="refused")
        except HookHung as error:
            self._host.give_up(self._sink, f"push_sync: {error}")
            return ended(sent=True, error=str(error))
        return (None, None) if receipt is None else (ended(sent=True)[0], receipt)

    def _read(self, exchanges: list[Exchange]) -> list[SyncReceipt | None]:
        """The sink's reading of each answer, None where there is none."""
        answers = [one.response for one in exchanges]
        host, sink = self._host, self._sink
        try:
            return bounded(lambda: [None if answer is None else host.read_receipt(sink, answer) for answer in answers])
        except HookHung as error:
            host.give_up(sink, f"read_receipt: {error}")
            unknown = SyncReceipt(outcome="unknown", reason=f"plugin {sink}: read_receipt: {error}")
            return [None if answer is None else unknown for answer in answers]

    # -- after --------------------------------------------------------------------------------------------------

    async def _settle(self, landed: list[Landed]) -> None:
        """Write what came back. While the database is away it is tried again, as long as the leases may hold."""
        patience = time.monotonic() + self.policy.lease_s
        while True:
            try:
                return await asyncio.to_thread(self._settle_once, landed)
            except DBAPIError as error:
                log.warning("sync_settle_failed", sink=self._sink, rows=len(landed), error=type(error).__name__)
                if self._stop.is_set() or time.monotonic() > patience:
                    return None  # the leases run out, and the centre is asked before anything is sent again
            await asyncio.sleep(_PAUSE_S)

    def _settle_once(self, landed: list[Landed]) -> None:
        unread = [one for one in landed if one.sent is not None and one.sent.response is not None]
        receipts = dict(zip((one.job.row.id for one in unread), self._read([o.sent for o in unread if o.sent]),
                            strict=True))  # fmt: skip
        weighed = [weigh(one, receipts.get(one.job.row.id), self.policy, self._secrets) for one in landed]
        bad = [last for _, last in weighed if not last.alive]
        with self._database.system() as connection:
            moved = self._write(connection, [outcome for outcome, _ in weighed])
            breaker.note(
                connection,
                self._sink,
                self.policy,
                good=len(weighed) - len(bad),
                bad=len(bad),
                error=scrub(bad[-1].reason, self._secrets) if bad else "",
                asked_wait_s=max((last.asked_wait_s for last in bad), default=0.0),
            )
        announce(self._host, moved)
