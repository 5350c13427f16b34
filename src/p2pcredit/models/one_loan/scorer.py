"""Score one loan after another: the steps of `score_loans` on plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pcredit.models.one_loan.families import prediction_of
from p2pcredit.models.one_loan.outside import OutsideTraining
from p2pcredit.models.one_loan.over_term import LoansOverTerm
from p2pcredit.models.one_loan.values import LoanValues, Values
from p2pcredit.models.outside_training import WITHHELD
from p2pcredit.models.scorer import Scorer
from p2pcredit.models.scoring import RATE, REASONS, TERM, grades, score_points, whole_point_pushes
from p2pcredit.models.training_support import contract_of
from p2pcredit.settings import Settings


class OneLoanScorer:
    """A model that is ready to score loans one by one.

    Args:
        scorer: The model.
        settings: Points, grades, cut-off, and what becomes of a loan outside what the model was trained on.

    Raises:
        NotImplementedError: If the model's family knows frames only.
    """

    def __init__(self, scorer: Scorer, settings: Settings) -> None:
        model, predict = scorer.model, prediction_of(scorer.model)
        if predict is None:
            raise NotImplementedError(f"the family {model.family} scores frames only")
        self._scorer, self._settings, self._predict = scorer, settings, predict
        self._values = LoanValues(model.support, model.neutral)
        self._outside = OutsideTraining(model, settings)
        self._over_term = LoansOverTerm(scorer.structure, scorer.experience, settings.money.servicing_rate)
        factors = [contract_of(model.support, name) for name in model.feature_names]
        self._factors = [(factor.name, factor.reason, factor.missing_reason) for factor in factors]

    def score(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Score a loan.

        Args:
            values: Its features: those of the model, what ratios among them are calculated from, the term and the
                interest rate; numbers as float, None where missing, never NaN.

        Returns:
            The columns of `gold/predictions` but for the loan and its day.
        """
        given = self._values.without_blanks(values)
        chances, at_neutral = self._predict(self._values.completed(given))
        scores, chance = self._settings.scores, float(chances[0])
        over_term = self._over_term.of(chances, values[TERM], values[RATE])
        outside = self._outside.of(given)
        decision = self._outside.decide(outside, chance)
        reasons = self._reasons(given, whole_point_pushes(chances, at_neutral, scores)[0].tolist())
        found = {
            "model_id": self._scorer.model_id,
            "probability_of_default": chance,
            "lifetime_probability_of_default": over_term.lifetime,
            "expected_loss": over_term.loss,
            "expected_annual_return": over_term.annual_return,
            "score": int(score_points(chances, scores)[0]),
            "grade": grades(chances, scores)[0],
            **{f"reason_{place + 1}": reasons[place] if place < len(reasons) else None for place in range(REASONS)},
            "outside_training": outside.told,
            "decision": decision,
        }
        return {**found, **dict.fromkeys(WITHHELD.get(decision, ()))}

    def _reasons(self, given: Values, pushes: list[float]) -> list[str]:
        """Name the factors that push the risk up most; words that two share are named once, for the larger push."""
        by_text: dict[str, float] = {}
        for (name, reason, missing_reason), push in zip(self._factors, pushes, strict=True):
            text = missing_reason if given[name] is None else reason
            if push > by_text.get(text, 0.0):
                by_text[text] = push
        return sorted(by_text, key=lambda text: (-by_text[text], text))[:REASONS]


__all__ = ["OneLoanScorer"]
