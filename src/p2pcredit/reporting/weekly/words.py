"""The words of the report: what each metric, segment and status is called, and how its number is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p2pcredit.contracts.feature import OWN_PREFIX
from p2pcredit.contracts.features import FEATURES


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report: which metrics it holds, and what a reader must know of them.

    Args:
        key: Its name in the facts.
        title, about: Its heading, and what it says.
        metrics: Names of metrics, or beginnings that end with `:`; the empty tuple holds whatever no other does.
        by_size: Whether the largest values come first.
    """

    key: str
    title: str
    about: str
    metrics: tuple[str, ...]
    by_size: bool = False

    def holds(self, metric: str) -> bool:
        """Test whether this table shows the metric."""
        if not self.metrics:
            return not any(section.holds(metric) for section in SECTIONS if section.metrics)
        return any(metric == name or (name.endswith(":") and metric.startswith(name)) for name in self.metrics)


SECTIONS: tuple[Section, ...] = (
    Section(
        "ranking",
        "Ranking of matured loans",
        "How well the probabilities given on the day put the loans in order. Only loans whose whole window has closed.",
        (
            "auc",
            "auc_within_cohort",
            "auc_of_champion",
            "gini",
            "ks",
            "auc_sub_grade",
            "auc_minus_sub_grade",
            "matured_defaults",
        ),
    ),
    Section(
        "calibration",
        "Calibration on matured loans",
        "Whether as many loans defaulted as the probabilities said.",
        (
            "calibration_ratio",
            "product_ratio_matured",
            "product_ratio_to_date",
            "calibration_error",
            "calibration_slope",
            "brier",
            "default_rate",
            "default_rate_estimate_then",
        ),
    ),
    Section(
        "grades",
        "PD by grade",
        "Of matured loans, by the grade given when they were scored. Seen over expected is held against its bounds by "
        "Jeffreys' interval. The two tests give the chance of so many defaults were the PD right; they fail where the "
        "PD is too low, corrected for the number of grades (Holm).",
        (
            "grade_pd_ratio",
            "grade_pd_jeffreys",
            "grade_pd_binomial",
            "hosmer_lemeshow",
            "grade_migration",
            "grade_kept_share",
            "grade_concentration",
            "largest_grade_share",
        ),
    ),
    Section(
        "over_term",
        "Default over the term",
        "Defaults seen over those expected by now, of every scored loan from its first month on. A cell of term and "
        "vintage fails only where it does beyond chance, all cells together.",
        ("default_to_date_ratio",),
    ),
    Section(
        "whole_term",
        "Default within the whole term",
        "Of scored loans whose contract term is over: the probability of default within the term as it was given when "
        "they were scored, against all that came. Judged apart from the twelve months or so of the tables above. "
        "Seen over expected is held against the bounds of defaults over the term, all terms together.",
        (
            "lifetime_auc_within_cohort",
            "lifetime_auc_minus_platform",
            "lifetime_ratio",
            "lifetime_calibration_slope",
        ),
    ),
    Section(
        "estimates",
        "Estimates, before outcomes exist",
        "What the model's own probabilities imply, next to what the same method said of the loans judged since. An "
        "estimate passes and fails nothing.",
        ("auc_estimate", "auc_estimate_then", "default_rate_estimate"),
    ),
    Section(
        "early_delinquency",
        "Early delinquency",
        "Share of each vintage that was 30 days past due or more in its first months, of the loans observed that long.",
        ("late30_within_3m", "late30_within_6m"),
    ),
    Section(
        "drift",
        "Stability of score and inputs",
        "Population stability index of the newest loans against the champion's development loans. Movement alone is a "
        "reason to look, not to retrain.",
        ("psi_score", "psi:"),
        by_size=True,
    ),
    Section(
        "quality",
        "Data quality",
        "Share of the recent rows that had to be set aside, of each column's values that could not be used, of loans "
        "whose outcome cannot be known (neither good nor bad, and left out of all that judges), of recent loans of "
        "which a value lies outside what their model was trained on, and of recent loans that scored otherwise when "
        "they landed than when the server was asked.",
        (
            "quarantined_share",
            "values_lost_share",
            "unknown_outcome_share",
            "outside_training_share",
            "serving_skew_share",
        ),
    ),
    Section(
        "population",
        "Who applied, and what was decided",
        "Of the applications decided in the newest days. Scores of all who applied are held against the development "
        "loans, which were let in, and against the applications of the year before. Low side: approved against the "
        "policy; high side: declined against it; how they would have paid cannot be seen.",
        ("through_the_door_psi", "approval_rate", "withdrawal_rate", "override_rate", "override_default_ratio"),
    ),
    Section("other", "Other metrics", "Metrics of other packages, and metrics that could not be calculated.", ()),
)

_METRICS = {
    "auc": "AUC",
    "auc_within_cohort": "AUC within quarter and term",
    "auc_of_champion": "AUC, scored again by the champion's evaluation model",
    "product_ratio_matured": "Defaults seen / expected, matured since the champion was set",
    "product_ratio_to_date": "Defaults seen / expected by now, scored by the champion",
    "gini": "Gini",
    "ks": "KS",
    "matured_defaults": "Defaults among matured loans",
    "auc_sub_grade": "AUC of the platform's sub-grade",
    "auc_minus_sub_grade": "AUC minus that of the sub-grade",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
    "calibration_ratio": "Defaults seen / expected",
    "calibration_slope": "Calibration slope",
    "default_to_date_ratio": "Defaults seen / expected by now",
    "lifetime_auc_within_cohort": "AUC within quarter and term, default within the term",
    "lifetime_auc_minus_platform": "AUC minus that of the platform's own grade, default within the term",
    "lifetime_ratio": "Defaults seen / expected within the term",
    "lifetime_calibration_slope": "Calibration slope, default within the term",
    "hosmer_lemeshow": "Hosmer-Lemeshow statistic",
    "grade_kept_share": "Loans that keep their grade under the champion",
    "grade_concentration": "Concentration in grades (HHI), newest loans",
    "largest_grade_share": "Share of the largest grade, newest loans",
    "default_rate": "Default rate, came true",
    "default_rate_estimate": "Default rate, newest loans",
    "default_rate_estimate_then": "Default rate, expected then",
    "auc_estimate": "AUC implied, newest loans",
    "auc_estimate_then": "AUC implied then, judged loans",
    "late30_within_3m": "30 days late within 3 months",
    "late30_within_6m": "30 days late within 6 months",
    "psi_score": "Score",
    "through_the_door_psi": "Scores through the door",
    "approval_rate": "Approval rate",
    "withdrawal_rate": "Withdrawn",
    "override_rate": "Overrides",
    "override_default_ratio": "Defaults of overrides / of those the policy approved",
    "quarantined_share": "Quarantined rows",
    "values_lost_share": "Values that could not be used",
    "unknown_outcome_share": "Loans with an unknown outcome",
    "outside_training_share": "Loans outside training",
    "serving_skew_share": "Loans scored otherwise than the server answered",
}
_PERCENTS = (
    "grade_kept_share",
    "largest_grade_share",
    "default_rate",
    "late30_",
    "quarantined_share",
    "values_lost_share",
    "unknown_outcome_share",
    "outside_training_share",
    "approval_rate",
    "withdrawal_rate",
    "override_rate",
    "serving_skew_share",
)
_FEATURES = frozenset(feature.name for feature in FEATURES)


def metric_in_words(metric: str) -> str:
    """Name a metric for readers.

    Examples:
        >>> metric_in_words("psi:annual_income"), metric_in_words("auc"), metric_in_words("plugin:x")
        ('annual income', 'AUC', 'plugin:x')
    """
    feature = metric.removeprefix("psi:")
    if feature != metric and (feature in _FEATURES or feature.startswith(OWN_PREFIX)):
        return feature.replace("_", " ")
    return _METRICS.get(metric, metric)


def segment_in_words(segment: str) -> str:
    """Name a segment for readers.

    Examples:
        >>> [segment_in_words(s) for s in ("all", "champion", "vintage=2010Q1", "term=36", "feed=loan_terms")]
        ['whole service', 'champion', 'vintage 2010Q1', 'term 36 months', 'loan terms']
        >>> segment_in_words("term=36,vintage=2010Q1")
        'term 36 months, vintage 2010Q1'
        >>> segment_in_words("side=low"), segment_in_words("against=year_before")
        ('low side', 'against year before')
        >>> segment_in_words("column=financial.annual_income")
        'annual income (financial)'
    """
    if "," in segment:
        return ", ".join(segment_in_words(part) for part in segment.split(","))
    kind, _, level = segment.partition("=")
    words = {"all": "whole service", "vintage": f"vintage {level}", "term": f"term {level} months"}
    words |= {"side": f"{level} side", "against": f"against {level.replace('_', ' ')}"}
    if kind == "column":
        feed, _, column = level.replace("_", " ").partition(".")
        return f"{column} ({feed})"
    return level.replace("_", " ") if kind == "feed" else words.get(kind, segment)


def shown_as(metric: str, value: float | None) -> str:
    """Write a number of this metric.

    Examples:
        >>> shown_as("auc", 0.65432), shown_as("default_rate", 0.0512), shown_as("auc", None)
        ('0.654', '5.1%', 'none')
    """
    if value is None:
        return "none"
    return f"{value:.1%}" if metric.startswith(_PERCENTS) else f"{value:.3f}"


def status_in_words(row: Mapping[str, Any]) -> str:
    """Name the outcome for readers. A number that is held against nothing, and was measured, is information."""
    if row["threshold"] is None and row["value"] is not None and row["status"] == "undetermined":
        return "information"
    return str(row["status"])
