"""Find which columns of the landed feeds each feature is made of.

A feature that bears the name of a typed column is that column. A ratio is made of what its inputs are made of. The
contract lists the columns of all others (`made_of`), and the further columns that some are looked up with. A test makes
features with each column blank and filled, and fails where the contracts say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue, landed_name
from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, OWN_COLUMNS
from p2pcredit.contracts.ratios import RATIOS

_FEATURES = {feature.name: feature for feature in FEATURES}
_FEED_OF = {column.source: feed.name for feed in reversed(APPLICATION_FEEDS) for column in feed.columns}
_SOURCE_OF = {column.typed_name: column.source for feed in APPLICATION_FEEDS for column in feed.columns}


@cache
def sources_of(feature: str) -> frozenset[tuple[str, str]]:
    """Give the feeds and columns, as landed, that a feature is made of.

    Examples:
        >>> sorted(sources_of("fico"))
        [('credit_history', 'fico_high'), ('credit_history', 'fico_low')]
        >>> sources_of("term_months")
        frozenset({('loan_terms', 'term')})
    """
    contract = _FEATURES.get(feature)
    columns = list(contract.made_of if contract else ()) or ([_SOURCE_OF[feature]] if feature in _SOURCE_OF else [])
    if feature in RATIOS:
        columns += [column for one in RATIOS[feature].inputs for _, column in sources_of(one)]
    if contract and contract.looked_up_with:
        columns += [_SOURCE_OF[name] for name in (contract.looked_up_with, *contract.counted_by)]
    return frozenset((_FEED_OF[column], column) for column in columns)


def columns_behind(features: Iterable[str], catalogue: FeatureCatalogue = BUILT_IN) -> frozenset[tuple[str, str]]:
    """Give the feeds and columns that any of these features is made of.

    Examples:
        >>> from p2pcredit.contracts.catalogue import declare
        >>> shoes = declare("shoe_size", "number", direction=0, reason="Shoes", basis="none")
        >>> columns_behind([shoes.name], FeatureCatalogue((shoes,)))
        frozenset({('own_columns', 'own_shoe_size')})
    """
    own = {one.name: frozenset({(OWN_COLUMNS.name, landed_name(one))}) for one in catalogue.own}
    return frozenset().union(*(own.get(feature) or sources_of(feature) for feature in features))


__all__ = ["columns_behind", "sources_of"]
