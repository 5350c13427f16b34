"""Which promotions are judged, on which loans, by which models."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.gathering.column_models import load_column_model, shown

from p2pcredit.errors import BankError
from p2pcredit.jobs.training.comparing import past_promotions as promoting
from p2pcredit.jobs.training.comparing.past_promotions import MOST_PROMOTIONS, promotions_until, realised_differences
from p2pcredit.models.champion.realised import Promotion
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.state import HandoffState, fold
from p2pcredit.settings import LabelSettings, Settings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

SETTINGS = Settings(
    labels=LabelSettings(window_months=3, reporting_lag_days=0), training=TrainingSettings(min_evaluation_bads=2)
)


def state(*steps: tuple[EventKind, dict[str, Any]]) -> HandoffState:
    at = "2023-01-01T02:00:00+00:00"
    return fold(LedgerEvent(n, kind, at, f"run-{n}", facts) for n, (kind, facts) in enumerate(steps, 1))


def trained(model: str, day: str, *, promoted: bool = True, **more: Any) -> tuple[EventKind, dict[str, Any]]:
    facts = {"decision_id": None, "snapshot_date": day, "week": day, "model_id": model, "promoted": promoted}
    return EventKind.TRAINED, {**facts, **more}


def against(value: float) -> dict[str, Any]:
    guards = [
        {"key": "above_chance", "value": 0.7, "low": 0.6, "high": 0.8},
        {"key": "champion", "value": value, "low": -0.02, "high": 0.08},
    ]
    return {"gate": {"guards": guards}, "comparison": {"difference": 0.5, "low": 0.4, "high": 0.6}}


def test_a_promotion_is_a_new_ranking_in_place_of_another_with_what_it_claimed() -> None:
    known = state(
        trained("first", "2021-01-03"),
        trained("second", "2021-07-04", kind="refresh", **against(0.03)),
        trained("never", "2021-08-01", promoted=False, kind="redevelopment", **against(0.9)),
        trained("level", "2021-09-05", origin="recalibrated", kind="recalibration"),
        (EventKind.ROLLED_BACK, {"model_id": "second", "effective_on": "2021-10-03", "why": "x"}),
        trained("old_line", "2022-01-02", comparison={"difference": 0.04, "low": -0.01, "high": 0.09}),
        (EventKind.PROMOTED, {"model_id": "by_hand", "effective_on": "2022-03-06", "why": "x"}),
        trained("later", "2022-07-03", kind="refresh", **against(0.01)),
    )
    found = promotions_until(known, date(2022, 4, 1))
    assert found == (
        Promotion("second", "first", date(2021, 7, 4), "refresh", 0.03, -0.02, 0.08),
        Promotion("old_line", "second", date(2022, 1, 2), None, 0.04, -0.01, 0.09),
        Promotion("by_hand", "old_line", date(2022, 3, 6), None, None, None, None),
    )
    assert len(promotions_until(known, date(2022, 7, 3))) == 4
    assert promotions_until(state(trained("first", "2021-01-03")), date(2022, 1, 1)) == ()
    assert promotions_until(state(), date(2022, 1, 1)) == ()


def test_the_newest_promotions_are_judged() -> None:
    known = state(*(trained(f"m{n}", f"2021-{n + 1:02}-01") for n in range(11)))
    found = promotions_until(known, date(2022, 1, 1))
    assert [one.model_id for one in found] == [f"m{n}" for n in range(11 - MOST_PROMOTIONS, 11)]


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelBank:
    """Two models of which the one answers with the income, the other the same for all."""
    shown.clear()
    monkeypatch.setattr(promoting, "load_model", load_column_model)
    found = ModelBank(Layout(tmp_path))
    for name in ("new", "old"):
        found.add(name, {"model.json": f"{name} 0.1".encode()}, {"as_of": "2022-01-01"}, {})
    return found


def matured(*born: date) -> pl.DataFrame:
    labels = [place % 2 for place in range(len(born))]
    chances = np.linspace(0.1, 0.2, len(born))
    return pl.DataFrame(
        {
            "loan_id": [f"l{place}" for place in range(len(born))],
            "origination_date": list(born),
            "label": labels,
            "annual_income": chances,
        }
    )


def test_both_models_score_the_loans_of_the_year_after_that_have_matured(bank: ModelBank) -> None:
    day = date(2022, 1, 1)
    took_over = Promotion("new", "old", day, "refresh", 0.03, None, None)
    loans = matured(day, *[date(2022, 2, place) for place in range(1, 9)], date(2023, 1, 1), date(2023, 1, 2))
    (found,) = realised_differences([took_over], loans, bank, day=date(2023, 6, 1), settings=SETTINGS)
    expected = [f"l{place}" for place in range(1, 10)]  # not of the day itself, and not of more than a year after
    assert shown == [("new", expected), ("old", expected)]
    assert (found.difference.value, found.difference.n, found.until) == (0.0, 9, date(2023, 1, 1))
    shown.clear()
    (early,) = realised_differences([took_over], loans, bank, day=date(2022, 5, 3), settings=SETTINGS)
    assert shown[0][1] == ["l1", "l2", "l3"]  # of 3 February at the latest: three months have passed
    assert early.note == "2 bads among 3 loans matured since, 2 needed, and goods"


def test_a_model_that_is_gone_leaves_a_note(bank: ModelBank) -> None:
    gone = Promotion("new", "gone", date(2022, 1, 1), "refresh", 0.03, None, None)
    loans = matured(*[date(2022, 2, place) for place in range(1, 9)])
    with pytest.raises(BankError):
        bank.get("gone")
    (found,) = realised_differences([gone], loans, bank, day=date(2023, 6, 1), settings=SETTINGS)
    assert found.difference.value is None
    assert found.note.startswith("one of the two models cannot score any more: ")


def test_a_promotion_of_which_nothing_has_matured_scores_nothing(bank: ModelBank) -> None:
    young = Promotion("new", "old", date(2022, 1, 1), "refresh", 0.03, None, None)
    (found,) = realised_differences([young], matured(), bank, day=date(2022, 2, 1), settings=SETTINGS)
    assert (shown, found.difference.n) == ([], 0)
