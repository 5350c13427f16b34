"""Loans outside what their model was trained on: from features to predictions, receipt, warning, export and trace."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.jobs import evidence_home

from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.export import export
from p2pcredit.jobs.monitoring.steps import calculate_metrics
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.models.scoring import load_model
from p2pcredit.models.training_support import LEAST_LOANS
from p2pcredit.periods import DateRange
from p2pcredit.settings import ScoringSettings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

DAY = evidence_home.LAST
ONE_DAY = DateRange(DAY, DAY)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("outside") / "home"
    evidence_home.build_home(home, evidence_home.TRAININGS[:1])
    return home


@pytest.fixture
def column(home: Path) -> str:
    """The column that moves the champion's scores most, of those that no training loan lacked."""
    ctx = evidence_home.context(home)
    model = load_model(ModelBank(ctx.layout).get(champion_of(ctx)).files)
    reach = {name: held.reach or 0.0 for name, held in model.support.items() if held.missing.n == 0}
    return max(reach, key=lambda name: reach[name])


def champion_of(ctx: JobContext) -> str:
    found = ctx.ledger.state().champion_on(DAY)
    assert found is not None
    return found


def with_value(home: Path, tmp_path: Path, column: str, value: float | None, loans: int, **scoring: Any) -> JobContext:
    """A copy of the home in which so many loans of the last day have a value in a column, with settings of scoring.

    Its loans are lent for 36 months, of which the champion learned: those of 60 came later.
    """
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    ctx = evidence_home.context(copy)
    update = {"scoring": ScoringSettings.model_validate(scoring)}
    ctx = replace(ctx, settings=ctx.settings.model_copy(update=update))
    lake = Lake(ctx.layout)
    rows = lake.read(FEATURE_STORE, ONE_DAY).with_columns(pl.lit(36.0).alias("term_months"))
    given = pl.when(pl.int_range(pl.len()) < loans).then(value).otherwise(pl.col(column)).alias(column)
    lake.replace(FEATURE_STORE, rows.with_columns(given.cast(rows.schema[column])), ONE_DAY)
    return ctx


def without(home: Path, tmp_path: Path, column: str, outside_training: str, loans: int) -> JobContext:
    """A copy of the home in which so many loans of the last day lack a column, with a setting of what then happens."""
    return with_value(home, tmp_path, column, None, loans, outside_training=outside_training)


def warnings(ctx: JobContext) -> list[str]:
    lines = map(json.loads, ctx.layout.activity.read_text().splitlines())
    return [line["message"] for line in lines if line["job"] == "warning"]


def scored(ctx: JobContext) -> list[dict[str, Any]]:
    return Lake(ctx.layout).read(PREDICTIONS, ONE_DAY).to_dicts()


def test_a_loan_that_lacks_what_matters_is_referred_and_counted(home: Path, tmp_path: Path, column: str) -> None:
    ctx = without(home, tmp_path, column, "refer", loans=6)
    receipt = run_inference(ctx, ONE_DAY)
    rows = scored(ctx)
    assert (receipt["scored"], receipt["referred"], receipt["refused"]) == (len(rows), 6, 0)
    assert receipt["outside_training"][column] == 6
    assert "6 referred to a person: outside what the model was trained on" in receipt["reason"]
    for row in rows[:6]:
        assert f"{column}: missing" in row["outside_training"]
        assert (row["decision"], row["grade"]) == ("refer", None)
        assert 0.0 < row["probability_of_default"] < 1.0
        assert row["score"] is not None
    assert {row["decision"] for row in rows[6:]} <= {"approve", "decline"}
    cutoff = ctx.settings.scores.approval_cutoff
    assert all((row["decision"] == "approve") == (row["probability_of_default"] <= cutoff) for row in rows[6:])


@pytest.mark.parametrize(
    ("widths", "margin", "referred"),
    [(0.5, 1.0, 0), (1.5, 1.0, 3), (0.5, 0.0, 3)],
    ids=["a little beyond", "far beyond", "a little, with no margin"],
)
def test_a_number_far_beyond_the_trained_range_is_referred_by_the_margin_of_the_settings(
    home: Path, tmp_path: Path, widths: float, margin: float, referred: int
) -> None:
    ctx = evidence_home.context(home)
    support = load_model(ModelBank(ctx.layout).get(champion_of(ctx)).files).support
    numbers = {
        name: (held.reach, held.largest, held.largest - held.least)
        for name, held in support.items()
        if held.reach is not None and held.least is not None and held.largest is not None
    }
    column, (_, largest, width) = max(numbers.items(), key=lambda pair: pair[1][0])
    ctx = with_value(home, tmp_path, column, largest + widths * width, 3, beyond_range_margin=margin)
    receipt = run_inference(ctx, ONE_DAY)
    assert receipt["outside_training"] == {column: 3}
    assert receipt["referred"] == referred
    for row in scored(ctx)[:3]:
        assert row["outside_training"] == [f"{column}: beyond trained range"]
        assert (row["grade"] is None) == (row["decision"] == "refer") == (referred > 0)


def test_loans_of_a_term_that_training_had_not_are_referred_counted_and_warned_of(home: Path, tmp_path: Path) -> None:
    ctx = with_value(home, tmp_path, "term_months", 84.0, 6)
    before = len(warnings(ctx))
    receipt = run_inference(ctx, ONE_DAY)
    assert (receipt["referred"], receipt["outside_training"]) == (6, {"term_months": 6})
    assert [row["decision"] for row in scored(ctx)].count("refer") == 6
    for row in scored(ctx)[:6]:
        assert row["outside_training"] == ["term_months: term not learned from"]
        assert (row["grade"], row["decision"]) == (None, "refer")
        assert 0.0 < row["probability_of_default"] < 1.0
    assert "term_months: term not learned from (6)" in warnings(ctx)[before:][0]
    found = trace_loan(ctx, scored(ctx)[0]["loan_id"])["scored"][-1]
    assert found["outside_training"] == ["term_months: term not learned from"]


def test_the_card_lists_the_terms_that_the_model_learned_from(home: Path) -> None:
    ctx = evidence_home.context(home)
    card = ModelBank(ctx.layout).get(champion_of(ctx)).card
    assert card["terms"]
    assert all(row["n"] > 0 and row["known"] in {True, False} for row in card["terms"])


def test_a_day_with_too_large_a_share_of_such_loans_is_warned_of(home: Path, tmp_path: Path, column: str) -> None:
    ctx = without(home, tmp_path, column, "refer", loans=6)
    before = len(warnings(ctx))
    run_inference(ctx, ONE_DAY)
    (message,) = warnings(ctx)[before:]
    assert f"{column}: missing (6)" in message
    assert str(DAY) in message
    assert "limit 10%" in message


def test_a_day_without_such_loans_is_not_warned_of(home: Path, tmp_path: Path, column: str) -> None:
    ctx = without(home, tmp_path, column, "refer", loans=0)
    before = len(warnings(ctx))
    receipt = run_inference(ctx, ONE_DAY)
    assert receipt["referred"] == 0
    assert column not in receipt["outside_training"]
    assert warnings(ctx)[before:] == []


def test_scored_as_usual_such_a_loan_has_grade_and_decision_and_is_told_all_the_same(
    home: Path, tmp_path: Path, column: str
) -> None:
    ctx = without(home, tmp_path, column, "score", loans=6)
    receipt = run_inference(ctx, ONE_DAY)
    assert (receipt["referred"], receipt["outside_training"][column]) == (0, 6)
    assert all(row["grade"] and row["decision"] in {"approve", "decline"} for row in scored(ctx))
    assert any(f"{column}: missing (6)" in message for message in warnings(ctx))


def test_a_refused_loan_has_nothing_and_no_metric_rests_on_it(home: Path, tmp_path: Path, column: str) -> None:
    ctx = without(home, tmp_path, column, "refuse", loans=6)
    receipt = run_inference(ctx, ONE_DAY)
    rows = scored(ctx)
    assert (receipt["scored"], receipt["refused"]) == (len(rows) - 6, 6)
    for row in rows[:6]:
        assert row["decision"] == "refuse"
        given = ("probability_of_default", "score", "grade", *(f"reason_{rank}" for rank in range(1, 5)))
        assert [row[name] for name in given] == [None] * len(given)
    calculate_metrics(ctx, DAY)
    found = trace_loan(ctx, rows[0]["loan_id"])["scored"][-1]
    assert (found["decision"], found["probability_of_default"]) == ("refuse", None)
    assert found["scores_the_same_now"] is True


def test_a_trace_tells_what_lies_outside_training(home: Path, tmp_path: Path, column: str) -> None:
    ctx = without(home, tmp_path, column, "refer", loans=1)
    run_inference(ctx, ONE_DAY)
    found = trace_loan(ctx, scored(ctx)[0]["loan_id"])["scored"][-1]
    assert f"{column}: missing" in found["outside_training"]
    assert (found["decision"], found["grade"], found["scores_the_same_now"]) == ("refer", None, True)


def test_the_list_is_a_list_in_parquet_and_one_text_in_csv(home: Path, tmp_path: Path, column: str) -> None:
    ctx = without(home, tmp_path, column, "refer", loans=2)
    run_inference(ctx, ONE_DAY)
    wanted = [row["outside_training"] for row in scored(ctx)]
    for suffix in ("parquet", "csv"):
        export(ctx, "gold/predictions", tmp_path / f"out.{suffix}", first=DAY, last=DAY)
    assert pl.read_parquet(tmp_path / "out.parquet")["outside_training"].to_list() == wanted
    texts = pl.read_csv(tmp_path / "out.csv")["outside_training"].fill_null("").to_list()
    assert texts == ["; ".join(entries) for entries in wanted]


def test_predictions_of_an_earlier_version_are_read_and_written_beside_new_ones(
    home: Path, tmp_path: Path, column: str
) -> None:
    ctx = without(home, tmp_path, column, "refer", loans=1)
    lake, older = Lake(ctx.layout), replace(PREDICTIONS, columns=PREDICTIONS.columns[:-2])
    shutil.rmtree(ctx.layout.table(PREDICTIONS.name))
    before = DateRange(evidence_home.TRAININGS[0], evidence_home.TRAININGS[0])
    row = {"loan_id": "old", "snapshot_date": before.first, "probability_of_default": 0.1}
    lake.replace(older, pl.DataFrame([dict.fromkeys(older.schema) | row], schema=older.schema), before)
    run_inference(ctx, ONE_DAY)
    assert lake.read(PREDICTIONS, before)["outside_training"].to_list() == [None]
    assert f"{column}: missing" in scored(ctx)[0]["outside_training"]


def test_the_card_tells_for_each_used_column_how_many_loans_lacked_it(home: Path) -> None:
    ctx = evidence_home.context(home)
    card = ModelBank(ctx.layout).get(champion_of(ctx)).card
    assert card["absences"]
    for row in card["absences"]:
        assert row["n"] >= row["bads"] >= 0
        if row["n"] < LEAST_LOANS:
            assert row["low"] is row["high"] is None
            told = "counts as the average loan" if row["effect"] else "counts as the reference value"
            assert (row["effect"] >= 0.0, row["note"]) == (True, told)
        elif row["effect"] is not None:
            assert row["low"] <= row["effect"] <= max(0.0, row["high"])
            assert row["effect"] >= min(0.0, row["high"]) - 1e-12
    details = card["details"].values()
    assert all(part["auc_of_absences"]["n"] for part in details if "auc_of_absences" in part)
    assert any("auc_of_absences" in part for part in details)
