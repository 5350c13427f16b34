"""The weeks of simulated books are those that a home would have, and what is counted of them is what was decided."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from bench.studies.alarms_over_seeds import Run, as_text, merged, walk
from bench.studies.alarms_page import page
from bench.studies.book_of_home import book_of_home
from bench.studies.books_by_week import decide_week, facts_before, measure
from bench.studies.counted_weeks import CountedBook, decide_counted
from bench.studies.simulated_books import EVENT, LEARN, Scenario, scenarios, simulate
from bench.studies.trigger_windows import first_alarms
from tests.small_home import SATURDAY

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.monitoring.policies.choose import decide
from p2pcredit.monitoring.registry import calculate_metrics
from p2pcredit.settings import Settings, load_settings
from p2pcredit.storage.layout import Layout

ROOT = Path(__file__).parents[3]
SETTINGS = Settings()
QUIET, HARMLESS, BROKEN, SHOCK, _ = scenarios(3.0, weeks=30)
GATHERED = ("default_to_date_ratio", "product_ratio_", "auc_within_cohort", "auc_of_champion", "psi")


def rounded(results: list[MetricResult]) -> set[tuple[object, ...]]:
    found = [r for r in results if r.metric.startswith(GATHERED)]
    return {
        (r.metric, r.segment, None if r.value is None else round(r.value, 9), r.n, r.status, r.threshold) for r in found
    }


def test_a_whole_home_gathers_and_decides_what_is_taken_from_its_book(small_home: Path) -> None:
    """Without its files, from a table of loans and their fates, each week measures the same and decides the same."""
    ctx = JobContext(Layout(small_home), load_settings(small_home), "test", datetime(2021, 10, 11, 2, tzinfo=UTC))
    book = book_of_home(ctx, SATURDAY)
    for weeks in (9, 3, 0):
        week = MonitoringSnapshot(ctx, SATURDAY - timedelta(weeks=weeks))
        gathered = calculate_metrics(week.inputs, ctx.settings)
        taken = measure(book, week.week_end, ctx.settings)
        assert rounded(taken) == rounded(gathered)
        assert {"product_ratio_to_date", "product_ratio_matured"} <= {r.metric for r in taken if r.value is not None}
        quality = [r for r in gathered if not r.metric.startswith(GATHERED)]
        decided = [decide(results, week.facts, ctx.settings) for results in (gathered, [*quality, *taken])]
        assert decided[0] == decided[1]


def test_counted_weeks_decide_what_fully_measured_ones_do() -> None:
    book = simulate(SHOCK, 3, SETTINGS, loans_a_week=60)
    counted, before = CountedBook(book, SETTINGS), facts_before(book, EVENT - timedelta(days=182), SETTINGS)
    for week in (1, 4, 24):
        full, verdict, after = decide_week(book, EVENT + timedelta(weeks=week), before, SETTINGS)
        few, quick, also = decide_counted(counted, EVENT + timedelta(weeks=week), before, SETTINGS)
        acts = [(v.remedy, v.kind, v.trigger) if v.retrain else None for v in (verdict, quick)]
        assert acts[0] == acts[1]
        assert after == also
        cells = {r for r in rounded(few) if r[0] == "default_to_date_ratio"}
        assert cells <= rounded(full)
        ranking = next(r for r in full if (r.metric, r.segment) == ("auc_within_cohort", "champion"))
        assert counted.ranking(EVENT + timedelta(weeks=week)) == pytest.approx(ranking.value)
        by_term = [r.n for r in full if r.metric.startswith("product_ratio_")]
        assert [seen.loans for seen in counted.products(EVENT + timedelta(weeks=week), 12)[0]] == by_term


def test_a_quiet_book_defaults_as_expected_and_a_shocked_one_more_from_the_event_on() -> None:
    for scenario, least, most in ((QUIET, 0.8, 1.25), (SHOCK, 1.4, 3.5)):
        book = simulate(scenario, 1, SETTINGS, loans_a_week=200)
        counted = CountedBook(book, SETTINGS)
        before, after = EVENT, EVENT + timedelta(weeks=30)
        ratios = []
        for day in (before, after):
            at, seen, expected = counted.by_now(day)
            newest = counted.own[at]
            ratios.append(float(seen[newest].sum() / expected[newest].sum()))
        assert 0.8 < ratios[0] < 1.25
        assert least < ratios[1] < most


def test_a_window_of_new_loans_finds_a_drift_that_years_of_older_loans_hide() -> None:
    drift = scenarios(3.0, weeks=55)[4]
    found = first_alarms(drift, 1, [12, 120], loans_a_week=200)
    new, pooled = found[12], found[120]
    assert new is not None
    assert pooled is None or new < pooled


def test_what_is_right_ends_the_walk_and_what_the_calendar_asks_for_counts_as_nothing() -> None:
    run = Run("shock", 1)
    run.look(1, [], "retrain", "calendar", LEARN)
    run.look(2, [], "repair_data", "data_broken", LEARN)
    red = MetricResult("psi:fico", "all", 0.3, 0.2, 0.4, 90, None, Status.FAIL, 0.25)
    run.look(3, [red], "recalibrate", "segment_calibration", LEARN)
    assert (run.right, run.right_by, run.wrong, run.wrong_by) == (3, "segment_calibration", 2, "data_broken")
    assert run.lights == {"stability": 3}


def test_a_broken_feed_is_repaired_once_enough_of_its_rows_are_lost() -> None:
    found = [walk(BROKEN, seed, SETTINGS, loans_a_week=40) for seed in (1, 2)]
    assert all(run.wrong is None for run in found)
    assert any(run.right is not None and run.right_by == "data_broken" for run in found)


def test_the_page_counts_false_alarms_misses_and_delays(tmp_path: Path) -> None:
    about = {"loans_a_week": 200, "factor": 2.0, "served_weeks": 52}
    rows = [("quiet", 0, None, None), ("quiet", 1, None, 7), ("product", 0, 20, None), ("product", 1, None, None)]
    runs = [
        {"scenario": key, "seed": seed, "weeks": 52, "right": right, "right_by": "segment_calibration" if right else ""}
        | {"wrong": wrong, "wrong_by": "segment_calibration" if wrong else "", "lights": {"cells": 4} if right else {}}
        for key, seed, right, wrong in rows
    ]
    written = page({"about": about, "runs": runs})
    assert "| Quiet year | 1 of 2 " in written
    assert "| 0 of 2 (0% to 57%) | 1 of 2 (12% to 88%) | 20 | not in these weeks | segment calibration 1 |" in written
    parts = [tmp_path / "a.json", tmp_path / "b.json"]
    parts[0].write_text(as_text({"about": about, "runs": runs[:2]}))
    parts[1].write_text(as_text({"about": about, "runs": runs[2:]}))
    assert len(merged(parts)["runs"]) == 4
    with pytest.raises(ValueError, match="stands in two"):
        merged([parts[0], parts[0]])


def test_the_page_in_the_docs_is_the_one_of_the_results() -> None:
    results = json.loads((ROOT / "bench/results/alarms-over-seeds.json").read_text())
    assert (ROOT / "docs/reference/alarms-over-seeds.md").read_text() == page(results)
    assert {run["scenario"] for run in results["runs"]} == {one.key for one in scenarios(2.0)}


def test_a_scenario_says_what_is_right() -> None:
    assert [one.asks for one in scenarios(2.0)] == [frozenset(), frozenset(), frozenset({"repair_data"}), LEARN, LEARN]
    assert isinstance(QUIET, Scenario)
    assert date(2022, 1, 1).weekday() == 5 == EVENT.weekday()
