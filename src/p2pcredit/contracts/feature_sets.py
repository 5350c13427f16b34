"""Which features of this package a model may learn from: those of the sets that settings name."""

from __future__ import annotations

from collections.abc import Collection

from p2pcredit.contracts.catalogue import BUILT_IN
from p2pcredit.contracts.feature import Feature


def features_of(feature_sets: Collection[str]) -> tuple[Feature, ...]:
    """List the features of some sets, or of the one that is named, in a home without own columns.

    Raises:
        UsageError: If there is no such set.

    Examples:
        >>> [f.name for f in features_of(["price"])]
        ['interest_rate_share', 'installment_to_income', 'platform_grade', 'platform_sub_grade']
    """
    return BUILT_IN.of_sets(feature_sets)


def features_to_compare_with(feature_sets: Collection[str]) -> tuple[Feature, ...]:
    """List those of a plain benchmark beside a model of these sets: all but the state, which is under test."""
    return BUILT_IN.to_compare_with(feature_sets)
