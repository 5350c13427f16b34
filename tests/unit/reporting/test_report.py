from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.weekly.charts import draw_charts
from p2pcredit.reporting.weekly.facts import build_facts
from p2pcredit.reporting.weekly.page import render_report
from p2pcredit.settings import Settings

WEEK_END = date(2011, 3, 27)
EVIL = "<script>alert('x')</script>"
PASS, FAIL, OPEN = Status.PASS, Status.FAIL, Status.UNDETERMINED

RESULTS = [
    MetricResult("auc", "all", 0.66, 0.63, 0.69, 900, 0.45, PASS, 0.62, "90 bads"),
    MetricResult("auc", "champion", 0.55, 0.52, 0.58, 700, 0.3, FAIL, 0.62, "70 bads"),
    MetricResult("auc", "vintage=2010Q1", 0.6, 0.5, 0.7, 200, 0.9, OPEN, 0.62, "20 bads"),
    MetricResult("auc_estimate", "all", 0.67, 0.6, 0.74, 300, None, OPEN, 0.62, "estimate"),
    MetricResult("auc_estimate_then", "all", 0.68, 0.64, 0.72, 900, 0.45, OPEN, 0.62, "estimate"),
    MetricResult("calibration_ratio", "champion", 1.2, 1.0, 1.4, 700, 0.3, PASS, 1.5, ""),
    MetricResult("matured_defaults", "champion", 70.0, None, None, 700, 0.3, OPEN, None, ""),
    MetricResult("matured_defaults", "vintage=2010Q1", 20.0, None, None, 200, 0.9, OPEN, None, ""),
    MetricResult("gini", "champion", 0.1, 0.04, 0.16, 700, 0.3, OPEN, None, "70 bads"),
    MetricResult("brier", "champion", 0.09, 0.08, 0.1, 700, 0.3, OPEN, None, "70 bads"),
    MetricResult("auc_sub_grade", "all", None, None, None, 0, 0.45, OPEN, None, "no loan has a sub-grade"),
    MetricResult("psi_score", "all", 0.3, 0.2, 0.4, 300, None, FAIL, 0.25, "0.01 by chance alone"),
    MetricResult("psi:annual_income", "all", 0.02, 0.0, 0.05, 300, None, PASS, 0.25, ""),
    MetricResult("late30_within_3m", "vintage=2010Q4", 0.03, 0.02, 0.05, 400, 1.0, OPEN, None, "12 of 400 loans"),
    MetricResult("quarantined_share", "feed=loan_terms", 0.0, 0.0, 0.01, 300, None, PASS, 0.05, "0 of 300 rows"),
    MetricResult("own_metric", "all", None, None, None, 0, None, OPEN, None, "broke"),
]
DECISION = {
    "retrain": True,
    "remedy": "retrain",
    "performance_score": 0.55,
    "reason": "Performance score 0.550 below threshold 0.620",
    "evidence": ["auc of champion 0.550"],
}
CHAMPION = {"model_id": "m1", "family": "scorecard", "as_of": date(2010, 1, 3), "gini": None, "metrics": {"auc": 0.7}}
SCORES = {
    "n_reference": 900,
    "n_recent": 300,
    "bands": [
        {"low": 560, "high": 580, "reference": 0.4, "recent": 0.5},
        {"low": 580, "high": 600, "reference": 0.6, "recent": 0.5},
    ],
}
GRADES = [{"grade": "A", "n": 200, "bads": 4, "expected": 0.03, "observed": 0.02, "low": 0.01, "high": 0.05}]


class Page(HTMLParser):
    """Collects what a browser would take from the page: tags, their attributes, and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data + " "


def history(*weeks: date) -> pl.DataFrame:
    rows = [
        {**result.as_row(), "week_end_date": week, "value": result.value or 0.5}
        for week in weeks
        for result in RESULTS[:5]
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def facts(results: list[MetricResult] = RESULTS, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "decision": DECISION,
        "champion": CHAMPION,
        "generated_at": "2011-03-27 06:00 UTC",
        "history": history(WEEK_END - timedelta(days=14), WEEK_END - timedelta(days=7)),
        "score_profile": SCORES,
        "calibration_profile": GRADES,
    }
    return build_facts(WEEK_END, results, Settings(), **{**given, **more})


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_report(facts()))


def test_facts_are_plain_json_values() -> None:
    made = facts([MetricResult("auc", "all", float("nan"), float("inf"), None, 3, 0.1, PASS, 0.62)])
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["results"][0]["status"] == "undetermined"


def test_the_summary_says_what_is_known_unknown_and_decided() -> None:
    summary = facts()["summary"]
    assert summary["decided"] == ["Retrain the model.", "Performance score 0.550 below threshold 0.620"]
    assert "700 matured loans with an AUC of 0.550, below threshold 0.620 beyond its interval" in summary["known"][0]
    assert "1 of 2 columns moved to the alert level or beyond: Score." in summary["known"]
    assert any("55% of the loans" in line for line in summary["unknown"])
    assert any("implied" in line or "imply an AUC of 0.670" in line for line in summary["unknown"])


def test_the_report_names_each_column_that_lost_values_with_its_count() -> None:
    columns = [f"financial.c{n}_x" for n in range(7)]
    lost = [
        MetricResult("values_lost_share", f"column={c}", 0.1, 0.0, 0.2, 30, None, FAIL, 0.05, "3 of 30 values given")
        for c in columns
    ]
    told = facts(results=[*RESULTS, *lost])
    (section,) = [section for section in told["sections"] if section["key"] == "quality"]
    rows = [row for row in section["rows"] if row["metric"] == "values_lost_share"]
    assert [row["segment_words"] for row in rows][:2] == ["c0 x (financial)", "c1 x (financial)"]
    assert {(row["value_words"], row["note"]) for row in rows} == {("10.0%", "3 of 30 values given")}
    assert len(rows) == 7
    (said,) = [line for line in told["summary"]["known"] if line.startswith("Values could not be used")]
    assert "c0 x (financial) (3 of 30 values given), " in said
    assert said.endswith("and 1 more.")


def test_nothing_is_said_to_be_open_once_every_loan_has_its_outcome() -> None:
    matured = [replace(result, matured_share=1.0) for result in RESULTS]
    assert not any("no outcome yet" in line for line in facts(matured)["summary"]["unknown"])


def test_a_card_shows_what_the_champion_has_and_not_what_it_lacks(page: Page) -> None:
    assert "scorecard" in page.words
    assert "unknown" not in page.words
    assert facts()["champion"]["gini"] is None


def test_the_format_of_a_card_is_no_fact_of_its_champion() -> None:
    words = Page(render_report(facts(champion={**CHAMPION, "format": 3}))).words
    assert " format " not in words.split("Champion", 1)[1]


@pytest.mark.parametrize("weeks", [1, 3, 9, 13, 26, 60, 200])
def test_no_label_of_a_time_axis_stands_twice(weeks: int) -> None:
    past = [WEEK_END - timedelta(weeks=back) for back in range(1, weeks)]
    made = facts(history=history(*past)) if past else facts()
    for chart in draw_charts(made):
        if chart.key in {"auc", "estimate"}:
            months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
            labels = re.findall(rf">((?:\d\d )?(?:{months}) \d{{4}})</text>", chart.svg)
            assert labels, chart.key
            assert len(labels) == len(set(labels)) <= 10, labels


def test_later_weeks_and_a_former_run_of_this_week_play_no_part_in_the_history() -> None:
    before, later = WEEK_END - timedelta(days=7), WEEK_END + timedelta(days=7)
    made = facts(history=history(before, WEEK_END, later))["history"]
    weeks = [row["week_end_date"] for row in made if (row["metric"], row["segment"]) == ("auc", "all")]
    assert weeks == [before.isoformat(), WEEK_END.isoformat()]


def test_every_result_stands_in_exactly_one_table_on_a_segments_line_or_among_what_does_not_apply() -> None:
    told = facts()
    shown = [(row["metric"], row["segment"]) for s in told["sections"] for row in (*s["rows"], *s["parts"])]
    on_lines = {"auc", "calibration_ratio", "matured_defaults", "gini"}
    rest = [(r.metric, r.segment) for r in RESULTS if r.metric not in on_lines and r.metric != "auc_sub_grade"]
    assert sorted(shown) == sorted(rest)
    assert ("brier", "champion") in shown
    said = [line for section in told["sections"] for line in section["left_out"]]
    assert said == ["AUC of the platform's sub-grade (whole service): no loan has a sub-grade"]


def test_each_segment_has_one_line_with_loans_defaults_calibration_ranking_and_light() -> None:
    champion = next(line for line in facts()["segments"] if line["segment"] == "champion")
    assert champion == {
        "segment": "champion",
        "n": 700,
        "defaults": "70",
        "ratio": "1.20",
        "ratio_interval": "1.00 to 1.40",
        "auc": "0.550",
        "auc_interval": "0.520 to 0.580",
        "status": "fail",
        "note": "ranking fail, calibration pass",
    }
    assert [line["segment"] for line in facts()["segments"]] == ["whole service", "champion", "vintage 2010Q1"]
    few = MetricResult("auc", "term=60", None, None, None, 40, 0.5, OPEN, 0.62, "40 loans have matured, 100 needed")
    none = MetricResult("auc", "term=36", None, None, None, 0, 0.0, OPEN, 0.62, "no loan has matured")
    (line,) = facts([few, none])["segments"]
    assert (line["segment"], line["auc"], line["ratio"], line["note"]) == ("term 60 months", "none", "none", few.note)


def test_the_first_screen_names_the_book_what_was_scored_its_grades_quarantine_and_holes() -> None:
    book = {"name": "bank", "platform": "lendingclub", "since": "2011-03-14", "scored": 1234, "refused": 2}
    book |= {"grades": [{"grade": "A", "n": 1000}, {"grade": "B", "n": 234}], "rows_in": 900, "quarantined": 7}
    days = {"complete": 13, "with_holes": 1, "undetermined": 0, "not_taken_in": 0, "holes": ["2011-03-15: 2 rows"]}
    told = facts(book={**book, "recent_days": 28}, days=days)
    words = Page(render_report(told)).words
    first = words.split("Decision")[0]
    for said in ("bank (lendingclub)", "1,234; 2 refused", "A 1,000, B 234", "7 of 900", "13 whole, 1 with holes"):
        assert said in first
    assert any("Of the 14 days of the weeks since 2011-03-14, not all" in line for line in told["summary"]["known"])
    assert any("days of the week," in line for line in facts(days=days)["summary"]["known"])


def test_the_page_holds_no_script_and_fetches_nothing(page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "image", "object", "base"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "xlink:href")]
    remote = [value for name, value in page.attributes if "//" in value and not name.startswith("xmlns")]
    assert remote == []


def test_the_page_shows_every_chart_and_landmark(page: Page) -> None:
    ids = {value for name, value in page.attributes if name == "id"}
    charts = ("auc", "estimate", "calibration", "score", "drift", "early_delinquency")
    assert {f"chart-{key}" for key in charts} <= ids
    assert {"summary", "decision", "champion", "ranking", "calibration", "drift", "quality", "other"} <= ids
    assert page.tags.count("svg") == len(charts)


def test_every_row_bears_its_status_as_a_word(page: Page) -> None:
    statuses = re.findall(r"\b(pass|fail|undetermined|information)\b", page.words)
    for word in ("pass", "fail", "undetermined", "information"):
        assert word in statuses
    for word in ("0.550", "0.520 to 0.580", "700", "30%", "70 bads"):
        assert word in page.words


def test_no_id_stands_twice() -> None:
    ids = [value for name, value in Page(render_report(facts())).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_everything_from_the_data_is_escaped() -> None:
    evil = [
        MetricResult(EVIL, EVIL, 0.5, 0.4, 0.6, 9, 0.5, PASS, 0.62, EVIL),
        MetricResult(f"psi:{EVIL}", f"feed={EVIL}", 0.5, 0.4, 0.6, 9, None, FAIL, 0.25, EVIL),
        MetricResult("late30_within_3m", f"vintage={EVIL}", 0.5, 0.4, 0.6, 9, 1.0, OPEN, None, EVIL),
        MetricResult("auc", "all", None, None, None, 9, 0.5, OPEN, 0.62, EVIL),
    ]
    html = render_report(
        facts(
            evil,
            decision={"retrain": False, "reason": EVIL, "evidence": [EVIL]},
            champion={"model_id": EVIL, EVIL: EVIL},
            generated_at=EVIL,
            calibration_profile=[{**GRADES[0], "grade": EVIL}],
        )
    )
    assert "script" not in Page(html).tags
    assert "<script" not in html.lower()
    assert "&lt;script&gt;" in html


def test_a_week_in_which_nothing_matured_still_renders() -> None:
    nothing = [MetricResult("auc", "all", None, None, None, 0, None, OPEN, 0.62, "no loan has matured")]
    bare = build_facts(WEEK_END, nothing, Settings(), decision=None, champion=None, generated_at="now")
    words = Page(render_report(bare)).words
    assert "No model serves yet." in words
    assert "No decision was taken." in words
    assert "Matured performance of the service is undetermined: no loan has matured." in words
    assert draw_charts(bare) == []


def test_no_results_at_all_still_render() -> None:
    bare = build_facts(WEEK_END, [], Settings(), decision=None, champion=None, generated_at="now")
    assert "No metric was calculated." in Page(render_report(bare)).words


def test_facts_that_lack_something_are_refused_in_one_line() -> None:
    with pytest.raises(MonitoringError, match="the report's facts lack something"):
        render_report({key: value for key, value in facts().items() if key != "sections"})


def test_the_same_facts_give_the_same_bytes() -> None:
    assert render_report(facts()) == render_report(json.loads(json.dumps(facts())))


def test_what_past_promotions_brought_stands_beside_what_they_claimed() -> None:
    one: dict[str, Any] = {
        "model_id": "m2",
        "effective_on": "2010-01-03",
        "kind": None,
        "note": "",
        "n": 900,
        "bads": 60,
    }
    one |= {"claimed": 0.035, "claimed_low": 0.01, "claimed_high": 0.06, "realised": 0.001}
    one |= {"realised_low": -0.02, "realised_high": 0.022, "within": None, "within_low": None, "within_high": None}
    told = facts(promotions=[one])
    assert "The last promotion that can be judged claimed +0.035 of AUC and brought +0.001." in told["summary"]["known"]
    page = Page(render_report(told)).words
    for words in ("+0.035 (+0.010 to +0.060)", "+0.001 (-0.020 to +0.022)", "not measured", "not said"):
        assert words in page
    assert "What past promotions really brought" not in Page(render_report(facts())).words


def test_the_decision_says_which_kind_on_what_trigger_and_when_the_calendar_asks_next() -> None:
    asked = {**DECISION, "kind": "refresh", "trigger": "calendar", "next_refresh_on": date(2011, 9, 27)}
    assert facts(decision=asked)["summary"]["decided"][-1] == (
        "Asked for: refresh, on the trigger calendar. The calendar asks next on 2011-09-27."
    )
    quiet = {**DECISION, "kind": "", "trigger": "", "next_refresh_on": date(2011, 9, 27)}
    assert facts(decision=quiet)["summary"]["decided"][-1] == "The calendar asks next on 2011-09-27."
    due = {**DECISION, "kind": "refresh", "trigger": "calendar", "next_refresh_on": date(2011, 3, 25)}
    assert facts(decision=due)["summary"]["decided"][-1].endswith("The calendar has asked since 2011-03-25.")
    assert facts()["summary"]["decided"] == ["Retrain the model.", DECISION["reason"]]
