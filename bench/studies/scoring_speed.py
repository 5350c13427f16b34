"""How many loans a second are scored, with and without their reasons, by each family? Run it on a quiet machine.

`.venv/bin/python bench/studies/scoring_speed.py [LOANS]` makes a book of seeded loans, trains both families on the
first 4,000, and scores all of them in one batch with each candidate. Needs no data file.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.unit.models.conftest import AS_OF, make_book

from p2pcredit.contracts.feature_sets import features_of
from p2pcredit.models.scoring import score_loans
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.settings import Settings

REPEATS = 3


def main() -> None:
    loans = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    features, outcomes = make_book()
    features = widened(features)
    run = train_candidates(features, outcomes, as_of=AS_OF, settings=Settings())
    batch = pl.concat([features] * (loans // features.height + 1)).head(loans)
    print("Loans a second; in brackets per second of processor time.\n")
    print("| model | features | loans | probability alone | score, grade and reasons |")
    print("|---|---:|---:|---:|---:|")
    for candidate in run.candidates:
        model = candidate.model
        plain = seconds(partial(model.predict, batch))
        full = seconds(partial(score_loans, model, "m", batch, Settings()))
        name = f"{model.family}, {model.target}"
        rates = [f"{loans / wall:,.0f} ({loans / processor:,.0f})" for wall, processor in (plain, full)]
        print(f"| {name} | {len(model.feature_names)} | {loans:,} | {' | '.join(rates)} |")


def widened(features: pl.DataFrame) -> pl.DataFrame:
    """Add every other number of the contract to the same loans, drawn from those that are there."""
    present = ["annual_income", "inquiries_6m_count", "revolving_utilisation_share", "open_accounts_count"]
    lacking = [f.name for f in features_of("application") if f.kind == "numeric" and f.name not in present]
    made = [
        pl.col(present[place % 4]).shuffle(seed=place) + pl.col(present[(place + 1) % 4])
        for place in range(len(lacking))
    ]
    return features.with_columns(expr.cast(pl.Float64).alias(name) for name, expr in zip(lacking, made, strict=True))


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Measure the least of a few wall times, and of as many processor times of all threads."""
    found = []
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(wall for wall, _ in found), min(processor for _, processor in found)


if __name__ == "__main__":
    main()
