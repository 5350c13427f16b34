"""The page of the cut-off strategy, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.drawing import AMBER, BLUE, GREY, ORANGE, VIOLET, Chart, as_svg, base, colours
from p2pcredit.reporting.page import render_page
from p2pcredit.reporting.portfolio.returns import in_currency, money, percent

VERDICTS = {"approve": "approve", "refer": "refer", "decline": "decline"}


def advice_of(facts: Mapping[str, Any]) -> list[str]:
    """Say in sentences what to do, most important first."""
    best, present, unit = facts["best"]["by_profit"], facts["best"]["present"], facts["currency"]
    surely = f"at {facts['confidence']:.0%}"
    now = (
        f"The cut-off is set to {percent(facts['cutoff'])} and approves {percent(present['approval_rate'], 0)} of the "
        "loans"
    )
    found = []
    if best["cutoff"] == present["cutoff"]:
        found.append(f"Keep the cut-off. {now}; none earns more.")
    elif best["gain_low"] <= 0:
        found.append(
            f"Keep the cut-off. {now}. Most profit is expected at {percent(best['cutoff'])}, but "
            f"{_gain(best, unit)} more is not shown {surely}."
        )
    elif not best["cutoff"]:
        found.append(
            f"Approve none of these loans: {now}, and every cut-off is expected to cost money. To approve none brings "
            f"{_gain(best, unit)} more."
        )
    else:
        way = "Raise" if best["cutoff"] > present["cutoff"] else "Lower"
        found.append(
            f"{way} the cut-off from {percent(facts['cutoff'])} to {percent(best['cutoff'])} "
            f"({percent(best['cutoff_low'])} to {percent(best['cutoff_high'])}), where profit is expected to be most: "
            f"{_gain(best, unit)} more on as many loans, approving {percent(best['approval_rate'], 0)} rather than "
            f"{percent(present['approval_rate'], 0)}."
        )
    limit = facts["best"]["under_limit"]
    if facts["loss_limit"] is not None:
        words = percent(facts["loss_limit"])
        if limit is None or not limit["cutoff"]:
            found.append(f"No cut-off earns something and loses no more than {words} of what is lent.")
        else:
            found.append(
                f"With a loss of at most {words} of what is lent: {percent(limit['cutoff'])}, approving "
                f"{percent(limit['approval_rate'], 0)}, {_gain(limit, unit)} against the present one."
            )
    approve, decline = facts["three_ways"]["approve_up_to"], facts["three_ways"]["decline_above"]
    parts = [] if approve is None else [f"approve up to {percent(approve)}"]
    parts += [] if decline is None else [f"decline above {percent(decline)}"]
    if not parts:
        found.append("No band surely earns or surely loses: a person would have to look at all.")
    elif decline is None and approve is not None and facts["bands"] and approve >= facts["bands"][-1]["up_to"]:
        found.append("In three ways: every band surely earns, so that none is left to a person or declined.")
    else:
        found.append(f"In three ways: {', '.join(parts)}, and have a person look at what lies between.")
    return found


def _gain(one: Mapping[str, Any], currency: str) -> str:
    return f"{in_currency(one['gain'], currency)} ({money(one['gain_low'])} to {money(one['gain_high'])})"


def render_strategy(facts: Mapping[str, Any]) -> str:
    """Render the page of the strategy, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = [
            _profit(facts, "profit", facts["curve"], "Expected profit by cut-off", facts["best"]),
            _rates(facts["curve"], "rates", "Approval, default, loss and return by cut-off", facts["cutoff"]),
        ]
        if facts["observed"] is not None:
            seen = facts["observed"]
            charts.append(_profit(facts, "observed", seen["curve"], "Profit that came, by cut-off", seen["best"]))
        advice = advice_of(facts)
    except KeyError as error:
        raise MonitoringError(f"the facts of the strategy lack something: {error}; measure them anew") from error
    words = {
        "percent": percent,
        "money": money,
        "in_currency": in_currency,
        "verdicts": VERDICTS,
        "advice": advice,
        "shown": _shown,
    }
    return render_page("strategy.html", facts, charts, **words)


def _shown(curve: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Choose the rows of the table: about one for each five in a hundred loans, and the last."""
    rows, before = list[Mapping[str, Any]](), -1.0
    for row in curve:
        share = row["approval_rate"] or 0.0
        if share - before >= 0.05 or row is curve[-1]:
            rows.append(row)
            before = share
    return rows


def _profit(
    facts: Mapping[str, Any], key: str, curve: Sequence[Mapping[str, Any]], title: str, best: Mapping[str, Any]
) -> Chart:
    rows = [
        {"cutoff": row["cutoff"], "value": row["profit"], "low": row["profit_low"], "high": row["profit_high"]}
        for row in curve
    ]
    marks = [{"at": facts["cutoff"], "series": "set now"}]
    if best["by_profit"]["cutoff"]:
        marks.append({"at": best["by_profit"]["cutoff"], "series": "most profit"})
    if best["under_limit"] is not None and best["under_limit"]["cutoff"]:
        marks.append({"at": best["under_limit"]["cutoff"], "series": "under the loss limit"})
    names = [str(mark["series"]) for mark in marks]
    shades = {"set now": GREY, "most profit": ORANGE, "under the loss limit": VIOLET}
    x = alt.X("cutoff:Q", title="Cut-off: probability of default up to which loans are approved", axis=_percents())
    y = alt.Y("value:Q", title=_profit_in(facts), axis=alt.Axis(format="~s", tickCount=6))
    plot = base(rows).encode(x=x)
    band = plot.mark_area(opacity=0.25, color=BLUE).encode(
        y=alt.Y("low:Q", title=_profit_in(facts)), y2=alt.Y2("high:Q")
    )
    line = plot.mark_line(color=BLUE, strokeWidth=2).encode(y=y)
    rules = (
        base(marks)
        .mark_rule(strokeWidth=2, strokeDash=[5, 3])
        .encode(x=alt.X("at:Q"), color=colours(names, [shades[name] for name in names]))
    )
    return Chart(
        key,
        title,
        f"Shaded: interval at {facts['confidence']:.0%}, from vintages drawn anew.",
        as_svg((band + line + rules).resolve_scale(color="independent"), key),
    )


def _rates(curve: Sequence[Mapping[str, Any]], key: str, title: str, present: float) -> Chart:
    series = {
        "approved": "approval_rate",
        "lifetime default": "lifetime_default_rate",
        "lost of lent": "loss_share",
        "net return a year": "net_return",
    }
    rows = [
        {"cutoff": row["cutoff"], "series": name, "value": row[column]}
        for name, column in series.items()
        for row in curve
        if row[column] is not None
    ]
    plot = base(rows).encode(
        x=alt.X("cutoff:Q", title="Cut-off", axis=_percents()),
        y=alt.Y("value:Q", title="Share", axis=_percents()),
        color=colours(list(series), [GREY, ORANGE, VIOLET, BLUE]),
    )
    rule = base([{"at": present}]).mark_rule(color=AMBER, strokeDash=[5, 3]).encode(x=alt.X("at:Q"))
    return Chart(key, title, "Dashed: the cut-off that is set.", as_svg(plot.mark_line(strokeWidth=2) + rule, key))


def _profit_in(facts: Mapping[str, Any]) -> str:
    return f"Profit, {facts['currency']}" if facts["currency"] else "Profit"


def _percents() -> Any:
    return alt.Axis(format=".0%", tickCount=8)


__all__ = ["VERDICTS", "advice_of", "render_strategy"]
