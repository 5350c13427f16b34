"""The reasons for a decision as the borrower reads them, and a sample notice of adverse action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    found = []
    for reason in reasons[:MOST_REASONS]:
        listed = adverse_reason(reason, own=catalogue.own)
        behind = next((row for row in known if _is_reason_of(reason, row, catalogue)), None)
        values = () if behind is None else (behind["value"], behind["usual_at_cutoff"])
        told = [in_plain_words(behind["feature"], value) for value in values if behind and value is not None]
        your_value, usual = told if len(told) == 2 else (None, None)
        found.append(
            {
                "code": listed.code,
                "text": listed.text,
                "advice": listed.advice if len(values) < 2 else listed.advice_for(*values),
                "form": listed.form,
                "your_value": your_value,
                "usual": usual,
            }
        )
    return found


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


def _is_reason_of(reason: str, row: Mapping[str, Any], catalogue: FeatureCatalogue) -> bool:
    feature = catalogue.named(row["feature"])
    if feature is None:
        return False
    return reason == (feature.missing_reason if row["value"] is None else feature.reason)


__all__ = ["borrower_reasons", "in_one_line", "in_plain_words", "render_notice"]
