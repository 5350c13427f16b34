"""The raw files that the benchmark works on: LendingClub's layout, of any size, from a real download or without one.

Loans are drawn with replacement, each under a new id and in a new month of issue, and every other date of a loan moves
with it: formats, gaps, texts and what became of the loans stay as they were. A file made so tells about speed and
nothing about quality, since a model meets the same loan again.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import polars as pl

from bench.public_shape import described_share, like_public
from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.platforms.lendingclub.profile import COLUMNS
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import generate

FIRST_MONTH, LAST_MONTH = date(2007, 6, 1), date(2018, 12, 1)
"""The months over which a file of any size is spread, as the public one is."""
STRETCHED_MONTHS = 120
LAYOUT_WIDTH = 145
PIECE = 100_000
"""So many loans are held at once."""
_MONTH = "%b-%Y"
_MOVED = ("last_pymnt_d", "earliest_cr_line")
_LAST_SEEN = "last_credit_pull_d"


def read_loans(download: Path | None) -> pl.DataFrame:
    """Read the loans to draw from, every column as text: those of a real download, else of a synthetic portfolio.

    Args:
        download: A `LoanStats` or `accepted` file, plain or gzip; None for synthetic loans in the same columns.
    """
    if download is None:
        return _synthetic_loans()
    with download.open("rb") as file, gzip.open(file) if download.suffix == ".gz" else file as stream:
        has_note = b"loan_amnt" not in stream.readline()
    loans = pl.read_csv(download, skip_rows=int(has_note), infer_schema=False, truncate_ragged_lines=True)
    return loans.filter(pl.col("loan_amnt").str.len_bytes() > 0, _month("issue_d").is_not_null())


def enlarge(loans: pl.DataFrame, rows: int, seed: int = 7, *, public_shape: bool = False) -> Iterator[pl.DataFrame]:
    """Draw so many loans with replacement, piece by piece; each month has more of them than the one before.

    Args:
        loans: The loans to draw from.
        rows: How many.
        seed: Of the draws.
        public_shape: Whether descriptions are as few, and later columns as full, as in the public file.
    """
    months = pl.date_range(FIRST_MONTH, LAST_MONTH, "1mo", eager=True)
    share = pl.int_range(1, months.len() + 1, eager=True).cast(pl.Float64) ** 2
    last = (share.cum_sum() / share.sum() * rows).round(0).cast(pl.Int64)
    described = described_share(loans, months, (share / share.sum()).to_list())
    for start in range(0, rows, PIECE):
        place = pl.int_range(start, min(start + PIECE, rows), eager=True)
        drawn = loans.sample(place.len(), with_replacement=True, shuffle=True, seed=seed + start)
        issued = months.gather(last.search_sorted(place, side="right"))
        moved = _moved(drawn, issued, first_id=start + 1)
        yield like_public(moved, issued, described, seed + start) if public_shape else moved


def stretch(loans: pl.DataFrame, months: int = STRETCHED_MONTHS) -> pl.DataFrame:
    """Spread the months of issue of the same loans, each once, over so many.

    What a loan lived through stays as long as it was. A month of the download becomes two or three: its loans are
    dealt to them in turn.
    """
    ordered = loans.sort(_month("issue_d"), maintain_order=True)
    issued = ordered.select(_month("issue_d")).to_series()
    place = issued.dt.year().cast(pl.Int64) * 12 + issued.dt.month().cast(pl.Int64)
    place = place - place.min()
    known = int(place.to_numpy().max()) + 1
    within = ordered.select(
        pl.int_range(pl.len()).over(_month("issue_d")) / pl.len().over(_month("issue_d"))
    ).to_series()
    target = ((place + within) * months / known).floor().cast(pl.Int64)
    every = pl.date_range(FIRST_MONTH, pl.lit(FIRST_MONTH).dt.offset_by(f"{months - 1}mo"), "1mo", eager=True)
    return _moved(ordered, every.gather(target))


def write_loans(pieces: Iterable[pl.DataFrame], path: Path) -> Path:
    """Write them as a raw file, quoted where needed, in place of an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    with fresh.open("wb") as file:
        for place, piece in enumerate(pieces):
            piece.write_csv(file, quote_style="necessary", include_header=place == 0)
    return fresh.replace(path)


def _moved(loans: pl.DataFrame, month: pl.Series, first_id: int = 1) -> pl.DataFrame:
    """Move the loans to other months of issue, under new ids, with their other dates moved as far."""
    before = _month("issue_d")
    after = pl.col("_month")
    shift = (
        (after.dt.year() - before.dt.year()) * 12 + after.dt.month().cast(pl.Int32) - before.dt.month().cast(pl.Int32)
    )
    moved = [_month(name).dt.offset_by(pl.format("{}mo", "_shift")).alias(name) for name in _MOVED]
    return (
        loans.with_columns(month.cast(pl.Date).alias("_month"))
        .with_columns(shift.alias("_shift"))
        .with_columns(*moved, after.alias("issue_d"), (pl.int_range(pl.len()) + first_id).cast(pl.String).alias("id"))
        .with_columns(pl.coalesce("last_pymnt_d", "issue_d").alias(_LAST_SEEN))
        .with_columns(pl.col("issue_d", _LAST_SEEN, *_MOVED).dt.strftime(_MONTH))
        .select(loans.columns)
    )


def _month(name: str) -> pl.Expr:
    return pl.format("01-{}", name).str.to_date(f"%d-{_MONTH}", strict=False)


def _synthetic_loans() -> pl.DataFrame:
    """Make a synthetic portfolio of the size of the public sample, written in LendingClub's columns."""
    book = generate(SyntheticSettings(FIRST_MONTH, date(2013, 12, 31), loans_per_day=16.0))
    feeds = book.feeds
    ended = pl.col("status").is_in(["FULLY_PAID", "CHARGED_OFF"])
    missed_to_charge_off = pl.col("event_date").str.to_date().dt.offset_by("-150d").dt.offset_by("-1mo")
    paid_off = pl.col("status") == "FULLY_PAID"
    ends = (
        feeds["loan_performance"]
        .filter(ended)
        .select(
            "loan_id",
            pl.when(paid_off).then(pl.lit("Fully Paid")).otherwise(pl.lit("Charged Off")).alias("loan_status"),
            pl.when(paid_off)
            .then(pl.col("event_date").str.to_date())
            .otherwise(missed_to_charge_off)
            .alias("last_pymnt_d"),
            pl.col("amount_received").alias("last_pymnt_amnt"),
        )
    )
    loans = feeds["loan_terms"].select("loan_id", "origination_date")
    for feed in APPLICATION_FEEDS:
        named = [pl.col(ours).alias(theirs) for ours, theirs in COLUMNS[feed.name].items()]
        loans = loans.join(feeds[feed.name].select("loan_id", *named), on="loan_id", how="left")
    loans = loans.join(ends, on="loan_id").with_columns(
        pl.col("origination_date").str.to_date().alias("issue_d"),
        pl.col("earliest_cr_line").str.to_date(),
        pl.col("loan_amnt").alias("funded_amnt"),
        pl.when(pl.col("loan_status") == "Fully Paid")
        .then("loan_amnt")
        .otherwise(pl.lit("0"))
        .alias("total_rec_prncp"),
        pl.lit("0").alias("out_prncp"),
        pl.col("loan_id").alias("id"),
    )
    loans = loans.with_columns(pl.max_horizontal("last_pymnt_d", "issue_d"))
    loans = loans.with_columns(pl.col("issue_d", "earliest_cr_line", "last_pymnt_d").dt.strftime(_MONTH))
    loans = loans.with_columns(pl.col("last_pymnt_d").alias(_LAST_SEEN)).drop("loan_id", "origination_date")
    lacking = [pl.lit(None, dtype=pl.String).alias(f"unused_{n}") for n in range(loans.width, LAYOUT_WIDTH)]
    return loans.with_columns(lacking)
