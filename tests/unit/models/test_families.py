"""Families: how a training treats those of other packages, and what the base class of their models promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from tests.not_none import not_none

from p2pcredit import plugins
from p2pcredit.contracts.catalogue import BUILT_IN
from p2pcredit.errors import BankError, PluginError, TooLittleDataError, TrainingError
from p2pcredit.jobs.training import challengers
from p2pcredit.models.absence_effects import Outcomes
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.family import Family, TrainingExamples, Tuning
from p2pcredit.models.margin_model import MarginModel
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.settings import Settings, TrainingSettings

AS_OF = date(2012, 6, 30)
Book = tuple[pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Line(MarginModel):
    family: ClassVar[str] = "line"

    slopes: tuple[float, ...] = ()

    def log_odds_of(self, values: np.ndarray) -> np.ndarray:
        return np.nan_to_num(values) @ np.array(self.slopes)

    def parameters(self) -> dict[str, Any]:
        return {"slopes": list(self.slopes)}


class Lines(Family):
    name: ClassVar[str] = "line"
    title: ClassVar[str] = "straight line"

    def fit(self, examples: TrainingExamples, tuning: Tuning) -> Line:
        return Line("matured", ("annual_income", "inquiries_6m_count"), slopes=(-1e-5, 0.25))

    def load(self, content: Any, files: Any) -> Line:
        return Line.from_json(content, slopes=tuple(content["parameters"]["slopes"]))


class Failing(Lines):
    name: ClassVar[str] = "failing"

    def fit(self, examples: TrainingExamples, tuning: Tuning) -> Line:
        raise ZeroDivisionError("no loans\nat all")


class Choosy(Lines):
    name: ClassVar[str] = "choosy"

    def fit(self, examples: TrainingExamples, tuning: Tuning) -> Line:
        raise TrainingError("too few loans for me")


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"line": "Lines", "failing": "Failing", "choosy": "Choosy"}
    found = EntryPoints([EntryPoint(name, f"{__name__}:{kind}", "p2pcredit.families") for name, kind in named.items()])
    monkeypatch.setattr(
        plugins, "entry_points", lambda group: found if group == "p2pcredit.families" else EntryPoints()
    )


def settings(*families: str) -> Settings:
    return Settings(training=TrainingSettings(families=families, preferred_family=families[0]))


LOANS = pl.DataFrame(
    {
        "annual_income": [40_000.0, 90_000.0, None, 60_000.0] * 50,
        "inquiries_6m_count": [3.0, 0.0, 1.0, None] * 50,
        "loan_id": [str(place) for place in range(200)],
        "snapshot_date": [AS_OF] * 200,
    }
)


def snapshot(*families: str) -> Any:
    return SimpleNamespace(
        features=None, outcomes=None, day=AS_OF, settings=settings(*families), by_hand={}, catalogue=BUILT_IN
    )


def fitted() -> Line:
    bads = np.array([1.0, 0.0, 1.0, 0.0] * 50)
    model = Line("matured", ("annual_income", "inquiries_6m_count"), slopes=(-1e-5, 0.25))
    neutral: dict[str, float | str | None] = {"annual_income": 60_000.0, "inquiries_6m_count": 1.0}
    return model.with_reference(neutral, LOANS, Outcomes(bads)).calibrated(Calibration(1.2, -0.5))


def test_a_family_of_another_package_is_a_candidate_beside_the_built_in_ones(book: Book) -> None:
    run = train_candidates(*book, as_of=AS_OF, settings=settings("line", "scorecard"))
    assert {c.family for c in run.candidates} == {"line", "scorecard"}
    assert not_none(run.candidates[0].metrics["auc"]) > 0.55
    again = load_model(run.candidates[0].model.to_files())
    assert again.to_files() == run.candidates[0].model.to_files()


def test_a_family_of_another_package_that_fails_is_missing_with_the_reason_and_the_package(book: Book) -> None:
    run = train_candidates(*book, as_of=AS_OF, settings=settings("line", "failing", "choosy"))
    assert {c.family for c in run.candidates} == {"line"}
    said = run.details["failing_matured"]["missing_because"]
    assert said == f"the family 'failing' of the package {__name__} failed: ZeroDivisionError: no loans at all"
    assert run.details["choosy_matured"]["missing_because"] == "too few loans for me"


def test_families_that_all_break_fail_the_training_where_those_with_too_few_loans_wait(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challengers, "train_candidates", lambda *_, **given: train_candidates(*book, **given))
    told = "'failing' of the package .* failed: ZeroDivisionError: no loans at all; mend that package, or name other"
    with pytest.raises(TrainingError, match=told) as broken:
        challengers.make_challenger(snapshot("choosy", "failing"))
    assert not isinstance(broken.value, TooLittleDataError)
    with pytest.raises(TooLittleDataError, match=r"on what was known on .*: too few loans for me$"):
        challengers.make_challenger(snapshot("choosy"))


def test_a_family_that_cannot_be_used_stops_a_training_before_any_fit(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = EntryPoints([EntryPoint("ghost", "no_such_module:Ghost", "p2pcredit.families")])
    monkeypatch.setattr(plugins, "entry_points", lambda group: found)
    with pytest.raises(PluginError, match="'ghost' of the package no_such_module cannot be imported"):
        train_candidates(*book, as_of=AS_OF, settings=settings("ghost", "scorecard"))


def test_a_model_whose_family_is_not_installed_is_refused_with_the_families_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = fitted().to_files()
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints())
    with pytest.raises(BankError, match="not installed: there is no family 'line'; known are scorecard, boosting"):
        load_model(files)


def test_a_loan_without_a_value_scores_as_the_reference_borrower_moved_by_what_its_loans_say() -> None:
    model = fitted()
    effect = model.support["annual_income"].missing.effect
    assert effect > 0.0  # every loan without an income turned bad
    expected = -0.5 + 1.2 * (60_000.0 * -1e-5 + 0.25 + effect)
    chances = model.predict(LOANS)
    assert np.log(chances[2] / (1 - chances[2])) == pytest.approx(expected)


def test_what_each_feature_adds_is_what_the_log_odds_lose_without_it() -> None:
    model = fitted()
    added = model.contributions(LOANS[:2])
    assert added[0] == pytest.approx([1.2 * 0.2, 1.2 * 0.5])
    assert added[1] == pytest.approx([1.2 * -0.3, 1.2 * -0.25])
    most = np.abs(model.calibrated(Calibration()).contributions(LOANS)).max(axis=0)
    assert [model.support[name].reach for name in model.feature_names] == pytest.approx(most.tolist())


def test_scores_and_reasons_follow_from_the_base_class() -> None:
    scored = score_loans(fitted(), "line-1", LOANS[:2], Settings())
    assert scored["reason_1"][0] == "Many recent credit inquiries"
    assert scored["reason_1"].null_count() == 1
    assert scored["probability_of_default"][0] > scored["probability_of_default"][1]


def test_a_model_comes_back_from_its_files_to_the_byte() -> None:
    model = fitted()
    again = load_model(model.to_files())
    assert again == model
    assert again.to_files() == model.to_files()
