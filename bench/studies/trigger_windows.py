"""How long a window of originations should the trigger on defaults to date look at? Delay and false alarms by window.

    nice -19 .venv/bin/python -m bench.studies.trigger_windows --seeds 50 --months 6 12 18 120

Simulated books whose champion has served for two years; only calibration by product is measured, each week. 120 months
pools every loan that the champion ever scored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from bench.studies.counted_weeks import CountedBook
from bench.studies.simulated_books import EVENT, Scenario, scenarios, simulate

from p2pcredit.monitoring.yearly_error import products_off
from p2pcredit.settings import Settings

SERVED_WEEKS = 104


def first_alarms(
    scenario: Scenario, seed: int, months: Sequence[int], *, loans_a_week: int, served_weeks: int = SERVED_WEEKS
) -> dict[int, int | None]:
    """Find the first week after the event in which a product fails, for each window; None where none does."""
    settings = Settings()
    limits = settings.monitoring
    book = simulate(scenario, seed, settings, loans_a_week=loans_a_week, served_weeks=served_weeks)
    counted = CountedBook(book, settings)
    found: dict[int, int | None] = dict.fromkeys(months)
    for week in range(1, scenario.weeks + 1):
        waiting = [window for window in found if found[window] is None]
        for window, products in zip(waiting, counted.products(EVENT + timedelta(weeks=week), *waiting), strict=True):
            if products_off(products, limits.over_term_ratio_bounds, limits.yearly_error):
                found[window] = week
        if None not in found.values():
            break
    return found


def main() -> None:
    """Print one row per scenario and window."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--months", type=int, nargs="+", default=[6, 12, 18, 120])
    parser.add_argument("--books", nargs="+", default=["quiet", "shock", "product"])
    parser.add_argument("--factor", type=float, nargs="+", default=[1.5, 2.0])
    parser.add_argument("--loans-a-week", type=int, default=200)
    asked = parser.parse_args()
    told = [one for one in scenarios(asked.factor[0]) if one.key == "quiet" and one.key in asked.books]
    told += [
        one for factor in asked.factor for one in scenarios(factor) if one.key != "quiet" and one.key in asked.books
    ]
    print("| book | window, months | alarm | none | median weeks | nine in ten by |")
    print("|---|---|---|---|---|---|")
    for scenario in told:
        runs = [
            first_alarms(scenario, seed, asked.months, loans_a_week=asked.loans_a_week) for seed in range(asked.seeds)
        ]
        for window in asked.months:
            weeks = [run[window] for run in runs]
            late = np.array([np.inf if week is None else week for week in weeks])
            alarms = sum(week is not None for week in weeks)
            half, most = (np.quantile(late, share, method="higher") for share in (0.5, 0.9))
            row = (scenario.name, window, alarms, len(weeks) - alarms, f"{half:g}", f"{most:g}")
            print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


if __name__ == "__main__":
    main()
