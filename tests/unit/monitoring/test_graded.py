"""Estimates and alarms against what came, on weeks and loans written by hand."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.written_week import settings, week

from p2pcredit.monitoring.graded import Alarm, grade, grade_alarms, grade_estimates, sum_up
from p2pcredit.reporting.weekly.layouts import graded_in_words

LAST = date(2022, 3, 29)
"""The newest origination that has matured; estimates look back ten days."""
W1, W2, W3 = date(2022, 3, 5), date(2022, 3, 12), date(2022, 3, 26)


def row(metric: str, when: date, value: float, *, status: str = "undetermined", segment: str = "all") -> dict[str, Any]:
    told = {"week_end_date": when, "metric": metric, "segment": segment, "value": value, "status": status}
    return {**told, "low": value - 0.05, "high": value + 0.05}


def loans(*groups: tuple[date, int, int, float], term: float = 36.0) -> pl.DataFrame:
    """Lay out loans of a day: how many, how many of them bad, their probability."""
    rows = [
        (f"{day}-{group}-{place}", day, term, f"{day.year}Q{(day.month + 2) // 3}", pd, int(place < bads))
        for group, (day, n, bads, pd) in enumerate(groups)
        for place in range(n)
    ]
    names = ("loan_id", "snapshot_date", "term_months", "vintage", "probability_of_default", "label")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        label=pl.when(pl.col("snapshot_date") <= LAST).then("label").cast(pl.Int8)
    )


def test_an_estimate_is_held_against_the_loans_it_was_made_of() -> None:
    # Of the week to 5 March 2 of 20 defaulted, of that to 26 March 6 of 20; 12 March shares loans with 5 March.
    book = loans((W1, 20, 2, 0.1), (W3, 20, 6, 0.1))
    history = pl.DataFrame([row("default_rate_estimate", when, value) for when, value in ((W1, 0.12), (W3, 0.16))])
    (found,) = grade_estimates(history, book, LAST, settings())
    # Errors +0.02 and -0.14; the range of 0.05 to either side holds the first.
    assert (found.metric, found.weeks, found.within) == ("default_rate_estimate", 2, 1)
    assert found.mean_error == pytest.approx(-0.06)
    assert found.mean_absolute_error == pytest.approx(0.08)


def test_no_loan_counts_in_two_weeks_and_none_before_it_matured() -> None:
    book = loans((W1, 20, 2, 0.1), (W2, 20, 6, 0.1), (LAST + timedelta(days=1), 20, 9, 0.1))
    history = pl.DataFrame(
        [row("default_rate_estimate", when, 0.2) for when in (W1, W2, LAST + timedelta(days=1))]
        + [row("auc_estimate", W2, 0.7)]
    )
    by_metric = {found.metric: found for found in grade_estimates(history, book, LAST, settings())}
    # 12 March looks back on the ten days after 2 March, so it stands for both: 8 of 40.
    assert by_metric["default_rate_estimate"].weeks == 1
    assert by_metric["default_rate_estimate"].mean_error == pytest.approx(0.0)
    # Bads and goods are scored alike: an AUC of 0.5 against 0.7.
    assert by_metric["auc_estimate"].mean_error == pytest.approx(0.2)


OLD = (date(2022, 1, 1), 20, 2, 0.1)


def alarms(book: pl.DataFrame, *rows: dict[str, Any]) -> list[Alarm]:
    return grade_alarms(pl.DataFrame(list(rows)), book, LAST, settings())


def test_an_alarm_comes_true_where_its_loans_default_beyond_the_bounds() -> None:
    book = loans(OLD, (W1, 60, 30, 0.1), (W3, 600, 60, 0.1))
    found = alarms(
        book,
        row("psi_score", W1, 0.4, status="fail"),
        row("psi_score", W3, 0.4, status="fail"),
        row("calibration_ratio", date(2022, 4, 2), 5.0, status="fail"),
        row("psi:annual_income", W3, 0.4, status="fail"),
    )
    by_first = {(alarm.metric, alarm.first): alarm for alarm in found}
    true, ranked_low = by_first["psi_score", W1], by_first["psi:annual_income", W3]
    assert (true.came_true, true.why) == (True, "30 of 60 defaulted, 6.0 expected, AUC 0.500")
    # A matured check failed on 2 April, 28 days after the alarm; its own loans matured on 5 June.
    assert true.lead_days == 28
    # 60 of 600 at 0.1 lie within the bounds, and an AUC of 0.5 lies below the threshold of 0.62 by its interval.
    assert ranked_low.came_true is True
    (signal, other) = sum_up(found, 0.9)
    assert (signal.metric, signal.alarms, signal.came_true, signal.open) == ("psi_score", 2, 2, 0)
    assert other.metric == "psi:annual_income"


def test_a_cell_is_judged_on_its_own_loans_and_by_its_ratio_alone() -> None:
    book = pl.concat([loans(OLD), loans((W1, 600, 60, 0.1)), loans((W1, 60, 30, 0.1), term=60.0)])
    cell = {"status": "fail", "segment": "term=36,vintage=2022Q1"}
    (quiet,) = alarms(book, row("default_to_date_ratio", W1, 1.9, **cell))
    assert (quiet.came_true, quiet.why) == (False, "62 of 620 defaulted, 62.0 expected")
    (grave,) = alarms(book, row("default_to_date_ratio", W1, 3.0, status="fail", segment="term=60,vintage=2022Q1"))
    assert (grave.came_true, grave.lead_days) == (True, 92), "no check failed: three months until its loans matured"
    (signal,) = sum_up([quiet], 0.9)
    assert (signal.never, signal.precision, signal.median_lead_days) == (1, 0.0, None)


def test_weeks_that_follow_each_other_are_one_alarm_and_young_loans_leave_it_open() -> None:
    young = LAST + timedelta(days=5)
    book = loans(OLD, (W1, 60, 30, 0.1), (young, 60, 30, 0.1))
    found = alarms(
        book,
        *(row("outside_training_share", W1 + timedelta(days=7 * n), 0.3, status="fail") for n in range(3)),
        row("outside_training_share", young, 0.3, status="fail"),
    )
    assert [(alarm.first, alarm.last, alarm.came_true) for alarm in found] == [
        (W1, W1 + timedelta(days=14), True),
        (young, young, None),
    ]
    assert found[1].why == "its loans have not all matured"


def test_what_is_not_an_alarm_before_maturity_plays_no_part() -> None:
    book = loans(OLD, (W1, 60, 30, 0.1))
    assert alarms(book, row("auc", W1, 0.5, status="fail"), row("psi_score", W1, 0.05, status="pass")) == []
    assert alarms(book, row("psi_score", date(2021, 6, 5), 0.4, status="fail")) == [], "its loans are not at hand"


def test_the_words_say_which_signal_never_came_true() -> None:
    day = date(2022, 3, 5)
    told = [
        Alarm("psi:annual_income", "all", day, day, False, "2 of 60 defaulted", None),
        Alarm("psi_score", "all", day, day, None, "its loans have not all matured", None),
        Alarm("default_to_date_ratio", "term=36,vintage=2022Q1", day, day, True, "30 of 60", 92),
    ]
    graded = {"estimates": [], "alarms": [asdict(one) for one in told]}
    words = graded_in_words({**graded, "signals": [asdict(one) for one in sum_up(told, 0.9)]})
    verdicts = {one["name"]: (one["verdict"], one["precision"], one["lead"]) for one in words["signals"]}
    assert verdicts["annual income"][0] == "never came true"
    assert verdicts["annual income"][1].startswith("0% (0% to ")
    assert verdicts["Score"] == ("not known yet", "none", "none")
    assert verdicts["Defaults seen / expected by now"][::2] == ("came true", "92 days")
    assert [one["outcome"] for one in words["alarms"]] == ["came true", "open", "never came true"]
    assert words["alarms"][0]["segment"] == "term 36 months, vintage 2022Q1"


def test_a_week_grades_what_was_said_before_on_loans_with_a_known_outcome() -> None:
    scored = [{"day": W3, "pd": 0.1, "label": int(place < 6)} for place in range(20)]
    history = pl.DataFrame([row("default_rate_estimate", W3, 0.1)])
    graded = grade(week(scored), history, settings())
    assert [(one.metric, one.weeks) for one in graded.estimates] == [("default_rate_estimate", 1)]
    assert graded.estimates[0].mean_error == pytest.approx(-0.2)
    assert (graded.alarms, graded.signals) == ((), ())
