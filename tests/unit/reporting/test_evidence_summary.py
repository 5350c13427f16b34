"""The half page in front of a pack, and the timeline of its samples, from facts written by hand."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from p2pcredit.reporting.drawing import as_svg
from p2pcredit.reporting.evidence.charts import _samples
from p2pcredit.reporting.evidence.limits import _lifetime, _ranking
from p2pcredit.reporting.evidence.summary import summary_of
from p2pcredit.reporting.evidence.timeline import sample_timeline

FACTS: dict[str, Any] = {
    "model": {
        "model_id": "scorecard-20240301-aa",
        "family": "scorecard",
        "target": "early_delinquency",
        "as_of": "2024-03-01",
        "confidence": 0.9,
    },
    "data": {
        "definition": {"name": "pd12", "window_months": 12, "default_days": 90, "reporting_lag_days": 30},
        "matured": {"n": 20814, "bads": 1204},
        "periods": {
            "fit": {"first": "2021-01-04", "last": "2022-02-28", "n": 12000, "bads": 700},
            "calibrate": {"first": "2022-03-01", "last": "2022-08-31", "n": 4000, "bads": 230},
            "evaluate": {"first": "2022-09-01", "last": "2023-01-29", "n": 4814, "bads": 274},
        },
    },
    "features": [{"in_model": True}, {"in_model": True}, {"in_model": False}],
    "method": {"parent": None, "score": {"approval_cutoff": 0.12}},
    "performance": {
        "discrimination": {"auc": {"value": 0.687, "low": 0.651, "high": 0.722}},
        "calibration": {"ratio": {"value": 0.94, "low": 0.81, "high": 1.09}},
        "sub_grade": {"difference": {"value": 0.031, "low": 0.004, "high": 0.058}},
        "logistic": None,
    },
    "verdict": {"gate": {"status": "pass"}},
    "limits": [
        {"about": "data", "text": "first of data"},
        {"about": "data", "text": "second of data"},
        {"about": "ranking", "text": "first of ranking"},
        {"about": "groups", "text": "first of groups"},
        {"about": "use", "text": "first of use"},
        {"about": "calibration", "text": "first of calibration"},
    ],
}
SIGNED: dict[str, Any] = {
    "stated_on": "2024-03-12",
    "role": "champion",
    "developer": "Dora",
    "trained_by": "schedule",
    "trained_on": "2024-03-02",
    "promoted_by": "schedule",
    "served": [{"from": "2024-03-10", "to": None}],
    "approval": {
        "by": "Ada",
        "on": "2024-03-10",
        "why": "report 7",
        "until": "2025-03-31",
        "conditions": "36 months only",
    },
    "refused": None,
    "retired_on": None,
    "next_review": "2025-03-10",
    "review_overdue": False,
    "findings": [
        {"number": 1, "text": "slope", "closed_on": "2024-03-09"},
        {"number": 2, "text": "few bads", "closed_on": None},
    ],
    "findings_open": 1,
    "findings_closed": 1,
}


def parts(facts: dict[str, Any] = FACTS, signed: dict[str, Any] | None = SIGNED) -> dict[str, list[str]]:
    return {part["title"]: part["lines"] for part in summary_of(facts, signed)}


def test_it_says_what_for_on_what_and_how_good_with_intervals() -> None:
    found = parts()
    assert list(found) == ["What it is for", "On what", "How good", "Limits", "Who signed"]
    assert found["What it is for"] == [
        "Probability that a loan is 90 days past due or worse within 12 months on book (pd12), from what was known at "
        "application; for grading, pricing and declining above 12.0%."
    ]
    assert found["On what"] == [
        "Scorecard, target early delinquency, trained anew as of 2024-03-01; 2 features; 20,814 matured loans with "
        "1,204 bads.",
        "Judged on 4,814 loans of 2022-09-01 to 2023-01-29 with 274 bads, later than all that the evaluation model had "
        "seen.",
    ]
    assert found["How good"] == [
        "AUC 0.687 (0.651 to 0.722, 90% interval), all loans pooled.",
        "Bads seen over bads expected 0.94 (0.81 to 1.09).",
        "AUC against the platform's own sub-grade +0.031 (0.004 to 0.058).",
        "Floor under every model: pass.",
    ]


def test_ranking_within_quarter_and_term_stands_before_the_pooled_figure() -> None:
    facts = copy.deepcopy(FACTS)
    own, lead = {"value": 0.661, "low": 0.62, "high": 0.702}, {"value": 0.004, "low": -0.022, "high": 0.029}
    facts["performance"]["within"] = {"auc": own, "sub_grade": lead}
    assert parts(facts)["How good"][:2] == [
        "AUC within quarter and term 0.661 (0.620 to 0.702, 90% interval), +0.004 (-0.022 to 0.029) against the "
        "platform's own grade.",
        "AUC 0.687 (0.651 to 0.722, 90% interval), all loans pooled.",
    ]
    facts["performance"]["within"]["sub_grade"] = None
    assert parts(facts)["How good"][0] == "AUC within quarter and term 0.661 (0.620 to 0.702, 90% interval)."
    facts["performance"]["within"]["auc"] = {"value": None, "low": None, "high": None}
    assert "not known" in parts(facts)["How good"][0]


@pytest.mark.parametrize(("high", "said"), [(-0.002, True), (0.001, False), (None, False)])
def test_ranking_worse_than_the_platform_within_quarter_and_term_is_a_limit(high: float | None, said: bool) -> None:
    performance: dict[str, Any] = {
        "discrimination": {"auc": {"value": 0.7, "status": "pass", "threshold": 0.62}},
        "earlier": None,
        **{key: {"difference": {"value": 0.1, "low": 0.05, "high": 0.15}} for key in ("sub_grade", "logistic")},
        "vintages": [],
        "terms": [],
        "within": {"sub_grade": {"value": -0.081, "low": -0.16, "high": high}},
    }
    found = _ranking({"performance": performance, "verdict": {"gate": None}})
    assert bool(found) is said
    assert all(text.startswith("Among loans of one quarter and term it ranks worse") for _, text in found)


def structure(quarters: int, defaults: int, term: int = 36) -> dict[str, Any]:
    later = {"quarters": quarters, "first": "2007Q2" if quarters else None, "last": "2008Q2", "defaults": defaults}
    told = {"term_months": term, "watched_months": 36, "unseen_share": 0.0, "defaults": 900, "loans": 9000}
    return {"term_structure": {"window_months": 12, "powers": [], "terms": [told], "later": later}}


def test_later_months_known_from_fewer_quarters_than_a_cycle_takes_are_a_limit() -> None:
    (few,) = _lifetime(structure(5, 123))
    assert few[0] == "lifetime"
    assert few[1].startswith(
        "Default after month 12 is known from 5 quarters of origination, 2007Q2 to 2008Q2, and 123 defaults."
    )
    assert _lifetime(structure(20, 2000)) == []
    (none,) = _lifetime(structure(0, 0))
    assert none[1].startswith("No loan was watched beyond month 12")
    assert _lifetime(structure(5, 123, term=12)) == [], "the term ends with the window"
    older = structure(5, 123)
    del older["term_structure"]["later"]
    assert _lifetime(older) == [], "a pack of an earlier version"


def test_five_limits_are_named_the_first_of_each_kind_and_the_others_counted() -> None:
    assert parts()["Limits"] == [
        "first of ranking",
        "first of calibration",
        "first of data",
        "first of groups",
        "first of use",
        "1 more under Assumptions and limits.",
    ]


def test_the_limit_of_the_lifetime_figure_is_on_the_half_page() -> None:
    told = [*FACTS["limits"], {"about": "lifetime", "text": "first of lifetime"}]
    assert parts({**FACTS, "limits": told})["Limits"][:3] == [
        "first of ranking",
        "first of calibration",
        "first of lifetime",
    ]


def test_it_says_who_signed_under_which_conditions_and_what_is_open() -> None:
    assert parts()["Who signed"] == [
        "Developed by Dora; trained by the schedule on 2024-03-02; role: champion.",
        "Approved by Ada on 2024-03-10, until 2025-03-31: report 7.",
        "Conditions: 36 months only.",
        "Served: since 2024-03-10.",
        "Next review: 2025-03-10.",
        "Findings: 1 open (2: few bads), 1 closed.",
        "As the ledger said on 2024-03-12; 'p2pcredit models evidence' writes this page anew.",
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"role": "waits for approval", "approval": None}, "it waits for approval and does not serve"),
        ({"refused": {"by": "Ada", "on": "2024-03-10", "why": "young"}, "approval": None}, "Refused by Ada on 2024"),
        ({"approval": None}, "No person has approved it."),
        ({"review_overdue": True}, "Next review: 2025-03-10, overdue."),
        ({"retired_on": "2024-05-01"}, "Out of use since 2024-05-01."),
        ({"developer": None, "trained_on": None}, "Developed by a person not named; trained by the schedule; role"),
    ],
)
def test_whatever_became_of_it_is_said(changes: dict[str, Any], says: str) -> None:
    assert says in " ".join(parts(signed={**SIGNED, **changes})["Who signed"])


def test_the_page_beside_the_model_names_nobody_and_says_where_to_look() -> None:
    (line,) = parts(signed=None)["Who signed"]
    assert "'p2pcredit models evidence scorecard-20240301-aa' writes it with who signed by now" in line


def test_each_sample_says_when_it_began_ended_and_was_known() -> None:
    assert [tuple(row.values()) for row in sample_timeline(FACTS)] == [
        ("fit", "Fit", "2021-01-04", "2022-02-28", "2023-03-30"),
        ("calibrate", "Calibration", "2022-03-01", "2022-08-31", "2023-09-30"),
        ("evaluate", "Test", "2022-09-01", "2023-01-29", "2024-02-28"),
        ("", "Open", "2023-01-30", "2024-03-01", None),
    ]


def test_a_sample_without_loans_has_no_days_and_one_that_is_not_there_no_row() -> None:
    facts = copy.deepcopy(FACTS)
    del facts["data"]["periods"]["fit"]
    facts["data"]["periods"]["calibrate"].update(first=None, last=None, n=0)
    facts["model"]["as_of"] = "2023-01-29"
    assert [(row["sample"], row["first"], row["known_by"]) for row in sample_timeline(facts)] == [
        ("Calibration", None, None),
        ("Test", "2022-09-01", "2024-02-28"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        ("2024-01-10", "2024-02-25", ["Feb 2024"]),
        ("2023-12-20", "2024-03-10", ["Jan 2024", "Feb 2024", "Mar 2024"]),
        (
            "2022-05-15",
            "2024-03-01",
            ["Jul 2022", "Oct 2022", "Jan 2023", "Apr 2023", "Jul 2023", "Oct 2023", "Jan 2024"],
        ),
        ("2007-06-01", "2019-01-01", [f"Jan {year}" for year in range(2008, 2020, 2)]),
    ],
)
def test_the_timeline_names_each_month_once_at_equal_distances(first: str, last: str, labels: list[str]) -> None:
    facts = copy.deepcopy(FACTS)
    facts["data"]["definition"].update(window_months=0, reporting_lag_days=0)
    facts["data"]["periods"] = {"fit": {"first": first, "last": last, "n": 1, "bads": 0}}
    facts["model"]["as_of"] = last
    chart = _samples(facts)
    texts = re.findall(r">([A-Z][a-z]{2} \d{4})<", as_svg(chart, "samples"))
    assert texts == labels


def test_it_says_the_kind_of_change_and_which_guards_did_not_pass() -> None:
    told = copy.deepcopy(FACTS)
    guards = [{"name": "AUC", "status": "pass"}, {"name": "AUC against the champion", "status": "undetermined"}]
    told["verdict"]["gate"] |= {"kind": "refresh", "guards": guards}
    assert parts(told)["How good"][-1] == (
        "Kind of change: refresh; 1 of 2 guards pass; AUC against the champion (undetermined)."
    )
    assert not any(line.startswith("Kind of change") for line in parts()["How good"])
