"""The page of who applied and what was decided, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.drawing import BLUE, GREY, ORANGE, Chart, as_svg, base, colours
from p2pcredit.reporting.page import render_page
from p2pcredit.reporting.portfolio.returns import percent

OUTCOME_WORDS = {"APPROVED": "approved", "DECLINED": "declined", "WITHDRAWN": "withdrawn"}


def paid_in_words(paid: Mapping[str, Any]) -> str:
    """Say in a sentence how overrides on the low side paid.

    Examples:
        >>> none = {"count": 0, "n": 3, "value": 0.0}
        >>> paid_in_words({"overridden": none, "policy": {**none, "n": 90}, "ratio": None, "low": None, "high": None})
        'Of 3 loans approved against the policy 0 defaulted, of 90 that it approved 0: too few to compare.'
    """
    own, policy = paid["overridden"], paid["policy"]
    told = (
        f"Of {own['n']:,} loans approved against the policy {own['count']:,} defaulted, of {policy['n']:,} that it "
        f"approved {policy['count']:,}"
    )
    if paid["ratio"] is None:
        return f"{told}: too few to compare."
    return f"{told}: {paid['ratio']:.2f} times as often ({paid['low']:.2f} to {paid['high']:.2f})."


def exploration_in_words(found: Mapping[str, Any]) -> str:
    """Say in a sentence what the loans approved by lot tell.

    Examples:
        >>> exploration_in_words({"n": 0, "status": "undetermined", "expected": 0.0})[:58]
        'No loan approved by lot beyond the cut-off has matured, so'
    """
    if not found["n"]:
        return (
            "No loan approved by lot beyond the cut-off has matured, so nothing unbiased is known of those who are "
            "declined: approve a few of them by lot, and mark them in the column exploration."
        )
    told = f"Of {found['n']:,} loans approved by lot beyond the cut-off "
    if found["factor"] is None:
        return f"{told}{found['expected']:.1f} defaults were expected by now, too few to say how bad the declined are."
    return (
        f"{told}{found['bads']:,} defaulted where {found['expected']:.1f} were expected by their score: "
        f"{found['factor']:.2f} times as many ({found['low']:.2f} to {found['high']:.2f})."
    )


def render_population(facts: Mapping[str, Any]) -> str:
    """Render the page, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = [_scores(facts)] if facts["scores"] else []
        words = {"paid": paid_in_words(facts["paid"]), "exploration": exploration_in_words(facts["exploration"])}
    except KeyError as error:
        raise MonitoringError(f"the facts of the population lack something: {error}; measure them anew") from error
    return render_page(
        "population.html", facts, charts, percent=percent, outcome_words=OUTCOME_WORDS, interval=_interval, **words
    )


def _interval(share: Mapping[str, Any]) -> str:
    return "" if share["low"] is None else f"{percent(share['low'])} to {percent(share['high'])}"


def _scores(facts: Mapping[str, Any]) -> Chart:
    totals: dict[str, int] = {}
    for row in facts["scores"]:
        totals[row["outcome"]] = totals.get(row["outcome"], 0) + row["count"]
    rows = [
        {"from": row["from"], "series": OUTCOME_WORDS[row["outcome"]], "value": row["count"] / totals[row["outcome"]]}
        for row in facts["scores"]
    ]
    plot = base(rows).encode(
        x=alt.X("from:Q", title="Score (points from)", scale=alt.Scale(zero=False)),
        y=alt.Y("value:Q", title="Share of each outcome", axis=alt.Axis(format=".0%", tickCount=5)),
        color=colours(list(OUTCOME_WORDS.values()), [BLUE, ORANGE, GREY]),
    )
    about = "Of each outcome, the share in every band of twenty points, as the model that serves scores it."
    return Chart(
        "scores", "Scores of all who applied", about, as_svg(plot.mark_line(strokeWidth=2, point=True), "scores")
    )


__all__ = ["exploration_in_words", "paid_in_words", "render_population"]
