"""Read the groups that people belong to from a file that no model may read: one outside the home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.contracts.missing import MISSING_SIGNS
from p2pcredit.errors import SourceError, UsageError
from p2pcredit.platforms.headers import open_raw
from p2pcredit.platforms.loan_ids import plain_ids
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, Dialect
from p2pcredit.readers.csv.reader import read_small_file
from p2pcredit.storage.files import sha256_of_file, unmodified_during
from p2pcredit.storage.layout import Layout

KEYS = ("application_id", "loan_id")
MOST_GROUPS = 50
"""A column with more texts is no group but a name or number of each person."""


@dataclass(frozen=True, slots=True)
class GroupFile:
    """Groups of people.

    Args:
        key: `application_id` or `loan_id`: what the file names people by.
        rows: The key, and a column of groups each; null where not known.
        columns: The columns of groups, in the order of the file.
        sha256: Of the file.
    """

    key: str
    rows: pl.DataFrame
    columns: tuple[str, ...]
    sha256: str


def read_groups(layout: Layout, path: Path) -> GroupFile:
    """Read a CSV file, plain or gzip, or a Parquet file, of an id and one or more columns of groups.

    Raises:
        UsageError: If the file lies in the home, where jobs read; if a column bears the name of one that a feed has; if
            it has no id or no column of groups, or names a person twice.
        SourceError: If it cannot be read.
    """
    if not path.is_file():
        raise SourceError(f"there is no file {path}; check the path")
    if path.resolve().is_relative_to(layout.home.resolve()):
        raise UsageError(
            f"{path} lies in the home, where models are made; keep groups outside, where no job reads them"
        )
    with unmodified_during(path):
        digest = sha256_of_file(path)
        layouts = {key: (key,) for key in KEYS}
        text = read_small_file(open_raw(path, layouts, None, Dialect(ANY_SEPARATOR, "utf-8")))
        text.require_whole(path)
    if text.malformed:
        number = text.malformed[0].row_number
        raise SourceError(f"{path}: row {number} has another number of fields than the header; mend it")
    rows = text.frame.drop("row_number")
    key = next(name for name in KEYS if name in rows.columns)
    columns = tuple(name for name in rows.columns if name not in KEYS)
    if not columns:
        raise UsageError(f"{path} has no column of groups beside '{key}'; give one such as sex or age_band")
    sources = {column.source for feed in ALL_FEEDS.values() for column in feed.columns}
    if known := sorted(sources.intersection(columns)):
        raise UsageError(
            f"{path}: '{known[0]}' is a column of a feed, so that models may read it; the evidence pack shows the "
            "groups that the data hold, and this file is for those that they do not"
        )
    found = rows.select(plain_ids(rows[key]).alias(key), *(_group(name) for name in columns)).drop_nulls(key)
    twice = found.height - found[key].n_unique()
    if twice:
        raise UsageError(f"{path} names {twice} people more than once; give one row for each '{key}'")
    for name in columns:
        number = found[name].n_unique()
        if number > MOST_GROUPS:
            raise UsageError(f"{path}: '{name}' has {number} texts, more than {MOST_GROUPS} groups; cut it into bands")
    return GroupFile(key, found, columns, digest)


def _group(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(~text.str.to_lowercase().is_in(["", *sorted(MISSING_SIGNS)])).then(text).alias(name)


__all__ = ["KEYS", "GroupFile", "read_groups"]
