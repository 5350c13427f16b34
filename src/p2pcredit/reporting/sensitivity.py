"""The page of what a model is sensitive to, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.drawing import BLUE, GREY, Chart, as_svg, base
from p2pcredit.reporting.page import render_page
from p2pcredit.reporting.portfolio.returns import percent


def verdict_of(facts: Mapping[str, Any]) -> str:
    """Say in a sentence how the ranking stands under other seeds and windows."""
    rows = (*facts["seeds"], *facts["windows"])
    failed = [row["changed"] for row in rows if row["status"] == "fail"]
    if failed:
        return f"The ranking is worse by more than {facts['margin']} beyond chance: {'; '.join(failed)}."
    unclear = sum(row["status"] == "undetermined" for row in rows)
    if unclear:
        return f"Of {len(rows)} other seeds and windows, {unclear} cannot be told from a loss of {facts['margin']}."
    return f"Under no other seed or window is the ranking worse by more than {facts['margin']}."


def render_sensitivity(facts: Mapping[str, Any]) -> str:
    """Render the page, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = [_effects(facts)] if facts["effects"] else []
        verdict = verdict_of(facts)
    except KeyError as error:
        raise MonitoringError(f"the facts of sensitivity lack something: {error}; measure them anew") from error
    return render_page("sensitivity.html", facts, charts, percent=percent, verdict=verdict, written=written)


def written(value: object) -> str:
    """Write a value of a feature: a number with at most four digits that count, a text as it is.

    Examples:
        >>> written(24000.0), written(0.12345), written("RENT")
        ('24,000', '0.1235', 'RENT')
    """
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _effects(facts: Mapping[str, Any]) -> Chart:
    key = "effects"
    rows = [
        {
            "series": row["feature"].replace("_", " "),
            "low": row["mean_from"],
            "high": row["mean_to"],
            "at": row["mean_from"],
            "to": row["mean_to"],
        }
        for row in facts["effects"]
    ]
    plot = base(rows, 640, 26 * len(rows)).encode(
        y=alt.Y("series:N", sort=None, title=None, axis=alt.Axis(labelLimit=240, minExtent=190))
    )
    scale = alt.Scale(zero=False)
    axis = alt.Axis(format=".1%")
    line = plot.mark_rule(color=GREY, strokeWidth=2).encode(
        x=alt.X("low:Q", title="Mean probability of default", scale=scale, axis=axis), x2=alt.X2("high:Q")
    )
    start = plot.mark_point(color=GREY, filled=True, size=60).encode(x=alt.X("at:Q", scale=scale, axis=axis))
    end = plot.mark_point(color=BLUE, filled=True, size=90).encode(x=alt.X("to:Q", scale=scale, axis=axis))
    about = (
        "Mean probability of all loans at a low value (grey) and a high one (blue), all else as each loan has it. "
        "Loans with such values together may not exist."
    )
    return Chart(key, "The ten largest effects", about, as_svg(line + start + end, key))


__all__ = ["render_sensitivity", "verdict_of", "written"]
