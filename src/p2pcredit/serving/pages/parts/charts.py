"""The charts that pages have beside those of reports, as SVG that stands in the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt

from p2pcredit.reporting.drawing import BLUE, GREY, Chart, as_svg, base


def scored_by_week(weeks: Mapping[date, int], last: date) -> Chart:
    """Draw how many loans were scored in each week: Monday -> number, up to a last day."""
    rows = [{"week": monday.isoformat(), "loans": loans} for monday, loans in sorted(weeks.items())]
    axis = alt.Axis(format="%d %b %Y", labelOverlap=True)
    drawn = (
        base(rows, height=150)
        .mark_bar(color=BLUE, size=max(3, min(28, 600 // max(1, len(rows)))))
        .encode(
            x=alt.X("yearmonthdate(week):T", title="Week that begins on", axis=axis, scale=alt.Scale(padding=18)),
            y=alt.Y("loans:Q", title="Loans", axis=alt.Axis(tickCount=4)),
        )
    )
    about = f"By the day of their loans, {sum(weeks.values()):,} in all, to {last}."
    return Chart("scored-by-week", "Loans scored by week", about, as_svg(drawn, "scored-by-week"))


def default_curve(points: Sequence[Mapping[str, Any]], model_id: str) -> Chart:
    """Draw the probability of default by month on book: `months_on_book` and `probability_of_default`."""
    rows = [{"months_on_book": 0, "probability_of_default": 0.0}, *map(dict, points)]
    last = max(row["months_on_book"] for row in rows)
    months = alt.Axis(values=list(range(0, last + 1, 6 if last <= 36 else 12)))
    drawn = (
        base(rows, width=520, height=190)
        .mark_line(color=BLUE, point=True)
        .encode(
            x=alt.X("months_on_book:Q", title="Months on book", axis=months, scale=alt.Scale(domain=[0, last])),
            y=alt.Y("probability_of_default:Q", title="Probability of default", axis=alt.Axis(format=".0%")),
        )
    )
    about = f"By the end of every half-year on book, by {model_id}."
    return Chart("default-curve", "Default by month on book", about, as_svg(drawn, "default-curve"))


def balance_of_flows(flows: Sequence[Mapping[str, Any]]) -> Chart:
    """Draw what a loan brought back so far: `paid_on` and `balance`, oldest first."""
    rows = [{"day": one["paid_on"].isoformat(), "balance": one["balance"]} for one in flows]
    drawn = (
        base(rows, width=520, height=190)
        .mark_line(color=BLUE, interpolate="step-after")
        .encode(
            x=alt.X("yearmonthdate(day):T", title="Day", axis=alt.Axis(format="%b %Y", tickCount=6, labelOverlap=True)),
            y=alt.Y("balance:Q", title="Received less paid out"),
        )
    )
    about = "All amounts so far, on the investor's side: below zero what is not back yet."
    return Chart("flows", "Cash flows", about, as_svg(drawn, "flows"))


def metric_history(points: Sequence[Mapping[str, Any]], words: str) -> Chart:
    """Draw a metric week by week, with its interval and what it is held against."""
    rows = [{**point, "week_end_date": point["week_end_date"].isoformat()} for point in points]
    axis = alt.Axis(format="%d %b %Y", labelOverlap=True)
    plot = base(rows, height=200).encode(x=alt.X("yearmonthdate(week_end_date):T", title="Week to", axis=axis))
    line = plot.mark_line(color=BLUE, point=True).encode(y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)))
    band = plot.mark_rule(color=BLUE, opacity=0.4).encode(y="low:Q", y2="high:Q")
    limit = plot.mark_line(color=GREY, strokeDash=[5, 4]).encode(y="threshold:Q")
    about = "Value with its interval; dashed, what it is held against."
    return Chart("history", words, about, as_svg(alt.layer(band, limit, line), "history"))


__all__ = ["balance_of_flows", "default_curve", "metric_history", "scored_by_week"]
