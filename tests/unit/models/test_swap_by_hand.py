"""A swap set of six loans, worked by hand: cells, sums, ties at the cut-off, loans of which something is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.champion.swap_set import Swap, build_swap_set
from p2pcredit.models.evaluation.intervals import wilson_interval
from p2pcredit.settings import ScoreSettings, Settings

SETTINGS = Settings(scores=ScoreSettings(approval_cutoff=0.1, loss_given_default=0.5))


def swapped() -> dict[str, Any]:
    rows = [
        ("f", 1000.0, 36.0, "CA", 0, 0.10, 0.10),  # at the cut-off is approved
        ("e", 2000.0, 36.0, "CA", 1, 0.05, 0.20),  # out
        ("d", None, 59.6, None, None, 0.20, 0.05),  # in; amount and outcome unknown
        ("c", 4000.0, None, "NY", 1, 0.30, 0.05),  # in
        ("b", float("nan"), 60.0, "NY", 0, 0.11, 0.11),  # declined by both
        ("a", 6000.0, 60.0, "NY", 0, 0.12, 0.10),  # in, at the cut-off
    ]
    names = ("loan_id", "loan_amount", "term_months", "state", "label")
    loans = pl.DataFrame(
        [dict(zip(names, row[:5], strict=True)) for row in rows],
        schema={
            "loan_id": pl.String,
            "loan_amount": pl.Float64,
            "term_months": pl.Float64,
            "state": pl.String,
            "label": pl.Int8,
        },
    )
    champion, challenger = np.array([row[5] for row in rows]), np.array([row[6] for row in rows])
    return build_swap_set(Swap(loans, champion, challenger), SETTINGS)


def test_at_one_cutoff_each_loan_falls_in_its_cell_with_its_sums() -> None:
    found = swapped()
    assert (found["n"], found["cutoff"], found["loss_given_default"]) == (6, 0.1, 0.5)
    rule = found["equal_cutoff"]
    assert rule["approvals"] == {"champion": 2, "challenger": 4}
    into = rule["cells"]["swapped_in"]
    assert (into["n"], into["amount"], into["observed_n"], into["observed_bads"]) == (3, 10000.0, 2, 1)
    assert into["challenger"]["expected_defaults"] == pytest.approx(0.05 + 0.05 + 0.10)
    assert into["champion"]["expected_defaults"] == pytest.approx(0.20 + 0.30 + 0.12)
    assert into["challenger"]["expected_loss"] == pytest.approx(0.5 * (0.05 * 4000 + 0.10 * 6000))
    assert into["champion"]["expected_loss"] == pytest.approx(0.5 * (0.30 * 4000 + 0.12 * 6000))
    assert into["observed_rate"] == 0.5
    assert (into["observed_low"], into["observed_high"]) == wilson_interval(0.5, 2, 0.9)
    assert [rule["cells"][cell]["n"] for cell in ("approved_by_both", "swapped_out", "declined_by_both")] == [1, 1, 1]
    assert rule["cells"]["declined_by_both"]["amount"] == 0.0


def test_at_an_equal_rate_the_challengers_safest_are_approved_and_ties_go_by_id() -> None:
    rule = swapped()["equal_approval_rate"]
    assert rule["approvals"] == {"champion": 2, "challenger": 2}  # 'c' and 'd', the safest two
    assert rule["cells"]["swapped_in"]["n"] == rule["cells"]["swapped_out"]["n"] == 2
    assert rule["cells"]["swapped_in"]["amount"] == 4000.0
    loans = pl.DataFrame({"loan_id": ["b", "a"], "loan_amount": [1.0, 2.0], "label": [0, 1]})
    tied = build_swap_set(Swap(loans, np.array([0.05, 0.5]), np.array([0.3, 0.3])), SETTINGS)
    assert tied["equal_approval_rate"]["cells"]["swapped_in"]["amount"] == 2.0


def test_parts_are_the_loans_that_changed_sides_by_band_grade_term_and_state() -> None:
    parts = {(p["cell"], p["by"], p["level"]): p["n"] for p in swapped()["equal_cutoff"]["parts"]}
    into = {(by, level): n for (cell, by, level), n in parts.items() if cell == "swapped_in"}
    assert into == {
        ("score_band", "540 to 559"): 1,
        ("score_band", "560 to 579"): 2,
        ("grade", "C"): 2,
        ("grade", "E"): 1,
        ("term", "60 months"): 2,
        ("term", "not known"): 1,
        ("state", "NY"): 2,
        ("state", "not known"): 1,
    }
    out = [(by, level) for cell, by, level in parts if cell == "swapped_out"]
    assert out == [("score_band", "520 to 539"), ("grade", "G"), ("term", "36 months"), ("state", "CA")]
    assert [level for cell, by, level in parts if (cell, by) == ("swapped_in", "state")] == ["NY", "not known"]


def test_a_cell_without_outcomes_has_no_rate() -> None:
    loans = pl.DataFrame({"loan_id": ["a"], "loan_amount": [1.0], "label": pl.Series([None], dtype=pl.Int8)})
    cell = build_swap_set(Swap(loans, np.array([0.5]), np.array([0.05])), SETTINGS)["equal_cutoff"]["cells"][
        "swapped_in"
    ]
    assert (cell["n"], cell["observed_n"], cell["observed_bads"]) == (1, 0, 0)
    assert (cell["observed_rate"], cell["observed_low"], cell["observed_high"]) == (None, None, None)
