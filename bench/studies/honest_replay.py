"""How good were the champions on the loans that they scored, each on its day? The tables of the README, in one command.

    .venv/bin/python bench/studies/honest_replay.py LoanStats.csv.gz --home loans --from 2007-06-01 --to 2010-12-31

lands the file, replays the days, lets the loans run to the end of their terms without scoring anything, and prints the
tables: default within the window, and default within the contract term. Without a file it reads a home where that was
done. Every probability is the one that was written on the loan's day by the model that was champion then; nothing knows
labels that came later.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, QUARANTINE
from p2pcredit.engines.local import collect
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.evaluation.calibration.ratios import (
    calibration_error_by_chance,
    calibration_error_interval,
    calibration_ratio,
)
from p2pcredit.models.evaluation.discrimination import auc_interval, paired_auc_difference
from p2pcredit.models.evaluation.intervals import Estimate
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts, paired_difference_within_cohorts
from p2pcredit.periods import add_months
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import labels_as_of
from p2pcredit.transforms.vintages import quarter_name

DAY = pl.col("snapshot_date")
HALF_YEAR = pl.format("{}H{}", DAY.dt.year(), (DAY.dt.month() > 6).cast(pl.Int8) + 1)
QUARTER = quarter_name(DAY)


def replay(file: Path, home: Path, first: date, last: date) -> None:
    """Land, replay, and let labels mature, with the commands that a user would give."""
    labels = load_settings(home).labels
    matured = add_months(last, max(labels.lifetime_terms_months)) + timedelta(days=labels.reporting_lag_days + 5)
    for command in (
        ["land", "lendingclub", file],
        ["replay", "--from", first, "--to", last],
        ["preprocess", "--from", last + timedelta(days=1), "--to", matured],
    ):
        words = [str(Path(sys.executable).with_name("p2pcredit")), *map(str, command), "--home", str(home)]
        print("$", *words[1:], file=sys.stderr, flush=True)
        subprocess.run(words, check=True, stdout=sys.stderr)


def scored_loans(home: Path) -> pl.DataFrame:
    """Read each scored loan with its probability, its label, its term and the rank of its sub-grade, oldest first."""
    lake = Lake(Layout(home))
    known = lake.frame(LABEL_STORE), lake.frame(QUARANTINE)
    labels = collect(labels_as_of(*known, date(9998, 1, 1), load_settings(home).labels))
    told = lake.scan(FEATURE_STORE).select("loan_id", "platform_sub_grade", "term_months").collect().unique("loan_id")
    given = lake.scan(PREDICTIONS).filter(pl.col("probability_of_default").is_not_null()).collect()
    scored = given.sort("snapshot_date", "loan_id").unique("loan_id", keep="first")
    loans = scored.join(labels.select("loan_id", "label"), on="loan_id").join(told, on="loan_id")
    rank = pl.col("platform_sub_grade").rank("dense").alias("sub_grade")
    return loans.filter(pl.col("platform_sub_grade").is_not_null()).with_columns(rank).sort("snapshot_date", "loan_id")


def rows(loans: pl.DataFrame, period: pl.Expr) -> list[tuple[str, pl.DataFrame]]:
    """List the rows of the tables: per champion, all, per term, per period of origination."""
    champions = [(str(key[0]), part) for key, part in loans.group_by("model_id", maintain_order=True)]
    terms = [(f"of {key[0]:.0f} months", part) for key, part in loans.sort("term_months").group_by("term_months")]
    periods = [(str(key[0]), part) for key, part in loans.group_by(period, maintain_order=True)]
    return [*champions, ("**all loans scored**", loans), *sorted(terms), *periods]


def ended_loans(home: Path, scored: pl.DataFrame) -> pl.DataFrame:
    """Keep the loans whose term is over, with `label` of default within it and the probability of that."""
    lake, settings = Lake(Layout(home)), load_settings(home)
    end = lake.scan(LABEL_STORE).select(pl.col("known_on").max()).collect().item()
    until = end - timedelta(days=settings.labels.reporting_lag_days)
    outcomes = TrainingSnapshot(lake, end, settings, None).lifetime_outcomes
    over = pl.col("origination_date").dt.offset_by(pl.format("{}mo", pl.col("term_months"))) <= until
    known = outcomes.filter(over & ~pl.col("unknown_outcome"))
    defaulted = (pl.col("defaulted_in_month") <= pl.col("term_months")).fill_null(value=False).cast(pl.Int8)
    chance = pl.col("lifetime_probability_of_default").alias("probability_of_default")
    ended = scored.drop("label").join(known.select("loan_id", defaulted.alias("label")), on="loan_id")
    return ended.with_columns(chance).sort("snapshot_date", "loan_id")


def ranking(name: str, loans: pl.DataFrame) -> str:
    """Write one row on how the loans were ranked."""
    labels, chances, grade = (loans[c].to_numpy() for c in ("label", "probability_of_default", "sub_grade"))
    own, theirs = auc_interval(labels, chances), auc_interval(labels, grade)
    span = f"{loans['snapshot_date'].min()!s} to {loans['snapshot_date'].max()!s}"
    return f"| {name} | {span} | {_compared(own, theirs, paired_auc_difference(labels, chances, grade))} |"


def within_cohorts(name: str, loans: pl.DataFrame) -> str:
    """Write one row on how pairs of loans of one quarter and term were ranked."""
    labels, chances, grade = (loans[c].to_numpy() for c in ("label", "probability_of_default", "sub_grade"))
    cohorts = loans.select(pl.format("{} {}", QUARTER, "term_months")).to_series().to_numpy()
    own, theirs = auc_within_cohorts(labels, chances, cohorts), auc_within_cohorts(labels, grade, cohorts)
    lead = paired_difference_within_cohorts(labels, chances, grade, cohorts)
    return f"| {name} | {_compared(own, theirs, lead)} |"


def _compared(own: Estimate, theirs: Estimate, lead: Estimate) -> str:
    platform = "-" if theirs.value is None else f"{theirs.value:.3f}"
    return f"{own.n:,} | {own.bads} | {_worded(own, '.3f')} | {platform} | {_worded(lead, '+.3f')}"


def level(name: str, loans: pl.DataFrame) -> str:
    """Write one row on whether the probabilities were right."""
    labels, chances = loans["label"].to_numpy(), loans["probability_of_default"].to_numpy()
    ratio, error = calibration_ratio(labels, chances), calibration_error_interval(labels, chances)
    by_chance = calibration_error_by_chance(chances) or 0.0
    means = f"{chances.mean():.3f} | {labels.mean():.3f}"
    return f"| {name} | {ratio.n:,} | {means} | {_worded(ratio, '.2f')} | {_worded(error, '.3f')} | {by_chance:.3f} |"


TABLES = {
    ranking: ("loans of", "loans", "bads", "AUC", "sub-grade", "difference"),
    within_cohorts: ("loans", "bads", "within quarter and term", "sub-grade", "difference"),
    level: ("loans", "expected", "observed", "observed / expected", "ECE", "by chance"),
}
"""What writes a row -> the columns after the champion's."""


def main() -> None:
    """Print the tables of both horizons in Markdown; all intervals are of 90%."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2007, 6, 1))
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=date(2010, 12, 31))
    asked = parser.parse_args()
    if asked.file is not None:
        replay(asked.file, asked.home, asked.first, asked.last)
    scored = scored_loans(asked.home)
    for horizon, loans, period in (
        ("Default within the window", scored, QUARTER),
        ("Default within the contract term", ended_loans(asked.home, scored), HALF_YEAR),
    ):
        print(f"\n{horizon}")
        found = rows(loans, period)
        for row, columns in TABLES.items():
            print(f"\n| champion | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|")
            print("\n".join(row(name, part) for name, part in found))


def _worded(found: Estimate, form: str) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "undetermined"
    return f"{found.value:{form}} ({found.low:{form}} to {found.high:{form}})"


if __name__ == "__main__":
    main()
