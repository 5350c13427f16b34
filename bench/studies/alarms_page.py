"""Write the page of `alarms_over_seeds` from its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from bench.studies.simulated_books import LEVEL_DEFAULTS, SHARE_OF_60, scenarios

from p2pcredit.monitoring.status import share_interval

CONFIDENCE = 0.9
_OF_LIGHTS = {
    "cells": "default to date by term and vintage",
    "triggers": "the triggers' own checks",
    "stability": "stability of score and inputs",
    "quality": "rows in quarantine",
}
_HEAD = """\
# Alarms over seeds

On one book false alarms and misses are too few to count. So they are counted on simulated ones whose truth is known:
{books} books, of each of which five things happen. `bench/studies/alarms_over_seeds.py` makes and judges them and
writes this page; the numbers of each book are in `bench/results/alarms-over-seeds.json`.

A book originates {loans_a_week} loans a week, {share_of_60:.0%} of them over 60 months, the others over 36; about
one in twelve defaults within a year. A champion has served for {served_weeks} weeks when the event comes. Its ranking
is right; its level is off as if it had been set on {level_defaults} defaults per product. Each week the checks that
decide are measured, and the default policy decides, with the default settings. The refresh that the calendar asks for
each half year is refused each time, so that the same champion goes on: the worst case. Shock and drift are looked at
for {weeks} weeks, quiet year and harmless drift for 52, the broken feed for 8. It loses between a twentieth and six
tenths of its rows for four weeks.

What this cannot tell: how a real recession moves products together, what a model trained on such data is worth, and
books of another size. Half the loans take longer to show the same.

## Decisions

A false alarm is a decision to retrain, to recalibrate or to repair data that nothing asked for; a miss is that the
right one does not come in these weeks. What the calendar asks for counts as neither. Delay: weeks from the event to
the right decision, a miss counting as later than all. Brackets: {confidence:.0%} interval.
"""
_BETWEEN = """
## Lights

In how many books a light of this kind turned red at least once before the walk ended, and in which week first, in the
median of those. Red in a quiet year is a false light; it asks for nothing by itself. Cells and score are looked at each
fourth week. A walk ends with the right decision, so that later lights are not counted.
"""


def page(results: Mapping[str, Any]) -> str:
    """Write the page.

    Args:
        results: `about` and `runs`, as the study writes them.
    """
    about, runs = results["about"], results["runs"]
    told = scenarios(about["factor"])
    by_key = {one.key: [run for run in runs if run["scenario"] == one.key] for one in told}
    head = _HEAD.format(
        **about,
        books=len({run["seed"] for run in runs}),
        share_of_60=SHARE_OF_60,
        level_defaults=LEVEL_DEFAULTS,
        weeks=max(one.weeks for one in told),
        confidence=CONFIDENCE,
    )
    lines = [
        head,
        "| what happens | false alarm | miss | median delay, weeks | nine in ten by week | asked for by |",
        "|---|---|---|---|---|---|",
    ]
    for one in told:
        found = by_key[one.key]
        right = [run["right"] for run in found]
        delay = ("none", "none") if not one.asks else tuple(_quantile(right, share) for share in (0.5, 0.9))
        missed = _share(sum(week is None for week in right), len(found)) if one.asks else "none to miss"
        false = _share(sum(run["wrong"] is not None for run in found), len(found))
        asked = _named([run["right_by"] or run["wrong_by"] for run in found])
        lines.append(f"| {one.name} | {false} | {missed} | {delay[0]} | {delay[1]} | {asked} |")
    lines += [_BETWEEN, f"| what happens | {' | '.join(_OF_LIGHTS.values())} |", "|---" * (len(_OF_LIGHTS) + 1) + "|"]
    for one in told:
        cells = [_light([run["lights"].get(light) for run in by_key[one.key]]) for light in _OF_LIGHTS]
        lines.append(f"| {one.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(count: int, n: int) -> str:
    low, high = share_interval(count, n, CONFIDENCE)
    return f"{count} of {n} ({low:.0%} to {high:.0%})"


def _quantile(weeks: Sequence[int | None], share: float) -> str:
    """Give the week by which so large a share had come; `not in these weeks` where fewer came."""
    late = np.array([np.inf if week is None else week for week in weeks])
    found = float(np.quantile(late, share, method="inverted_cdf")) if late.size else np.inf
    return f"{found:g}" if np.isfinite(found) else "not in these weeks"


def _light(weeks: Sequence[int | None]) -> str:
    came = [week for week in weeks if week is not None]
    return f"{len(came)} of {len(weeks)}, week {np.median(came):g}" if came else f"0 of {len(weeks)}"


def _named(triggers: Sequence[str]) -> str:
    counts = {name: triggers.count(name) for name in sorted(set(triggers)) if name}
    most = sorted(counts, key=lambda name: (-counts[name], name))
    return ", ".join(f"{name.replace('_', ' ')} {counts[name]}" for name in most) or "nothing"


__all__ = ["page"]
