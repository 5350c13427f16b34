"""Read a file of applications as its mapping says: id, day and outcome of each, and what was known of the applicant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import OUTCOMES
from p2pcredit.errors import UsageError
from p2pcredit.platforms.decided import DecidedApplications
from p2pcredit.platforms.headers import open_raw
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.platforms.loan_ids import plain_ids
from p2pcredit.platforms.mapped.numbers import with_decimal
from p2pcredit.platforms.mapped.schema.applications import ApplicationsMapping
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.values import as_date, as_text, text_of
from p2pcredit.platforms.missing_signs import blanked, is_blank
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, Dialect
from p2pcredit.readers.csv.reader import read_small_file
from p2pcredit.text import LONGEST_EXAMPLE, one_line


def read_decided(mapping: PlatformMapping, files: Sequence[Path], today: date | None) -> DecidedApplications:
    """Read files of applications.

    Args:
        mapping: Whose `applications` say where each value stands.
        files: CSV, plain or gzip, or Parquet.
        today: A decision after this day cannot be read; None where none is too late.

    Raises:
        UsageError: If the mapping says nothing of applications.
        UnreadableFileError, HeaderError: Where a file cannot be used.
    """
    told = mapping.applications
    if told is None:
        raise UsageError(
            f"the mapping of {mapping.name} says nothing of applications; write 'applications: {{id: COLUMN, "
            "decided_on: COLUMN, outcome: {column: COLUMN, values: {funded: APPROVED, refused: DECLINED}}}'"
        )
    rejected: dict[str, tuple[int, str]] = {}
    frames = [_read_one(mapping, told, path, today, rejected) for path in files]
    return DecidedApplications.of(pl.concat(frames), rejected)


def _read_one(
    mapping: PlatformMapping,
    told: ApplicationsMapping,
    path: Path,
    today: date | None,
    rejected: dict[str, tuple[int, str]],
) -> pl.DataFrame:
    needed = tuple(dict.fromkeys([told.id, *told.decided_on.names, *told.outcome.names]))
    file = open_raw(path, {mapping.name: needed}, told.wanted, Dialect(ANY_SEPARATOR, mapping.file.encoding))
    text = read_small_file(file)
    text.require_whole(path)
    for misfit in text.malformed:
        _count(rejected, "a record with another number of fields than the header", 1, misfit.raw)
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in told.wanted if name not in text.frame.columns]
    rows = text.frame.with_columns(absent)
    signs = {name: set(mapping.file.missing) for name in told.wanted}
    for source in (told.decided_on, told.outcome, *told.columns.values()):
        for name in source.names:
            signs[name].update(source.missing)
    rows = blanked(rows, {name: found for name, found in signs.items() if found})
    rows = with_decimal(mapping.file.decimal, told.number_columns, rows)
    loan = told.columns.get("loan_id")
    for name in dict.fromkeys([told.id, *(loan.names if loan is not None else ())]):
        rows = rows.with_columns(plain_ids(rows[name]).alias(name))
    decided = as_date(told.decided_on)
    known = rows.select(
        decided.alias("snapshot_date"),
        text_of(told.decided_on).alias("_day"),
        decided.cast(pl.String).alias("decision_date"),
        pl.col(told.id).str.strip_chars().alias("application_id"),
        as_text(told.outcome, decided).str.strip_chars().str.to_uppercase().alias("outcome"),
        *(as_text(source, decided).alias(column) for column, source in told.columns.items()),
    )
    day, outcome = pl.col("snapshot_date"), pl.col("outcome")
    late = pl.lit(False) if today is None else day > today
    for reason, where, shown in (
        ("no application id", is_blank(pl.col("application_id")), "application_id"),
        ("the day of the decision cannot be read", day.is_null(), "_day"),
        (f"decided before {EARLIEST_ORIGINATION.year}", day < EARLIEST_ORIGINATION, "_day"),
        ("decided in the future", late, "_day"),
        ("an outcome that the mapping does not name", ~outcome.is_in(sorted(OUTCOMES)).fill_null(False), "outcome"),
    ):
        wrong = known.filter(where.fill_null(False))
        if wrong.height:
            _count(rejected, reason, wrong.height, wrong[shown][0] or "")
            known = known.filter(~where.fill_null(False))
    return known.drop("_day")


def _count(rejected: dict[str, tuple[int, str]], reason: str, number: int, example: str) -> None:
    before, first = rejected.get(reason, (0, one_line(example, LONGEST_EXAMPLE)))
    rejected[reason] = before + number, first


__all__ = ["read_decided"]
