from datetime import UTC, datetime, timedelta

import pytest

from core.traffic.deadlines import Deadline, DeadlineRules, deadlines

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def steps(now: datetime, verified_at: datetime | None = None, approved: bool = True) -> dict[str, Deadline]:
    found = deadlines(
        created_at=T0, capture_time=T0, due_at=T0 + 3 * DAY, verified_at=verified_at, approved=approved, now=now,
        rules=DeadlineRules(),
    )  # fmt: skip
    return {step.step: step for step in found}


@pytest.mark.parametrize(
    ("hours", "condition"),
    [(0, "running"), (35, "running"), (36, "warn"), (71, "warn"), (72, "overdue"), (999, "overdue")],
)
def test_validation_warns_at_half_of_its_three_days(hours: int, condition: str) -> None:
    assert condition == steps(T0 + timedelta(hours=hours))["validation"].condition


def test_what_has_not_begun_is_expected_from_the_latest_time_before_it() -> None:
    found = steps(T0)
    assert [("running", 3), ("expected", 6), ("expected", 8), ("expected", 15)] == [
        (found[name].condition, (found[name].due_at - T0) / DAY)
        for name in ("validation", "letter", "answer", "payment")
    ]


def test_the_letter_counts_from_the_decision() -> None:
    found = steps(T0 + DAY, verified_at=T0 + DAY)
    assert ("done", "running", T0 + 4 * DAY) == (
        found["validation"].condition, found["letter"].condition, found["letter"].due_at,
    )  # fmt: skip


def test_the_earlier_of_the_two_counts_for_an_answer_is_shown() -> None:
    assert T0 + 8 * DAY == steps(T0 + DAY, verified_at=T0 + DAY)["answer"].due_at
    assert T0 + 8 * DAY == steps(T0, verified_at=T0)["answer"].due_at


def test_an_answer_is_never_due_before_its_letter() -> None:
    late = T0 + 30 * DAY
    found = steps(late, verified_at=late)
    assert found["letter"].due_at == found["answer"].due_at


def test_a_rejected_case_has_nothing_more_to_come() -> None:
    assert ["validation"] == list(steps(T0 + DAY, verified_at=T0 + DAY, approved=False))


def test_steps_follow_each_other_without_a_gap() -> None:
    found = list(steps(T0, verified_at=T0).values())[1:]
    assert [one.due_at for one in found[:-1]] == [one.starts_at for one in found[1:]]
