"""The page of returns, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.drawing import AMBER, BLUE, GREY, ORANGE, VIOLET, Chart, as_svg, base, colours, rule
from p2pcredit.reporting.page import render_page

_SHADES = [BLUE, ORANGE, VIOLET, AMBER, GREY]
_MOST_LABELS = 16


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share in percent.

    Examples:
        >>> percent(0.05678), percent(-0.344), percent(-1e-9), percent(None)
        ('5.7%', '-34.4%', '0.0%', 'none')
    """
    return "none" if value is None else f"{round(value, digits + 2) + 0.0:.{digits}%}"


def money(value: float) -> str:
    """Write an amount without cents.

    Examples:
        >>> money(202931500.49)
        '202,931,500'
    """
    return f"{value:,.0f}"


def in_currency(value: float, currency: str) -> str:
    """Write an amount without cents, with its currency where that is set.

    Examples:
        >>> in_currency(2500.2, "EUR"), in_currency(2500.2, "")
        ('2,500 EUR', '2,500')
    """
    return f"{money(value)} {currency}".rstrip()


def ahead_words(value: float | None) -> str:
    """Write what is projected.

    Examples:
        >>> ahead_words(0.0512), ahead_words(None)
        ('5.1%', 'too new')
    """
    return "too new" if value is None else percent(value)


def rate_words(cell: Mapping[str, Any]) -> str:
    """Write an internal rate, with a sign where another one fits too.

    Examples:
        >>> rate_words({"internal_rate": 0.07, "rate_unique": True, "no_rate": ""})
        '7.0%'
        >>> rate_words({"internal_rate": 0.07, "rate_unique": False, "no_rate": ""})
        '7.0% (one of several)'
        >>> rate_words({"internal_rate": None, "rate_unique": False, "no_rate": "nothing was paid out"})
        'none: nothing was paid out'
    """
    if cell["internal_rate"] is None:
        return f"none: {cell['no_rate']}"
    return percent(cell["internal_rate"]) + ("" if cell["rate_unique"] else " (one of several)")


def render_returns(facts: Mapping[str, Any]) -> str:
    """Render the page of returns, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = _charts(facts)
    except KeyError as error:
        raise MonitoringError(f"the facts of the returns lack something: {error}; measure them anew") from error
    words = {
        "percent": percent,
        "money": money,
        "in_currency": in_currency,
        "rate_words": rate_words,
        "ahead_words": ahead_words,
    }
    return render_page("returns.html", facts, charts, **words)


def _charts(facts: Mapping[str, Any]) -> list[Chart]:
    rows = [
        {
            "vintage": cell["vintage"],
            "series": f"{cell['term_months']} months",
            "value": cell["net_annualised_return"],
            "mature": "all terms have passed" if cell["mature"] else "immature",
        }
        for cell in facts["by_vintage_and_term"]
        if cell["net_annualised_return"] is not None
    ]
    if not rows:
        return []
    names = sorted({row["series"] for row in rows}, key=lambda name: int(name.split()[0]))
    shades = [_SHADES[place % len(_SHADES)] for place in range(len(names))]
    every = -(-len({row["vintage"] for row in rows}) // _MOST_LABELS)
    shown = sorted({row["vintage"] for row in rows})[::every]
    plot = base(rows).encode(
        x=alt.X("vintage:O", title="Vintage", axis=alt.Axis(labelAngle=0, values=shown)),
        y=alt.Y("value:Q", title="Net annualised return", axis=alt.Axis(format=".0%", tickCount=6)),
        color=colours(names, shades),
    )
    line = plot.mark_line(strokeWidth=1.5, opacity=0.5)
    points = plot.mark_point(size=60, strokeWidth=2).encode(
        fill=alt.Fill(
            "mature:N",
            scale=alt.Scale(domain=["all terms have passed", "immature"], range=["#2b2f33", "#ffffff"]),
            legend=alt.Legend(title=None, orient="top", symbolStrokeColor="#2b2f33", symbolStrokeWidth=1.5),
        )
    )
    return [
        Chart(
            "returns",
            "Net annualised return by vintage and term",
            "A full point: the term of every loan has passed. An empty one: loans are still open, and their losses are "
            "still to come.",
            as_svg((rule(0.0, GREY) + line + points).resolve_scale(color="shared"), "returns"),
        )
    ]


__all__ = ["ahead_words", "in_currency", "money", "percent", "rate_words", "render_returns"]
