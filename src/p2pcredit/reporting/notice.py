"""The reasons for a decision as the borrower reads them, and a sample notice of adverse action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from p2pcredit.contracts.adverse_action import MOST_REASONS, adverse_reason
from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.feature import NEVER_MONTHS
from p2pcredit.reporting.page import render_page

_SHARES = ("_share", "_to_income", "_to_revolving_limit")


def borrower_reasons(
    reasons: Sequence[str], known: Sequence[Mapping[str, Any]], catalogue: FeatureCatalogue = BUILT_IN
) -> list[dict[str, Any]]:
    """Word the reasons of a scored loan for its borrower, in their order: at most four.

    Args:
        reasons: As `gold/predictions` holds them.
        known: Per feature of the model `feature`, `value`, `usual_at_cutoff`, the largest push towards default first.
        catalogue: The features that the model knows.

    Returns:
        Per reason `code`, `text`, `advice`, `form`, `your_value` and `usual` (what is usual among loans just approved);
        the last two are None where there is nothing to compare.
    """
    usual = {row["feature"]: row["usual_at_cutoff"] for row in known}
    return ReasonWords(list(usual), usual, catalogue).of(reasons, {row["feature"]: row["value"] for row in known})


class ReasonWords:
    """Words reasons for borrowers; what is the same for all loans of a model is made once.

    Args:
        features: Of the model.
        usual: What is usual of each among loans just approved; None where nothing is.
        catalogue: The features that the model knows.
    """

    def __init__(
        self, features: Sequence[str], usual: Mapping[str, Any], catalogue: FeatureCatalogue = BUILT_IN
    ) -> None:
        self._usual = usual
        self._usual_words = {
            name: in_plain_words(name, usual[name]) for name in features if usual.get(name) is not None
        }
        self._listed = cache(partial(adverse_reason, own=catalogue.own))
        self._behind: dict[str, list[tuple[str, bool]]] = {}
        for name in features:
            feature = catalogue.named(name)
            if feature is not None:
                self._behind.setdefault(feature.reason, []).append((name, False))
                self._behind.setdefault(feature.missing_reason, []).append((name, True))

    def of(self, reasons: Sequence[str], values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Word the reasons of a loan.

        Args:
            reasons: As `gold/predictions` holds them.
            values: Of each feature; None where it is missing.

        Returns:
            As of `borrower_reasons`.
        """
        return [self._worded(reason, values) for reason in reasons[:MOST_REASONS]]

    def _worded(self, reason: str, values: Mapping[str, Any]) -> dict[str, Any]:
        listed = self._listed(reason)
        advice, your_value, usual = listed.advice, None, None
        for name, missing in self._behind.get(reason, ()):
            value = values[name]
            if (value is None) == missing:
                advice = listed.advice_for(value, self._usual.get(name))
                if value is not None and name in self._usual_words:
                    your_value, usual = in_plain_words(name, value), self._usual_words[name]
                break
        return {
            "code": listed.code,
            "text": listed.text,
            "advice": advice,
            "form": listed.form,
            "your_value": your_value,
            "usual": usual,
        }


def in_one_line(reason: Mapping[str, Any]) -> str:
    """Write one of them as a line of text.

    Examples:
        >>> in_one_line({"code": "I1", "text": "It is low.", "advice": "Raise it.", "your_value": "1", "usual": "2"})
        'I1 It is low. Yours: 1; usual among loans just approved: 2. Raise it.'
    """
    compared = f" Yours: {reason['your_value']}; usual among loans just approved: {reason['usual']}."
    return f"{reason['code']} {reason['text']}{compared if reason['your_value'] else ''} {reason['advice']}"


def in_plain_words(feature: str, value: float | str) -> str:
    """Write a feature's value as a borrower would say it.

    Examples:
        >>> in_plain_words("debt_to_income_share", 0.384), in_plain_words("annual_income", 42000.0)
        ('38%', '42,000')
        >>> in_plain_words("months_since_record", 1200.0), in_plain_words("credit_age_months", 14.0)
        ('never', '14 months')
        >>> in_plain_words("home_ownership", "RENT"), in_plain_words("employment_length_years", 1.0)
        ('rent', '1 year')
    """
    if isinstance(value, str):
        return value.replace("_", " ").lower() if value.isupper() and len(value) > 2 else value
    if feature.endswith(_SHARES):
        return f"{value:.0%}"
    if feature.startswith("months_since") and value >= NEVER_MONTHS:
        return "never"
    number = f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:,.1f}"
    unit = "month" if "month" in feature.split("_") or "months" in feature.split("_") else ""
    unit = "year" if feature.endswith("_years") else unit
    return f"{number} {unit}{'' if number == '1' else 's'}" if unit else number


def render_notice(facts: Mapping[str, Any]) -> str:
    """Render the sample notice of these facts: `loan_id`, `date`, `reasons`, `model_id`, `score`, `list_version`."""
    return render_page("notice.html", facts, [])


__all__ = ["ReasonWords", "borrower_reasons", "in_one_line", "in_plain_words", "render_notice"]
