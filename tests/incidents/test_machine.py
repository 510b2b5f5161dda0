"""The service against a model: whatever people do in whatever order, the rows agree with each other."""

from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.accounts.audit import Actor
from core.accounts.service import Accounts
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

        @rule(whom=st.sampled_from((None, 0, 1)))
        def withdraw(self, whom):
            number = None if whom is None else self.police[whom].id
            self.attempt(lambda: town.reports.withdraw(town.officer, self.report, "alasan", number))

        @rule(who=st.integers(0, 1))
        def stop(self, who):
            self.attempt(lambda: town.reports.acknowledge_stop(self.police[who], self.report))

        @rule(who=st.integers(0, 1))
        def dismiss(self, who):
            """The account ends, and is opened again at once, for whoever comes next."""
            accounts = Accounts(town.database, "k" * 48, town.reports.release)
            for active in (False, True):
                accounts.set_active(self.police[who].username, active, by=Actor("admin", 1, "Ratna"))

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
            for one in sent:
                assert (one["status"] == "withdrawn") == bool(one["withdrawn_by"] and one["withdraw_reason"])
                assert (one["status"] in OPEN) == (one["finished_at"] is None)
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
