"""Which rule a week names as the commonest of those that left outcomes unknown, and which a day's quarantine names."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.preprocessing.checks.quarantine_checks import commonest_cause, count_set_aside
from p2pcredit.jobs.training.unknown_outcomes import UnknownOutcomes, commonest_reason, count_unknown
from p2pcredit.monitoring.registry import calculate_metrics
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings, MonitoringSettings, Settings
from p2pcredit.storage.tables.lake import Lake

WEEK_END = "2022-06-04"  # a Saturday
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, reporting_lag_days=0),
    monitoring=MonitoringSettings(window_months=2, recent_days=7),
)
FIRST_DAY = "2021-09-04"  # 3 + 2 * 2 + 2 months before the end of the week
STATUS, DAYS, DATE = "status: unknown value", "days_past_due: missing", "event_date: not a date (YYYY-MM-DD)"


def set_aside(day: str, rules: str, *values: str, **others: Any) -> list[dict[str, Any]]:
    """Write one record per value, each of a loan of its own; the value stands in the column of the first rule."""
    column = rules.partition(":")[0]
    row = {"feed": "loan_performance", "snapshot_date": of(day), "kind": "row", "rules": rules} | others
    raws = ({"loan_id": "L"} if column == "row" else {"loan_id": "L", column: value} for value in values)
    return [row | {"loan_id": f"{day}-{column}-{n}", "raw": json.dumps(raw)} for n, raw in enumerate(raws)]


RECORDS = [
    *set_aside("2021-09-03", DATE, *["3.9."] * 9),  # a day before the history
    *set_aside(FIRST_DAY, f"{STATUS}; {DAYS}", "Lost", "PAID"),  # counted by its first rule
    *set_aside("2022-05-31", f"{STATUS}; {DAYS}", "PAID"),
    *set_aside("2022-05-30", DAYS, "", ""),
    *set_aside("2022-06-01", "row: duplicate", *[""] * 9),  # says what a sound row says
    *set_aside("2022-06-02", "note: too long", *["..."] * 9, kind="value", column="note"),  # tells of no outcome
    *set_aside("2022-06-03", "loan_amount: not a number", *["lots"] * 9, feed="loan_terms"),
    *set_aside(WEEK_END, DATE, "31.5.", "1.6."),
    *set_aside("2022-06-05", DATE, *["2.6."] * 9),  # after the week
]


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    home = written_home(tmp_path, SETTINGS)
    home.put(QUARANTINE, [row | {"row_number": number} for number, row in enumerate(RECORDS)])
    return home


def test_a_week_names_the_rule_that_most_events_of_its_history_broke_first_and_what_broke_it(home: WrittenHome) -> None:
    inputs = MonitoringSnapshot(home.ctx, of(WEEK_END)).inputs
    assert inputs.why_unknown == "'status: unknown value' (3 events), such as status 'PAID'"


def test_an_earlier_week_knows_nothing_of_later_days(home: WrittenHome) -> None:
    week = of(WEEK_END) - timedelta(days=28)
    assert MonitoringSnapshot(home.ctx, week).inputs.why_unknown == (
        "'event_date: not a date (YYYY-MM-DD)' (9 events), such as event_date '3.9.'"
    )


def test_all_days_count_where_no_history_is_given_and_none_after_the_day(home: WrittenHome) -> None:
    lake = Lake(home.ctx.layout)
    assert commonest_reason(lake, of("2022-06-05")) == f"'{DATE}' (20 events), such as event_date '2.6.'"
    assert commonest_reason(lake, of(WEEK_END)) == f"'{DATE}' (11 events), such as event_date '3.9.'"
    assert commonest_reason(lake, of("2021-09-02")) == ""


def test_what_came_on_the_day_itself_counts_and_nothing_of_later_days(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    today, tomorrow = "2022-05-31", "2022-06-01"
    nameless = [record | {"loan_id": None} for day in (today, tomorrow) for record in set_aside(day, DAYS, "", "")]
    records = [*nameless, *set_aside(today, STATUS, "PAID"), *set_aside(tomorrow, STATUS, "LOST", "LOST")]
    home.put(QUARANTINE, [record | {"row_number": number} for number, record in enumerate(records)])
    born = {"2022-03-15": (f"{today}-status-0", f"{tomorrow}-status-0", "sound"), today: ("new",), tomorrow: ("later",)}
    rows = [
        {"loan_id": loan, "snapshot_date": of(day), "origination_date": of(day)}
        for day, loans in born.items()
        for loan in loans
    ]
    home.put(silver(FEEDS["loan_terms"]), rows)
    found = count_unknown(Lake(home.ctx.layout), of(today), SETTINGS.labels)
    assert found == UnknownOutcomes(4, 1, 2, f"'{DAYS}' (2 events)")
    assert count_unknown(Lake(home.ctx.layout), of("2022-03-15"), SETTINGS.labels) == UnknownOutcomes(3, 0, 0, "")


def test_an_example_is_of_the_rule_that_it_stands_for(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    records = [*set_aside("2022-05-31", f"{DATE}; {STATUS}", "zzz"), *set_aside("2022-05-31", STATUS, "b", "c")]
    records[0] |= {"raw": json.dumps({"loan_id": "L", "event_date": "zzz", "status": "a"})}
    home.put(QUARANTINE, [record | {"row_number": number} for number, record in enumerate(records)])
    assert commonest_reason(Lake(home.ctx.layout), of("2022-05-31")) == f"'{STATUS}' (2 events), such as status 'b'"


def test_a_book_without_loans_has_no_share_of_unknown_ones() -> None:
    assert UnknownOutcomes(0, 0, 0, "").share == 0.0


def test_the_reason_reaches_the_measurement_of_the_week(home: WrittenHome) -> None:
    loans = ("2022-05-31-status-0", "2022-06-01-row-0", "sound")  # of the second a mere duplicate was set aside
    born = {"snapshot_date": of("2022-03-01"), "origination_date": of("2022-03-01")}
    home.predictions(*((loan, "2022-03-01", "now", 0.1) for loan in loans))
    home.put(silver(FEEDS["loan_terms"]), [{"loan_id": loan, **born} for loan in loans])
    week = MonitoringSnapshot(home.ctx, of(WEEK_END))
    (found,) = [r for r in calculate_metrics(week.inputs, SETTINGS) if r.metric == "unknown_outcome_share"]
    assert (found.value, found.n) == (pytest.approx(1 / 3), 3)
    assert found.note == (
        "1 of 3 loans scored since 2022-01-04, left out of all that judges; "
        "mostly because of 'status: unknown value' (3 events), such as status 'PAID'"
    )


def test_the_quarantine_of_days_names_the_rule_that_most_rows_of_the_feeds_broke_and_its_first_value(
    home: WrittenHome,
) -> None:
    lake, feeds = Lake(home.ctx.layout), ["loan_performance", "loan_terms"]
    days = DateRange(of("2022-05-30"), of(WEEK_END))
    events = commonest_cause(lake, days, ["loan_performance"])
    assert events is not None
    assert (events.rule, events.rows, events.example) == ("row: duplicate", 9, "L")
    amounts = commonest_cause(lake, days, ["loan_terms"])
    assert amounts is not None
    assert (amounts.rule, amounts.rows, amounts.example) == ("loan_amount: not a number", 9, "lots")
    # Missing days past due follow from the status of 31 May; those of 30 May stand for themselves.
    two = commonest_cause(lake, DateRange(of("2022-05-30"), of("2022-05-31")), feeds)
    assert two is not None
    assert (two.rule, two.rows, two.example) == (DAYS, 2, "")
    assert count_set_aside(lake, feeds, days) == {
        "loan_performance": {of("2022-05-30"): 2, of("2022-05-31"): 1, of("2022-06-01"): 9, of(WEEK_END): 2},
        "loan_terms": {of("2022-06-03"): 9},
    }
    assert commonest_cause(lake, DateRange(of("2022-06-02"), of("2022-06-02")), feeds) is None
