from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.agreement import compare_summaries
from bench.measuring import ContenderError, Measured
from bench.picture import draw, groups_of
from bench.records import Record, Results, record_of
from bench.running import Run
from bench.table import page
from bench.targets import TARGETS, Target, judge
from bench.works.limits import fit_line, sentences


def of(who: str, *seconds: float, role: str = "ours", rows: int = 100, peak: float = 50.0, part: str = "p") -> Record:
    return record_of(part, "w", who, role, rows, [Measured(s, peak) for s in seconds])


def goal(bound: float, *, at_least: bool = False, against: str = "floor", measure: str = "seconds") -> Target:
    return Target("p", "w", "ours", against, measure, bound, at_least, "words")


def test_the_figure_of_a_record_is_the_median_of_its_repeats() -> None:
    assert of("ours", 5.0, 1.0, 3.0).figure("seconds") == 3.0
    assert of("ours", 1.0, 2.0).figure("seconds") == 1.5
    assert of("ours", 1.0).figure("work_seconds") is None


def test_work_seconds_of_several_days_in_one_process_are_as_many_figures() -> None:
    found = record_of("p", "w", "ours", "ours", 1, [Measured(9.0, 1.0, {"work_seconds": [1.0, 2.0, 6.0]})])
    assert found.figure("work_seconds") == 2.0


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="ours, peer, floor"):
        of("pandas", 1.0, role="rival")


def test_times_of_two_processes_add_up_and_the_higher_peak_counts() -> None:
    both = Measured(1.0, 300.0, {"a": 1}).then(Measured(2.0, 200.0, {"b": 2}))
    assert both == Measured(3.0, 300.0, {"a": 1, "b": 2})


def test_a_ratio_is_judged_at_each_size_where_both_were_measured() -> None:
    records = [of("ours", 3.0), of("floor", 2.0, role="floor"), of("ours", 9.0, rows=200)]
    (outcome,) = judge(records, [goal(2.0)])
    assert (outcome.rows, outcome.found, outcome.met) == (100, 1.5, True)


def test_a_missed_target_says_by_how_much_and_an_unmeasured_one_says_so() -> None:
    records = [of("ours", 3.0), of("floor", 2.0, role="floor")]
    assert judge(records, [goal(1.0)])[0].verdict == "missed: 1.5 times the bound"
    assert judge(records, [goal(3.0, at_least=True)])[0].verdict == "missed: 0.5 times the bound"
    assert judge(records, [goal(1.0, against="nobody")])[0].verdict == "not measured"
    assert judge(records, [goal(1.0, against="nobody")])[0].met is None


def test_a_plain_figure_is_judged_without_another() -> None:
    assert judge([of("ours", 1.0, peak=4000.0)], [goal(3000.0, against="", measure="peak_mb")])[0].met is False


def test_every_target_compares_what_a_part_measures() -> None:
    assert {target.part for target in TARGETS} <= {"raw-to-gold", "training", "scoring", "monitoring", "day", "replay"}


def test_a_part_measured_again_replaces_itself_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results" / "benchmark.json"
    first = Results(path)
    first.begin("p", {"on": "Monday"}).add(of("ours", 1.0))
    first.begin("q", {"on": "Monday"}).add(of("ours", 7.0, part="q"))
    first.save()
    again = Results(path)
    again.begin("p", {"on": "Tuesday"}).add(of("ours", 2.0))
    again.save()
    found = Results(path)
    assert found.parts["p"].about == {"on": "Tuesday"}
    assert found.records == [of("ours", 2.0), of("ours", 7.0, part="q")]
    json.loads(path.read_text())


def test_a_contender_measured_again_stands_once() -> None:
    part = Results(Path("nowhere")).begin("p", {})
    part.add(of("ours", 1.0))
    part.add(of("ours", 2.0))
    assert part.records == [of("ours", 2.0)]


def test_the_page_tells_ratios_failures_and_checks(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.json")
    part = results.begin("p", {"on": "Monday", "memory": "8 GB"})
    part.records = [of("ours", 2.0), of("pandas", 5.0, role="peer")]
    part.failures, part.checks = ["PySpark: no java"], ["pandas made the same gold tables"]
    text = page(results)
    assert "| w | pandas (peer) | 100 | 5.00 |  | 50 | 2.50 | 1 |  |" in text
    assert "- Failed: PySpark: no java" in text
    assert "- Checked: pandas made the same" in text
    assert "p: on Monday; memory 8 GB" in text


def test_a_panel_compares_the_size_that_most_contenders_share() -> None:
    records = [of("ours", 1.0), of("pandas", 2.0, role="peer"), of("ours", 9.0, rows=900)]
    assert [[r.rows for r in group] for group in groups_of(records)] == [[100, 100]]


def test_the_picture_names_every_contender() -> None:
    svg = draw([of("ours", 1.0), of("pandas", 2.0, role="peer"), of("bare Polars", 0.5, role="floor")])
    assert svg.startswith("<svg")
    assert all(name in svg for name in ("ours", "pandas", "bare Polars"))


def test_a_line_through_three_points_tells_how_far_they_lie_from_it() -> None:
    line = fit_line([1_000_000, 2_000_000, 3_000_000], [1.0, 2.0, 6.0])
    assert line.per_million == pytest.approx(2.5)
    assert sum(line.residuals) == pytest.approx(0.0, abs=1e-9)
    assert line.at(2_000_000) == pytest.approx(3.0)


def test_limits_are_said_with_size_seconds_and_memory() -> None:
    records = [
        record_of("limits", "raw file to gold", "ours", "ours", rows, [Measured(rows / 1e5, 400.0)])
        for rows in (500_000, 1_000_000, 2_000_000)
    ]
    (found,) = sentences(records, cores=2, memory_gb=8.0)
    assert found.startswith("On 2 cores and 8 GB: raw file to gold, 2,000,000 loans in 20 s with at most 400 MB.")
    assert "10 s per million loans" in found
    assert "No line: the MB do not grow" in found
    assert found.endswith("With 4 times the loans the peak is 1.00 times as high.")


def test_tables_that_differ_are_named_with_both_figures() -> None:
    words = compare_summaries("pandas", {"loans": 3.0, "fico": float("nan")}, {"loans": 4.0, "fico": float("nan")})
    assert words == "pandas made OTHER gold tables than ours: 1 of 2 counts and means agree; loans: ours 3, theirs 4"


def test_work_that_two_parts_look_at_is_measured_once_in_a_run(tmp_path: Path) -> None:
    results, times = Results(tmp_path / "r.json"), iter([Measured(1.0, 5.0)])
    run = Run(10, 10, 10, 1, None, tmp_path, results)
    run.part = results.begin("a", {})
    run.contend(("a", "w", "ours", "ours"), 10, lambda: next(times))
    run.part = results.begin("b", {})
    run.contend(("b", "w", "ours", "ours"), 10, lambda: next(times))
    assert [(record.part, record.seconds) for record in results.records] == [("a", (1.0,)), ("b", (1.0,))]


def test_a_contender_that_fails_is_named_and_loses_no_other(tmp_path: Path) -> None:
    def fail() -> Measured:
        raise ContenderError("no java")

    results = Results(tmp_path / "r.json")
    run = Run(10, 10, 10, 1, None, tmp_path, results)
    run.part = results.begin("a", {})
    run.contend(("a", "w", "ours", "ours"), 10, lambda: Measured(1.0, 5.0))
    assert run.contend(("a", "w", "PySpark", "peer"), 10, fail) is None
    again = Results(tmp_path / "r.json").parts["a"]
    assert [record.who for record in again.records] == ["ours"]
    assert again.failures == ["w, PySpark, 10 loans: no java"]
