"""Which features a model may learn from: those of the sets that settings name."""

from __future__ import annotations

from collections.abc import Collection

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.reviews import FEATURE_SETS
from p2pcredit.errors import UsageError
from p2pcredit.names import no_such


def features_of(feature_sets: Collection[str]) -> tuple[Feature, ...]:
    """List the features of some sets, or of the one that is named: what a model may learn from where settings name it.

    Raises:
        UsageError: If there is no such set.

    Examples:
        >>> [f.name for f in features_of(["price"])]
        ['interest_rate_share', 'installment_to_income', 'platform_grade', 'platform_sub_grade']
    """
    names = {feature_sets} if isinstance(feature_sets, str) else set(feature_sets)
    unknown = sorted(names - set(FEATURE_SETS))
    if unknown:
        raise UsageError(no_such("set of features", unknown[0], FEATURE_SETS))
    return tuple(f for f in FEATURES if f.group in names)


def features_to_compare_with(feature_sets: Collection[str]) -> tuple[Feature, ...]:
    """List the features of a plain benchmark beside a model of these sets: all but the state, which is under test."""
    return features_of(set(feature_sets) - {"state"})
