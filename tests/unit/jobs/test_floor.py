"""No model comes to serve by itself that is not better than chance, or worse than what costs no model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, Table, silver
from p2pcredit.engines.local import collect
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.scoring.champions import promote
from p2pcredit.jobs.training.challengers import make_recalibrated
from p2pcredit.jobs.training.comparing.promotion import choose
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.champion.gate import Gate
from p2pcredit.models.evaluation.intervals import Estimate
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import LabelSettings, Settings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import build_labels

FIRST, LOANS, A_DAY = date(2021, 1, 1), 1800, 10
SPAN = DateRange(FIRST, date(2022, 6, 30))
EARLY, LATE = date(2021, 6, 30), date(2021, 12, 31)
"""About half of the loans have matured by the one, all by the other."""
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, default_days=30, reporting_lag_days=5, lifetime_terms_months=()),
    training=TrainingSettings(families=("boosting",), min_matured_loans=300, min_matured_bads=20),
)
Risk = Callable[[np.random.Generator, np.ndarray], np.ndarray]


@pytest.fixture(autouse=True)
def one_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    """One family in one form is enough to be refused."""
    monkeypatch.setattr("p2pcredit.models.training.candidates.TARGETS", ("matured",))


def home_of(home: Path, *, signal: float, grade: Risk, seed: int = 3) -> JobContext:
    """A home of loans whose income tells of default by `signal`, and whose platform grades by `grade`."""
    rng = np.random.default_rng(seed)
    born = [FIRST + timedelta(days=place // A_DAY) for place in range(LOANS)]
    risk = rng.normal(size=LOANS)
    bad = rng.random(LOANS) < 1 / (1 + np.exp(1.9 - signal * risk))
    sub_grades = ["ABCDEFG"[int(g)] + "1" for g in np.clip(np.floor(3 + grade(rng, np.where(bad, 3.0, -3.0))), 0, 6)]
    ids = [f"l{place:04}" for place in range(LOANS)]
    base = {"loan_id": ids, "snapshot_date": born, "origination_date": born, "known_on": born}
    income, accounts = np.round(np.exp(10 - 0.3 * risk)), rng.poisson(8, LOANS).astype(float)
    features = {"annual_income": income, "open_accounts_count": accounts, "platform_sub_grade": sub_grades}
    seen = [day + timedelta(days=45) for day in born]
    events = pl.DataFrame(
        {"loan_id": ids, "snapshot_date": seen, "event_date": seen, "status": "DEFAULT", "days_past_due": 90}
    ).filter(pl.Series(bad))
    ctx = JobContext(Layout(home), SETTINGS, "test", datetime(2022, 7, 1, tzinfo=UTC))
    terms, performance = silver(FEEDS["loan_terms"]), silver(FEEDS["loan_performance"])
    write(ctx, FEATURE_STORE, pl.DataFrame({**base, **features}))
    write(ctx, terms, pl.DataFrame(base).with_columns(term_months=pl.lit(36), loan_amount=pl.lit(1000.0)))
    write(ctx, performance, events)
    write(ctx, QUARANTINE, pl.DataFrame(schema=QUARANTINE.schema))
    lake = Lake(ctx.layout)
    frames = lake.frame(terms), lake.frame(performance), lake.frame(QUARANTINE)
    write(ctx, LABEL_STORE, collect(build_labels(*frames, SPAN, SETTINGS.labels)))
    return ctx


def write(ctx: JobContext, table: Table, rows: pl.DataFrame) -> None:
    missing = [
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in table.schema.items() if name not in rows.columns
    ]
    whole = rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in table.schema.items())
    Lake(ctx.layout).replace(table, whole, SPAN)


def unrelated(rng: np.random.Generator, bad: np.ndarray) -> np.ndarray:
    return rng.normal(size=bad.size)


def telling(rng: np.random.Generator, bad: np.ndarray) -> np.ndarray:
    return bad * 0.5 + rng.normal(size=bad.size)


def card_of(ctx: JobContext, receipt: dict[str, Any]) -> dict[str, Any]:
    return ModelBank(ctx.layout).get(receipt["model_id"]).card


def test_on_a_book_that_teaches_nothing_neither_a_first_model_nor_a_challenger_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = home_of(tmp_path, signal=0.0, grade=unrelated)
    first = train_now(ctx, EARLY, "for the test")
    assert (first["outcome"], ctx.ledger.state().champion) == ("refused", None)
    assert first["reason"].startswith("below the floor: AUC 0.")
    assert "is not above chance" in first["reason"]
    gate = card_of(ctx, first)["gate"]
    assert gate["status"] in ("fail", "undetermined")
    assert gate["reason"] in first["reason"]

    promoted = promote(ctx, first["model_id"], "a person insists")
    said = f"though it does not pass the floor: {gate['status']}: {gate['reason']}"
    assert said in caplog.text
    assert said in ctx.layout.activity.read_text()
    assert promoted["overrides"] == ctx.ledger.events()[-1].facts["overrides"] == f"{gate['status']}: {gate['reason']}"

    # A refresh that learned from twice the defaults: no guard stops it but those of the floor.
    second = train_now(ctx, LATE, "for the test")
    card = card_of(ctx, second)
    assert second["outcome"] == "challenger"
    assert second["reason"].startswith("below the floor")
    assert second["reason"].endswith("the champion stays")
    assert (card["kind"], card["gate"]["kind"]) == ("refresh", "refresh")
    guards = {guard["key"]: guard["status"] for guard in card["gate"]["guards"]}
    assert guards["above_chance"] != "pass"
    assert "fail" not in {guards[key] for key in ("champion", "score_shift", "product=all loans")}
    assert ctx.ledger.state().champion == first["model_id"]

    again = make_recalibrated(TrainingSnapshot.as_of(ctx, LATE))
    assert again.card["gate"]["status"] != "pass"
    assert f"the ranking does not pass the floor: {again.card['gate']['reason']}" in again.card["reason"]


def test_a_model_with_something_to_say_serves_and_ledger_and_card_say_what_it_was_held_against(tmp_path: Path) -> None:
    ctx = home_of(tmp_path, signal=1.0, grade=unrelated)
    receipt = train_now(ctx, LATE, "for the test")
    assert (receipt["outcome"], ctx.ledger.state().champion) == ("champion", receipt["model_id"])
    gate = card_of(ctx, receipt)["gate"]
    assert gate["status"] == "pass"
    assert [held["key"] for held in gate["against"]] == ["sub_grade", "logistic"]
    trained = next(event for event in ctx.ledger.events() if event.kind is EventKind.TRAINED)
    assert trained.facts["gate"] == gate
    assert receipt["reason"].startswith("first model: no guard stops it; AUC 0.")


def test_a_model_that_the_platforms_grade_clearly_beats_does_not_serve(tmp_path: Path) -> None:
    ctx = home_of(tmp_path, signal=0.8, grade=telling)
    receipt = train_now(ctx, LATE, "for the test")
    assert receipt["outcome"] == "refused"
    assert "ranks worse than the platform's own sub-grade (-0." in receipt["reason"]
    assert ctx.ledger.state().champion is None


def test_a_model_that_a_plain_logistic_clearly_beats_does_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def knows_more(_: pl.DataFrame, judged: pl.DataFrame, __: tuple[str, ...]) -> np.ndarray:
        return np.asarray(judged["label"].to_numpy() * 0.5 + np.linspace(0.0, 0.9, judged.height))

    monkeypatch.setattr("p2pcredit.models.champion.gate.logistic_baseline", knows_more)
    ctx = home_of(tmp_path, signal=0.8, grade=unrelated)
    receipt = train_now(ctx, LATE, "for the test")
    assert receipt["outcome"] == "refused"
    assert "ranks worse than a plain logistic regression (-0." in receipt["reason"]


@pytest.mark.parametrize(
    ("gates", "chosen"),
    [
        (["pass", "pass"], 0),
        (["beaten", "beaten", "pass", "pass"], 2),
        (["beaten", "beaten"], 0),
        (["noise", "pass"], 0),
        (["undetermined", "pass"], 0),
    ],
)
def test_where_a_benchmark_beats_the_leader_the_first_that_passes_is_taken(
    gates: list[str], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = {"pass": Status.PASS, "beaten": Status.FAIL, "noise": Status.FAIL, "undetermined": Status.UNDETERMINED}
    lows = {"noise": 0.45, "undetermined": 0.45}

    def gate(evaluation: str, _: Any) -> Gate:
        return Gate(statuses[evaluation], "", 0.9, Estimate(0.6, lows.get(evaluation, 0.55), 0.65, 100, 20), ())

    monkeypatch.setattr("p2pcredit.jobs.training.comparing.promotion.floor_of", gate)
    candidates: list[Any] = [SimpleNamespace(evaluation=name) for name in gates]
    best, found = choose(candidates, None)  # type: ignore[arg-type]
    assert best is candidates[chosen]
    assert found.status is statuses[gates[chosen]]
