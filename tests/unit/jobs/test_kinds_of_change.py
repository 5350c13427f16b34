"""A refresh takes over unless a guard stops it; another recipe must have something to show; the ledger says which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.jobs.test_floor import EARLY, LATE, SETTINGS, card_of, home_of, one_candidate, unrelated

from p2pcredit.jobs.audit.evidence import verify_evidence
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.scoring.champions import promote
from p2pcredit.jobs.training.comparing import promotion
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.models.scoring import load_model
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import Settings
from p2pcredit.storage.state.model_bank import ModelBank

__all__ = ["one_candidate"]
NEWEST = date(2021, 9, 20)
"""Nearly all loans have matured, and those of the last days are newest applicants."""
GUARDS = ["above_chance", "sub_grade", "logistic", "champion", "product=all loans", "score_shift"]


def with_training(ctx: JobContext, **changed: Any) -> JobContext:
    training = ctx.settings.training.model_copy(update=changed)
    settings = ctx.settings.model_copy(update={"training": training})
    assert isinstance(settings, Settings)
    return JobContext(ctx.layout, settings, "another run", ctx.at)


def facts_of_last_training(ctx: JobContext) -> dict[str, Any]:
    return [event for event in ctx.ledger.events() if event.kind is EventKind.TRAINED][-1].facts


@pytest.fixture
def served(tmp_path: Path) -> JobContext:
    """A home whose champion is a booster on the older half of the loans."""
    ctx = home_of(tmp_path, signal=1.0, grade=unrelated)
    assert train_now(ctx, EARLY, "for the test")["outcome"] == "champion"
    assert facts_of_last_training(ctx)["kind"] == "first"
    return ctx


def test_a_refresh_takes_over_by_its_guards_and_card_and_ledger_name_each(served: JobContext) -> None:
    receipt = train_now(served, NEWEST, "for the test")
    assert receipt["outcome"] == "champion"
    assert receipt["reason"].startswith("refresh: no guard stops it")
    card, facts = card_of(served, receipt), facts_of_last_training(served)
    assert (card["kind"], facts["kind"], facts["gate"]) == ("refresh", "refresh", card["gate"])
    assert card["recipe"] == {
        "family": "boosting",
        "target": "matured",
        "feature_sets": ["application"],
        "bins_by_hand": {},
    }
    assert card["gate"]["changes"] == []
    assert [guard["key"] for guard in card["gate"]["guards"]] == GUARDS
    for guard in card["gate"]["guards"]:
        assert guard["status"] in ("pass", "undetermined")
        assert (guard["value"] is not None, guard["least"] is None and guard["most"] is None) == (True, False)
    against = next(guard for guard in card["gate"]["guards"] if guard["key"] == "champion")
    assert card["comparison"]["difference"] == against["value"]


@pytest.mark.parametrize("families", [("boosting",), ("boosting", "scorecard"), ("scorecard",)])
def test_the_champion_scores_each_loan_that_judges_a_training_once(
    served: JobContext, monkeypatch: pytest.MonkeyPatch, families: tuple[str, ...]
) -> None:
    """However many candidates are ruled on: guards, products, benchmarks and swap set are handed what it said."""
    scored: list[int] = []
    bank = ModelBank(served.layout)
    judge = bank.get(facts_of_last_training(served)["model_id"]).evaluation_files

    def loaded(files: Mapping[str, bytes]) -> Any:
        model = load_model(files)
        if files == judge:
            predict = model.predict
            return SimpleNamespace(predict=lambda loans: scored.append(loans.height) or predict(loans))
        return model

    monkeypatch.setattr(promotion, "load_model", loaded)
    receipt = train_now(with_training(served, families=families), LATE, "for the test")
    assert scored == [card_of(served, receipt)["metrics"]["n"]]


def test_scores_that_change_by_more_than_the_bound_stop_a_refresh(served: JobContext) -> None:
    receipt = train_now(with_training(served, max_score_shift=0.01), NEWEST, "for the test")
    assert receipt["outcome"] == "challenger"
    assert "refresh stopped: mean change of score of the newest applicants, in points" in receipt["reason"]
    assert receipt["reason"].endswith("most 0.01: fail; on balance " + receipt["reason"].split("on balance ")[1])


def test_a_simpler_family_that_ranks_no_worse_takes_over_and_says_so(served: JobContext) -> None:
    wide = {"families": ("boosting", "scorecard"), "noninferiority_margin": 0.2}
    receipt = train_now(with_training(served, **wide), LATE, "for the test")
    card = card_of(served, receipt)
    assert (receipt["outcome"], card["family"], card["kind"]) == ("champion", "scorecard", "redevelopment")
    assert card["gate"]["changes"] == ["family scorecard, boosting before"]
    assert card["comparison"]["benefit"] == "scorecard is simpler than boosting"
    assert card["comparison"]["against"] == "the champion's recipe, fitted on the same loans"


def test_where_another_recipe_has_nothing_to_show_the_champions_is_refreshed(served: JobContext) -> None:
    narrow = {"families": ("boosting", "scorecard"), "noninferiority_margin": 0.0, "evidence_growth_share": 0.1}
    receipt = train_now(with_training(served, **narrow), LATE, "for the test")
    card = card_of(served, receipt)
    attempts = [(one["kind"], one["family"], one["promoted"]) for one in card["gate"]["attempts"]]
    assert attempts[0] == ("redevelopment", "scorecard", False)
    assert attempts[1][:2] == ("refresh", "boosting")
    assert card["kind"] == ("refresh" if attempts[1][2] else "redevelopment")
    assert "redevelopment refused: AUC" in card["gate"]["attempts"][0]["reason"]


def test_a_recipe_that_settings_name_no_more_is_fitted_again_to_compare_with(served: JobContext) -> None:
    receipt = train_now(with_training(served, families=("scorecard",)), LATE, "for the test")
    card = card_of(served, receipt)
    assert card["kind"] == "redevelopment"
    assert card["comparison"]["against"] == "the champion's recipe, fitted on the same loans"
    assert card["comparison"]["champion_defaults"] == card["comparison"]["challenger_defaults"]


def test_cards_of_earlier_versions_are_challenged_too(served: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a card names no recipe: family, target and the sets of its settings stand for it."""
    from p2pcredit.jobs.training.snapshot import TrainingSnapshot

    found = TrainingSnapshot.as_of.__func__  # type: ignore[attr-defined]

    def as_of(cls: type[TrainingSnapshot], ctx: JobContext, day: Any) -> TrainingSnapshot:
        snapshot = found(cls, ctx, day)
        for key in ("recipe", "kind"):
            snapshot.champion.card.pop(key)
        snapshot.champion.card["settings"]["training"].pop("feature_sets")
        snapshot.champion.card["settings"]["training"]["feature_set"] = "default"
        return snapshot

    monkeypatch.setattr(TrainingSnapshot, "as_of", classmethod(as_of))
    receipt = train_now(served, LATE, "for the test")
    card = card_of(served, receipt)
    assert card["kind"] == "redevelopment"
    assert card["gate"]["changes"] == ["feature sets application, application, state, wording before"]
    assert "it does without the features of state, wording" in card["comparison"]["benefit"] + card["reason"]
    assert SETTINGS.training.feature_sets == ("application",)


def test_the_pack_of_the_next_training_says_what_a_promotion_brought_and_can_be_verified(tmp_path: Path) -> None:
    """280 loans of June judge the promotion of its first day; the training of December knows what came of them."""
    ctx = home_of(tmp_path, signal=1.0, grade=unrelated)
    first = train_now(ctx, date(2021, 5, 20), "for the test")
    second = train_now(ctx, date(2021, 6, 1), "for the test")
    assert first["outcome"] == "champion"
    if second["outcome"] != "champion":
        promote(ctx, second["model_id"], "for the test")
    claimed = next(g["value"] for g in card_of(ctx, second)["gate"]["guards"] if g["key"] == "champion")
    assert card_of(ctx, second)["past_promotions"] == []
    last = train_now(ctx, LATE, "for the test")
    pack = json.loads(ModelBank(ctx.layout).attachment(last["model_id"], "evidence.json"))
    (told,) = pack["past_promotions"]["promotions"]
    assert (told["model_id"], told["replaces"]) == (second["model_id"], first["model_id"])
    assert (told["claimed"], told["effective_on"], told["n"]) == (claimed, "2021-06-01", 280)
    assert told["realised_low"] <= told["realised"] <= told["realised_high"]
    assert pack["past_promotions"]["summary"].startswith("The last promotion that can be judged claimed")
    page = ModelBank(ctx.layout).attachment(last["model_id"], "evidence.html").decode()
    assert 'id="promotions"' in page
    assert 'id="guards"' in page
    assert verify_evidence(ctx, last["model_id"])["differing"] == []
