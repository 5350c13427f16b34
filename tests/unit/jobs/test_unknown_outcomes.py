"""An event in quarantine leaves its loan without a label, wherever labels are learned from, judged by or shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import LABEL_STORE, PREDICTIONS
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.training import unknown_outcomes
from p2pcredit.jobs.training.maturity import matured_counts
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.jobs.training.unknown_outcomes import check_outcomes
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings, PreprocessingSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

BORN, CLOSED, LAST = date(2010, 1, 4), date(2010, 2, 6), date(2010, 2, 20)
BROKEN_ON, LATER = date(2010, 1, 20), date(2010, 2, 10)
SPAN = DateRange(BORN, LAST)
SETTINGS = Settings(labels=LabelSettings(window_months=1, reporting_lag_days=2, lifetime_terms_months=()))
EVENTS = {
    date(2010, 1, 8): ["bad,{},DEFAULT,90"],
    date(2010, 1, 15): ["bad_then_broken,{},DEFAULT,90", "paid,{},FULLY_PAID,0", "paid,{},FULLY_PAID,0"],
    BROKEN_ON: ["broken,{},EATEN,0", "bad_then_broken,{},,", "blank_days,{},LATE,", "broken_then_bad,{},LATE,soon"],
    date(2010, 1, 25): ["broken_then_bad,{},DEFAULT,90", " ,{},DEFAULT,90"],
    LATER: ["broken_later,{},EATEN,0"],
}
SOUND_ROWS = 40
"""So many more events on such a day, so that not too large a share of the day is broken."""
UNKNOWN = ["bad_then_broken", "blank_days", "broken", "broken_then_bad"]
LOANS = ["bad", *UNKNOWN, "broken_later", "good", "paid"]


def land_by_hand(layout: Layout, events: dict[date, list[str]], days: DateRange = SPAN) -> None:
    headers = {
        "loan_terms": "loan_id,origination_date,loan_amount,term",
        "loan_performance": "loan_id,event_date,status,days_past_due",
    }
    for feed in FEEDS:
        directory = layout.landing / feed
        directory.mkdir(parents=True, exist_ok=True)
        for day in days:
            lines = [headers.get(feed, "loan_id,origination_date")]
            if day == BORN and feed != "loan_performance":
                lines += [f"{loan},{day}" + (",1000,36" if feed == "loan_terms" else "") for loan in LOANS]
            if feed == "loan_performance":
                lines += [event.format(day) for event in events.get(day, [])]
                lines += [f"good,{day},CURRENT,{late}" for late in range(SOUND_ROWS if day in events else 0)]
            (directory / f"{feed}_{day:%Y_%m_%d}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    ctx = JobContext(Layout(tmp_path), SETTINGS, "test", datetime(2010, 2, 21, tzinfo=UTC))
    land_by_hand(ctx.layout, EVENTS)
    return ctx


def stored(ctx: JobContext) -> list[tuple[str, int]]:
    return sorted(Lake(ctx.layout).read(LABEL_STORE).select("loan_id", "label").rows())


def test_no_label_rests_on_an_event_in_quarantine(ctx: JobContext) -> None:
    receipt = preprocess(ctx, SPAN)
    # One default was known five days before a broken event came: what was known stays in the store.
    assert stored(ctx) == [("bad", 1), ("bad_then_broken", 1), ("broken_later", 0), ("good", 0), ("paid", 0)]
    assert (receipt["unknown_outcomes"], receipt["of_no_loan"]) == (5, 1)
    snapshot = TrainingSnapshot.as_of(ctx, LAST)
    assert snapshot.outcomes.filter("unknown_outcome")["loan_id"].sort().to_list() == UNKNOWN
    known = [("bad", 1), ("broken_later", 0), ("good", 0), ("paid", 0)]
    assert sorted(snapshot.matured.select("loan_id", "label").rows()) == known
    assert matured_counts(ctx, LAST) == (4, 1)
    steps = {step["step"]: (step["n"], step["note"]) for step in snapshot.flow}
    assert (steps["loans"][0], steps["outcome unknown"][0], steps["window still open"][0]) == (8, 4, 0)
    assert (steps["window closed, no label"][0], steps["matured loans"][0]) == (0, 4)
    assert "events there that name no loan, and may be of any: 1" in steps["outcome unknown"][1]
    assert snapshot.versions["silver/quarantine"] is not None


def test_day_by_day_and_at_once_give_the_same_labels(ctx: JobContext, tmp_path: Path) -> None:
    preprocess(ctx, SPAN)
    other = JobContext(Layout(tmp_path / "other"), SETTINGS, "test", ctx.at)
    land_by_hand(other.layout, EVENTS)
    for day in SPAN:
        preprocess(other, DateRange(day, day))
    assert Lake(ctx.layout).read(LABEL_STORE).equals(Lake(other.layout).read(LABEL_STORE))


def test_an_event_that_is_mended_gives_the_loan_its_label_and_one_that_breaks_takes_a_later_one_away(
    ctx: JobContext,
) -> None:
    preprocess(ctx, SPAN)
    day = DateRange(BROKEN_ON, BROKEN_ON)
    land_by_hand(ctx.layout, {BROKEN_ON: ["good,{},EATEN,0", "broken,{},CURRENT,0"]}, day)
    preprocess(ctx, day)
    assert [loan for loan, _ in stored(ctx)] == ["bad", "bad_then_broken", "blank_days", "broken", "broken_later",
                                                 "broken_then_bad", "paid"]  # fmt: skip
    assert dict(stored(ctx))["broken_then_bad"] == 1


def test_a_training_as_of_a_day_before_the_event_broke_knows_nothing_of_it(ctx: JobContext) -> None:
    preprocess(ctx, SPAN)
    before = TrainingSnapshot.as_of(ctx, BROKEN_ON - timedelta(days=1))
    assert before.unknown_outcomes == 0
    assert dict(before.outcomes.select("loan_id", "defaulted_in_month").rows())["bad_then_broken"] == 1


def test_monitoring_sees_no_label_of_such_a_loan_and_counts_it(ctx: JobContext) -> None:
    preprocess(ctx, SPAN)
    scored = pl.DataFrame(
        [{"loan_id": loan, "snapshot_date": BORN, "model_id": "m", "probability_of_default": 0.1} for loan in LOANS],
        schema_overrides=PREDICTIONS.schema,
    )
    whole = scored.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in PREDICTIONS.schema.items() if name not in scored
    )
    Lake(ctx.layout).replace(PREDICTIONS, whole.select(list(PREDICTIONS.schema)), DateRange(BORN, BORN))
    inputs = MonitoringSnapshot(ctx, LAST).inputs
    assert inputs.labels["loan_id"].sort().to_list() == ["bad", "broken_later", "good", "paid"]
    assert inputs.unknown_outcomes["loan_id"].to_list() == UNKNOWN
    (share,) = (r for r in measure_quality(inputs, ctx.settings) if r.metric == "unknown_outcome_share")
    assert (share.value, share.n, share.status, share.threshold) == (0.5, 8, Status.FAIL, 0.2)
    assert share.note == (
        f"4 of 8 loans scored since {date(2009, 1, 18)}, left out of all that judges; mostly because of "
        "'status: unknown value' (2 events), such as status 'EATEN'; events that name no loan, and may be of any: 1"
    )


def test_the_doctor_counts_such_loans_names_the_commonest_reason_and_fails_when_they_are_many(ctx: JobContext) -> None:
    assert check_outcomes(ctx)[0] is Status.UNDETERMINED
    preprocess(ctx, SPAN)
    found = examine(ctx)["checks"]["outcomes"]
    assert found["status"] == "fail"
    said = "the outcome of 4 of 8 loans cannot be known (50.0%), mostly because of 'status: unknown value' (2 events)"
    assert found["finding"].startswith(said)
    assert "such as status 'EATEN'" in found["finding"]
    assert "events in quarantine that name no loan, and may be of any: 1" in found["finding"]
    lenient = Settings(labels=SETTINGS.labels, preprocessing=PreprocessingSettings(max_quarantined_share=0.5))
    assert check_outcomes(JobContext(ctx.layout, lenient, "test", ctx.at))[0] is Status.PASS


@pytest.mark.parametrize(("early", "status"), [(0, Status.PASS), (4, Status.PASS), (5, Status.FAIL)])
def test_loans_with_a_status_older_than_they_are_are_told_and_fail_above_the_limit(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch, early: int, status: Status
) -> None:
    """Of 8 loans, with a limit of one half; the outcome of 4 is unknown, which is no more than the limit."""
    preprocess(ctx, SPAN)
    loans = [(f"l{number}", "2010-01-04", "2009-12-30") for number in range(early)]
    monkeypatch.setattr(unknown_outcomes, "early_statuses", lambda layout: loans)
    lenient = Settings(labels=SETTINGS.labels, preprocessing=PreprocessingSettings(max_quarantined_share=0.5))
    found, said = check_outcomes(JobContext(ctx.layout, lenient, "test", ctx.at))
    assert found is status
    assert ("status older than" in said) == bool(early)


def test_a_trace_says_since_when_the_outcome_is_unknown(ctx: JobContext) -> None:
    preprocess(ctx, SPAN)
    found = trace_loan(ctx, "bad_then_broken")
    assert (found["label"], found["unknown_since"]) == (None, "2010-01-20")
    assert "its outcome cannot be known, since an event of it was set aside on 2010-01-20" in found["reason"]
    assert [row["label"] for row in found["label_history"]] == [1]
    assert trace_loan(ctx, "broken_later")["label"]["label"] == 0
    assert trace_loan(ctx, "broken_later")["unknown_since"] is None


MAPPING = """\
name: small
loan_id: id
origination_date: day
feeds:
  loan_terms: {loan_amount: amount, term: months}
events:
  status: state
  "on": since
  days_past_due: late
  read_on: 2010-02-20
  rules:
    done: [{status: FULLY_PAID}]
    gone: [{status: DEFAULT, days_past_due: 90}]
    running: []
    behind: past_due
    withdrawn: unknown
"""
BOOK = """\
id,day,amount,months,state,since,late
1,2010-01-04,1000,36,done,2010-01-15,
2,2010-01-04,1000,36,gone,2010-01-15,
3,2010-01-04,1000,36,gone,,
4,2010-01-04,1000,36,,2010-01-15,
5,2010-01-04,1000,36,other,2010-01-15,
6,2010-01-04,1000,36,behind,,
7,2010-01-04,1000,36,withdrawn,2010-01-15,
8,2010-01-04,1000,36,running,,
"""


def test_a_loss_without_a_date_and_a_status_that_is_blank_unmapped_or_said_to_be_unknown_give_no_label(
    tmp_path: Path,
) -> None:
    mapping, book = tmp_path / "small.yaml", tmp_path / "book.csv"
    mapping.write_text(MAPPING)
    book.write_text(BOOK)
    settings = SETTINGS.model_copy(update={"preprocessing": PreprocessingSettings(max_quarantined_share=1.0)})
    ctx = JobContext(Layout(tmp_path / "home"), settings, "test", datetime(2010, 2, 21, tzinfo=UTC))
    land(ctx, str(mapping), [book], BORN, LAST)
    receipt = preprocess(ctx, SPAN)
    assert stored(ctx) == [("1", 0), ("2", 1), ("8", 0)]
    assert receipt["unknown_outcomes"] == 5
    assert TrainingSnapshot.as_of(ctx, LAST).unknown_outcomes == 5
