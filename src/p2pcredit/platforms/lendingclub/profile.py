"""LendingClub's public download, in both its layouts and as its copies are written, as feeds.

`LoanStats` files have a note line above the header, every field quoted and `10.65%`; `accepted` files start with the
header, quote where needed and write `10.65`. Both publish months: a loan's origination day is spread inside its month
by its id. Values land as they stand; only dates become ISO dates, numbers lose signs of currency and of thousands, and
a joint application has the income, debts and verification of the household.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import MOST_YEARS_OF_CREDIT
from p2pcredit.errors import UnreadableFileError, UsageError
from p2pcredit.periods import DateRange, add_months, month_end
from p2pcredit.platforms.downloads import SUMMARY_REASON, read_columns, read_in_parts
from p2pcredit.platforms.lendingclub.columns import ALWAYS_GIVEN, COLUMNS, LAYOUTS, known_after_origination
from p2pcredit.platforms.lendingclub.events import EVENT_COLUMNS, SEEN_COLUMNS, rebuild_events
from p2pcredit.platforms.lendingclub.month_formats import MonthTexts, month_text, years_of
from p2pcredit.platforms.lendingclub.months import day_in_month, month_of_text, stable_numbers
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION, RawBook, join_books, ordered_feeds
from p2pcredit.platforms.loan_ids import LoanIds
from p2pcredit.platforms.missing_signs import first_given, is_blank
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, Dialect
from p2pcredit.readers.localized_numbers import misread_number, plain_number

NAME = "lendingclub"
_SUMMARY = "Total amount funded"
_DIALECT = Dialect(ANY_SEPARATOR)
_JOINT = {"annual_inc": "annual_inc_joint", "dti": "dti_joint", "verification_status": "verification_status_joint"}
"""What a column says of the first applicant -> of the household, on a joint application."""
_NUMBERS = frozenset({"loan_amnt", "installment", "annual_inc", "dti", "revol_bal", "tot_cur_bal", "bc_open_to_buy"})
_NUMBERS |= {"total_rev_hi_lim", "avg_cur_bal", "tot_coll_amt", "funded_amnt", "total_rec_prncp", "out_prncp"}
_NUMBERS |= {"total_rec_int", "total_rec_late_fee", "recoveries"}
_NUMBERS |= {"last_pymnt_amnt", "int_rate", "revol_util", "annual_inc_joint", "dti_joint"}
"""Amounts and shares: a spreadsheet groups thousands, or writes a decimal comma."""
_ISSUED_AS = "the file writes months such as Dec-2011; save the column issue_d so"
SLIP_MONTHS = 24
"""An issue month so long after all payments and credit pulls of the file is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class LendingClub:
    """The profile of LendingClub.

    `today`: the day of the landing: a later month of a payment cannot be read. None where none is too late.
    """

    today: date | None = None

    @property
    def name(self) -> str:
        """The platform."""
        return NAME

    @property
    def remedies(self) -> dict[str, str]:
        """Column of a feed -> how the platform writes it."""
        return {
            "loan_amount": "the column loan_amnt holds numbers such as 24000 or 24,000.00",
            "term": "the column term holds months such as ' 36 months'",
            "earliest_credit_line": "the column earliest_cr_line holds months such as Dec-2001, none of them after the "
            f"loan or more than {MOST_YEARS_OF_CREDIT} years before it",
            "status": "the column loan_status holds the platform's own words",
            "event_date": "without the month of the last payment, what became of a loan is unknown; the column "
            "last_pymnt_d holds months such as Dec-2011, none of them in the future",
        }

    @property
    def expected(self) -> dict[tuple[str, str], str]:
        """The columns that the platform filled in all its years."""
        return {
            (feed, column): raw for feed, own in COLUMNS.items() for column, raw in own.items() if raw in ALWAYS_GIVEN
        }

    @property
    def read_on(self) -> date | None:
        """No day of its own: the statuses speak of the latest month in the file."""
        return None

    def parts(self, files: Sequence[Path], first: date | None, last: date | None) -> Iterator[RawBook]:
        """Open the feeds of these downloads, part by part.

        Args:
            files: One or more downloads: CSV, plain or gzip, or Parquet.
            first, last: Not needed here; the caller cuts the book.

        Raises:
            UsageError: Without files.
            UnreadableFileError, HeaderError: Where a file cannot be used.
        """
        if not files:
            raise UsageError(f"landing {NAME} needs the platform's download; give at least one file")
        sources = (source for feed in COLUMNS.values() for source in feed.values())
        wanted = dict.fromkeys(["id", "issue_d", *sources, *_JOINT.values(), *EVENT_COLUMNS])
        ids = LoanIds("id")
        for path in files:
            yield from read_in_parts(
                path,
                LAYOUTS,
                wanted,
                ids=ids,
                screen=partial(_screen, ids),
                learn=_months_of,
                conclude=partial(_conclude, path, self.today),
                build=_build,
                is_summary=_is_summary,
                dialect=_DIALECT,
            )

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """Read the files into one book in memory."""
        return join_books(list(self.parts(files, first, last)))

    def columns(self, file: Path) -> pl.DataFrame:
        """Read every column of a download as text, those too that no feed takes; leave out records of another shape."""
        return read_columns(file, LAYOUTS, _DIALECT, id_column="id")


def _is_summary(text: str) -> bool:
    return text.startswith(_SUMMARY)


def _screen(ids: LoanIds, table: RawTable) -> RawTable:
    """Reject rows that are no loans, or whose month of issue cannot be read."""
    issued = pl.col("issue_d")
    table = table.reject(pl.col("id").str.starts_with(_SUMMARY), SUMMARY_REASON, value=pl.col("id"))
    table = ids.screen(table)
    table = table.reject(
        is_blank(issued),
        "no issue_d",
        value=issued,
        remedy="fill the column issue_d with the month of issue, such as Dec-2011",
    )
    years = years_of(table.rows["issue_d"])
    table = table.reject(
        ~issued.is_in(list(years)),
        "unreadable issue_d",
        reason=pl.format("unreadable issue_d '{}'", issued),
        value=issued,
        remedy=_ISSUED_AS,
    )
    early = [text for text, year in years.items() if year < EARLIEST_ORIGINATION.year]
    kind = f"issue_d lies before {EARLIEST_ORIGINATION.year}"
    reason = pl.format(f"issue_d '{{}}' lies before {EARLIEST_ORIGINATION.year}", issued)
    return table.reject(issued.is_in(early), kind, reason=reason, value=issued, remedy=_ISSUED_AS)


def _months_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Collect the distinct months of issue, with the distinct other months beside each, all as text."""
    seen = [pl.col(name).unique().alias(name) for name in SEEN_COLUMNS]
    return rows.group_by("issue_d").agg(seen)


@dataclass(frozen=True, slots=True)
class _FileMonths:
    """What a whole file says about months.

    Args:
        texts: How they are written.
        issued: Month of issue as written -> its first day.
        seen: The latest month in which anything was paid or looked up; None where nothing was.
        covered: From the first month of issue to the end of the latest month: until then its statuses speak.
        today: The day after which no month can be of a payment; None where none is too late.
    """

    texts: MonthTexts
    issued: dict[str, date]
    seen: date | None
    covered: DateRange | None
    today: date | None

    @property
    def latest(self) -> date | None:
        """The month after which a month of issue is a slip of the pen."""
        return None if self.seen is None else add_months(self.seen, SLIP_MONTHS)


def _conclude(path: Path, today: date | None, parts: Sequence[pl.DataFrame]) -> _FileMonths:
    found = pl.concat(parts)
    texts = MonthTexts.of_file(path, found["issue_d"].unique().drop_nulls())
    issued: dict[str, date] = {}
    seen_with: dict[str, date] = {}
    read: dict[str, date | None] = {}
    for text, *lists in found.iter_rows():
        month = texts.month(text)
        if month is None:
            continue
        issued[text] = month[0]
        others = {other for several in lists for other in several if other is not None}
        read.update({other: _first_day(texts, other) for other in others - read.keys()})
        known = [day for other in others if (day := read[other]) is not None and (today is None or day <= today)]
        if known:
            seen_with[text] = max([*known, *([seen_with[text]] if text in seen_with else [])])
    seen = max(seen_with.values(), default=None)
    latest = None if seen is None else add_months(seen, SLIP_MONTHS)
    sound = {text: month for text, month in issued.items() if latest is None or month <= latest}
    if not sound:
        return _FileMonths(texts, issued, seen, None, today)
    last = max([*sound.values(), *(day for text, day in seen_with.items() if text in sound)])
    return _FileMonths(texts, issued, seen, DateRange(min(sound.values()), month_end(last)), today)


def _first_day(texts: MonthTexts, text: str) -> date | None:
    found = texts.month(text)
    return None if found is None else found[0]


def _build(table: RawTable, months: _FileMonths) -> RawBook:
    """Make the book of a part of a file of which `months` is known."""
    issued = pl.col("issue_d").replace_strict(months.issued, default=None, return_dtype=pl.Date)
    if months.seen is not None:
        why = f"lies years after {month_text(months.seen)}, the last month in which anything was paid or looked up"
        table = table.reject(
            issued > months.latest,
            f"issue_d {why}",
            reason=pl.format(f"issue_d '{{}}' {why}", "issue_d"),
            value=pl.col("issue_d"),
            remedy=_ISSUED_AS,
        )
    rows = months.texts.plain(table.rows, ("issue_d", *SEEN_COLUMNS))
    rows = months.texts.plain_past(rows, "earliest_cr_line", month_of_text("issue_d"))
    rows = _with_origination(_with_plain_amounts(replace(table, rows=rows)))
    feeds = {name: rows.select(*_keys(), *_values(columns)) for name, columns in COLUMNS.items()}
    feeds["loan_terms"] = feeds["loan_terms"].with_columns(rows.select(_payments()).to_series())
    feeds["loan_performance"] = rebuild_events(rows, months.covered.last if months.covered else None, months.today)
    origins = rows.select(pl.lit(table.file).alias("file"), "row_number", pl.col("originated").alias("snapshot_date"))
    return RawBook(table.rows_in, ordered_feeds(feeds), table.rejected, origins, covered=months.covered)


def _with_plain_amounts(table: RawTable) -> pl.DataFrame:
    """Rewrite amounts with signs of thousands or of currency, such as `24,000.00`, as `24000.00`."""
    rows = table.rows
    marked = [name for name in sorted(_NUMBERS - table.numbers) if rows[name].str.contains_any([",", "$"]).any()]
    for name in marked:
        odd = rows[name].drop_nulls().to_frame().filter(misread_number(pl.col(name), "."))
        if 2 * odd.height > rows[name].count():
            raise UnreadableFileError(
                f"{table.file} has '{odd.item(0, 0)}' in the column {name}, which is no number with a decimal point; "
                "save it with decimal points, or write a mapping with 'file: {decimal: \",\"}' and land with that"
            )
    return rows.with_columns(plain_number(pl.col(name), ".").alias(name) for name in marked)


def _with_origination(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `loan_id` and `originated`, the exact day inside the month of issue."""
    month = month_of_text("issue_d")
    ids = rows["id"].str.strip_chars()
    place = pl.lit(stable_numbers(ids)) % month.dt.days_in_month().cast(pl.UInt64)
    return rows.with_columns(
        pl.lit(ids).alias("loan_id"), day_in_month(month, place.cast(pl.Int8) + 1).alias("originated")
    )


def _payments() -> pl.Expr:
    """Say how payments are known: SCHEDULED where the file has the totals of a loan, since it has no payment alone."""
    total = pl.col("total_rec_prncp").str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(total >= 0).then(pl.lit("SCHEDULED")).alias("payments")


def _keys() -> list[pl.Expr]:
    originated = pl.col("originated")
    return [originated.alias("snapshot_date"), pl.col("loan_id"), originated.cast(pl.String).alias("origination_date")]


def _values(columns: dict[str, str]) -> list[pl.Expr]:
    joint = _has_household()
    changed = {
        "zip_code": pl.col("zip_code").str.strip_chars().str.replace(r"[xX]+$", ""),
        "earliest_cr_line": pl.coalesce(month_of_text("earliest_cr_line").cast(pl.String), "earliest_cr_line"),
        **{
            own: pl.when(joint).then(first_given([household, own])).otherwise(pl.col(own))
            for own, household in _JOINT.items()
        },
    }
    return [changed.get(source, pl.col(source)).alias(name) for name, source in columns.items()]


def _has_household() -> pl.Expr:
    """Mark the joint applications with figures of the household: those that say so, and those that say nothing else.

    An income of 0 is how a data frame writes a blank; its row says nothing of a household.
    """
    kind, income = pl.col("application_type"), pl.col("annual_inc_joint")
    said = kind.str.strip_chars().str.to_lowercase().str.starts_with("joint")
    joint = pl.when(is_blank(kind)).then(~is_blank(income)).otherwise(said)
    return joint & ~(income.str.strip_chars().cast(pl.Float64, strict=False) <= 0).fill_null(value=False)


__all__ = ["COLUMNS", "LAYOUTS", "NAME", "LendingClub", "known_after_origination"]
