"""A machine that plays the hand-off: monitoring, people, broken files, failing and dying trainings, in any order."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from p2pcredit.contracts.decision import Decision, parse_decision
from p2pcredit.errors import TooLittleDataError, TrainingError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import clear_decision, decide, override_decision, reconcile
from p2pcredit.jobs.training.retrain import check_retraining, log_retraining, train_if_due, weeks_with_log
from p2pcredit.periods import week_monday
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import DecisionStatus, Origin
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.ledger import Ledger

SETTINGS = Settings()
MOSTLY_YES = st.sampled_from([True, True, True, False])
GARBAGE = st.sampled_from([b"", b"{", b"\xff\xfe", b'{"retrain": true}', b"null", b"[1]", b'{"retrain": fal'])


class Handoff(RuleBasedStateMachine):
    """What people, monitoring and the training DAG can do to one home directory."""

    trainer: Any
    disk: Any
    first_day = date(2024, 1, 15)

    @initialize()
    def move_in(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.layout = Layout(self.home)
        self.layout.logs.mkdir(parents=True)
        self.day = self.first_day
        self.words = 0
        self.runs = 0
        self.garbage: Counter[bytes] = Counter()
        self.trainer.error = None
        self.kept = self.context("kept")

    def teardown(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)

    def now(self) -> datetime:
        """Return what the clock of the machine says in the night after the day."""
        return datetime.combine(self.day + timedelta(days=1), time(2, tzinfo=UTC))

    def context(self, run_id: str | None = None) -> JobContext:
        self.runs += 1
        return JobContext(self.layout, SETTINGS, run_id or f"run-{self.runs}", self.now())

    def tonight(self, *, retry: bool) -> JobContext:
        return self.context(f"night-of-{self.day}" if retry else None)

    @rule(days=st.integers(1, 4))
    def days_go_by(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule(retrain=MOSTLY_YES, weeks_old=st.integers(0, 1), again=st.booleans())
    def monitoring_decides(self, retrain: bool, weeks_old: int, again: bool) -> None:
        saturday = week_monday(self.day) - timedelta(days=2 + 7 * weeks_old)
        self.words += not again
        reason = f"AUC {0.7 - self.words / 1000:.3f}"
        made = Decision(decision_date=saturday, performance_score=0.6, retrain=retrain, reason=reason)
        made = made.model_copy(update={"decision_id": f"monitoring-{saturday}-{made.content_digest()[:8]}"})
        decide(self.context(), made, Origin.MONITORING)

    @rule(retrain=MOSTLY_YES, again=st.booleans(), ahead=st.integers(-1, 1))
    def somebody_writes_the_file(self, retrain: bool, again: bool, ahead: int) -> None:
        self.words += not again
        content = {
            "decision_date": (self.day + timedelta(days=ahead)).isoformat(),
            "performance_score": None,
            "retrain": retrain,
            "reason": f"by hand {self.words}",
        }
        self.overwrite(json.dumps(content).encode())

    @rule(raw=GARBAGE)
    def somebody_breaks_the_file(self, raw: bytes) -> None:
        self.overwrite(raw)
        self.garbage[raw] += 1

    def overwrite(self, raw: bytes) -> None:
        if self.layout.decision_file.is_file():
            old = self.layout.decision_file.read_bytes()
            if old in self.garbage:
                self.garbage[old] -= 1  # it is the person who destroys it
        self.layout.decision_file.write_bytes(raw)

    @rule(retrain=st.booleans())
    def a_person_overrides(self, retrain: bool) -> None:
        self.words += 1
        override_decision(self.context(), self.day, retrain=retrain, why=f"why {self.words}")

    @rule()
    def another_system_logs_a_retraining(self) -> None:
        if week_monday(self.day) not in self.kept.ledger.state().weeks_retrained():
            self.layout.retraining_log(week_monday(self.day)).write_text("elsewhere\n")

    @rule(retry=st.booleans())
    def a_training_goes_well(self, retry: bool) -> None:
        ctx = self.tonight(retry=retry)
        due = check_retraining(ctx, self.day)["retrain"]
        done = train_if_due(ctx, self.day)
        if due:
            assert done["outcome"] != "none"

    @rule(error=st.sampled_from([TrainingError("no"), TooLittleDataError("too little"), KeyboardInterrupt()]))
    def a_training_fails(self, error: BaseException) -> None:
        self.trainer.error = error
        try:
            train_if_due(self.tonight(retry=False), self.day)
        except (TrainingError, KeyboardInterrupt):
            pass
        finally:
            self.trainer.error = None

    @rule(step=st.sampled_from(["train", "clear", "log", "reconcile", "monitor", "override"]), at=st.integers(1, 30))
    def a_step_is_killed(self, step: str, at: int) -> None:
        ctx = self.tonight(retry=True)
        steps = {
            "train": lambda: train_if_due(ctx, self.day),
            "clear": lambda: clear_decision(ctx, self.day),
            "log": lambda: log_retraining(ctx, self.day),
            "reconcile": lambda: reconcile(ctx),
            "monitor": lambda: self.monitoring_decides(True, 0, False),
            "override": lambda: self.a_person_overrides(True),
        }
        with self.disk.killing_at(at):
            steps[step]()

    @rule(retry=st.booleans(), words=MOSTLY_YES)
    def a_whole_night_passes(self, retry: bool, words: bool) -> None:
        if words:
            self.words += 1
            self.monitoring_decides(True, 0, True)
        self.a_training_goes_well(retry)
        self.the_night_ends()
        self.days_go_by(1)

    @rule()
    def the_night_ends(self) -> None:
        ctx = self.tonight(retry=True)
        clear_decision(ctx, self.day)
        log_retraining(ctx, self.day)
        weeks = ctx.ledger.state().weeks_retrained()
        assert (week_monday(self.day) in weeks) <= (week_monday(self.day) in weeks_with_log(ctx, self.day))

    @precondition(lambda self: hasattr(self, "home"))
    @rule()
    def a_fresh_word_of_a_person_is_obeyed_in_a_free_week(self) -> None:
        state = self.kept.ledger.state()
        week = week_monday(self.day)
        if week in state.weeks_retrained() or week in weeks_with_log(self.kept, self.day):
            return
        self.words += 1
        self.somebody_writes_the_file(True, False, 0)
        assert train_if_due(self.context(), self.day)["outcome"] == "champion"

    @invariant()
    def no_decision_is_acted_on_twice(self) -> None:
        acted = [e.facts["decision_id"] for e in self.trainings() if e.facts["decision_id"] is not None]
        assert len(acted) == len(set(acted))

    @invariant()
    def a_week_has_one_training_unless_a_person_overrides(self) -> None:
        decisions = self.kept.ledger.state().decisions
        weeks = [
            e.facts["week"] for e in self.trainings() if decisions[e.facts["decision_id"]].origin is not Origin.OVERRIDE
        ]
        assert len(weeks) == len(set(weeks))

    @invariant()
    def a_training_counts_for_the_week_of_its_day_and_its_decision_held_on_that_day(self) -> None:
        decisions = self.kept.ledger.state().decisions
        for event in self.trainings():
            day = date.fromisoformat(event.facts["snapshot_date"])
            week = date.fromisoformat(event.facts["week"])
            decision = decisions[event.facts["decision_id"]].decision
            assert week.weekday() == 0
            assert 0 <= (day - week).days < 7
            assert decision.decision_date <= day + timedelta(days=1)
            assert day <= decision.valid_until(SETTINGS.handoff.valid_days)

    @invariant()
    def only_a_decision_that_says_so_is_acted_on(self) -> None:
        state = self.kept.ledger.state()
        assert all(state.decisions[e.facts["decision_id"]].decision.retrain for e in self.trainings())
        assert all(
            r.decision.retrain
            for r in state.decisions.values()
            if r.fate in {DecisionStatus.ACTED_ON, DecisionStatus.CLAIMED}
        )

    @invariant()
    def nothing_unreadable_is_lost(self) -> None:
        found = Counter(path.read_bytes() for path in self.layout.logs.glob("retraining_decision*.json"))
        assert all(found[raw] >= number for raw, number in self.garbage.items())

    @invariant()
    def the_decision_file_is_whole_or_absent_or_as_somebody_broke_it(self) -> None:
        if self.layout.decision_file.exists():
            raw = self.layout.decision_file.read_bytes()
            if raw not in self.garbage:
                parse_decision(raw)

    @invariant()
    def the_ledger_read_anew_says_the_same(self) -> None:
        anew = Ledger(self.layout.ledger)
        assert anew.state() == self.kept.ledger.state()
        assert [event.number for event in anew.events()] == list(range(1, len(anew.events()) + 1))

    def trainings(self) -> list[Any]:
        return [event for event in self.kept.ledger.events() if event.kind is EventKind.TRAINED]
