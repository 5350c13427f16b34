"""What a monitoring week gathers from a home, counted by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.not_none import not_none
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.cures import Cures
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import MONITORING, silver
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.preprocessing.set_aside import VALUES_MISSING
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.monitoring.metrics.early_delinquency import measure_early_delinquency
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings, MonitoringSettings, Settings

WEEK_END = "2022-06-04"  # a Saturday
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, reporting_lag_days=0),
    monitoring=MonitoringSettings(window_months=2, recent_days=7),
)
FIRST_DAY = "2021-09-04"  # 3 + 2 * 2 + 2 months before the end of the week


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    """Five loans; an early model and the champion of the week; a later champion that the week must not know."""
    home = written_home(tmp_path, SETTINGS)
    home.features(
        ("before", "2021-09-03"),
        ("first", FIRST_DAY),
        ("a", "2021-12-01"),
        ("b", "2022-02-01"),
        ("c", WEEK_END),
        ("after", "2022-06-05"),
        annual_income=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    )
    home.predictions(
        ("before", "2021-09-03", "early", 0.01),
        ("first", FIRST_DAY, "early", 0.02),
        ("a", "2021-12-01", "early", 0.03),
        ("b", "2022-02-01", "now", 0.04),
        ("c", WEEK_END, "now", 0.05),
        ("after", "2022-06-05", "later", 0.06),
    )
    home.labels(
        ("first", 0, FIRST_DAY, "2021-12-04"),
        ("a", 0, "2021-12-01", "2022-03-01"),
        ("a", 1, "2021-12-01", "2022-05-01"),  # reported late: the newer label counts
        ("b", 1, "2022-02-01", WEEK_END),
        ("c", 1, WEEK_END, "2022-06-05"),  # known a day too late
        ("before", 0, "2021-09-03", "2021-12-03"),
        definition="pd3",
        others=[
            {"loan_id": "b", "definition": "pd36", "label": 0, "origination_date": of("2022-02-01")}
            | {"known_on": of(WEEK_END), "snapshot_date": of(WEEK_END)}
        ],
    )
    home.events(
        ("before", "2021-09-03", 90),
        ("first", FIRST_DAY, 29),
        ("first", "2021-10-01", 31),
        ("first", "2021-11-01", 60),
        ("a", "2022-01-05", 30),  # exactly 30 days past due is late
        ("b", "2022-03-01", 29),
        ("c", "2022-06-05", 45),
    )
    home.model("early", {"as_of": "2021-08-01", "matured_bads": 1})
    home.model(
        "now", {"as_of": "2022-01-01", "matured_bads": 2}, reference=[("a", "2021-12-01", 11), ("b", "2022-02-01", 12)]
    )
    home.model("later", {"as_of": "2022-06-05", "matured_bads": 3})
    home.crown("early", "2021-08-01")
    home.crown("now", "2022-01-01")
    home.crown("later", "2022-06-05")
    return home


def inputs(home: WrittenHome) -> MonitoringInputs:
    return MonitoringSnapshot(home.ctx, of(WEEK_END)).inputs


def column(frame: pl.DataFrame, *names: str) -> list[Any]:
    return frame[names[0]].to_list() if len(names) == 1 else frame.select(names).rows()


def test_the_champion_is_that_of_the_end_of_the_week_not_todays(home: WrittenHome) -> None:
    week = MonitoringSnapshot(home.ctx, of(WEEK_END))
    assert (week.champion_id, week.card["matured_bads"]) == ("now", 2)
    assert week.inputs.champion_id == "now"
    assert week.inputs.champion_as_of == of("2022-01-01")
    assert MonitoringSnapshot(home.ctx, of("2021-12-31")).champion_id == "early"
    assert MonitoringSnapshot(home.ctx, of("2021-07-31")).champion_id is None
    assert MonitoringSnapshot(home.ctx, of("2021-07-31")).card == {}


def test_predictions_and_features_are_those_of_the_history_and_no_later(home: WrittenHome) -> None:
    found = inputs(home)
    assert MonitoringSnapshot(home.ctx, of(WEEK_END)).history == DateRange(of(FIRST_DAY), of(WEEK_END))
    assert column(found.predictions, "loan_id", "model_id", "probability_of_default") == [
        ("first", "early", 0.02),
        ("a", "early", 0.03),
        ("b", "now", 0.04),
        ("c", "now", 0.05),
    ]
    assert column(found.features, "loan_id", "annual_income") == [("first", 2.0), ("a", 3.0), ("b", 4.0), ("c", 5.0)]


def test_labels_are_the_newest_of_each_loan_known_by_then_and_of_the_main_definition(home: WrittenHome) -> None:
    found = inputs(home).labels
    assert column(found, "loan_id", "label", "known_on") == [
        ("first", 0, of("2021-12-04")),
        ("a", 1, of("2022-05-01")),
        ("b", 1, of(WEEK_END)),
    ]
    assert found["definition"].unique().to_list() == ["pd3"]
    earlier = MonitoringSnapshot(home.ctx, of("2022-04-30")).inputs.labels
    assert ("a", 0, of("2022-03-01")) in column(earlier, "loan_id", "label", "known_on")


def test_a_loan_is_late_from_exactly_thirty_days_past_due_and_from_its_first_such_day(home: WrittenHome) -> None:
    assert column(inputs(home).early_delinquency, "loan_id", "late_on") == [
        ("a", of("2022-01-05")),
        ("first", of("2021-10-01")),
    ]


def test_the_reference_is_the_champions_development_loans_with_its_scores(home: WrittenHome) -> None:
    found = inputs(home).reference
    assert column(found, "loan_id", "annual_income", "score") == [("a", 3.0, 11), ("b", 4.0, 12)]


def test_a_champion_without_development_loans_or_no_champion_has_an_empty_reference(home: WrittenHome) -> None:
    assert MonitoringSnapshot(home.ctx, of("2021-12-31")).inputs.reference.is_empty()
    assert MonitoringSnapshot(home.ctx, of("2021-07-31"))._reference().is_empty()


def test_a_development_loan_is_joined_by_loan_and_day(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    home.features(("a", "2022-01-01"), ("a", "2022-01-02"), ("b", "2022-01-02"), annual_income=[1.0, 2.0, 3.0])
    home.model("now", reference=[("b", "2022-01-02", 30), ("a", "2022-01-02", 20), ("gone", "2022-01-03", 40)])
    home.crown("now", "2022-01-01")
    found = MonitoringSnapshot(home.ctx, of(WEEK_END))._reference()
    assert column(found, "loan_id", "annual_income", "score") == [("a", 2.0, 20), ("b", 3.0, 30)]


def test_a_loan_that_stands_on_two_days_counts_with_its_first(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    home.features(("a", "2022-05-02"), ("b", "2022-05-01"), ("a", "2022-05-01"), annual_income=[2.0, 3.0, 1.0])
    home.predictions(("a", "2022-05-02", "now", 0.2), ("b", "2022-05-01", "now", 0.3), ("a", "2022-05-01", "now", 0.1))
    home.labels(("b", 0, "2022-05-01", "2022-06-01"), definition="pd3")
    home.events(("b", "2022-05-20", 0))
    home.model("now")
    home.crown("now", "2022-01-01")
    found = inputs(home)
    assert column(found.predictions, "loan_id", "probability_of_default") == [("a", 0.1), ("b", 0.3)]
    assert column(found.features, "loan_id", "annual_income") == [("a", 1.0), ("b", 3.0)]


QUALITY = {
    "2022-05-28": {"financial": 1000, "quarantined:financial": 1000},  # eight days ago: no more in the recent week
    "2022-05-29": {"financial": 10, "quarantined:financial": 2, "loan_terms": 10},
    "2022-06-01": {"financial": 20, "features": 20, "labels": 5},
    "2022-06-04": {"financial": 30, "quarantined:financial": 1, "quarantined:loan_terms": 4},
    "2022-06-05": {"financial": 1000, "quarantined:financial": 1000},  # after the week
}


def test_rows_that_were_set_aside_are_counted_in_the_recent_days(home: WrittenHome) -> None:
    home.complete(QUALITY)
    found = {feed: (rows, broken) for feed, rows, broken in inputs(home).feed_quality.iter_rows()}
    assert found == {
        "loan_terms": (14, 4),
        "demographic": (0, 0),
        "financial": (63, 3),
        "credit_history": (0, 0),
        "loan_performance": (0, 0),
    }
    assert list(found) == list(FEEDS)


def test_bads_known_are_those_of_the_newest_training_up_to_the_week(home: WrittenHome) -> None:
    home.trained("2022-02-05", 20)
    home.trained("2022-04-02", 30)
    home.trained("2022-05-01", None)  # says nothing of it
    home.trained("2022-05-07", 40, remedy="recalibrate")
    home.trained("2022-06-05", 99)  # after the week
    facts = MonitoringSnapshot(home.ctx, of(WEEK_END)).facts
    assert (facts.development_bads, facts.calibrated_bads) == (30, 40)
    assert inputs(home).development_bads == 30


def test_a_training_on_the_last_day_of_the_week_counts(home: WrittenHome) -> None:
    home.trained(WEEK_END, 50)
    assert MonitoringSnapshot(home.ctx, of(WEEK_END)).facts.development_bads == 50


def test_without_a_training_in_the_ledger_the_champions_card_says_the_bads(home: WrittenHome) -> None:
    facts = MonitoringSnapshot(home.ctx, of(WEEK_END)).facts
    assert (facts.development_bads, facts.calibrated_bads) == (2, 2)
    assert (facts.week_end, facts.champion_id, facts.champion_as_of) == (of(WEEK_END), "now", of("2022-01-01"))


def test_matured_bads_known_by_then_are_counted_over_all_history(home: WrittenHome) -> None:
    # 'a' and 'b' are bad and their windows closed by then; 'c' is known later, 'first' and 'before' are good
    assert MonitoringSnapshot(home.ctx, of(WEEK_END)).facts.known_bads == 2
    assert MonitoringSnapshot(home.ctx, of("2022-06-03")).facts.known_bads == 1
    assert inputs(home).known_bads == 2


def test_results_are_those_of_the_week_alone(home: WrittenHome) -> None:
    days = ("2022-05-28", WEEK_END, "2022-06-11")
    home.put(MONITORING, [_row(of(day), value) for day, value in zip(days, (0.1, 0.2, 0.3), strict=True)])
    (only,) = MonitoringSnapshot(home.ctx, of(WEEK_END)).results
    assert (only.metric, only.value, only.low, only.high, only.n) == ("auc", 0.2, 0.1, 0.3, 7)


def _row(day: date, value: float) -> dict[str, Any]:
    bounds = {"low": value - 0.1, "high": 0.3, "n": 7, "status": "pass"}
    return {"snapshot_date": day, "week_end_date": day, "metric": "auc", "segment": "all", "value": value, **bounds}


def test_rows_written_newest_day_first_are_gathered_as_if_in_order(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    for day, chance in (("2022-05-02", 0.2), ("2022-05-01", 0.1)):
        home.features(("b", day), ("a", day), annual_income=[chance, chance])
        home.predictions(("b", day, "now", chance), ("a", day, "now", chance))
    for day, label in (("2022-05-03", 1), ("2022-05-02", 0)):
        home.labels(("b", label, "2022-01-02", day), ("a", label, "2022-01-03", day), definition="pd3")
    home.events(("b", "2022-05-20", 40), ("a", "2022-05-20", 40))
    home.model("now", reference=[("b", "2022-05-02", 2), ("a", "2022-05-02", 1), ("b", "2022-05-01", 3)])
    home.crown("now", "2022-01-01")
    found = inputs(home)
    assert column(found.predictions, "loan_id", "probability_of_default") == [("a", 0.1), ("b", 0.1)]
    assert column(found.features, "loan_id", "annual_income") == [("a", 0.1), ("b", 0.1)]
    assert column(found.labels, "loan_id", "label") == [("b", 1), ("a", 1)]
    assert column(found.early_delinquency, "loan_id") == ["a", "b"]
    assert column(found.reference, "loan_id", "snapshot_date", "score") == [
        ("b", of("2022-05-01"), 3),
        ("a", of("2022-05-02"), 1),
        ("b", of("2022-05-02"), 2),
    ]


def test_values_that_could_not_be_used_are_counted_in_the_recent_days_of_those_given(home: WrittenHome) -> None:
    days = ("2022-05-28", "2022-05-29", WEEK_END, "2022-06-05")
    income, debt = f"{VALUES_MISSING}financial:annual_income", f"{VALUES_MISSING}financial:debt_to_income"
    home.put(
        silver(FEEDS["financial"]),
        [
            {"loan_id": f"{day}-{n}", "snapshot_date": of(day), "row_number": n, "annual_income": value}
            for day in days
            for n, value in enumerate((1.0, None, 3.0))
        ],
    )
    home.complete(
        {
            "2022-05-28": {"financial": 3, income: 500},
            "2022-05-29": {"financial": 3, income: 1},
            WEEK_END: {"financial": 3, income: 1, debt: 3},
            "2022-06-05": {"financial": 3, income: 500},
        }
    )
    found = inputs(home)
    assert column(found.values_lost, "feed", "column", "lost", "given") == [
        ("financial", "annual_income", 2, 6),  # two lost and four that could be read
        ("financial", "debt_to_income", 3, 3),
    ]
    assert column(found.feed_quality.filter(pl.col("feed") == "financial"), "rows_in", "quarantined") == [(6, 0)]


def rebuilt_losses(home: WrittenHome, loans: int, *, rebuilt: bool | None) -> None:
    """Write loans that were all late and all defaulted, as a profile rebuilds them."""
    rows = [
        {
            "loan_id": f"r{n}",
            "snapshot_date": of(day),
            "event_date": of(day),
            "days_past_due": late,
            "row_number": 2 * n,
        }
        | {"status": status, "rebuilt": rebuilt}
        for n in range(loans)
        for day, late, status in (("2022-01-10", 30, "LATE"), ("2022-03-11", 90, "DEFAULT"))
    ]
    home.put(silver(FEEDS["loan_performance"]), rows)


def test_a_sign_rebuilt_from_a_later_status_makes_no_loan_late_and_the_default_does(home: WrittenHome) -> None:
    rebuilt_losses(home, 2, rebuilt=True)
    before = MonitoringSnapshot(home.ctx, of("2022-03-10")).inputs
    assert not [loan for loan in before.early_delinquency["loan_id"] if loan.startswith("r")]
    found = inputs(home)
    late = found.early_delinquency.filter(pl.col("loan_id").str.starts_with("r"))
    assert column(late, "loan_id", "late_on") == [("r0", of("2022-03-11")), ("r1", of("2022-03-11"))]
    assert not_none(found.cures).rebuilt == 2


def test_early_delinquency_is_not_shown_where_all_late_loans_defaulted(home: WrittenHome) -> None:
    rebuilt_losses(home, 30, rebuilt=None)  # of a home that an earlier version wrote, which did not say it
    found = inputs(home)
    assert found.cures == Cures(late=30, cured=0, rebuilt=0)
    results = measure_early_delinquency(found, SETTINGS)
    assert [(r.metric, r.segment, r.value) for r in results] == [
        ("late30_within_3m", "all", None),
        ("late30_within_6m", "all", None),
    ]
    assert all(r.note.startswith("0 of 30 late loans (0.0%) paid again, 10% needed") for r in results)
    assert all(r.status is Status.UNDETERMINED for r in results)


def test_fates_are_counted_once_a_default_would_be_known_and_of_loans_whose_outcome_can_be(home: WrittenHome) -> None:
    """`first` was late on 1 October and `a` on 5 January: neither paid again or defaulted by the events there are."""
    assert inputs(home).cures == Cures(late=0, cured=0, rebuilt=0)
