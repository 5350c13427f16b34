"""The whole loop without Airflow on a young synthetic portfolio whose labels mature in three months."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.contracts.tables import TABLES
from p2pcredit.jobs.audit.reproduce import reproduce
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.replay import replay
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import LabelSettings, MonitoringSettings, Settings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import read_receipt
from p2pcredit.storage.tables.lake import Lake

FIRST, CUT, LAST = date(2021, 1, 1), date(2021, 6, 30), date(2021, 7, 13)
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, default_days=30, reporting_lag_days=5),
    training=TrainingSettings(min_matured_loans=300, min_matured_bads=20, min_evaluation_bads=5),
    monitoring=MonitoringSettings(min_matured_loans=50, min_matured_bads=5),
)


def context(home: Path) -> JobContext:
    return JobContext(Layout(home), SETTINGS, "replay", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("replay") / "home"
    raw = home.with_name("portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=60))
    land(context(home), "synthetic", [raw], FIRST, LAST)
    replay(context(home), DateRange(FIRST, CUT))
    return home


@pytest.fixture(scope="module")
def in_spans_and_by_day(replayed: Path) -> tuple[Path, Path]:
    by_day = replayed.with_name("by_day")
    shutil.copytree(replayed, by_day)
    days = DateRange(date.fromordinal(CUT.toordinal() + 1), LAST)
    replay(context(replayed), days)
    replay(context(by_day), days, day_by_day=True)
    return replayed, by_day


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_replay_in_spans_gives_the_tables_of_a_replay_by_day(
    in_spans_and_by_day: tuple[Path, Path], table: str
) -> None:
    spans, days = (Lake(Layout(home)).read(TABLES[table]) for home in in_spans_and_by_day)
    assert spans.equals(days)


def test_a_replay_in_spans_takes_the_decisions_of_a_replay_by_day(in_spans_and_by_day: tuple[Path, Path]) -> None:
    told = []
    for home in in_spans_and_by_day:
        state = context(home).ledger.state()
        trainings = [(event.at, event.facts) for event in state.trainings]
        periods = [(period.effective_on, period.model_id, period.why) for period in state.champion_periods]
        told.append((trainings, periods, state.scored, list(state.decisions)))
    assert told[0] == told[1]


def test_a_replay_in_spans_writes_the_ledger_and_the_receipts_of_a_replay_by_day(
    in_spans_and_by_day: tuple[Path, Path],
) -> None:
    spans, days = (told_of(home) for home in in_spans_and_by_day)
    assert spans == days
    of_spans, of_days = (receipts(home) for home in in_spans_and_by_day)
    assert of_spans.keys() == of_days.keys()
    assert of_spans == of_days


def told_of(home: Path) -> list[tuple[object, ...]]:
    """The ledger in its order, with a line for each day that was scored."""
    lines: list[tuple[object, ...]] = []
    for event in context(home).ledger.events():
        if event.kind is EventKind.SCORED:
            lines += [(event.kind, event.facts["model_id"], day, loans) for day, loans in event.facts["days"].items()]
        else:
            lines.append((event.kind, event.at, event.run_id, event.facts))
    return lines


def receipts(home: Path) -> dict[date, object]:
    """What the receipts of complete days say of their rows."""
    layout = Layout(home)
    found = {day: read_receipt(layout, day) for day in DateRange(FIRST, LAST)}
    return {day: (facts or {}).get("rows") for day, facts in found.items()}


def test_each_loan_is_scored_by_the_model_that_was_champion_on_its_day(in_spans_and_by_day: tuple[Path, Path]) -> None:
    ctx = context(in_spans_and_by_day[0])
    state = ctx.ledger.state()
    predictions = Lake(ctx.layout).read(TABLES["gold/predictions"])
    assert predictions.height > 100
    for day, model_id in predictions.select("snapshot_date", "model_id").unique().iter_rows():
        assert state.champion_on(day) == model_id
        period = next(period for period in state.champion_periods if period.model_id == model_id)
        assert period.effective_on <= day


def test_scoring_the_same_days_again_changes_nothing(in_spans_and_by_day: tuple[Path, Path]) -> None:
    ctx = context(in_spans_and_by_day[0])
    lake = Lake(ctx.layout)
    before = lake.version(TABLES["gold/predictions"]), len(ctx.ledger.events())
    run_inference(ctx, DateRange(FIRST, LAST))
    scored = [event for event in ctx.ledger.events()[before[1] :] if event.kind is EventKind.SCORED]
    assert (lake.version(TABLES["gold/predictions"]), len(scored)) == (before[0], 0)


def test_a_model_can_be_made_again_to_the_byte_after_later_data_came(in_spans_and_by_day: tuple[Path, Path]) -> None:
    ctx = context(in_spans_and_by_day[0])
    first_champion = ctx.ledger.state().champion_periods[0].model_id
    assert reproduce(ctx, first_champion)["identical"] is True


def test_every_landed_row_is_in_silver_or_in_quarantine(in_spans_and_by_day: tuple[Path, Path]) -> None:
    lake = Lake(Layout(in_spans_and_by_day[0]))
    quarantined = lake.read(TABLES["silver/quarantine"])
    for feed in ("loan_terms", "demographic", "financial", "credit_history", "loan_performance"):
        rows = lake.read(TABLES[f"bronze/{feed}"]).height
        broken = quarantined.filter(pl.col("feed") == feed, pl.col("kind") == "row").height
        assert rows == lake.read(TABLES[f"silver/{feed}"]).height + broken
        assert rows > 0
