"""The few charts of the report, each from the facts alone, as SVG text that stands in the page without any script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt

from p2pcredit.reporting.drawing import (
    AMBER,
    BLUE,
    GREY,
    ORANGE,
    RED,
    Chart,
    as_svg,
    base,
    colours,
    rule,
    status_bars,
)
from p2pcredit.reporting.weekly.words import metric_in_words

DRIFT_BARS = 12
_MOST_LABELS = 8
_FEW_MONTHS = 2

Facts = Mapping[str, Any]


def draw_charts(facts: Facts) -> list[Chart]:
    """Draw the charts of the facts. Those without anything to draw are left out.

    Raises:
        MonitoringError: If a chart cannot be drawn.
    """
    confidence = f"{facts['thresholds']['confidence']:.0%}"
    plans: tuple[tuple[str, str, str, Callable[[Facts], Any]], ...] = (
        (
            "auc",
            "AUC on matured loans, week by week",
            f"Band: {confidence} interval. Dashed: the threshold. A line begins where enough loans have matured.",
            _auc_by_week,
        ),
        (
            "estimate",
            "Estimate and truth, whole service",
            "For the loans judged in a week: the AUC measured, and what the probabilities implied at the time. "
            "Grey: what they imply for the newest loans, whose outcome is not known yet.",
            _estimate_and_truth,
        ),
        (
            "calibration",
            "Default rate by grade: expected and observed",
            f"Bar: expected when the loans were scored. Point: what came true, with its {confidence} interval.",
            _calibration_by_grade,
        ),
        (
            "whole_term",
            "Default within the term: expected and observed",
            "Loans whose term is over, in bands of equal number from the safest to the riskiest. Bar: expected when "
            f"they were scored. Point: what came, with its {confidence} interval.",
            _default_within_term,
        ),
        (
            "score",
            "Score: development loans and newest loans",
            "Share of the loans in each band of 20 points.",
            _score_distribution,
        ),
        (
            "drift",
            "Stability index, largest first",
            "Dashed: watch and alert level.",
            _drift_bars,
        ),
        (
            "early_delinquency",
            "30 days late in the first months, by vintage",
            f"Line through each point: {confidence} interval.",
            _early_delinquency,
        ),
    )
    charts: list[Chart] = []
    for key, title, about, draw in plans:
        chart = draw(facts)
        if chart is not None:
            charts.append(Chart(key, title, about, as_svg(chart, key)))
    return charts


def _rows(facts: Facts, *metrics: str) -> list[dict[str, Any]]:
    return [dict(row) for row in facts["results"] if row["metric"] in metrics and row["value"] is not None]


def _week_axis(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Label every month, or every few, at most some eight; the weeks themselves where they span up to two months."""
    months = {str(row["week_end_date"])[:7] for row in rows}
    if len(months) > _FEW_MONTHS:
        every = alt.TimeIntervalStep(interval="month", step=-(-len(months) // _MOST_LABELS))
        axis = alt.Axis(format="%b %Y", tickCount=every, labelOverlap=True)
    else:
        weeks = sorted({date.fromisoformat(str(row["week_end_date"])[:10]) for row in rows})
        shown = weeks[:: -(-len(weeks) // _MOST_LABELS)]
        places = [alt.DateTime(year=day.year, month=day.month, date=day.day) for day in shown]
        axis = alt.Axis(format="%d %b %Y", values=places, labelOverlap=True)
    return alt.X("week_end_date:T", title="Week ending", axis=axis)


def _value_axis(title: str) -> Any:
    return alt.Y("value:Q", title=title, scale=alt.Scale(zero=False, padding=12), axis=alt.Axis(tickCount=6))


def _auc_by_week(facts: Facts) -> Any:
    names = {"champion": "Champion", "all": "Whole service"}
    rows = [{**r, "series": names[r["segment"]]} for r in facts["history"] if r["metric"] == "auc"]
    if not rows:
        return None
    colour = colours(["Champion", "Whole service"], [BLUE, ORANGE])
    plot = base(rows).encode(x=_week_axis(rows))
    tint = colours(["Champion", "Whole service"], [BLUE, ORANGE], legend=None)
    band = plot.mark_area(opacity=0.15).encode(y="low:Q", y2="high:Q", color=tint)
    line = plot.mark_line(strokeWidth=2, point=len(rows) < 40).encode(y=_value_axis("AUC"), color=colour)
    return (band + line + rule(facts["thresholds"]["auc"], RED)).resolve_scale(color="independent")


def _estimate_and_truth(facts: Facts) -> Any:
    names = {
        "auc": "Measured on judged loans",
        "auc_estimate_then": "Implied at the time, same loans",
        "auc_estimate": "Implied, newest loans",
    }
    rows = [{**r, "series": names[r["metric"]]} for r in facts["history"] if r["segment"] == "all"]
    if not rows:
        return None
    line = (
        base(rows)
        .mark_line(strokeWidth=2, point=len(rows) < 60)
        .encode(x=_week_axis(rows), y=_value_axis("AUC"), color=colours(list(names.values()), [BLUE, ORANGE, GREY]))
    )
    return line + rule(facts["thresholds"]["auc"], RED)


def _calibration_by_grade(facts: Facts) -> Any:
    rows = [dict(row) for row in facts["calibration_profile"]]
    if not rows:
        return None
    rows = [{**row, "grade": f"{row['grade']} (n {row['n']:,})"} for row in rows]
    return _expected_and_observed(rows, "Grade, loans judged", None)


def _expected_and_observed(rows: list[dict[str, Any]], title: str, order: Sequence[str] | None) -> Any:
    sort = alt.Undefined if order is None else list(order)
    plot = base(rows).encode(x=alt.X("grade:N", title=title, sort=sort, axis=alt.Axis(labelAngle=0)))
    axis = alt.Y("expected:Q", title="Default rate", axis=alt.Axis(format=".0%", tickCount=6))
    bars = plot.mark_bar(color=BLUE, opacity=0.45, size=34).encode(y=axis)
    spread = plot.mark_rule(color=ORANGE, strokeWidth=2).encode(y="low:Q", y2="high:Q")
    points = plot.mark_point(color=ORANGE, filled=True, size=70, opacity=1).encode(y="observed:Q")
    return bars + spread + points


def _default_within_term(facts: Facts) -> Any:
    rows = [{**row, "grade": f"{row['band']}"} for row in facts["lifetime_profile"]]
    if not rows:
        return None
    title = f"Band, {round(sum(row['n'] for row in rows) / len(rows)):,} loans each"
    return _expected_and_observed(rows, title, [row["grade"] for row in rows])


def _score_distribution(facts: Facts) -> Any:
    profile = facts["score_profile"]
    if not profile or not profile["bands"]:
        return None
    names = [
        f"Development loans (n {profile['n_reference']:,})",
        f"Newest loans (n {profile['n_recent']:,})",
    ]
    rows = [
        {"low": band["low"], "high": band["high"], "value": band[side], "floor": 0.0, "series": name}
        for band in profile["bands"]
        for side, name in zip(("reference", "recent"), names, strict=True)
    ]
    colour = colours(names, [GREY, BLUE])
    plot = base(rows).encode(
        x=alt.X("low:Q", title="Score, points", scale=alt.Scale(zero=False, nice=False)),
        x2="high:Q",
        y2="floor:Q",
        y=alt.Y("value:Q", title="Share of loans", stack=None, axis=alt.Axis(format=".0%", tickCount=5)),
        color=colour,
    )
    return plot.mark_rect(opacity=0.5)


def _drift_bars(facts: Facts) -> Any:
    found = [r for r in facts["results"] if r["metric"].startswith("psi") and r["value"] is not None]
    rows = [
        {**row, "series": metric_in_words(row["metric"])}
        for row in sorted(found, key=lambda r: -r["value"])[:DRIFT_BARS]
    ]
    if not rows:
        return None
    bars = status_bars(rows, "Population stability index")
    watch, alert = facts["thresholds"]["psi_watch"], facts["thresholds"]["psi_alert"]
    return bars + rule(watch, AMBER, "x") + rule(alert, RED, "x")


def _early_delinquency(facts: Facts) -> Any:
    names = {"late30_within_3m": "Within 3 months", "late30_within_6m": "Within 6 months"}
    rows = [
        {**row, "series": names[row["metric"]], "vintage": row["segment"].removeprefix("vintage=")}
        for row in _rows(facts, *names)
    ]
    if not rows:
        return None
    colour = colours(list(names.values()), [BLUE, ORANGE])
    plot = base(rows).encode(
        x=alt.X("vintage:N", title="Quarter of origination", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("series:N", sort=list(names.values())),
        color=colour,
    )
    axis = alt.Y("value:Q", title="Share of loans 30 days late", axis=alt.Axis(format=".1%", tickCount=6))
    return plot.mark_rule(strokeWidth=2).encode(y="low:Q", y2="high:Q") + plot.mark_point(
        filled=True, size=60, opacity=1
    ).encode(y=axis)
