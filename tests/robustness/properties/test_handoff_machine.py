"""The hand-off under long random histories, and under every jump of clock and calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from tests.robustness.properties.handoff_machine import Handoff

from p2pcredit.jobs.decisions import clear_decision
from p2pcredit.jobs.training.retrain import check_retraining, log_retraining, train_if_due, weeks_with_log
from p2pcredit.periods import week_monday

pytestmark = [
    pytest.mark.torture,
    pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning"),
]

ODD_DAYS = {
    "leap day": date(2024, 2, 28),
    "no leap day": date(2100, 2, 27),
    "week 53": date(2020, 12, 26),
    "week 1 begins in the old year": date(2024, 12, 28),
    "clocks go forward": date(2024, 3, 29),
    "clocks go back": date(2024, 10, 25),
    "a plain Monday": date(2024, 1, 15),
}


class OddCalendar(Handoff):
    """The same, begun near an odd day, on a clock in Berlin that also jumps; absences, and days that are run again."""

    @initialize(start=st.sampled_from(sorted(ODD_DAYS)))
    def move_in(self, start: str) -> None:
        self.first_day = ODD_DAYS[start]
        self.jump = timedelta(0)
        self.fold = 0
        super().move_in()

    def now(self) -> datetime:
        local = time(2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=self.fold)
        return datetime.combine(self.day + timedelta(days=1), local) + self.jump

    @rule(hours=st.sampled_from([-24 * 400, -24 * 8, -24, -1, 0, 0, 1, 24, 24 * 8, 24 * 400]), fold=st.integers(0, 1))
    def the_clock_jumps(self, hours: int, fold: int) -> None:
        self.jump, self.fold = timedelta(hours=hours), fold

    @rule(weeks=st.integers(1, 6))
    def nobody_is_there_for_weeks(self, weeks: int) -> None:
        self.day += timedelta(weeks=weeks)

    @precondition(lambda self: hasattr(self, "home"))
    @rule(back=st.integers(1, 20), retry=st.booleans())
    def an_old_day_is_run_again(self, back: int, retry: bool) -> None:
        today = self.day
        self.day -= timedelta(days=back)
        try:
            ctx = self.tonight(retry=retry)
            due = check_retraining(ctx, self.day)["retrain"]
            week = week_monday(self.day)
            free = week not in ctx.ledger.state().weeks_retrained() and week not in weeks_with_log(ctx, self.day)
            before = len(self.trainings())
            done = train_if_due(ctx, self.day)
            assert (done["outcome"] != "none") or not due
            if due and free:
                assert len(self.trainings()) == before + 1
            clear_decision(ctx, self.day)
            log_retraining(ctx, self.day)
        finally:
            self.day = today


def play(machine: type[Handoff], trainer: Any, disk: Any, times: int, steps: int) -> None:
    machine.trainer, machine.disk = trainer, disk
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    limits = settings(max_examples=times, stateful_step_count=steps, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(machine, settings=limits)


def test_the_handoff_holds_under_any_order_of_events(trainer: Any, disk: Any, torture: Any) -> None:
    times, steps = torture.times(40, 1000), 40
    play(Handoff, trainer, disk, times, steps)
    torture.record("random histories of the hand-off", times, 0, f"up to {steps} events each, kills among them")


def test_the_handoff_holds_under_any_jump_of_clock_and_calendar(trainer: Any, disk: Any, torture: Any) -> None:
    times, steps = torture.times(40, 1000), 40
    play(OddCalendar, trainer, disk, times, steps)
    note = f"up to {steps} events each: clock jumps, summer time, leap day, week 53, absences, days run again"
    torture.record("random histories with jumps of clock and calendar", times, 0, note)
