"""The page that compares groups of people, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.drawing import AMBER, BLUE, GREY, LIGHT, ORANGE, RED, VIOLET, Chart, as_svg, base, colours
from p2pcredit.reporting.page import render_page
from p2pcredit.reporting.portfolio.returns import percent

_SHADES = [BLUE, ORANGE, VIOLET, GREY, AMBER, RED, LIGHT]
MOST_DRAWN = len(_SHADES)


def verdict_of(facts: Mapping[str, Any]) -> str:
    """Say in a sentence how the groups stand at the present cut-off."""
    at = percent(facts["cutoff"])
    failed = [
        f"{row['group']} ({one['column']})"
        for one in facts["by"]
        for cut in one["cutoffs"]
        if cut["present"]
        for row in cut["groups"]
        if row["status"] == "fail"
    ]
    if failed:
        return (
            f"At the cut-off of {at}, approved less than four fifths as often as the group approved most, beyond "
            f"chance: {', '.join(failed)}."
        )
    if facts["status"] == "pass":
        return (
            f"At the cut-off of {at}, every group is approved at least four fifths as often as the one approved most."
        )
    return f"At the cut-off of {at} it cannot be told of every group whether it is approved four fifths as often."


def render_fairness(facts: Mapping[str, Any]) -> str:
    """Render the page, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = [_denials(place, one) for place, one in enumerate(facts["by"])]
        verdict = verdict_of(facts)
    except KeyError as error:
        raise MonitoringError(f"the facts of fairness lack something: {error}; measure them anew") from error
    return render_page(
        "fairness.html",
        facts,
        charts,
        percent=percent,
        verdict=verdict,
        most_drawn=MOST_DRAWN,
        present=_present,
        signed=signed,
    )


def signed(value: float) -> str:
    """Write a number with its sign and two decimals, none of them minus nothing.

    Examples:
        >>> signed(-0.001), signed(0.25)
        ('+0.00', '+0.25')
    """
    return f"{round(value, 2) + 0.0:+.2f}"


def _present(one: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(cut for cut in one["cutoffs"] if cut["present"])
    return found


def _denials(place: int, one: Mapping[str, Any]) -> Chart:
    drawn = [row["group"] for row in _present(one)["groups"]][:MOST_DRAWN]
    rows: Sequence[dict[str, Any]] = [
        {
            "cutoff": cut["cutoff"],
            "series": row["group"],
            "value": row["denial_rate"],
            "low": row["low"],
            "high": row["high"],
        }
        for cut in one["cutoffs"]
        for row in cut["groups"]
        if row["group"] in drawn
    ]
    key, shades = f"denials-{place}", _SHADES[: len(drawn)]
    shares = alt.Axis(format=".0%", tickCount=6)
    plot = base(list(rows)).encode(
        x=alt.X("cutoff:Q", title="Cut-off", axis=alt.Axis(format=".1%", tickCount=8)),
    )
    band = plot.mark_area(opacity=0.15).encode(
        y=alt.Y("low:Q", title="Denied", axis=shares), y2=alt.Y2("high:Q"), color=colours(drawn, shades, legend=None)
    )
    line = plot.mark_line(strokeWidth=2, point=True).encode(
        y=alt.Y("value:Q", title="Denied", axis=shares), color=colours(drawn, shades)
    )
    mark = base([{"at": _present(one)["cutoff"]}]).mark_rule(color=AMBER, strokeDash=[5, 3]).encode(x=alt.X("at:Q"))
    about = "Share denied at each cut-off, with its interval. Dashed: the cut-off that is set."
    return Chart(
        key,
        f"Denial by {one['column'].replace('_', ' ')}",
        about,
        as_svg((band + line).resolve_scale(color="independent") + mark, key),
    )


__all__ = ["MOST_DRAWN", "render_fairness", "verdict_of"]
