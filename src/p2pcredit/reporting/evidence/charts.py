"""The charts of an evidence pack, each from the facts alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import altair as alt

from p2pcredit.models.evaluation.intervals import wilson_interval
from p2pcredit.reporting.drawing import (
    AMBER,
    BLUE,
    GREY,
    LIGHT,
    ORANGE,
    RED,
    VIOLET,
    WIDTH,
    Chart,
    as_svg,
    base,
    data,
    rule,
    status_bars,
)
from p2pcredit.reporting.evidence.timeline import sample_timeline
from p2pcredit.reporting.evidence.words import commonest_terms, group_in_words, in_words

SQUARE = 380
BARS = 15
MOST_LABELS = 10
STEPS_IN_MONTHS = (1, 2, 3, 6)
"""Of which a year is a whole number, so that labels stand at equal distances; beyond them come years."""

Facts = Mapping[str, Any]


def draw_evidence(facts: Facts) -> list[Chart]:
    """Draw the charts of the facts. Those without anything to draw are left out.

    Raises:
        MonitoringError: If a chart cannot be drawn.
    """
    confidence = f"{facts['model']['confidence']:.0%}"
    plans: tuple[tuple[str, str, str, Callable[[Facts], Any]], ...] = (
        (
            "samples",
            "The samples over time",
            "Dark: when the loans of a sample were originated. Light: until the outcome of its last loan was known. "
            "Dashed: the training date. Loans whose outcome is open then judge nothing.",
            _samples,
        ),
        ("roc", "ROC curve", "The further above the dashed line, the better bads and goods are told apart.", _roc),
        (
            "reliability",
            "Expected and observed default rate",
            f"Ten groups of loans, safest first. On the dashed line the probabilities are right. Lines: {confidence} "
            "interval.",
            _reliability,
        ),
        (
            "vintages",
            "Default rate by quarter of origination",
            f"Bar: expected. Point: what came true, with its {confidence} interval.",
            _vintages,
        ),
        (
            "default_over_term",
            "Default by months on book",
            "Of a usual loan of each term. Dashed: beyond the months that loans of that term were watched for.",
            _default_over_term,
        ),
        ("information", "Information value, largest first", "Blue: in the model. Grey: not in the model.", _features),
        ("stability", "Stability index, largest first", "Dashed: watch and alert level.", _stability),
        (
            "groups",
            "Approval rate against the highest group",
            f"Groups large enough to judge, lowest ratio first. Dashed: four fifths. Lines: {confidence} interval.",
            _groups,
        ),
    )
    charts = []
    for key, title, about, draw in plans:
        chart = draw(facts)
        if chart is not None:
            charts.append(Chart(key, title, about, as_svg(chart, key)))
    return charts


def _samples(facts: Facts) -> Any:
    rows = [row for row in sample_timeline(facts) if row["first"] is not None]
    if not rows:
        return None
    spans = [
        {"series": row["sample"], "from": row[start], "to": row[end], "what": what}
        for row in rows
        for what, start, end in (("originated", "first", "last"), ("outcome awaited", "last", "known_by"))
        if row[end] is not None
    ]
    days = [date.fromisoformat(day) for span in spans for day in (span["from"], span["to"])]
    every = _label_every(min(days), max(days))
    bars = (
        base(spans, WIDTH - 180, 34 * len(rows))
        .mark_bar(size=16)
        .encode(
            x=_utc("from", every),
            x2="to:T",
            y=alt.Y("series:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
            color=alt.Color("what:N", scale=alt.Scale(domain=["originated", "outcome awaited"], range=[BLUE, LIGHT])),
        )
    )
    day = alt.Chart(data([{"at": facts["model"]["as_of"]}])).mark_rule(color=ORANGE, strokeDash=[5, 4])
    return bars + day.encode(x=_utc("at", every))


def _label_every(first: date, last: date) -> alt.TimeIntervalStep:
    """Choose how many months or years lie between labels, so that none names its month twice and few stand there."""
    months = (last.year - first.year) * 12 + last.month - first.month
    for step in STEPS_IN_MONTHS:
        if months <= MOST_LABELS * step:
            return alt.TimeIntervalStep(interval="month", step=step)
    return alt.TimeIntervalStep(interval="year", step=-(-months // (12 * MOST_LABELS)))


def _utc(field: str, every: alt.TimeIntervalStep) -> Any:
    """Place days on an axis that is the same in every time zone, as the bytes of the page must be."""
    axis = alt.Axis(format="%b %Y", tickCount=every, labelOverlap=True)
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _percent(field: str, title: str) -> tuple[str, alt.Axis]:
    return f"{field}:Q", alt.Axis(title=title, format=".0%", tickCount=6)


def _roc(facts: Facts) -> Any:
    rows = [dict(row) for row in facts["performance"]["roc"]]
    if not rows:
        return None
    diagonal = alt.Chart(data([{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(color=GREY, strokeDash=[5, 4])
    (x, x_axis), (y, y_axis) = _percent("goods_share", "Goods declined"), _percent("bads_share", "Bads declined")
    curve = base(rows, SQUARE, SQUARE - 60).mark_line(color=BLUE, strokeWidth=2, interpolate="linear")
    return curve.encode(x=alt.X(x, axis=x_axis), y=alt.Y(y, axis=y_axis)) + diagonal.encode(x="x:Q", y="y:Q")


def _reliability(facts: Facts) -> Any:
    rows = [dict(row) for row in facts["performance"]["reliability"]]
    if not rows:
        return None
    most = max(max(row["expected"], row["high"]) for row in rows)
    diagonal = alt.Chart(data([{"x": 0, "y": 0}, {"x": most, "y": most}])).mark_line(color=GREY, strokeDash=[5, 4])
    (x, x_axis), (y, y_axis) = _percent("expected", "Expected"), _percent("observed", "Observed")
    plot = base(rows, SQUARE, SQUARE - 60).encode(x=alt.X(x, axis=x_axis))
    spread = plot.mark_rule(color=ORANGE, strokeWidth=2).encode(y="low:Q", y2="high:Q")
    points = plot.mark_point(color=BLUE, filled=True, size=60, opacity=1).encode(y=alt.Y(y, axis=y_axis))
    return diagonal.encode(x="x:Q", y="y:Q") + spread + points


def _vintages(facts: Facts) -> Any:
    confidence, rows = facts["model"]["confidence"], []
    for row in facts["performance"]["vintages"]:
        low, high = wilson_interval(row["observed"], row["n"], confidence)
        rows.append({**row, "low": low, "high": high, "part": f"{row['part']} (n {row['n']:,})"})
    if not rows:
        return None
    plot = base(rows).encode(x=alt.X("part:N", sort=None, title="Quarter, loans", axis=alt.Axis(labelAngle=0)))
    y, axis = _percent("expected", "Default rate")
    bars = plot.mark_bar(color=BLUE, opacity=0.45, size=34).encode(y=alt.Y(y, axis=axis))
    spread = plot.mark_rule(color=ORANGE, strokeWidth=2).encode(y="low:Q", y2="high:Q")
    return bars + spread + plot.mark_point(color=ORANGE, filled=True, size=70, opacity=1).encode(y="observed:Q")


def _default_over_term(facts: Facts) -> Any:
    structure = facts["term_structure"]
    rows = []
    for term in commonest_terms(structure):
        for point in term["curve"]:
            month, name = point["months_on_book"], f"{term['term_months']} months"
            if month <= term["watched_months"]:
                rows.append({**point, "term": name, "watched": "watched"})
            if month >= term["watched_months"]:  # from the last month watched, so that the two lines meet
                rows.append({**point, "term": name, "watched": "carried on"})
    if not rows:
        return None
    y, axis = _percent("probability_of_default", "Probability of default by then")
    colours = alt.Scale(range=[BLUE, ORANGE, GREY, RED, AMBER, VIOLET])
    return (
        base(rows)
        .mark_line(strokeWidth=2, interpolate="linear")
        .encode(
            x=alt.X("months_on_book:Q", title="Months on book", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y(y, axis=axis),
            color=alt.Color("term:N", sort=None, scale=colours, title="Term"),
            strokeDash=alt.StrokeDash(
                "watched:N", scale=alt.Scale(domain=["watched", "carried on"], range=[[1, 0], [5, 4]]), legend=None
            ),
        )
    )


def _features(facts: Facts) -> Any:
    rows = [
        {"series": in_words(row["name"]), "value": row["information_value"], "used": row["in_model"]}
        for row in facts["features"]
        if row["information_value"]
    ][:BARS]
    if not rows:
        return None
    return (
        base(rows, WIDTH - 180, 20 * len(rows))
        .mark_bar(size=12)
        .encode(
            x=alt.X("value:Q", title="Information value"),
            y=alt.Y("series:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
            color=alt.Color("used:N", scale=alt.Scale(domain=[True, False], range=[BLUE, GREY]), legend=None),
        )
    )


def _stability(facts: Facts) -> Any:
    stability = facts["stability"]
    rows = [{**row, "series": in_words(row["name"])} for row in stability["columns"]]
    rows = sorted(rows, key=lambda row: -row["value"])[:BARS]
    if not rows:
        return None
    bars = status_bars(rows, "Population stability index")
    return bars + rule(stability["watch"], AMBER, "x") + rule(stability["alert"], RED, "x")


def _groups(facts: Facts) -> Any:
    fairness = facts["fairness"]
    rows = [
        {**row, "series": f"{group_in_words(part['by'], row['group'])} (n {row['n']:,})"}
        for part in fairness["by"]
        for row in part["groups"]
        if row["ratio_low"] is not None and row["n"] >= fairness["least_loans"]
    ]
    rows = sorted(rows, key=lambda row: (row["ratio"], row["series"]))[: 2 * BARS]
    if not rows:
        return None
    plot = base(rows, WIDTH - 220, 20 * len(rows)).encode(
        y=alt.Y("series:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
        color=alt.Color("status:N", scale=alt.Scale(domain=["pass", "undetermined", "fail"], range=[BLUE, AMBER, RED])),
    )
    axis = alt.X("ratio:Q", title="Ratio to the highest approval rate", scale=alt.Scale(zero=False, padding=12))
    spread = plot.mark_rule(strokeWidth=2).encode(x="ratio_low:Q", x2="ratio_high:Q")
    points = plot.mark_point(filled=True, size=60, opacity=1).encode(x=axis)
    return spread + points + rule(fairness["four_fifths"], RED, "x")
