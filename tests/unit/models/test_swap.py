"""The swap set against a count by hand: every loan in one cell, every sum the sum of its loans."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from p2pcredit.models.champion.swap_set import CELLS, RULES, Swap, build_swap_set
from p2pcredit.models.scoring import grades, score_points
from p2pcredit.settings import Settings

CUTOFF = 0.08
chances = st.sampled_from([0.01, 0.05, 0.079, 0.08, 0.081, 0.12, 0.4])
loans = st.lists(
    st.tuples(
        chances, chances, st.sampled_from([0, 1, None]), st.sampled_from(["CA", "NY", None]), st.sampled_from([36, 60])
    ),
    max_size=30,
)


def _swap(rows: list[tuple[float, float, int | None, str | None, int]]) -> Swap:
    frame = pl.DataFrame(
        {
            "loan_id": [f"L{place:02d}" for place in range(len(rows))],
            "loan_amount": [1000.0 + 10 * place for place in range(len(rows))],
            "label": pl.Series([row[2] for row in rows], dtype=pl.Int8),
            "state": pl.Series([row[3] for row in rows], dtype=pl.String),
            "term_months": pl.Series([row[4] for row in rows], dtype=pl.Float64),
        }
    )
    return Swap(frame, np.array([r[0] for r in rows], dtype=float), np.array([r[1] for r in rows], dtype=float))


def _by_hand(swap: Swap, rule: str) -> list[str]:
    """The cell of each loan, counted one by one."""
    before = [chance <= CUTOFF for chance in swap.champion_pd]
    if rule == "equal_cutoff":
        after = [chance <= CUTOFF for chance in swap.challenger_pd]
    else:
        order = sorted(range(len(before)), key=lambda i: (swap.challenger_pd[i], swap.loans["loan_id"][i]))
        after = [i in order[: sum(before)] for i in range(len(before))]
    names = {(True, True): 0, (False, True): 1, (True, False): 2, (False, False): 3}
    return [CELLS[names[pair]] for pair in zip(before, after, strict=True)]


@given(loans)
@bounded(deadline=None, max_examples=40)
def test_cells_and_sums_are_those_of_a_count_by_hand(rows: list[Any]) -> None:
    swap, settings = _swap(rows), Settings()
    found = build_swap_set(swap, settings)
    amount = swap.loans["loan_amount"].to_list()
    for rule in RULES:
        cells = _by_hand(swap, rule)
        for cell in CELLS:
            inside = [i for i, name in enumerate(cells) if name == cell]
            told = found[rule]["cells"][cell]
            known = [rows[i][2] for i in inside if rows[i][2] is not None]
            assert (told["n"], told["observed_n"], told["observed_bads"]) == (len(inside), len(known), sum(known))
            assert told["amount"] == pytest.approx(sum(amount[i] for i in inside))
            for side, chance in (("challenger", swap.challenger_pd), ("champion", swap.champion_pd)):
                assert told[side]["expected_defaults"] == pytest.approx(sum(chance[i] for i in inside))
                lost = sum(chance[i] * amount[i] for i in inside) * settings.scores.loss_given_default
                assert told[side]["expected_loss"] == pytest.approx(lost)


@given(loans)
@bounded(deadline=None, max_examples=40)
def test_parts_add_up_to_their_cell_and_levels_are_the_loans_own(rows: list[Any]) -> None:
    swap, settings = _swap(rows), Settings()
    found = build_swap_set(swap, settings)
    levels = {
        "grade": grades(swap.challenger_pd, settings.scores),
        "state": [state or "not known" for state in swap.loans["state"]],
        "term": [f"{int(term)} months" for term in swap.loans["term_months"]],
    }
    scores = score_points(swap.challenger_pd, settings.scores) if rows else np.zeros(0)
    levels["score_band"] = [f"{int(s // 20) * 20} to {int(s // 20) * 20 + 19}" for s in scores]
    for rule in RULES:
        cells = _by_hand(swap, rule)
        for part in found[rule]["parts"]:
            inside = [
                i for i, cell in enumerate(cells) if cell == part["cell"] and levels[part["by"]][i] == part["level"]
            ]
            assert part["n"] == len(inside) > 0
        for by in levels:
            for cell in ("swapped_in", "swapped_out"):
                told = sum(p["n"] for p in found[rule]["parts"] if (p["by"], p["cell"]) == (by, cell))
                assert told == found[rule]["cells"][cell]["n"]


@given(loans)
@bounded(deadline=None, max_examples=40)
def test_at_an_equal_approval_rate_as_many_come_in_as_go_out(rows: list[Any]) -> None:
    found = build_swap_set(_swap(rows), Settings())["equal_approval_rate"]
    assert found["approvals"]["champion"] == found["approvals"]["challenger"]
    assert found["cells"]["swapped_in"]["n"] == found["cells"]["swapped_out"]["n"]


def test_the_same_model_swaps_nobody() -> None:
    swap = _swap([(0.05, 0.05, 0, "CA", 36), (0.2, 0.2, 1, "NY", 60)])
    for rule in RULES:
        cells = build_swap_set(swap, Settings())[rule]["cells"]
        assert cells["swapped_in"]["n"] == cells["swapped_out"]["n"] == 0


def test_a_feed_without_state_or_term_has_no_such_levels() -> None:
    swap = _swap([(0.05, 0.2, 0, "CA", 36)])
    bare = Swap(swap.loans.drop("state", "term_months"), swap.champion_pd, swap.challenger_pd)
    parts = build_swap_set(bare, Settings())["equal_cutoff"]["parts"]
    assert {(p["by"], p["level"]) for p in parts if p["by"] in {"state", "term"}} == {
        ("state", "not known"),
        ("term", "not known"),
    }
