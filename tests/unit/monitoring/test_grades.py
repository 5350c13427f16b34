"""PD by grade, migration and concentration, on loans written by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.written_week import LAST, WEEK_END, settings, week

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.alerts import finding_of
from p2pcredit.monitoring.inputs import NONE_JUDGED, MonitoringInputs
from p2pcredit.monitoring.metrics.grades import GradeSeen, judge_grades, measure_grades
from p2pcredit.reporting.weekly.layouts import grades_table, migration_matrix
from p2pcredit.settings import MonitoringSettings

Found = dict[tuple[str, str], MetricResult]


def measured(inputs: MonitoringInputs, **limits: Any) -> Found:
    return {(r.metric, r.segment): r for r in measure_grades(inputs, settings(**limits))}


def judged(grade: str | None, n: int, bads: int, pd: float) -> list[dict[str, Any]]:
    return [{"day": LAST, "pd": pd, "grade": grade, "label": int(place < bads)} for place in range(n)]


def again(*loans: tuple[str, float]) -> pl.DataFrame:
    rows = [(loan, date(2022, 2, 1), 36, 0, chance, chance, False) for loan, chance in loans]
    return pl.DataFrame(rows, schema=NONE_JUDGED, orient="row")


def test_each_grade_has_its_ratio_and_two_tests() -> None:
    found = measured(week([*judged("A", 40, 1, 0.02), *judged("B", 20, 6, 0.1), *judged(None, 5, 5, 0.5)]))
    ratio = found["grade_pd_ratio", "grade=B"]
    assert (ratio.value, ratio.n, ratio.threshold) == (pytest.approx(3.0), 20, 1.5)
    # Its interval lies above 1.5, but the chance at 1.5 x 0.1, about 0.04, is held against 0.05 / 2.
    assert ratio.note.startswith("6 bads, 2.0 expected at a PD of 10.00%; outside by its own interval")
    assert ratio.status is Status.UNDETERMINED
    # P(X >= 6 of 20 at 0.1) = 0.01125 (tables of the binomial); adjusted for two grades twice that.
    binomial = found["grade_pd_binomial", "grade=B"]
    assert binomial.value == pytest.approx(0.01125, abs=1e-5)
    assert (binomial.status, binomial.threshold) == (Status.FAIL, pytest.approx(0.05))
    assert binomial.note.endswith("0.023 adjusted for 2 grades")
    assert found["grade_pd_jeffreys", "grade=B"].status is Status.FAIL
    assert found["grade_pd_jeffreys", "grade=A"].status is Status.UNDETERMINED
    assert {segment for metric, segment in found if metric == "grade_pd_ratio"} == {"grade=A", "grade=B"}
    assert str(finding_of(binomial)) == "part_of_book"


def test_many_grades_correct_what_one_would_fail() -> None:
    # P(X >= 6 of 20 at 0.1) = 0.01125: below 0.05, and 5 x 0.01125 is not.
    limits = MonitoringSettings()
    one = GradeSeen("B", 20, 6, 0.1)
    others = [GradeSeen(name, 100, 5, 0.05) for name in "CDEF"]

    def status(*seen: GradeSeen) -> Status:
        found = {(r.metric, r.segment): r for r in judge_grades(list(seen), limits)}
        return found["grade_pd_binomial", "grade=B"].status

    assert status(one) is Status.FAIL
    assert status(one, *others) is Status.UNDETERMINED


def test_goodness_of_fit_needs_enough_loans_and_is_for_information() -> None:
    found = measured(week([*judged("A", 30, 3, 0.1), *judged("B", 30, 12, 0.3)]))
    fit = found["hosmer_lemeshow", "all"]
    # Three groups of 20; equal probabilities share one: the 30 at 0.1 and the 30 at 0.3: 0 + 9 / 6.3.
    assert fit.value == pytest.approx(9 / 6.3)
    assert (fit.status, fit.threshold, fit.n) == (Status.UNDETERMINED, None, 60)
    assert fit.note.startswith("2 groups; so large or larger by chance 0.49")
    assert ("hosmer_lemeshow", "champion") not in found
    assert ("hosmer_lemeshow", "all") not in measured(week(judged("A", 19, 3, 0.1)))


def test_migration_compares_the_grade_given_with_that_of_the_champion() -> None:
    bounds = [0.05, 0.1]  # A, B, C
    names = [f"l{place:03}" for place in range(25)]
    loans = [
        {"loan_id": name, "day": LAST, "pd": 0.2, "grade": "A" if place < 20 else "B", "model": "early"}
        for place, name in enumerate(names)
    ]
    own = {"loan_id": "own", "day": LAST, "pd": 0.2, "grade": "C"}
    chances = [0.01] * 15 + [0.07] * 5 + [0.01] + [0.3] * 4
    inputs = week([*loans, own], champion_judged=again(*zip(names, chances, strict=True), ("own", 0.01)))
    chosen = settings()
    chosen = chosen.model_copy(
        update={"scores": chosen.scores.model_copy(update={"grade_bounds": tuple(bounds), "approval_cutoff": 0.1})}
    )
    found = {(r.metric, r.segment): r for r in measure_grades(inputs, chosen)}
    kept = found["grade_kept_share", "all"]
    assert (kept.value, kept.n, kept.note) == (15 / 25, 25, "1 better, 9 worse")
    cell = found["grade_migration", "from=A,to=B"]
    assert (cell.value, cell.n, cell.note) == (0.25, 20, "5 of 20 loans")
    matrix = migration_matrix([result.as_row() for result in found.values()])
    assert matrix is not None
    assert matrix["grades"] == ["A", "B", "C"]
    assert [[cell["share"] for cell in line["cells"]] for line in matrix["lines"]] == [
        ["75%", "25%", ""],
        ["20%", "", "80%"],
    ]
    assert [line["n"] for line in matrix["lines"]] == [20, 5]
    few = week(loans, champion_judged=again(*zip(names[:19], chances[:19], strict=True)))
    assert not [key for key in measured(few) if key[0].startswith("grade_migration")]
    assert migration_matrix([]) is None


def test_concentration_of_the_newest_grades() -> None:
    grades = ["A"] * 6 + ["B"] * 3 + ["C"]
    recent = [{"day": WEEK_END, "pd": 0.1, "grade": grade} for grade in grades]
    found = measured(week(recent))
    assert found["grade_concentration", "all"].value == pytest.approx(0.46)
    largest = found["largest_grade_share", "all"]
    assert (largest.value, largest.n, largest.note) == (0.6, 10, "grade A")
    assert measured(week(recent[:9]))["largest_grade_share", "all"].note == "9 recent loans with a grade, 10 needed"
    assert measured(week([])) == {}


def test_the_table_has_one_line_per_grade() -> None:
    found = measured(week([*judged("A", 40, 1, 0.02), *judged("B", 20, 6, 0.1)]))
    first, second = grades_table([result.as_row() for result in found.values()])
    assert (first["grade"], first["n"], first["ratio"]) == ("A", 40, "1.25")
    assert (second["grade"], second["ratio"]) == ("B", "3.00")
    assert second["binomial"] == {"chance": "0.011", "status": "fail"}
    assert second["jeffreys"]["status"] == "fail"
