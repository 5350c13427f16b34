"""What does each way of learning give on loans that come after? AUC against the platform's sub-grade on the same loans.

    .venv/bin/python bench/studies/what_each_step_gives.py --home loans \\
        2009-04-20 2009-07-01 2009-10-01 2010-01-01 2010-04-01 2010-07-01 2010-10-01 2011-01-01

All candidates are trained as of each date and score the loans originated from there to the next date; the home must be
preprocessed to thirteen months after the last. `--without FEATURE` leaves features out, `--sets application wording`
takes other feature sets, `--level point_in_time` another level. `within` is the difference among pairs of loans of one
quarter and term. `average` is the mean log-odds of scorecard and boosting, which no training makes.
"""

from __future__ import annotations

import argparse
import itertools
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.models.evaluation.calibration.ratios import calibration_ratio, expected_calibration_error
from p2pcredit.models.evaluation.discrimination import auc, paired_auc_difference
from p2pcredit.models.evaluation.within_cohort import paired_difference_within_cohorts
from p2pcredit.models.training.candidates import TARGETS, train_candidates
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import labels_as_of
from p2pcredit.transforms.outcomes import build_outcomes
from p2pcredit.transforms.vintages import cohort_name

Scored = dict[tuple[str, str], np.ndarray]


def scored_by(run: object, later: pl.DataFrame) -> Scored:
    """Score the loans after, per family and target; `leader` and `average` among them."""
    chances = {(c.family, c.target): c.model.predict(later) for c in run.candidates}  # type: ignore[attr-defined]
    first = run.candidates[0]  # type: ignore[attr-defined]
    for target in TARGETS:
        both = [chances[family, target] for family in ("scorecard", "boosting") if (family, target) in chances]
        if len(both) == 2:
            log_odds = np.mean([np.log(p) - np.log1p(-p) for p in both], axis=0)
            chances["average", target] = 1.0 / (1.0 + np.exp(-log_odds))
    chances["leader", ""] = chances[first.family, first.target]
    return chances


def main() -> None:
    """Print one row per family and target, over all dates together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--sets", nargs="*", default=["application"])
    parser.add_argument("--level", default="recent")
    parser.add_argument("dates", nargs="+", type=date.fromisoformat)
    asked = parser.parse_args()
    settings, lake = (
        Settings.model_validate({"training": {"feature_sets": asked.sets, "level": asked.level}}),
        Lake(Layout(asked.home)),
    )
    features = lake.scan(FEATURE_STORE).collect().unique("loan_id").sort("snapshot_date", "loan_id")
    features = features.with_columns(pl.lit(None, dtype=features.schema[name]).alias(name) for name in asked.without)
    sources = (silver(FEEDS["loan_terms"]), silver(FEEDS["loan_performance"]), LABEL_STORE, QUARANTINE)
    tables = [lake.frame(table) for table in sources]
    truth = collect(labels_as_of(tables[2], tables[3], date(9998, 1, 1), settings.labels)).select("loan_id", "label")
    parts: dict[tuple[str, str], list[tuple[np.ndarray, ...]]] = {}
    for day, until in itertools.pairwise(asked.dates):
        originated = pl.col("snapshot_date")
        later = features.filter(originated >= day, originated < until).join(truth, on="loan_id", how="inner")
        outcomes = collect(build_outcomes(*tables, as_of=day, settings=settings.labels))
        run = train_candidates(features.filter(originated < day), outcomes, as_of=day, settings=settings)
        labels, grade = later["label"].to_numpy(), later["platform_sub_grade"].rank("dense").to_numpy()
        cohorts = later.select(cohort_name(later, "snapshot_date")).to_series().to_numpy()
        for name, chances in scored_by(run, later).items():
            parts.setdefault(name, []).append((labels, chances, grade, cohorts))
    print("| family, target | trainings | loans | bads | AUC | over sub-grade | within | ECE | observed / expected |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, found in sorted(parts.items()):
        labels, chances, grade, cohorts = (np.concatenate(column) for column in zip(*found, strict=True))
        lead, ratio = paired_auc_difference(labels, chances, grade), calibration_ratio(labels, chances)
        within = paired_difference_within_cohorts(labels, chances, grade, cohorts)
        print(
            f"| {' '.join(name)} | {len(found)} | {labels.size} | {int(labels.sum())} | {auc(labels, chances):.3f} "
            f"| {lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f}) "
            f"| {within.value:+.3f} ({within.low:+.3f} to {within.high:+.3f}) "
            f"| {expected_calibration_error(labels, chances):.3f} | {ratio.value:.2f} |"
        )


if __name__ == "__main__":
    main()
