"""The page of vintage curves, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.drawing import Chart, as_svg, base
from p2pcredit.reporting.page import render_page

ANCHORS = (6, 12, 18, 24, 36, 48, 60)
"""The months on book of which tables have a column."""
MEASURE_WORDS = {
    "ever_30": "Ever 30 days past due or worse",
    "ever_60": "Ever 60 days past due or worse",
    "ever_90": "Ever 90 days past due or in default",
    "charged_off": "Charged off",
}
_MARKS = {"observed": "", "partly": "*", "projected": "~"}


def point_words(point: Mapping[str, Any] | None) -> str:
    """Write a point of a curve with its mark; nothing where the curve does not reach.

    Examples:
        >>> point_words({"share": 0.0512, "low": 0.04, "high": 0.06, "state": "observed"}), point_words(None)
        ('5.1%', '')
        >>> point_words({"share": 0.0512, "low": 0.031, "high": 0.072, "state": "projected"})
        '5.1%~ [3.1, 7.2]'
    """
    if point is None:
        return ""
    mark = _MARKS[point["state"]]
    interval = f" [{point['low'] * 100:.1f}, {point['high'] * 100:.1f}]" if mark else ""
    return f"{point['share']:.1%}{mark}{interval}"


def render_vintages(facts: Mapping[str, Any]) -> str:
    """Render the page of vintage curves, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = _charts(facts)
        tables = {key: _tables(facts[key], key.removeprefix("by_")) for key in ("by_vintage", "by_grade")}
    except KeyError as error:
        raise MonitoringError(f"the facts of the vintages lack something: {error}; measure them anew") from error
    words = {"tables": tables, "anchors": ANCHORS, "measure_words": MEASURE_WORDS}
    return render_page("vintages.html", facts, charts, **words)


def _tables(cells: list[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    """Put the points at the anchors into rows, a table for each measure."""
    found: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        by_month = {point["month"]: point for point in cell["points"]}
        row = {"name": cell[key], "term": cell["term_months"], "loans": cell["loans"], "events": cell["events"]}
        row["points"] = [
            {"words": point_words(by_month.get(month)), "state": by_month.get(month, {}).get("state", "")}
            for month in ANCHORS
        ]
        found.setdefault(cell["measure"], []).append(row)
    return found


def _charts(facts: Mapping[str, Any]) -> list[Chart]:
    cells = facts["by_vintage"]
    terms = sorted({cell["term_months"] for cell in cells})
    charts = []
    for term in terms:
        rows = [
            {
                "vintage": cell["vintage"],
                "month": point["month"],
                "share": point["share"],
                "line": f"{cell['vintage']}{point['state'] == 'projected'}",
                "state": "projected" if point["state"] == "projected" else "seen",
            }
            for cell in cells
            if cell["measure"] == "ever_90" and cell["term_months"] == term
            for point in _joined(cell["points"])
        ]
        if not any(row["share"] for row in rows):
            continue
        names = sorted({str(row["vintage"]) for row in rows})
        shade = alt.Color(
            "vintage:O",
            scale=alt.Scale(scheme="viridis", domain=names),
            sort=names,
            legend=alt.Legend(symbolLimit=60, columns=9),
        )
        plot = base(rows, height=280).encode(
            x=alt.X("month:Q", title="Months on book", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=6)),
            y=alt.Y("share:Q", title="Share of loans", axis=alt.Axis(format=".0%", tickCount=6)),
            color=shade,
            detail="line:N",
            strokeDash=alt.StrokeDash("state:N", scale=alt.Scale(domain=["seen", "projected"], range=[[1, 0], [3, 3]])),
        )
        charts.append(
            Chart(
                f"ever90-{term}",
                f"{MEASURE_WORDS['ever_90']}: loans of {term} months",
                "A line for each vintage. Dotted: projected from older vintages, at the level of its own months.",
                as_svg(plot.mark_line(strokeWidth=1.8), f"ever90-{term}"),
            )
        )
    return charts


def _joined(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the dotted part of a line begin where the full one ends."""
    seen = [point for point in points if point["state"] != "projected"]
    ahead = [point for point in points if point["state"] == "projected"]
    return [*seen, *([{**seen[-1], "state": "projected"}] if seen and ahead else []), *ahead]


__all__ = ["ANCHORS", "MEASURE_WORDS", "point_words", "render_vintages"]
