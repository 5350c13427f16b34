"""The page of expected losses, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from p2pcredit.errors import MonitoringError
from p2pcredit.portfolio.expected_losses import REASONS
from p2pcredit.reporting.drawing import BLUE, ORANGE, Chart, as_svg, base, colours
from p2pcredit.reporting.page import render_page
from p2pcredit.reporting.portfolio.returns import money, percent
from p2pcredit.settings import Settings
from p2pcredit.settings.money import source_of

STAGES = {1: "1, no sign", 2: "2, risk has risen", 3: "3, in default"}
SOURCES = {"product": "its own defaults", "book": "all defaults of the book", "setting": "the setting"}


def assumptions_of(facts: Mapping[str, Any], settings: Settings) -> list[dict[str, str]]:
    """List what the losses rest on, each with its source or that it is a choice."""
    own = settings.money
    specs = [facts["stress"]["asked"], *(one["spec"] for one in facts["scenarios"])]
    causes = [name for name in own.stress if any(name in spec for spec in specs)]
    late = [
        f"{one['days']} days: {percent(one['share'])} of {one['loans']:,}"
        if one["told"]
        else f"{one['days']} days: all, since {one['loans']:,} are too few to tell"
        for one in facts["late"]
    ]
    days = settings.labels.default_days
    found = [
        ("Default", f"{days} days past due, or a status that says default or charge-off.", "choice"),
        (
            "Probability",
            f"The term structure of {facts['model_id']}, month by month over what is left of the term, of loans still "
            "open.",
            "IFRS 9 B5.5.37 leaves the definition to the entity",
        ),
        (
            "Exposure",
            "The balance by the schedule, as many instalments before a default as make one; no further drawing.",
            "choice",
        ),
        (
            "Loss given default",
            "What was owed at default less what came back since, undiscounted, young defaults developed by months "
            "since default. What comes later than any default has been watched for is not in it.",
            "Schmidt (2006), additive method",
        ),
        (
            "Stage 2",
            f"{own.stage_2_days} days past due, or {own.stage_2_pd_ratio:g} times the probability that was expected of "
            f"the same months when the loan was made, and {percent(own.stage_2_pd_added)} more.",
            "days: IFRS 9, 5.5.11; the rest is a choice",
        ),
        (
            "Late loans",
            "Come to default within a year as often as those of the book did: " + "; ".join(late) + ".",
            "choice",
        ),
        (
            "Scenarios",
            "Multiply cumulative hazards of default and the loss given default; the weights are settings."
            if len(facts["scenarios"]) > 1
            else "None is set: the future is as the book's past. IFRS 9 B5.5.42 asks for more than one.",
            "settings",
        ),
        *(
            (f"Stress {name}", own.stress[name].partition(";")[0].strip() + " a unit", source_of(name, own.stress))
            for name in causes
        ),
        (
            "Discounting",
            "The staged allowance discounts each month's loss at the loan's own rate; recoveries are not discounted. "
            "The lifetime loss is undiscounted.",
            "IFRS 9 B5.5.44; ASC 326-20-30-3 to 30-5",
        ),
    ]
    return [{"subject": subject, "text": text, "source": source} for subject, text, source in found]


def render_losses(facts: Mapping[str, Any]) -> str:
    """Render the page of expected losses, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = [*_development(facts), *_months(facts)]
    except KeyError as error:
        raise MonitoringError(f"the facts of the losses lack something: {error}; measure them anew") from error
    words = {"percent": percent, "money": money, "stages": STAGES, "reasons": REASONS, "sources": SOURCES}
    return render_page("losses.html", facts, charts, **words)


def _development(facts: Mapping[str, Any]) -> list[Chart]:
    severities = facts["loss_given_default"]
    series = [("all", severities["all"])] + [
        (f"{one['term_months']} months", one) for one in severities["by_term"] if len(severities["by_term"]) > 1
    ]
    rows = [
        {"series": name, "month": point["months_since_default"], "value": 1.0 - point["recovered_share"]}
        for name, one in series
        for point in one["development"]
    ]
    if not rows:
        return []
    names = [name for name, one in series if one["development"]]
    shades = [BLUE, ORANGE, "#7a4fa3", "#b8860b", "#8a8f98"]
    plot = base(rows).encode(
        x=alt.X("month:Q", title="Months since default", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("value:Q", title="Share not come back", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])),
        color=colours(names, [shades[place % len(shades)] for place in range(len(names))]),
    )
    return [
        Chart(
            "development",
            "What has not come back, by months since default",
            "Each month from the defaults that have been through it; the last point is the loss given default.",
            as_svg(plot.mark_line(interpolate="step-after", strokeWidth=2), "development"),
        )
    ]


def _months(facts: Mapping[str, Any]) -> list[Chart]:
    if not facts["months"]:
        return []
    rows = [{"month": place, "value": value} for place, value in enumerate(facts["months"], start=1)]
    plot = base(rows).encode(
        x=alt.X(
            "month:O",
            title="Months from now",
            axis=alt.Axis(labelAngle=0, values=[1, *range(6, len(rows) + 1, 6)]),
        ),
        y=alt.Y("value:Q", title="Expected loss", axis=alt.Axis(format="~s", tickCount=5)),
    )
    return [
        Chart(
            "months",
            "Expected loss month by month",
            "Of loans not in default, by the curve of their term and age, undiscounted, without scenarios' weights.",
            as_svg(plot.mark_bar(color=BLUE), "months"),
        )
    ]


__all__ = ["SOURCES", "STAGES", "assumptions_of", "render_losses"]
