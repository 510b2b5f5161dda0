"""The service against a model: whatever people do in whatever order, the rows agree with each other."""

from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.accounts.tables import police as police_table
from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents.errors import Conflict, NotFound
from core.incidents.states import OPEN
from core.incidents.tables import assignments, report_events

VERDICTS = (ReportStatus.VERIFIED, ReportStatus.IN_PROGRESS, ReportStatus.COMPLETED, ReportStatus.REJECTED)


def test_people_in_any_order_leave_the_rows_in_order(town):
    class People(RuleBasedStateMachine):
        @initialize()
        def open(self):
            self.police = [town.police() for _ in range(2)]
            self.report = town.report()
            self.recalled = False

        def attempt(self, act):
            try:
                act()
            except (Conflict, NotFound):
                return

        @rule(to=st.sampled_from(VERDICTS))
        def verify(self, to):
            self.attempt(lambda: town.reports.verify(town.officer, self.report, to, reason_code="test"))

        @rule(who=st.integers(0, 1), backup=st.booleans())
        def assign(self, who, backup):
            self.attempt(lambda: town.reports.assign(town.officer, self.report, self.police[who].id, backup=backup))

        @rule(who=st.integers(0, 1), accept=st.booleans())
        def answer(self, who, accept):
            self.attempt(lambda: town.reports.answer(self.police[who], self.report, accept, "alasan"))

        @rule(who=st.integers(0, 1), status=st.sampled_from(TrackingStatus))
        def move(self, who, status):
            self.attempt(lambda: town.reports.set_status(self.police[who], self.report, status))

        @invariant()
        def agree(self):
            row = town.row(self.report)
            sent = town.all(assignments, assignments.c.report_id == self.report)
            under_way = [one for one in sent if one["status"] in OPEN]
            main = [one for one in under_way if not one["is_backup"]]
            assert len(main) <= 1
            assert not under_way or row["status"] in ("assigned", "in_progress", "verified")
            assert main or row["status"] != "assigned"
            busy = {one["police_id"] for one in under_way}
            for police in self.police:
                status = town.first(police_table, police_table.c.id == police.id)["status"]
                assert ("busy" if police.id in busy else "available") == status
            self.recalled |= row["status"] == "rejected"
            assert not self.recalled or row["status"] == "rejected"
            lines = town.all(report_events, report_events.c.report_id == self.report)
            path = [(line["from_status"], line["to_status"]) for line in lines if line["to_status"] is not None]
            assert all(one[1] == other[0] for one, other in pairwise(path))
            assert row["status"] == (path[-1][1] if path else "new")

    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        People,
        settings=settings(
            max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=checks, database=None,
            derandomize=True,
        ),
    )  # fmt: skip
