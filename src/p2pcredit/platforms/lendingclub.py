"""LendingClub's public download, in both its layouts, as feeds.

`LoanStats` files have a note line above the header, every field quoted and `10.65%`; `accepted` files start with the
header, quote where needed and write `10.65`. Both publish months: a loan's origination day is spread inside its month
by its id. Values land as they stand; only dates become ISO dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.errors import UsageError
from p2pcredit.periods import DateRange, add_months, month_end, month_start
from p2pcredit.platforms.calendar_months import day_in_month, month_of_text, stable_numbers
from p2pcredit.platforms.lendingclub_events import EVENT_COLUMNS, last_month_seen, rebuild_events
from p2pcredit.platforms.raw_book import EARLIEST_ORIGINATION, RawBook, join_books, ordered_feeds
from p2pcredit.platforms.raw_files import SUMMARY_REASON, RawTable, read_columns, read_in_parts

NAME = "lendingclub"
_NEEDED = ("id", "loan_amnt", "term", "issue_d", "loan_status", "last_pymnt_d")
LAYOUTS = {
    "LoanStats": _NEEDED,
    "accepted": (*_NEEDED, "fico_range_low", "fico_range_high"),
}
_SUMMARY = "Total amount funded"
SLIP_MONTHS = 24
"""An issue month so long after all payments and credit pulls of the file is a slip of the pen."""

COLUMNS: dict[str, dict[str, str]] = {
    "loan_terms": {
        "loan_amount": "loan_amnt",
        "term": "term",
        "interest_rate": "int_rate",
        "installment": "installment",
        "grade": "grade",
        "sub_grade": "sub_grade",
        "purpose": "purpose",
        "title": "title",
        "description": "desc",
        "application_type": "application_type",
    },
    "demographic": {
        "employment_title": "emp_title",
        "employment_length": "emp_length",
        "home_ownership": "home_ownership",
        "state": "addr_state",
        "zip3": "zip_code",
    },
    "financial": {
        "annual_income": "annual_inc",
        "income_verification": "verification_status",
        "debt_to_income": "dti",
        "revolving_balance": "revol_bal",
        "revolving_utilisation": "revol_util",
        "total_current_balance": "tot_cur_bal",
        "bankcard_utilisation": "bc_util",
        "bankcard_open_to_buy": "bc_open_to_buy",
        "revolving_limit": "total_rev_hi_lim",
        "average_current_balance": "avg_cur_bal",
        "collections_owed": "tot_coll_amt",
    },
    "credit_history": {
        "earliest_credit_line": "earliest_cr_line",
        "fico_low": "fico_range_low",
        "fico_high": "fico_range_high",
        "delinquencies_2y_count": "delinq_2yrs",
        "inquiries_6m_count": "inq_last_6mths",
        "months_since_delinquency": "mths_since_last_delinq",
        "months_since_record": "mths_since_last_record",
        "open_accounts_count": "open_acc",
        "public_records_count": "pub_rec",
        "total_accounts_count": "total_acc",
        "bankruptcies_count": "pub_rec_bankruptcies",
        "tax_liens_count": "tax_liens",
        "collections_12m_count": "collections_12_mths_ex_med",
        "mortgage_accounts_count": "mort_acc",
        "accounts_opened_24m_count": "acc_open_past_24mths",
        "inquiries_12m_count": "inq_last_12m",
        "months_since_inquiry": "mths_since_recent_inq",
        "months_since_newest_account": "mo_sin_rcnt_tl",
        "months_since_major_derogatory": "mths_since_last_major_derog",
        "accounts_ever_120_days_count": "num_accts_ever_120_pd",
        "accounts_never_late": "pct_tl_nvr_dlq",
        "bankcards_nearly_full": "percent_bc_gt_75",
    },
}
"""Per feed: its column -> LendingClub's. Columns that exist only after origination are in no application feed."""

AFTER_ORIGINATION: dict[str, str] = {
    "loan_status": "how the loan stands",
    "total_pymnt": "payments",
    "total_rec_": "payments",
    "last_pymnt_": "payments",
    "next_pymnt_": "payments",
    "pymnt_plan": "payments",
    "out_prncp": "what is still owed",
    "recoveries": "money recovered after charge-off",
    "collection_recovery_fee": "money recovered after charge-off",
    "last_credit_pull_d": "the bureau was asked again later",
    "last_fico_": "the bureau was asked again later",
    "hardship_": "a hardship plan",
    "deferral_term": "a hardship plan",
    "payment_plan_": "a hardship plan",
    "orig_projected_": "a hardship plan",
    "settlement_": "a settlement",
    "debt_settlement_": "a settlement",
}
"""First letters of a column -> what it tells that nobody knew at application."""


def known_after_origination(column: str) -> str | None:
    """What a raw column tells that exists only after origination; None where it does not.

    Examples:
        >>> known_after_origination("total_rec_prncp"), known_after_origination("annual_inc")
        ('payments', None)
    """
    return next((what for start, what in AFTER_ORIGINATION.items() if column.startswith(start)), None)


class LendingClub:
    """The profile of LendingClub."""

    name = NAME

    def parts(self, files: Sequence[Path], first: date | None, last: date | None) -> Iterator[RawBook]:
        """Which feeds do these downloads hold, part by part?

        Args:
            files: One or more downloads: CSV, plain or gzip, or Parquet.
            first, last: Not needed here; the caller cuts the book.

        Raises:
            UsageError: Without files.
            UnreadableFileError, HeaderError: Where a file cannot be used.
        """
        if not files:
            raise UsageError(f"landing {NAME} needs the platform's download; give at least one file")
        wanted = dict.fromkeys(
            ["id", "issue_d", *(source for feed in COLUMNS.values() for source in feed.values()), *EVENT_COLUMNS]
        )
        for path in files:
            yield from read_in_parts(
                path, LAYOUTS, wanted, screen=_screen, learn=_months_of, build=_build, is_summary=_is_summary
            )

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """The same as one book in memory."""
        return join_books(list(self.parts(files, first, last)))

    def columns(self, file: Path) -> pl.DataFrame:
        """Every column of a download as text, those too that no feed takes; records of another shape are left out."""
        return read_columns(file, LAYOUTS)


def _is_summary(text: str) -> bool:
    return text.startswith(_SUMMARY)


def _screen(table: RawTable) -> RawTable:
    """Without the rows that are no loans, or whose month of issue cannot be told."""
    table = table.reject(pl.col("id").str.starts_with(_SUMMARY), pl.lit(SUMMARY_REASON))
    table = table.reject(pl.col("id").is_null(), pl.lit("no id"))
    table = table.reject(
        month_of_text("issue_d").is_null(), pl.format("unreadable issue_d '{}'", pl.col("issue_d").fill_null(""))
    )
    early = month_of_text("issue_d") < EARLIEST_ORIGINATION
    return table.reject(early, pl.format(f"issue_d '{{}}' lies before {EARLIEST_ORIGINATION.year}", "issue_d"))


def _months_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Per month of issue (`month`): first and last day of origination, and the last month `seen` in any of its rows."""
    originated = pl.col("originated")
    return (
        _with_origination(rows)
        .group_by(month_of_text("issue_d").alias("month"))
        .agg(originated.min().alias("first"), originated.max().alias("last"), last_month_seen().alias("seen"))
    )


def _build(table: RawTable, months_of_parts: Sequence[pl.DataFrame]) -> RawBook:
    """The book of a part of a file, of all parts of which `_months_of` was learned."""
    months = pl.concat(months_of_parts)
    seen = months["seen"].max()
    if isinstance(seen, date):
        latest = add_months(seen, SLIP_MONTHS)
        months = months.filter(pl.col("month") <= latest)
        text = f"issue_d '{{}}' lies years after {seen:%b-%Y}, the last month in which anything was paid or looked up"
        table = table.reject(month_of_text("issue_d") > latest, pl.format(text, "issue_d"))
    covered = _months_covered(months)
    rows = _with_origination(table.rows)
    feeds = {name: rows.select(*_keys(), *_values(columns)) for name, columns in COLUMNS.items()}
    feeds["loan_performance"] = rebuild_events(rows, covered.last if covered else None)
    origins = rows.select(pl.lit(table.file).alias("file"), "row_number", pl.col("originated").alias("snapshot_date"))
    return RawBook(table.rows_in, ordered_feeds(feeds), table.rejected, origins, covered=covered)


def _months_covered(months: pl.DataFrame) -> DateRange | None:
    """From the first month of issue to the end of the latest month in the file: until then its statuses speak."""
    first, last, seen = months["first"].min(), months["last"].max(), months["seen"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return None
    return DateRange(month_start(first), month_end(max(seen, last) if isinstance(seen, date) else last))


def _with_origination(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `loan_id` and `originated`, the exact day inside the month of issue."""
    month = month_of_text("issue_d")
    ids = rows["id"].str.strip_chars()
    place = pl.lit(stable_numbers(ids)) % month.dt.days_in_month().cast(pl.UInt64)
    return rows.with_columns(
        pl.lit(ids).alias("loan_id"), day_in_month(month, place.cast(pl.Int8) + 1).alias("originated")
    )


def _keys() -> list[pl.Expr]:
    originated = pl.col("originated")
    return [originated.alias("snapshot_date"), pl.col("loan_id"), originated.cast(pl.String).alias("origination_date")]


def _values(columns: dict[str, str]) -> list[pl.Expr]:
    changed = {
        "zip_code": pl.col("zip_code").str.strip_chars().str.replace(r"[xX]+$", ""),
        "earliest_cr_line": pl.coalesce(month_of_text("earliest_cr_line").cast(pl.String), "earliest_cr_line"),
    }
    return [changed.get(source, pl.col(source)).alias(name) for name, source in columns.items()]


__all__ = ["COLUMNS", "LAYOUTS", "NAME", "LendingClub", "known_after_origination"]
