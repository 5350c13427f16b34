"""Which columns of the landed feeds each feature is made of: as data, beside the code that makes them.

A feature that bears the name of a typed column is that column. A ratio is made of what its inputs are made of. The
others, and those that look at a second column, are listed. A test makes features with each column blank and filled, and
fails where this list says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from p2pcredit.contracts.features import FEATURES, PHRASES
from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.contracts.ratios import RATIOS

_MADE_OF: dict[str, tuple[str, ...]] = {
    "installment_to_income": ("installment", "annual_income"),
    "credit_age_months": ("earliest_credit_line", "origination_date"),
    "fico": ("fico_low", "fico_high"),
    "description_length": ("description",),
    "description_words_count": ("description",),
    "description_capitals_share": ("description",),
    "title_length": ("title",),
    "title_capitals_share": ("title",),
    "employer_given": ("employment_title",),
    "employer_length": ("employment_title",),
    **{f"mentions_{topic}": ("title", "description") for topic in PHRASES},
}
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
    looked_up_with = {known.name: known.looked_up_with for known in FEATURES}
    columns = list(_MADE_OF.get(feature, [_SOURCE_OF[feature]] if feature in _SOURCE_OF else []))
    if feature in RATIOS:
        columns += [column for one in RATIOS[feature].inputs for _, column in sources_of(one)]
    if second := looked_up_with.get(feature):
        columns.append(_SOURCE_OF[second])
    return frozenset((_FEED_OF[column], column) for column in columns)


def columns_behind(features: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Give the feeds and columns that any of these features is made of."""
    return frozenset().union(*(sources_of(feature) for feature in features))


__all__ = ["columns_behind", "sources_of"]
