"""The legal clock of a case: validation, letter, answer, payment. Computed from the settings, never stored.

Sources disagree whether an answer counts 5 days from the letter or 8 from the offence: both are settings and the
earlier one warns. What has not begun yet is projected from the latest time its predecessor may take.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

Condition = Literal["done", "running", "warn", "overdue", "expected"]


class DeadlineRules(msgspec.Struct, frozen=True):
    """Days, from Settings. answer_days: (from the letter, from the offence)."""

    letter_days: int = 3
    answer_days: tuple[int, int] = (5, 8)
    payment_days: int = 7


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One step. `warn_at` is half of its time; `expected` = not begun, the times are the latest possible ones."""

    step: Literal["validation", "letter", "answer", "payment"]
    starts_at: datetime
    warn_at: datetime
    due_at: datetime
    condition: Condition


def deadlines(
    *,
    created_at: datetime,
    capture_time: datetime,
    due_at: datetime,
    verified_at: datetime | None,
    approved: bool,
    now: datetime,
    rules: DeadlineRules,
) -> list[Deadline]:
    """The steps of a case in order; a rejected one has only its validation. All times aware UTC.

    due_at  of the validation, as stored with the case
    """
    decided = verified_at is not None
    steps = [_step("validation", min(created_at, due_at), due_at, now, done=decided, begun=True)]
    if decided and not approved:
        return steps
    letter_from = verified_at or due_at
    letter_due = letter_from + timedelta(days=rules.letter_days)
    after_letter, after_offence = rules.answer_days
    answer_due = min(letter_due + timedelta(days=after_letter), capture_time + timedelta(days=after_offence))
    answer_due = max(answer_due, letter_due)
    payment_due = answer_due + timedelta(days=rules.payment_days)
    steps.append(_step("letter", letter_from, letter_due, now, begun=decided))
    steps.append(_step("answer", letter_due, answer_due, now))
    steps.append(_step("payment", answer_due, payment_due, now))
    return steps


def half_time(starts_at: datetime, due_at: datetime) -> datetime:
    """When to warn: at 50 % of the time."""
    return starts_at + (due_at - starts_at) / 2


def _step(
    step: Literal["validation", "letter", "answer", "payment"],
    starts_at: datetime,
    due_at: datetime,
    now: datetime,
    *,
    done: bool = False,
    begun: bool = False,
) -> Deadline:
    warn_at = half_time(starts_at, due_at)
    condition: Condition
    if done:
        condition = "done"
    elif not begun:
        condition = "expected"
    elif now >= due_at:
        condition = "overdue"
    else:
        condition = "warn" if now >= warn_at else "running"
    return Deadline(step=step, starts_at=starts_at, warn_at=warn_at, due_at=due_at, condition=condition)
