from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.leakage.raw_columns import Finding, filled_gap, find_raw_leaks

SIZE = 600


def book() -> tuple[pl.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Raw text, labels, running and age of loans: one honest column, several that only their end explains."""
    rng = np.random.default_rng(4)
    age = np.sort(rng.integers(0, 1000, SIZE)).astype(float)
    income = rng.normal(size=SIZE)
    bad = (rng.random(SIZE) < 1 / (1 + np.exp(1.5 + 0.8 * income))).astype(float)
    running = ((rng.random(SIZE) < 0.4) & (bad == 0)).astype(float)
    young = age > 500
    text = lambda values: [None if v is None else str(v) for v in values]  # noqa: E731
    frame = pl.DataFrame(
        {
            "income": text(np.round(50 + 10 * income, 2)),
            "recovered": text(np.where(bad == 1, 100, 0)),
            "fee": [("12.5" if b and u < 0.6 else "0") for b, u in zip(bad, rng.random(SIZE), strict=True)],
            "owed": [("7" if r else "") for r in running],
            "new_bureau_column": [("3" if y else None) for y in young],
            "empty": [None] * SIZE,
            "paid": text(np.round(rng.normal(size=SIZE), 3)),
        },
        schema_overrides={"empty": pl.String},
    )
    return frame, bad, running, age


@pytest.fixture(scope="module")
def found() -> tuple[dict[str, Finding], list[str], float]:
    frame, bad, running, age = book()
    findings, quick = find_raw_leaks(
        frame,
        bad,
        running=running,
        age=age,
        known_after=lambda name: "payments" if name == "paid" else None,
        at_application={"income": "known at application"},
        limit=0.75,
    )
    assert quick is not None
    return {f.column: f for f in findings}, [f.column for f in findings], quick


def test_each_forbidden_column_is_named_with_its_evidence(found: tuple[dict[str, Finding], list[str], float]) -> None:
    by_name, _, _ = found
    assert {name for name, finding in by_name.items() if finding.forbidden} == {"recovered", "fee", "owed", "paid"}
    assert by_name["recovered"].auc == 1.0
    assert "alone it scores 1.00" in by_name["recovered"].why
    assert "whether it is filled alone scores" in by_name["fee"].why or "alone it scores" in by_name["fee"].why
    assert "of the same age" in by_name["owed"].why or "whether it is filled" in by_name["owed"].why
    assert by_name["paid"].why.startswith("exists only after origination: payments")


def test_a_column_published_since_some_day_is_no_leak(found: tuple[dict[str, Finding], list[str], float]) -> None:
    column = found[0]["new_bureau_column"]
    assert not column.forbidden
    assert column.filled_age == pytest.approx(1.0, abs=0.01)


def test_the_worst_come_first_and_an_empty_column_has_no_auc(
    found: tuple[dict[str, Finding], list[str], float],
) -> None:
    by_name, order, _ = found
    assert order[0] == "recovered"
    assert [by_name[name].forbidden for name in order] == [True] * 4 + [False] * 3
    assert by_name["empty"].auc is None
    assert not by_name["empty"].forbidden


def test_the_inflation_of_the_auc_is_reported(found: tuple[dict[str, Finding], list[str], float]) -> None:
    by_name, _, quick = found
    assert 0.55 < quick < 0.8
    assert by_name["recovered"].auc_inflation == pytest.approx(1.0 - quick, abs=0.02)
    assert f"a quick model would brag of 1.00, not {quick:.2f}" in by_name["recovered"].why
    assert by_name["income"].auc_inflation is None


@pytest.mark.parametrize("labels", [np.full(SIZE, np.nan), np.zeros(SIZE)])
def test_without_outcomes_or_with_one_class_nothing_is_measured(labels: np.ndarray) -> None:
    frame, _, running, age = book()
    findings, quick = find_raw_leaks(
        frame,
        labels,
        running=running,
        age=age,
        known_after=lambda _: None,
        at_application={"income": ""},
        limit=0.75,
    )
    assert quick is None
    assert all(f.auc is None and f.auc_inflation is None for f in findings)
    assert {f.column for f in findings if f.forbidden} == {"owed", "recovered"}  # by what only ended loans have


def test_the_gap_of_filling_is_taken_among_loans_of_one_age() -> None:
    rng = np.random.default_rng(0)
    age = rng.integers(0, 400, 2000).astype(float)
    running = (rng.random(2000) < age / 400).astype(float)
    by_age = (age > 200).astype(float)
    assert by_age[running == 1].mean() - by_age[running == 0].mean() > 0.4  # as it looks at first
    assert abs(filled_gap(by_age, running, age) or 0.0) < 0.05
    assert filled_gap(1.0 - running, running, age) == 1.0
    assert filled_gap(by_age, np.zeros(2000), age) is None
