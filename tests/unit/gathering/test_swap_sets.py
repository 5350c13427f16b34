"""Which loans a swap set is made of, and whose probabilities it holds against whose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.column_models import load_column_model, shown
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import silver
from p2pcredit.jobs.training.comparing import swap_sets as swapping
from p2pcredit.jobs.training.comparing.swap_sets import swap_on_promotion
from p2pcredit.settings import LabelSettings, ScoreSettings, Settings
from p2pcredit.storage.state.model_bank import ModelArtifacts

DAY = "2022-06-30"
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, reporting_lag_days=0), scores=ScoreSettings(approval_cutoff=0.1)
)
LOANS = (
    ("seen-by-both", "2022-01-05", 0.01, 0),
    ("seen-by-one", "2022-01-31", 0.02, 1),  # the champion's evaluation model had not seen it; the new one's had
    ("first-unseen", "2022-02-01", 0.05, 0),
    ("unseen", "2022-02-10", 0.09, 1),
    ("old", "2022-03-30", 0.05, None),  # 92 days before the day: no more among the newest
    ("newest", "2022-03-31", 0.12, None),
    ("newest-too", DAY, 0.05, None),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WrittenHome:
    """Loans with their income as the probability; evaluation models add nothing, serving models add something."""
    monkeypatch.setattr(swapping, "load_model", load_column_model)
    shown.clear()
    home = written_home(tmp_path, SETTINGS)
    home.features(
        *((loan, day) for loan, day, _, _ in LOANS),
        annual_income=[chance for _, _, chance, _ in LOANS],
        loan_amount=[1000.0 * (n + 1) for n in range(len(LOANS))],
    )
    home.labels(
        *((loan, label, day, "2022-06-01") for loan, day, _, label in LOANS if label is not None), definition="pd3"
    )
    home.events(("unseen", "2022-05-01", 90))
    home.put(
        silver(FEEDS["loan_terms"]),
        [{"loan_id": loan, "origination_date": of(day), "snapshot_date": of(day)} for loan, day, _, _ in LOANS],
    )
    for name, first, add in (("old-model", "2022-01-10", "0.0"), ("new-model", "2022-02-01", "0.02")):
        home.model(
            name,
            {"periods": {"evaluate": {"first": first}}},
            files={
                "model.json": f"{name} {add}".encode(),
                "evaluation-model.json": f"evaluation-{name} {float(add) * 2}".encode(),
            },
        )
    home.model("without-evaluation-fit")
    return home


def found(home: WrittenHome, new: str = "new-model", old: str | None = "old-model") -> dict[str, Any]:
    path = swap_on_promotion(home.ctx, new, old, of(DAY))
    assert path == home.ctx.layout.swap_set(new, str(old))
    return dict(json.loads(path.read_text()))


def test_matured_loans_are_those_that_neither_evaluation_model_had_seen(home: WrittenHome) -> None:
    found(home)
    unseen = ["first-unseen", "unseen"]
    newest = ["newest", "newest-too"]
    assert shown == [
        ("evaluation-old-model", unseen),
        ("evaluation-new-model", unseen),
        ("old-model", newest),
        ("new-model", newest),
    ]


def test_it_does_not_matter_which_of_the_two_had_seen_more(home: WrittenHome) -> None:
    found(home, "old-model", "new-model")
    assert shown[0] == ("evaluation-new-model", ["first-unseen", "unseen"])
    assert shown[1] == ("evaluation-old-model", ["first-unseen", "unseen"])


def test_cells_hold_the_evaluation_models_on_matured_loans_and_the_serving_models_on_the_newest(
    home: WrittenHome,
) -> None:
    swapped = found(home)
    assert (swapped["model_id"], swapped["champion_id"]) == ("new-model", "old-model")
    matured, newest = (swapped[part]["equal_cutoff"]["cells"] for part in ("matured", "newest"))
    # by the evaluation models 0.05 and 0.09 for the champion, 0.09 and 0.13 for the new model; the cut-off is 0.1
    both, out = matured["approved_by_both"], matured["swapped_out"]
    assert (both["n"], both["amount"], both["observed_n"], both["observed_bads"]) == (1, 3000.0, 1, 0)
    assert (out["n"], out["amount"], out["observed_n"], out["observed_bads"]) == (1, 4000.0, 1, 1)
    assert out["champion"]["expected_defaults"] == pytest.approx(0.09)
    assert out["challenger"]["expected_defaults"] == pytest.approx(0.13)
    assert out["challenger"]["expected_loss"] == pytest.approx(0.13 * 4000 * 0.6)
    # of the newest, 0.12 and 0.05 for the champion, 0.14 and 0.07 for the new model; none has an outcome
    assert {cell: sums["n"] for cell, sums in newest.items()} == {
        "approved_by_both": 1,
        "swapped_in": 0,
        "swapped_out": 0,
        "declined_by_both": 1,
    }
    assert newest["declined_by_both"]["challenger"]["expected_defaults"] == pytest.approx(0.14)
    assert all(sums["observed_n"] == 0 for sums in newest.values())


def test_without_a_champion_a_evaluation_model_or_features_there_is_no_swap_set(
    home: WrittenHome, tmp_path: Path
) -> None:
    assert swap_on_promotion(home.ctx, "new-model", None, of(DAY)) is None
    assert swap_on_promotion(home.ctx, "new-model", "without-evaluation-fit", of(DAY)) is None
    assert swap_on_promotion(home.ctx, "without-evaluation-fit", "old-model", of(DAY)) is None
    empty = written_home(tmp_path / "empty", SETTINGS)
    assert swap_on_promotion(empty.ctx, "new-model", "old-model", of(DAY)) is None


def test_the_evaluation_model_is_read_from_its_own_files() -> None:
    files = {"model.json": b"serves", "evaluation-model.json": b"measured", "x": b""}
    assert ModelArtifacts("m", files, {}).evaluation_files == {"model.json": b"measured"}
