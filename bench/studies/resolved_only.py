"""What would learning from resolved loans only have done? Mean predicted against true default rate of the loans after.

    .venv/bin/python bench/studies/resolved_only.py --home loans 2009-07-01 2010-01-01 2010-07-01

The home must have been preprocessed to thirteen months and half a year after the last date. "Resolved" learns from
loans that had defaulted or been paid off by the date, and leaves open ones out; "ours" is the leading candidate of a
training as of that date. Both then predict default within 12 months for the loans of the half-year that follows.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.models.evaluation.calibration.ratios import calibration_ratio
from p2pcredit.models.evaluation.discrimination import auc
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.models.training.fit import Learner
from p2pcredit.models.training.usable import choose_features
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import labels_as_of
from p2pcredit.transforms.outcomes import build_outcomes

MONTHS_AFTER = 6


def resolved_labels(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Label the loans that had ended by the day of the outcomes: 1 for a default and 0 for a loan paid off."""
    ended = pl.col("defaulted_in_month").is_not_null() | pl.col("closed")
    return outcomes.filter(ended).with_columns(pl.col("defaulted_in_month").is_not_null().cast(pl.Int8).alias("label"))


def main() -> None:
    """Print one row per date and way of learning."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("dates", nargs="+", type=date.fromisoformat)
    asked = parser.parse_args()
    settings, lake = Settings(), Lake(Layout(asked.home))
    features = lake.scan(FEATURE_STORE).collect().unique("loan_id").sort("snapshot_date", "loan_id")
    sources = (silver(FEEDS["loan_terms"]), silver(FEEDS["loan_performance"]), LABEL_STORE, QUARANTINE)
    tables = [lake.frame(table) for table in sources]
    truth = collect(labels_as_of(tables[2], tables[3], date(9998, 1, 1), settings.labels)).select("loan_id", "label")
    print("| as of | learned from | loans | bads | mean predicted | true rate | observed / expected | AUC |")
    print("|---|---|---|---|---|---|---|---|")
    for day in asked.dates:
        seen = pl.col("snapshot_date") < day
        known, last = features.filter(seen), add_months(day, MONTHS_AFTER)
        later = features.filter(~seen, pl.col("snapshot_date") < last).join(truth, on="loan_id", how="inner")
        outcomes = collect(build_outcomes(*tables, as_of=day, settings=settings.labels))
        resolved = resolved_labels(outcomes).join(known, on="loan_id", how="inner").sort("origination_date", "loan_id")
        usable, _ = choose_features(resolved, settings.training.feature_sets)
        naive = Learner("boosting", usable, settings).on_labels(resolved)
        run = train_candidates(known, outcomes, as_of=day, settings=settings)
        best = run.candidates[0]
        learned = int(run.details[f"{best.family}_{best.target}"]["loans"]), best.defaults
        for name, model, sizes in (
            ("resolved loans only (boosting)", naive, (resolved.height, int(resolved["label"].sum() or 0))),
            (f"ours ({best.family}, {best.target})", best.model, learned),
        ):
            bads, chances = later["label"].to_numpy(), model.predict(later)
            ratio, ranked = calibration_ratio(bads, chances), auc(bads, chances)
            print(
                f"| {day} | {name} | {sizes[0]} | {sizes[1]} | {chances.mean():.1%} | {bads.mean():.1%} "
                f"| {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) | {ranked:.3f} |"
            )


if __name__ == "__main__":
    main()
