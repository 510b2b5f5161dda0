"""What an attempt comes to: an event of core.sync.states, and whether the target is alive. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from core.domain.cases import HttpResponse, SyncReceipt
from core.sync.jobs import Job
from core.sync.outbox import Outcome
from core.sync.policy import UNSURE_STATUS, SinkPolicy
from core.sync.states import Event
from core.sync.transport import Exchange

KEPT_BODY = 4096
_KEPT_HEADERS = ("content-type", "date", "retry-after", "location", "x-request-id", "traceparent")
Meaning = Literal["accepted", "refused", "later", "unknown", "absent"]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """meaning: `later` = surely not stored · `absent` = the centre says it does not have it."""

    meaning: Meaning
    alive: bool
    outcome: str
    reason: str = ""
    reference: str = ""
    asked_wait_s: float = 0.0


def judge(exchange: Exchange, receipt: SyncReceipt | None, policy: SinkPolicy) -> Judgement:
    """Weigh one exchange. `receipt` is the sink's reading of the answer, None where there was none."""
    if receipt is None:
        if not exchange.sent:
            return Judgement(meaning="later", alive=False, outcome="not_sent", reason=exchange.error)
        return Judgement(meaning="unknown", alive=False, outcome="unknown", reason=exchange.error or "no answer")
    status = exchange.response.status if exchange.response is not None else 0  # 0: pushed, without HTTP
    reason = receipt.reason or (f"HTTP {status}" if status else receipt.outcome)
    if receipt.outcome in ("accepted", "refused"):
        return Judgement(
            meaning=receipt.outcome,
            alive=True,
            outcome=receipt.outcome,
            reason=receipt.reason,
            reference=receipt.reference,
        )
    if receipt.outcome == "absent" and exchange.purpose == "look_up":
        return Judgement(meaning="absent", alive=True, outcome="absent", reason=receipt.reason)
    if receipt.outcome == "transient":
        wait = min(max(receipt.retry_after_s or 0.0, 0.0), policy.retry_max_s)
        unsure = status in UNSURE_STATUS and not policy.trust_errors
        return Judgement(
            meaning="unknown" if unsure else "later",
            alive=False,
            outcome="transient",
            reason=reason,
            asked_wait_s=wait,
        )
    return Judgement(meaning="unknown", alive=False, outcome="unknown", reason=reason)


class Landed(msgspec.Struct, frozen=True):
    """A job whose exchanges are over.

    looked, found    the look-up and the sink's reading of it; None where none was made
    sent, receipt    the sending; the receipt is given where no answer has to be read (a push)
    """

    job: Job
    looked: Exchange | None = None
    found: SyncReceipt | None = None
    sent: Exchange | None = None
    receipt: SyncReceipt | None = None


def weigh(
    landed: Landed, receipt: SyncReceipt | None, policy: SinkPolicy, secrets: Iterable[str]
) -> tuple[Outcome, Judgement]:
    """What a landed job comes to, and the judgement of its last exchange for the breaker."""
    job, row = landed.job, landed.job.row
    attempts = []
    absent = landed.looked is not None and landed.sent is not None  # it is sent after a look-up only when absent
    looked = judge(landed.looked, landed.found, policy) if landed.looked is not None else None
    if landed.sent is None:
        assert landed.looked is not None and looked is not None
        last, exchange = looked, landed.looked
        event = _after_look_up(looked, expired=row.expired)
    else:
        last, exchange = judge(landed.sent, landed.receipt or receipt, policy), landed.sent
        event = _after_sending(
            last,
            can_be_repeated=policy.idempotent or job.look_up is not None,
            earlier_unknown=row.look_up_first > 0 and not absent,
        )
        if landed.looked is not None:
            attempts.append(_attempt(landed.looked, "absent", ""))
    error = scrub(last.reason, secrets)[:1000]
    attempts.append(_attempt(exchange, last.outcome, error))
    wait_s = max(policy.wait_s(row.failures + 1), last.asked_wait_s)
    if event is Event.ASK_FIRST:
        wait_s = max(wait_s, policy.settle_s)
    outcome = Outcome(
        id=row.id,
        token=row.token,
        trace=row.trace,
        event=event,
        wait_s=wait_s,
        absent=absent,
        reference=scrub(last.reference, secrets),
        error=error,
        response=kept_response(exchange.response, secrets) if exchange.response is not None else None,
        attempts=tuple(attempts),
    )
    return outcome, last


def _after_look_up(looked: Judgement, *, expired: bool) -> Event:
    if looked.meaning == "accepted":
        return Event.ACCEPT
    if looked.meaning == "refused":
        return Event.REFUSE
    if looked.meaning == "absent":
        return Event.DEADLINE
    return Event.LOSE_TRACK if expired else Event.ASK_FIRST


def _after_sending(last: Judgement, *, can_be_repeated: bool, earlier_unknown: bool) -> Event:
    if last.meaning == "accepted":
        return Event.ACCEPT
    if last.meaning == "refused":
        # A "no" to the repeat says nothing of the first sending, which may have been stored: a person finds out.
        return Event.LOSE_TRACK if earlier_unknown else Event.REFUSE
    if last.meaning == "later":
        return Event.LATER
    return Event.ASK_FIRST if can_be_repeated else Event.LOSE_TRACK


def _attempt(exchange: Exchange, outcome: str, detail: str) -> tuple[str, str, int | None, float, str]:
    status = exchange.response.status if exchange.response is not None else None
    return exchange.purpose, outcome, status, exchange.duration_s, detail


def kept_response(response: HttpResponse, secrets: Iterable[str]) -> dict[str, Any]:
    """What `etnas_sync.response_payload` keeps of an answer: status, a few headers, the body as JSON where it is JSON.

    A centre that echoes our key must not bring it into the database, so secrets are blotted out.
    """
    text = scrub(response.body[:KEPT_BODY].decode("utf-8", "replace"), secrets).replace("\0", "\ufffd")
    body: Any = text
    if len(response.body) <= KEPT_BODY:
        try:
            body = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            body = text
    if "\\u0000" in text:  # JSONB holds no NUL, escaped or not
        body = text
    headers = {name: scrub(response.headers[name], secrets) for name in _KEPT_HEADERS if name in response.headers}
    return {"status": response.status, "headers": headers, "body": body}


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text with every one of these secrets as ***."""
    known = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, known)), "***", text) if known else text
