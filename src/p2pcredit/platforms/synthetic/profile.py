"""A synthetic portfolio as feeds, and as a raw file that lands like any platform's download."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, LOAN_PERFORMANCE
from p2pcredit.errors import UsageError
from p2pcredit.platforms.decided import DecidedApplications
from p2pcredit.platforms.downloads import read_columns, read_in_parts
from p2pcredit.platforms.loan_book import REJECTED_SCHEMA, RawBook, join_books, ordered_feeds
from p2pcredit.platforms.loan_ids import LoanIds
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.platforms.synthetic.applications import decided_applications, of_the_declined
from p2pcredit.platforms.synthetic.events import simulate_events
from p2pcredit.platforms.synthetic.loans import HOMES, PURPOSES, STATES, Draw, SyntheticSettings, draw_loans

NAME = "synthetic"
_COLUMNS = tuple(dict.fromkeys(source for feed in APPLICATION_FEEDS for source in feed.sources))
_EVENT_FIELDS = ("event_date", "status", "days_past_due", "principal_outstanding", "amount_received")
"""What the raw file holds of an event, in their order; none of its events is rebuilt."""
_LAYOUTS = {"synthetic": ("loan_id", "origination_date", "loan_amount", "term", "events")}
_GRADE_LEVELS = 35
_ORIGINATED = pl.col("origination_date").str.to_date("%Y-%m-%d", strict=False)


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The profile of synthetic portfolios: drawn from a seed, or read from what `write_raw` wrote."""

    settings: SyntheticSettings = field(default_factory=SyntheticSettings)

    @property
    def name(self) -> str:
        """The platform's name."""
        return NAME

    @property
    def remedies(self) -> dict[str, str]:
        """Nothing: what it reads, it wrote."""
        return {}

    @property
    def expected(self) -> dict[tuple[str, str], str]:
        """Nothing: what it reads, it wrote."""
        return {}

    @property
    def read_on(self) -> date | None:
        """No day: the portfolio is drawn up to the last day asked for."""
        return None

    def parts(self, files: Sequence[Path], first: date | None, last: date | None) -> Iterator[RawBook]:
        """Open the feeds of the portfolio, part by part.

        Args:
            files: What `write_raw` wrote; empty to draw the portfolio now.
            first, last: Where it is drawn now, its first and last day; None for those of the settings.

        Raises:
            UsageError: If the days make no range.
            UnreadableFileError, HeaderError: Where a file cannot be used.
        """
        if not files:
            yield generate(replace(self.settings, first=first or self.settings.first, last=last or self.settings.last))
        ids = LoanIds("loan_id")
        for path in files:
            yield from read_in_parts(
                path,
                _LAYOUTS,
                (*_COLUMNS, "events"),
                ids=ids,
                screen=partial(_screen, ids),
                learn=lambda rows: None,
                conclude=lambda parts: None,
                build=_build,
            )

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """Make the portfolio as one book in memory."""
        parts = list(self.parts(files, first, last))
        return join_books(parts) if files else parts[0]

    def decided(self, files: Sequence[Path], first: date | None, last: date | None) -> DecidedApplications:
        """Draw the applications of the portfolio; those approved are its loans.

        Args:
            files: None: applications are drawn only.
            first, last: Their first and last day; None for those of the settings.

        Raises:
            UsageError: If files are given, or the days make no range.
        """
        if files:
            raise UsageError("applications of the synthetic portfolio are drawn; give no file")
        settings = replace(self.settings, first=first or self.settings.first, last=last or self.settings.last)
        return DecidedApplications.of(draw_applications(settings))

    def columns(self, file: Path) -> pl.DataFrame:
        """Read every column of what `write_raw` wrote as text; records of another shape are left out."""
        return read_columns(file, _LAYOUTS, id_column="loan_id")


def synthetic(today: date | None = None) -> Synthetic:
    """Make the profile of a portfolio with the settings as they come, whatever the day of the landing."""
    return Synthetic()


def generate(settings: SyntheticSettings) -> RawBook:
    """Draw the loans and servicing events of the portfolio of these settings.

    Laws: equal settings give equal books; a later `last` only adds rows.
    """
    draw = draw_loans(settings)
    loans = _application(draw)
    feeds = {feed.name: loans.select("snapshot_date", *feed.sources) for feed in APPLICATION_FEEDS}
    feeds[LOAN_PERFORMANCE.name] = simulate_events(draw, loans["loan_id"], settings)
    origins = loans.select(
        pl.lit(NAME).alias("file"), pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row_number"), "snapshot_date"
    )
    recipe = {key: value for key, value in asdict(settings).items() if key != "last"}
    rejected = pl.DataFrame(schema=REJECTED_SCHEMA)
    text = json.dumps(recipe, sort_keys=True, default=str)
    return RawBook(loans.height, ordered_feeds(feeds), rejected, origins, text)


def draw_applications(settings: SyntheticSettings) -> pl.DataFrame:
    """Draw applications: each loan of the portfolio as one approved, and others declined or withdrawn.

    In them to be found: declined applicants are riskier; a few of the riskiest were approved against the policy, a few
    of the safest declined against it, and some of the riskiest approved by lot.

    Returns:
        `snapshot_date` and the columns of the feed as text.
    """
    return decided_applications(
        draw_loans(settings), draw_loans(of_the_declined(settings)), settings.seed, applicants=_application
    )


def write_raw(path: Path, settings: SyntheticSettings) -> int:
    """Write the portfolio as a raw CSV file, one row per loan with its events in one field; gzip where `path` says so.

    Returns:
        How many loans were written.
    """
    book = generate(settings)
    events = (
        book.feeds[LOAN_PERFORMANCE.name]
        .select("loan_id", pl.concat_str(_EVENT_FIELDS, separator=":").alias("events"))
        .group_by("loan_id", maintain_order=True)
        .agg(pl.col("events").str.join(";"))
    )
    loans = book.feeds[APPLICATION_FEEDS[0].name]
    for feed in APPLICATION_FEEDS[1:]:
        loans = loans.join(book.feeds[feed.name].drop("snapshot_date", "origination_date"), on="loan_id", how="left")
    raw = loans.join(events, on="loan_id", how="left").select(*_COLUMNS, "events").write_csv().encode()
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
    return loans.height


def _application(draw: Draw) -> pl.DataFrame:
    value = {name: pl.Series(name, column) for name, column in draw.columns.items()}
    day = pl.Series("snapshot_date", draw.originated).cast(pl.Date)
    whole = {name: series.cast(pl.Int64).cast(pl.String) for name, series in value.items()}
    grade = _sub_grades(draw)
    rate = 5.5 + 0.55 * grade + 1.2 * (draw.columns["term"] == 60)
    monthly = rate / 1200
    instalment = draw.columns["amount"] * monthly / (1 - (1 + monthly) ** -draw.columns["term"])
    first_line = draw.originated.astype("datetime64[M]") - draw.columns["credit_age"].astype("timedelta64[M]")
    names = np.array([f"{letter}{number}" for letter in "ABCDEFG" for number in range(1, 6)])
    years = np.array(["< 1 year", "1 year", *(f"{year} years" for year in range(2, 10)), "10+ years"])
    delinquent = value["delinquencies"] > 0
    columns: dict[str, pl.Series] = {
        "loan_id": _loan_ids(day, draw),
        "origination_date": day.cast(pl.String),
        "loan_amount": whole["amount"],
        "term": whole["term"] + " months",
        "interest_rate": pl.Series(rate).round(2).cast(pl.String) + "%",
        "installment": pl.Series(instalment).round(2).cast(pl.String),
        "payments": pl.Series(["SCHEDULED"]).new_from_index(0, len(day)),
        "grade": pl.Series(names[grade]).str.slice(0, 1),
        "sub_grade": pl.Series(names[grade]),
        "purpose": _pick(PURPOSES, draw.columns["purpose"]),
        "application_type": pl.Series(["INDIVIDUAL"]).new_from_index(0, len(day)),
        "employment_length": pl.Series(years[draw.columns["employment"].astype(np.int64)]),
        "home_ownership": _pick(HOMES, draw.columns["home"]),
        "state": _pick(STATES, draw.columns["state"]),
        "zip3": whole["zip3"],
        "annual_income": whole["income"],
        "income_verification": _pick(("Not Verified", "Source Verified", "Verified"), draw.columns["verified"]),
        "debt_to_income": value["debt_to_income"].round(2).cast(pl.String),
        "revolving_balance": (value["limit"] * value["utilisation"] / 100).round(0).cast(pl.Int64).cast(pl.String),
        "revolving_utilisation": value["utilisation"].round(1).cast(pl.String) + "%",
        "earliest_credit_line": pl.Series(first_line.astype("datetime64[D]")).cast(pl.Date).cast(pl.String),
        "fico_low": whole["fico"],
        "fico_high": (value["fico"] + 4).cast(pl.Int64).cast(pl.String),
        "delinquencies_2y_count": whole["delinquencies"],
        "inquiries_6m_count": whole["inquiries"],
        "months_since_delinquency": whole["months_since_delinquency"].set(~delinquent, None),
        "open_accounts_count": whole["open_accounts"],
        "public_records_count": whole["public_records"],
        "total_accounts_count": (value["open_accounts"] + value["more_accounts"]).cast(pl.Int64).cast(pl.String),
        "mortgage_accounts_count": whole["mortgages"],
        "accounts_opened_24m_count": whole["opened_24m"],
    }
    absent = {name: pl.Series([None], dtype=pl.String).new_from_index(0, len(day)) for name in _COLUMNS}
    return pl.DataFrame({"snapshot_date": day, **absent, **columns})


def _sub_grades(draw: Draw) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Draw the platform's own grade, 0 (A1) to 34 (G5): the true risk seen through much noise."""
    place = np.round((draw.seen_risk + 2.6) / 5.2 * (_GRADE_LEVELS - 1))
    return np.clip(place, 0, _GRADE_LEVELS - 1).astype(np.int64)


def _loan_ids(day: pl.Series, draw: Draw) -> pl.Series:
    place = pl.Series(draw.place).cast(pl.String).str.zfill(4)
    return ("S" + day.dt.strftime("%Y%m%d") + place).alias("loan_id")


def _pick(names: Sequence[str], places: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pl.Series:
    return pl.Series(np.array(names)[places.astype(np.int64)])


def _screen(ids: LoanIds, table: RawTable) -> RawTable:
    originated = pl.col("origination_date")
    return ids.screen(table).reject(_ORIGINATED.is_null(), "unreadable origination_date", value=originated)


def _build(table: RawTable, _: None) -> RawBook:
    rows = table.rows.with_columns(_ORIGINATED.alias("snapshot_date"))
    feeds = {feed.name: rows.select("snapshot_date", *feed.sources) for feed in APPLICATION_FEEDS}
    feeds[LOAN_PERFORMANCE.name] = _unpack_events(rows)
    origins = rows.select(pl.lit(table.file).alias("file"), "row_number", "snapshot_date")
    return RawBook(table.rows_in, ordered_feeds(feeds), table.rejected, origins)


def _unpack_events(rows: pl.DataFrame) -> pl.DataFrame:
    """Split texts into one row per event; raw text that is no event gets the origination day, to be quarantined."""
    events = rows.filter(pl.col("events").is_not_null()).select(
        "loan_id", "origination_date", pl.col("snapshot_date").alias("originated"), pl.col("events").str.split(";")
    )
    parts = events.explode("events", empty_as_null=False, keep_nulls=False).with_columns(
        pl.col("events").str.split(":").alias("parts")
    )
    day = pl.col("parts").list.get(0, null_on_oob=True).str.to_date("%Y-%m-%d", strict=False)
    sound = day.is_not_null() & (pl.col("parts").list.len() == len(_EVENT_FIELDS))
    fields = [
        pl.when(sound).then(pl.col("parts").list.get(place, null_on_oob=True)).alias(name)
        for place, name in enumerate(_EVENT_FIELDS)
    ]
    read = parts.with_columns(pl.when(sound).then(day).otherwise("originated").alias("snapshot_date"), *fields)
    return read.with_columns(
        pl.when(sound).then("event_date").otherwise("origination_date").alias("event_date"),
        pl.when(sound).then("status").otherwise("events").alias("status"),
        pl.when(sound).then(pl.lit("no")).alias("rebuilt"),
    ).select("snapshot_date", "loan_id", *_EVENT_FIELDS, "rebuilt")


__all__ = ["NAME", "Synthetic", "draw_applications", "generate", "synthetic", "write_raw"]
