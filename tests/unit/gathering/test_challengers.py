"""Which loans each number of a training rests on: evaluation, reference, recalibration, swap set."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.gathering.column_models import ColumnModel, load_column_model, shown
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import silver
from p2pcredit.errors import TooLittleDataError
from p2pcredit.jobs.training import artifacts as assembling
from p2pcredit.jobs.training import challengers
from p2pcredit.jobs.training.comparing import promotion as ruling
from p2pcredit.jobs.training.comparing import swap_sets as swapping
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.scoring import score_points
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.settings import LabelSettings, Settings

DAY = "2022-06-30"
SETTINGS = Settings(labels=LabelSettings(window_months=3, reporting_lag_days=0))
LOANS = (
    ("b", "2022-01-05", 0.2, 0),
    ("a", "2022-01-31", 0.3, 1),
    ("d", "2022-02-01", 0.4, 0),
    ("c", "2022-02-10", 0.5, 1),
)

HELD = np.array([0.7, 0.8])
"""The champion's probabilities of `c` and `d`."""


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingSnapshot:
    """Four matured loans and a young one, before a champion that had seen the loans of January."""
    for module in (challengers, ruling, swapping):
        monkeypatch.setattr(module, "load_model", load_column_model)
    shown.clear()
    home = written_home(tmp_path, SETTINGS)
    everyone = (*LOANS, ("young", "2022-06-01", 0.6, None))
    home.features(
        *((loan, day) for loan, day, _, _ in everyone),
        annual_income=[chance for _, _, chance, _ in everyone],
        loan_amount=[1000.0] * 5,
    )
    home.labels(*((loan, label, day, "2022-06-01") for loan, day, _, label in LOANS), definition="pd3")
    home.events(("a", "2022-05-01", 90))
    home.put(
        silver(FEEDS["loan_terms"]),
        [{"loan_id": loan, "origination_date": of(day), "snapshot_date": of(day)} for loan, day, _, _ in everyone],
    )
    put_champion(home)
    return TrainingSnapshot.as_of(home.ctx, of(DAY))


def put_champion(home: WrittenHome) -> None:
    home.model(
        "champion",
        {"periods": {"fit": {"first": "2021-01-01"}, "evaluate": {"first": "2022-02-01"}}, "defaults_learned_from": 70},
        files={"model.json": b"champion 0.0", "evaluation-model.json": b"evaluation-champion 0.1"},
    )
    home.crown("champion", "2022-01-01")


def evaluation(*loans: str) -> pl.DataFrame:
    """The challenger's probabilities of some loans, in an order of their own."""
    chances = {loan: chance + 0.25 for loan, _, chance, _ in LOANS}
    labels = {loan: label for loan, _, _, label in LOANS}
    return pl.DataFrame(
        {
            "loan_id": list(loans),
            "label": [labels[loan] for loan in loans],
            "probability_of_default": [chances[loan] for loan in loans],
        }
    )


@dataclass(frozen=True)
class Measured:
    """What the assembly of a model's artifacts looks at."""

    evaluation: pl.DataFrame
    model: ColumnModel = field(default_factory=lambda: ColumnModel("challenger", 0.0))


def test_a_recalibration_is_tried_on_loans_from_the_champions_own_evaluation_on(
    snapshot: TrainingSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def recalibrate(model: ColumnModel, evaluation_model: ColumnModel, matured: pl.DataFrame, **more: Any) -> str:
        asked.update(
            model=model.name, evaluation_model=evaluation_model.name, matured=matured["loan_id"].to_list(), **more
        )
        return "done"

    monkeypatch.setattr(challengers, "recalibrate", recalibrate)
    monkeypatch.setattr(challengers, "measure_level", lambda model, known, matured, **more: (model, known.height, more))
    assert challengers.try_recalibration(snapshot) == "done"
    assert asked.pop("find_level")("fresh") == ("fresh", 5, {"as_of": snapshot.day, "settings": snapshot.settings})
    assert asked == {
        "model": "champion",
        "evaluation_model": "evaluation-champion",
        "matured": ["b", "a", "d", "c"],
        "unseen_from": of("2022-02-01"),
        "settings": SETTINGS,
    }


def test_a_recalibration_that_cannot_be_tried_says_why(
    snapshot: TrainingSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise TooLittleDataError("3 bads")

    monkeypatch.setattr(challengers, "recalibrate", refuse)
    assert challengers.try_recalibration(snapshot) == {"promote": False, "reason": "undetermined: 3 bads"}


def test_the_champions_evaluation_model_answers_for_the_evaluation_loans_in_their_order(
    snapshot: TrainingSnapshot,
) -> None:
    held = ruling.champion_on(snapshot, evaluation("c", "d"))
    assert shown == [("evaluation-champion", ["c", "d"])]
    assert held is not None
    assert held.tolist() == pytest.approx([0.6, 0.5])


def test_a_challenger_is_held_against_the_champion_on_loans_that_neither_had_seen(
    snapshot: TrainingSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion's evaluation model had seen the loans of January, `a` and `b`."""
    asked: list[Any] = []

    def hold(*positional: Any, **named: Any) -> str:
        asked.extend([positional, named])
        return "held"

    monkeypatch.setattr(ruling, "champion_guard", hold)
    monkeypatch.setattr(ruling, "floor_guards", lambda _: [])
    monkeypatch.setattr(ruling, "_products", lambda *_: [])
    best: Any = Candidate.__new__(Candidate)
    object.__setattr__(best, "evaluation", evaluation("c", "a", "d"))
    nothing: Any = None
    judged = ruling.judged_by_champion(snapshot, [best.evaluation, evaluation("d", "b")])
    assert judged is not None
    assert shown == [("evaluation-champion", ["c", "a", "d", "b"])]  # each loan once, whichever candidates it judges
    assert ruling._guards(best, nothing, nothing, snapshot, judged) == ["held"]
    assert len(shown) == 1
    (labels, chances, held), named = asked
    assert (labels.tolist(), chances.tolist(), held.tolist()) == ([1, 0], [0.75, 0.65], pytest.approx([0.6, 0.5]))
    assert named == {"margin": 0.02, "confidence": 0.95, "least_bads": 15}


def test_products_are_the_terms_of_the_loans_or_all_loans_where_none_is_known(
    snapshot: TrainingSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(ruling, "product_guards", lambda *positional, **named: asked.extend([positional, named]) or [])
    best: Any = Candidate.__new__(Candidate)
    object.__setattr__(best, "evaluation", evaluation("c", "d"))
    run: Any = SimpleNamespace(periods={"calibrate": {"bads": 7}})
    ruling._products(best, run, snapshot, None)
    (_, _, products, champion), named = asked
    assert (products.tolist(), champion, named["level_bads"]) == (["all loans"] * 2, None, 7)
    terms = [{"c": 36, "d": None}.get(loan) for loan in snapshot.features["loan_id"]]
    vars(snapshot)["features"] = snapshot.features.with_columns(pl.Series("term_months", terms, dtype=pl.Float64))
    asked.clear()
    ruling._products(best, run, snapshot, None)
    assert asked[0][2].tolist() == ["36", "unknown"]


def test_the_evaluation_and_the_earlier_loans_part_the_matured_ones(snapshot: TrainingSnapshot) -> None:
    candidate: Any = Measured(evaluation("c", "d"))
    evaluated = assembling._evaluated(snapshot, candidate)
    assert evaluated.select("loan_id", "probability_of_default", "label").rows() == [("d", 0.65, 0), ("c", 0.75, 1)]
    assert assembling._earlier(snapshot, candidate)["loan_id"].to_list() == ["b", "a"]


def test_the_reference_loans_are_the_matured_ones_with_the_points_of_the_model_that_serves(
    snapshot: TrainingSnapshot,
) -> None:
    model: Any = ColumnModel("challenger", 0.1)
    found = pl.read_parquet(BytesIO(assembling._reference(snapshot, model)))
    assert found["loan_id"].to_list() == ["b", "a", "d", "c"]
    assert found["snapshot_date"].to_list() == [of(day) for _, day, _, _ in LOANS]
    points = score_points(np.array([0.3, 0.4, 0.5, 0.6]), SETTINGS.scores)
    assert found["score"].to_list() == [round(float(point)) for point in points]
    assert found.schema == {"loan_id": pl.String, "snapshot_date": pl.Date, "score": pl.Int32}


def test_the_swap_set_of_a_training_gives_each_loan_both_of_its_own_probabilities(
    snapshot: TrainingSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(assembling, "swap_set", lambda *positional: asked.extend(positional))
    candidate: Any = Measured(evaluation("c", "d"))
    assembling._swap_set(snapshot, candidate, HELD)
    _, champion, model, evaluated, held, chances = asked
    assert (champion.model_id, model.name) == ("champion", "challenger")
    assert evaluated["loan_id"].to_list() == ["d", "c"]
    assert (held.tolist(), chances.tolist()) == ([0.8, 0.7], [0.65, 0.75])


def test_without_a_champion_nothing_is_held_against_it(snapshot: TrainingSnapshot) -> None:
    alone = TrainingSnapshot(snapshot.lake, snapshot.day, snapshot.settings, None)
    candidate: Any = Measured(evaluation("c", "d"))
    assert challengers.try_recalibration(alone) is None
    assert ruling.champion_on(alone, evaluation("c")) is None
    assert assembling._swap_set(alone, candidate, HELD) is None
    with pytest.raises(TooLittleDataError, match="there is no champion on 2022-06-30 to recalibrate"):
        challengers.make_recalibrated(alone)
