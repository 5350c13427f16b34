"""Which raw rows are sound, and what is wrong with the others? Every row ends in exactly one of the two."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw

from p2pcredit.contracts.feeds import Feed
from p2pcredit.transforms.typing import problem_with, trimmed_text, typed_value

_PROBLEMS = "_problems"
_WRONG_FIELD_COUNT = "row: wrong number of fields"


class Refined(NamedTuple):
    """The sound rows, typed, and the broken rows, raw, with the column `rules`."""

    sound: nw.LazyFrame[Any]
    broken: nw.LazyFrame[Any]


def refine(raw: nw.LazyFrame[Any], feed: Feed) -> Refined:
    """Which rows of a feed are sound, and which rules do the others break?

    Args:
        raw: Bronze rows: the feed's text columns and `snapshot_date`, `row_number`, `unparsed`.
        feed: Its contract.

    Returns:
        `sound` has `snapshot_date`, `row_number` and the typed columns. `broken` has the raw columns and `rules`: every
        rule the row broke, separated by "; ". A row that repeats a sound row of the same loan and day breaks the rule
        `loan_id: duplicate`; of such rows the one with the smallest row number is kept.
    """
    texts = raw.with_columns(*(trimmed_text(column).alias(f"_text_{column.source}") for column in feed.columns))
    typed = texts.with_columns(
        *(typed_value(column, nw.col(f"_text_{column.source}")).alias(f"_{column.source}") for column in feed.columns)
    )
    found = [problem_with(c, nw.col(f"_text_{c.source}"), nw.col(f"_{c.source}")) for c in feed.columns]
    problems = [problem for problem in found if problem is not None]
    unparsed = nw.when(~nw.col("unparsed").is_null()).then(nw.lit(_WRONG_FIELD_COUNT))
    moved: nw.Expr = nw.when(nw.col(f"_{feed.date_column}") < nw.col("snapshot_date")).then(
        nw.lit(f"{feed.date_column}: not on the day it was landed for")
    )
    if not feed.one_row_per_loan:
        moved = nw.lit(None, dtype=nw.String)
    judged = typed.with_columns(
        nw.concat_str([unparsed, moved, *problems], separator="; ", ignore_nulls=True).alias(_PROBLEMS)
    )
    key = ["loan_id"] if feed.one_row_per_loan else feed.sources
    first = nw.col("row_number").min().over("snapshot_date", *(f"_{name}" for name in key), _PROBLEMS)
    repeated = (nw.col(_PROBLEMS) == "") & (nw.col("row_number") > first)
    duplicate = nw.lit("loan_id: duplicate" if feed.one_row_per_loan else "row: duplicate")
    judged = judged.with_columns(nw.when(repeated).then(duplicate).otherwise(nw.col(_PROBLEMS)).alias("rules"))
    sound = judged.filter(nw.col("rules") == "").select(
        "snapshot_date", "row_number", *(nw.col(f"_{c.source}").alias(c.typed_name) for c in feed.columns)
    )
    broken = judged.filter(nw.col("rules") != "").select(
        "snapshot_date", "row_number", "rules", "unparsed", *feed.sources
    )
    return Refined(sound, broken)
