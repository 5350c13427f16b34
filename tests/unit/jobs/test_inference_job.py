from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS
from p2pcredit.errors import BankError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.lake_engines import engine_for
from p2pcredit.jobs.scoring import score as inference
from p2pcredit.jobs.scoring.champions import get_model
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.scoring.scored_loans import ScoredLoans
from p2pcredit.models import scoring
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete
from p2pcredit.storage.tables.lake import Lake

FIRST, SECOND, THIRD, LAST = date(2024, 1, 29), date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)
SPAN = DateRange(FIRST, LAST)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext], monkeypatch: pytest.MonkeyPatch) -> JobContext:
    """Two loans a day but none on the second; two models in the bank."""
    ctx = run_on(LAST, "night")
    days = [day for day in SPAN if day != SECOND for _ in range(2)]
    loans = pl.DataFrame(
        {"loan_id": [f"l{n}" for n in range(len(days))], "snapshot_date": days, "known_on": days}
    ).with_columns(
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in FEATURE_STORE.schema.items()
        if name not in {"loan_id", "snapshot_date", "known_on"}
    )
    Lake(ctx.layout).replace(FEATURE_STORE, loans, SPAN)
    for day in SPAN:
        mark_complete(ctx.layout, {day: {}})
    for model_id in ("m1", "m2"):
        card = {"model_id": model_id, "family": "scorecard", "as_of": "2024-01-29"}
        ModelBank(ctx.layout).add(model_id, {"model.json": model_id.encode()}, card)

    def score(model: bytes, model_id: str, features: pl.DataFrame, settings: Any, *beside: Any) -> pl.DataFrame:
        assert model.decode() == model_id
        base = dict.fromkeys(PREDICTIONS.schema)
        rows = [
            {**base, "loan_id": loan, "snapshot_date": day, "model_id": model_id, "probability_of_default": 0.1}
            for loan, day in features.select("loan_id", "snapshot_date").rows()
        ]
        return pl.DataFrame(rows, schema=PREDICTIONS.schema)

    monkeypatch.setattr("p2pcredit.models.scoring.load_model", lambda files: files["model.json"])
    monkeypatch.setattr("p2pcredit.models.scoring.score_loans", score)
    return ctx


def crown(ctx: JobContext, model_id: str, day: date) -> None:
    facts = {"model_id": model_id, "effective_on": day.isoformat(), "why": "test"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="person", facts=facts)


def predictions(ctx: JobContext) -> list[tuple[date, str]]:
    return Lake(ctx.layout).read(PREDICTIONS).select("snapshot_date", "model_id").unique().sort("snapshot_date").rows()


def test_without_a_champion_nothing_is_scored_and_it_is_said(ctx: JobContext) -> None:
    receipt = run_inference(ctx, SPAN)
    assert (receipt["scored"], receipt["model_ids"], receipt["skipped_days"]) == (0, [], 4)
    assert receipt["reason"] == "without a champion yet: 4 days"
    assert get_model(ctx, LAST)["model_id"] is None
    assert ctx.ledger.events() == ()


def test_each_day_is_scored_by_the_champion_of_its_day(ctx: JobContext) -> None:
    crown(ctx, "m1", SECOND)
    crown(ctx, "m2", LAST)
    receipt = run_inference(ctx, SPAN)
    assert receipt == {
        "from": "2024-01-29",
        "to": "2024-02-01",
        "scored": 4,
        "referred": 0,
        "refused": 0,
        "unpriced": 4,
        "outside_training": {},
        "model_ids": ["m1", "m2"],
        "skipped_days": 1,
        "reason": "without a champion yet: 1 day",
    }
    assert predictions(ctx) == [(THIRD, "m1"), (LAST, "m2")]
    assert ctx.ledger.state().scored == {SECOND: ("m1", 0), THIRD: ("m1", 2), LAST: ("m2", 2)}


def test_scoring_a_day_again_with_the_same_model_changes_nothing(ctx: JobContext) -> None:
    crown(ctx, "m1", FIRST)
    first = run_inference(ctx, SPAN)
    before = (Lake(ctx.layout).version(PREDICTIONS), ctx.ledger.events())
    assert run_inference(ctx, SPAN) == first
    assert run_inference(ctx, DateRange(THIRD, THIRD))["scored"] == 2
    assert (Lake(ctx.layout).version(PREDICTIONS), ctx.ledger.events()) == before


def test_day_by_day_gives_the_predictions_of_the_span(ctx: JobContext) -> None:
    crown(ctx, "m1", FIRST)
    crown(ctx, "m2", THIRD)
    for day in SPAN:
        run_inference(ctx, DateRange(day, day))
    singly = (predictions(ctx), ctx.ledger.state().scored)
    run_inference(ctx, SPAN)
    assert (predictions(ctx), ctx.ledger.state().scored) == singly


def test_a_month_that_ends_inside_a_span_is_joined(ctx: JobContext) -> None:
    crown(ctx, "m1", FIRST)
    run_inference(ctx, DateRange(FIRST, FIRST))
    run_inference(ctx, DateRange(SECOND, LAST))
    files = DeltaTable(str(ctx.layout.table(PREDICTIONS.name))).file_uris()
    assert sorted(Path(file).parent.name for file in files) == ["snapshot_month=2024-01", "snapshot_month=2024-02"]


def test_a_day_that_is_not_preprocessed_is_left_out_and_said(ctx: JobContext) -> None:
    crown(ctx, "m1", FIRST)
    ctx.layout.day_receipt(THIRD).unlink()
    receipt = run_inference(ctx, SPAN)
    assert (receipt["scored"], receipt["skipped_days"]) == (4, 1)
    assert receipt["reason"] == "not preprocessed: 1 day (preprocessed are 2024-01-29 to 2024-02-01)"
    assert THIRD not in ctx.ledger.state().scored


def test_the_model_of_a_day_is_checked_file_by_file(ctx: JobContext) -> None:
    crown(ctx, "m1", FIRST)
    assert get_model(ctx, FIRST)["model_id"] == "m1"
    (ctx.layout.model("m1") / "model.json").write_text("altered")
    with pytest.raises(BankError, match="was altered"):
        get_model(ctx, FIRST)
    with pytest.raises(BankError, match="was altered"):
        run_inference(ctx, SPAN)


def test_many_days_are_scored_in_pieces_that_memory_bears(ctx: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    crown(ctx, "m1", FIRST)
    at_once = run_inference(ctx, SPAN)
    expected = Lake(ctx.layout).read(PREDICTIONS)
    for day in SPAN:
        mark_complete(ctx.layout, {day: {"rows": {"features": 0 if day == SECOND else 2}}})
    seen: list[int] = []
    as_before = inference._score_span

    def score_span(*arguments: Any, **named: Any) -> ScoredLoans:
        seen.append(len(arguments[-1]))
        return as_before(*arguments, **named)

    monkeypatch.setattr("p2pcredit.jobs.scoring.score._score_span", score_span)
    for at_most, pieces in ((1, [1, 1, 1, 1]), (2, [2, 1, 1]), (4, [3, 1]), (6, [4])):
        monkeypatch.setattr("p2pcredit.jobs.scoring.score.engine_for", partial(few_rows, at_most))
        seen.clear()
        assert run_inference(ctx, SPAN) == at_once
        assert seen == pieces
        assert Lake(ctx.layout).read(PREDICTIONS).equals(expected)


def test_it_tells_after_each_piece_how_many_days_are_behind_it(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    crown(ctx, "m1", FIRST)
    for day in SPAN:
        mark_complete(ctx.layout, {day: {"rows": {"features": 0 if day == SECOND else 2}}})
    monkeypatch.setattr("p2pcredit.jobs.scoring.score.engine_for", partial(few_rows, 2))
    told: list[tuple[str, int, int | None]] = []
    run_inference(replace(ctx, progress=lambda what, done, of: told.append((what, done, of))), SPAN)
    assert told == [("", 0, 4), ("2024-01-30", 2, 4), ("2024-01-31", 3, 4), ("2024-02-01", 4, 4)]


def test_a_day_whose_loans_lie_outside_training_is_warned_of(ctx: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    crown(ctx, "m1", FIRST)
    plain = scoring.score_loans

    def lacking(*arguments: Any) -> pl.DataFrame:
        return plain(*arguments).with_columns(pl.lit(["fico: missing"]).alias("outside_training"))

    monkeypatch.setattr("p2pcredit.models.scoring.score_loans", lacking)
    assert run_inference(ctx, DateRange(LAST, LAST))["outside_training"] == {"fico": 2}
    assert [entry["message"] for entry in recent_entries(ctx) if entry["job"] == "warning"] == [
        "2 of the 2 loans of 2024-02-01 (100%, limit 10%) lie outside what m1 was trained on: fico: missing (2); "
        "look at the feeds of that day"
    ]


def test_loans_that_were_missing_are_scored_and_the_others_left_as_they_are(ctx: JobContext) -> None:
    crown(ctx, "m1", FIRST)
    run_inference(ctx, SPAN)
    lake, day = Lake(ctx.layout), DateRange(THIRD, THIRD)
    whole = lake.read(PREDICTIONS)
    kept = lake.read(PREDICTIONS, day).head(1).with_columns(pl.lit("before").alias("grade"))
    gone = kept.with_columns(pl.lit("gone").alias("loan_id"))
    lake.replace(PREDICTIONS, pl.concat([kept, gone]), day)
    done = run_inference(ctx, day, only_missing=True)
    assert (done["scored"], ctx.ledger.state().scored[THIRD]) == (1, ("m1", 2))
    now = lake.read(PREDICTIONS, day)
    assert now["loan_id"].to_list() == whole.filter(pl.col("snapshot_date") == THIRD)["loan_id"].to_list()
    assert now["grade"].to_list() == ["before", None]
    assert run_inference(ctx, day, only_missing=True)["scored"] == 0


def few_rows(at_most: int, ctx: JobContext, lake: Lake, *reads: Any) -> Any:
    """The engine of the settings, which bears few rows at a time."""
    engine = engine_for(ctx, lake, *reads)
    engine.rows_together = at_most  # type: ignore[misc]
    return engine
