"""The few charts of the report, each from the facts alone, as SVG text that stands in the page without any script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.words import metric_in_words

WIDTH, HEIGHT = 860, 230
DRIFT_BARS = 12
_BLUE, _ORANGE, _GREY, _RED, _AMBER = "#2f6db3", "#c8701a", "#8a8f98", "#c0392b", "#b8860b"
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in the page: its key, title, what it shows, and the SVG text."""

    key: str
    title: str
    about: str
    svg: str


def draw_charts(facts: Facts) -> list[Chart]:
    """Which charts do the facts give? Those without anything to draw are left out.

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
            "Grey: what they imply for the newest loans, whose outcome nobody knows yet.",
            _estimate_and_truth,
        ),
        (
            "calibration",
            "Default rate by grade: expected and observed",
            f"Bar: expected when the loans were scored. Point: what came true, with its {confidence} interval.",
            _calibration_by_grade,
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
            "early_signs",
            "30 days late in the first months, by vintage",
            f"Line through each point: {confidence} interval.",
            _early_signs,
        ),
    )
    charts: list[Chart] = []
    for key, title, about, draw in plans:
        chart = draw(facts)
        if chart is not None:
            charts.append(Chart(key, title, about, _as_svg(chart, key)))
    return charts


def _as_svg(chart: Any, key: str) -> str:
    themed = chart.configure(
        background="transparent",
        font=_FONT,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(labelFontSize=11, titleFontSize=11, titleFontWeight="normal", gridOpacity=0.5),
        legend=alt.LegendConfig(labelFontSize=11, title=None, orient="top", labelLimit=400, symbolLimit=8),
    )
    try:
        svg: str = vl_convert.vegalite_to_svg(json.dumps(_drawable(themed.to_dict())), allowed_base_urls=[])
    except ValueError as error:
        raise MonitoringError(f"the chart '{key}' could not be drawn: {' '.join(str(error).split())[:200]}") from error
    return re.sub(r'(id="|url\(#)', rf"\g<1>{key}-", svg)


def _drawable(content: Any) -> Any:
    """The same chart without characters that XML does not know: the library ends the whole process over one."""
    if isinstance(content, str):
        return _NOT_XML.sub("\ufffd", content)
    if isinstance(content, dict):
        return {_drawable(key): _drawable(value) for key, value in content.items()}
    return [_drawable(item) for item in content] if isinstance(content, list) else content


def _rows(facts: Facts, *metrics: str) -> list[dict[str, Any]]:
    return [dict(row) for row in facts["results"] if row["metric"] in metrics and row["value"] is not None]


def _chart(rows: list[dict[str, Any]]) -> Any:
    return alt.Chart(_data(rows)).properties(width=WIDTH, height=HEIGHT)


def _data(rows: list[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def _week_axis() -> Any:
    return alt.X("week_end_date:T", title="Week ending", axis=alt.Axis(format="%b %Y", tickCount=8, labelOverlap=True))


def _value_axis(title: str) -> Any:
    return alt.Y("value:Q", title=title, scale=alt.Scale(zero=False, padding=12), axis=alt.Axis(tickCount=6))


def _colours(names: list[str], colours: list[str], **more: Any) -> Any:
    return alt.Color("series:N", scale=alt.Scale(domain=names, range=colours), sort=names, **more)


def _rule(at: float, colour: str, axis: str = "y") -> Any:
    encoding = alt.Y("at:Q") if axis == "y" else alt.X("at:Q")
    return alt.Chart(_data([{"at": at}])).mark_rule(color=colour, strokeDash=[5, 4]).encode(encoding)


def _auc_by_week(facts: Facts) -> Any:
    names = {"champion": "Champion", "all": "Whole service"}
    rows = [{**r, "series": names[r["segment"]]} for r in facts["history"] if r["metric"] == "auc"]
    if not rows:
        return None
    colour = _colours(["Champion", "Whole service"], [_BLUE, _ORANGE])
    base = _chart(rows).encode(x=_week_axis())
    tint = _colours(["Champion", "Whole service"], [_BLUE, _ORANGE], legend=None)
    band = base.mark_area(opacity=0.15).encode(y="low:Q", y2="high:Q", color=tint)
    line = base.mark_line(strokeWidth=2, point=len(rows) < 40).encode(y=_value_axis("AUC"), color=colour)
    return (band + line + _rule(facts["thresholds"]["auc"], _RED)).resolve_scale(color="independent")


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
        _chart(rows)
        .mark_line(strokeWidth=2, point=len(rows) < 60)
        .encode(x=_week_axis(), y=_value_axis("AUC"), color=_colours(list(names.values()), [_BLUE, _ORANGE, _GREY]))
    )
    return line + _rule(facts["thresholds"]["auc"], _RED)


def _calibration_by_grade(facts: Facts) -> Any:
    rows = [dict(row) for row in facts["calibration_profile"]]
    if not rows:
        return None
    rows = [{**row, "grade": f"{row['grade']} (n {row['n']:,})"} for row in rows]
    base = _chart(rows).encode(x=alt.X("grade:N", title="Grade, loans judged", axis=alt.Axis(labelAngle=0)))
    axis = alt.Y("expected:Q", title="Default rate", axis=alt.Axis(format=".0%", tickCount=6))
    bars = base.mark_bar(color=_BLUE, opacity=0.45, size=34).encode(y=axis)
    spread = base.mark_rule(color=_ORANGE, strokeWidth=2).encode(y="low:Q", y2="high:Q")
    points = base.mark_point(color=_ORANGE, filled=True, size=70, opacity=1).encode(y="observed:Q")
    return bars + spread + points


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
    colour = _colours(names, [_GREY, _BLUE])
    base = _chart(rows).encode(
        x=alt.X("low:Q", title="Score, points", scale=alt.Scale(zero=False, nice=False)),
        x2="high:Q",
        y2="floor:Q",
        y=alt.Y("value:Q", title="Share of loans", stack=None, axis=alt.Axis(format=".0%", tickCount=5)),
        color=colour,
    )
    return base.mark_rect(opacity=0.5)


def _drift_bars(facts: Facts) -> Any:
    found = [r for r in facts["results"] if r["metric"].startswith("psi") and r["value"] is not None]
    rows = [
        {**row, "series": metric_in_words(row["metric"])}
        for row in sorted(found, key=lambda r: -r["value"])[:DRIFT_BARS]
    ]
    if not rows:
        return None
    states = ["pass", "undetermined", "fail"]
    bars = (
        alt.Chart(_data(rows))
        .mark_bar(size=12)
        .encode(
            x=alt.X("value:Q", title="Population stability index"),
            y=alt.Y("series:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
            color=alt.Color("status:N", scale=alt.Scale(domain=states, range=[_BLUE, _AMBER, _RED])),
        )
        .properties(width=WIDTH - 160, height=20 * len(rows))
    )
    watch, alert = facts["thresholds"]["psi_watch"], facts["thresholds"]["psi_alert"]
    return bars + _rule(watch, _AMBER, "x") + _rule(alert, _RED, "x")


def _early_signs(facts: Facts) -> Any:
    names = {"late30_within_3m": "Within 3 months", "late30_within_6m": "Within 6 months"}
    rows = [
        {**row, "series": names[row["metric"]], "vintage": row["segment"].removeprefix("vintage=")}
        for row in _rows(facts, *names)
    ]
    if not rows:
        return None
    colour = _colours(list(names.values()), [_BLUE, _ORANGE])
    base = _chart(rows).encode(
        x=alt.X("vintage:N", title="Quarter of origination", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("series:N", sort=list(names.values())),
        color=colour,
    )
    axis = alt.Y("value:Q", title="Share of loans 30 days late", axis=alt.Axis(format=".1%", tickCount=6))
    return base.mark_rule(strokeWidth=2).encode(y="low:Q", y2="high:Q") + base.mark_point(
        filled=True, size=60, opacity=1
    ).encode(y=axis)
