"""What the summary of the report says of each number, and which side of it a thing lies on."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.reporting.weekly.facts import build_facts
from p2pcredit.settings import Settings

WEEK_END = date(2022, 6, 4)
PASS, FAIL, OPEN = Status.PASS, Status.FAIL, Status.UNDETERMINED


def result(
    metric: str, segment: str, value: float | None, low: float | None = None, high: float | None = None, **more: Any
) -> MetricResult:
    given = {"n": 900, "matured_share": 0.6, "status": OPEN, "threshold": None, "note": "why", **more}
    return MetricResult(metric, segment, value, low, high, **given)


def facts(*results: MetricResult, **more: Any) -> dict[str, Any]:
    given = {"decision": None, "champion": None, "generated_at": "now", **more}
    return build_facts(WEEK_END, results, Settings(), **given)


def known(*results: MetricResult) -> list[str]:
    return list(facts(*results)["summary"]["known"])


AUC = result("auc", "champion", 0.66, 0.6, 0.7, status=PASS, threshold=0.62)


@pytest.mark.parametrize(
    ("value", "low", "high", "says"),
    [
        (0.02, 0.01, 0.03, "Its AUC lies 0.020 above that of the platform's own sub-grade."),
        (-0.02, -0.03, -0.01, "Its AUC lies 0.020 below that of the platform's own sub-grade."),
        (0.0, -0.01, 0.01, "Its AUC lies 0.000 above that of the platform's own sub-grade, within what chance allows."),
        (0.02, 0.0, 0.04, "Its AUC lies 0.020 above that of the platform's own sub-grade, within what chance allows."),
        (
            -0.02,
            -0.04,
            0.0,
            "Its AUC lies 0.020 below that of the platform's own sub-grade, within what chance allows.",
        ),
        (0.02, None, 0.03, "Its AUC lies 0.020 above that of the platform's own sub-grade, within what chance allows."),
        (0.02, 0.01, None, "Its AUC lies 0.020 above that of the platform's own sub-grade, within what chance allows."),
    ],
)
def test_the_side_of_the_sub_grade_on_which_the_auc_lies_is_said(
    value: float, low: float | None, high: float | None, says: str
) -> None:
    assert known(AUC, result("auc_minus_sub_grade", "champion", value, low, high))[-1] == says


@pytest.mark.parametrize(
    ("value", "status", "says"),
    [
        (0.66, PASS, "an AUC of 0.660, at or above threshold 0.620 (0.600 to 0.700)."),
        (0.55, FAIL, "an AUC of 0.550, below threshold 0.620 beyond its interval (0.600 to 0.700)."),
        (0.61, OPEN, "an AUC of 0.610, below threshold 0.620 but not beyond its interval (0.600 to 0.700)."),
    ],
)
def test_the_side_of_the_threshold_on_which_the_auc_lies_is_said(value: float, status: Status, says: str) -> None:
    auc = result("auc", "champion", value, 0.6, 0.7, status=status, threshold=0.62, n=1200)
    assert known(auc) == [f"The champion ranked 1,200 matured loans with {says}"]


def test_an_auc_without_bounds_is_said_without_them() -> None:
    assert known(result("auc", "champion", 0.66, None, 0.7, status=PASS))[0].endswith("threshold 0.620.")
    assert known(result("auc", "champion", 0.66, 0.6, None, status=PASS))[0].endswith("threshold 0.620.")


def test_the_champion_is_spoken_of_and_the_service_only_where_the_champion_has_no_value() -> None:
    service = result("auc", "all", 0.7, status=PASS)
    ratios = result("calibration_ratio", "all", 1.5), result("calibration_ratio", "champion", 1.2)
    assert known(service, AUC, *ratios) == [
        "The champion ranked 900 matured loans with an AUC of 0.660, at or above threshold 0.620 (0.600 to 0.700).",
        "For each 100 defaults it expected among them, 120 came.",
    ]
    nothing = result("auc", "champion", None)
    assert known(service, nothing, *ratios) == [
        "The service as a whole ranked 900 matured loans with an AUC of 0.700, at or above threshold 0.620.",
        "For each 100 defaults it expected among them, 150 came.",
    ]


def test_columns_that_moved_to_the_alert_level_are_counted_among_those_that_were_measured() -> None:
    psi = [
        result("psi_score", "all", 0.3, status=FAIL),
        result("psi:annual_income", "all", 0.2, status=OPEN),
        result("psi:fico", "all", None),
    ]
    assert known(*psi) == ["1 of 2 columns moved to the alert level or beyond: Score."]
    assert known(*psi[1:]) == ["None of 1 columns moved to the alert level."]
    assert known(psi[2]) == ["Nothing about the model could be measured this week."]


def test_feeds_with_too_many_quarantined_rows_are_named_and_no_others() -> None:
    quality = [
        result("quarantined_share", "feed=financial", 0.2, status=FAIL),
        result("quarantined_share", "feed=loan_terms", 0.0, status=PASS),
    ]
    (said,) = known(*quality)
    assert said.startswith("Too many rows were quarantined in ")
    assert "financial" in said
    assert "terms" not in said


def unknown(*results: MetricResult) -> list[str]:
    return list(facts(*results)["summary"]["unknown"])


def test_how_many_loans_still_wait_is_said_of_the_service() -> None:
    (said,) = unknown(result("auc", "all", 0.7, matured_share=0.75, status=PASS))
    assert said.startswith("25% of the loans scored since the judged window began have no outcome yet")
    assert "judged 12 months and 30 days after it began" in said
    assert unknown(result("auc", "all", 0.7, matured_share=1.0, status=PASS)) == []
    assert unknown(result("auc", "all", 0.7, matured_share=None, status=PASS)) == []


def test_what_could_not_be_measured_and_what_is_open_is_said() -> None:
    found = unknown(
        result("auc", "all", None, matured_share=1.0, note="few", threshold=0.62),
        result("auc", "champion", None, note="none", threshold=0.62),
        result("auc_estimate", "champion", 0.7, n=1500, threshold=None),
        result("auc_estimate", "all", 0.9, n=9, threshold=None),
        result("ks", "all", 0.4),
    )
    assert found == [
        "Matured performance of the service is undetermined: few.",
        "Matured performance of the champion is undetermined: none.",
        "For the 1,500 newest loans the probabilities imply an AUC of 0.700: an estimate, which holds only if they are "
        "calibrated.",
        "2 checks are undetermined; none of them counts as passed.",
    ]


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (None, ["No decision was taken."]),
        ({"remedy": "none", "retrain": False, "reason": "x"}, ["No action.", "x"]),
        ({"remedy": "repair_data", "retrain": False, "reason": "x"}, ["Repair the data; no retraining.", "x"]),
        ({"remedy": "watch", "retrain": False, "reason": "x"}, ["Watch; no retraining.", "x"]),
        ({"remedy": "recalibrate", "retrain": True, "reason": "x"}, ["Recalibrate; no full retraining.", "x"]),
        ({"remedy": "retrain", "retrain": True, "reason": "x"}, ["Retrain the model.", "x"]),
        ({"retrain": True, "reason": "by hand"}, ["Retrain the model.", "by hand"]),
        ({"retrain": False}, ["No retraining.", ""]),
    ],
)
def test_what_was_decided_is_said_as_it_was_decided(decision: dict[str, Any] | None, says: list[str]) -> None:
    assert facts(decision=decision)["summary"]["decided"] == says


def test_the_history_is_that_of_earlier_weeks_and_of_this_one_for_whole_segments() -> None:
    columns = {"low": 0.5, "high": 0.9, "n": 9, "matured_share": 0.5, "status": "pass"}
    rows = [
        (date(2022, 5, 28), "auc", "all", 0.7),
        (date(2022, 5, 21), "auc", "champion", 0.6),
        (date(2022, 5, 28), "ks", "all", 0.3),
        (date(2022, 5, 28), "auc", "term=36", 0.3),
        (WEEK_END, "auc", "all", 0.1),
        (date(2022, 6, 11), "auc", "all", 0.2),
    ]
    names = ("week_end_date", "metric", "segment", "value")
    history = pl.DataFrame([dict(zip(names, row, strict=True)) | columns for row in rows])
    found = facts(AUC, result("auc", "all", None), result("auc", "term=36", 0.9), history=history)["history"]
    assert [(row["week_end_date"], row["segment"], row["value"]) for row in found] == [
        ("2022-05-21", "champion", 0.6),
        ("2022-05-28", "all", 0.7),
        ("2022-06-04", "champion", 0.66),
    ]


def test_vintages_and_terms_are_parts_except_among_early_signs() -> None:
    early, to_date = result("late30_within_3m", "vintage=2022Q1", 0.1), result("default_to_date_ratio", "term=36", 1.1)
    sections = facts(AUC, result("auc", "term=36", 0.5), early, to_date)["sections"]
    found = {
        section["key"]: ([r["segment"] for r in section["rows"]], [r["segment"] for r in section["parts"]])
        for section in sections
    }
    expected = {"ranking": ([], []), "over_term": ([], ["term=36"]), "early_delinquency": (["vintage=2022Q1"], [])}
    assert found == expected, "ranking by segment stands on the segments' lines"


def test_drift_is_shown_with_the_score_first_then_the_largest_move() -> None:
    psi = [
        result("psi:annual_income", "all", 0.1),
        result("psi:fico", "all", None),
        result("psi:loan_amount", "all", 0.4),
        result("psi_score", "all", 0.01),
    ]
    (drift,) = facts(*psi)["sections"]
    assert [row["metric"] for row in drift["rows"]] == ["psi_score", "psi:loan_amount", "psi:annual_income", "psi:fico"]


def test_whom_a_champion_was_held_against_is_left_out_of_its_facts() -> None:
    found = facts(champion={"model_id": "m", "champion_id": "before", "as_of": date(2022, 1, 1)})
    assert found["champion"] == {"model_id": "m", "as_of": "2022-01-01"}


@pytest.mark.parametrize(("status", "said"), [("fail", True), ("undetermined", True), ("pass", False)])
def test_a_champion_that_its_training_kept_back_is_named_every_week(status: str, said: bool) -> None:
    guards = [{"key": "base_rate", "status": status, "must_pass": True}]
    gate = {"status": "pass", "reason": "above chance", "ruling": "first model stopped: Brier 0.116", "guards": guards}
    told = facts(AUC, champion={"model_id": "m", "gate": gate})["summary"]["known"]
    words = "The champion serves by a person's word; its training kept it back: first model stopped: Brier 0.116."
    assert (words in told) is said
