"""Events that a platform's profile made from a status published later, and the day from which each may be used.

A platform that publishes how loans ended, and no history, has its history rebuilt: a loan that was charged off must
have been 30 and then 90 days past due before. Such an event happened on its day, and the lender knew it. But it stands
in the book only because of how the loan ended: of two loans that were late on that day, the one that paid again has no
event. So it foretells the outcome that it was made from, and counts for nothing before the day on which that was
public: the first day on which the loan's own events say that it defaulted or closed.

Where it is not known whether events were rebuilt (`rebuilt` is missing), they count as seen on their day.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from p2pcredit.contracts.feeds import CLOSING_STATUSES, DEFAULT_STATUSES
from p2pcredit.transforms.unknown_outcomes import Frame

_DEFAULT = sorted(DEFAULT_STATUSES)
_OUTCOME = sorted(DEFAULT_STATUSES | CLOSING_STATUSES)


def with_rebuilt(performance: Frame) -> Frame:
    """Give servicing events that lack the column a `rebuilt` that is missing."""
    if "rebuilt" in performance.collect_schema().names():
        return performance
    return performance.with_columns(nw.lit(None, dtype=nw.Boolean).alias("rebuilt"))


def foretells() -> nw.Expr:
    """Select the events that foretell the outcome they were made from: rebuilt, and no default themselves.

    A rebuilt default is its own outcome: from that day on the loan is in default by the book's own words.
    """
    return nw.col("rebuilt").fill_null(value=False) & ~nw.col("status").is_in(_DEFAULT)


def is_outcome() -> nw.Expr:
    """Select the events that say how a loan ended: in default, or closed."""
    return nw.col("status").is_in(_OUTCOME)


def with_known_on(events: Frame, performance: Frame, by: Sequence[str] = ("loan_id",)) -> Frame:
    """Give each event the day from which it may be used, `known_on`; leave out those whose outcome is not public.

    Args:
        events: Servicing events with `rebuilt`.
        performance: All servicing events of their loans that are known.
        by: What tells one loan from another.

    Returns:
        The events with `known_on`: their snapshot date, or of those that foretell an outcome the day on which the
        loan's first default or closing was known, where that is later.
    """
    outcomes = performance.filter(is_outcome()).group_by(*by).agg(nw.col("snapshot_date").min().alias("outcome_on"))
    seen = events.filter(~foretells()).with_columns(nw.col("snapshot_date").alias("known_on"))
    waiting = (
        events.filter(foretells())
        .join(outcomes, on=list(by), how="inner")
        .with_columns(nw.max_horizontal("snapshot_date", "outcome_on").alias("known_on"))
        .drop("outcome_on")
    )
    return nw.concat([seen, waiting])


__all__ = ["foretells", "is_outcome", "with_known_on", "with_rebuilt"]
