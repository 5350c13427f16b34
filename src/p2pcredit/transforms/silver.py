"""Part raw rows into the sound and the broken, and take from sound rows the optional values that break a rule."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import narwhals as nw

from p2pcredit.contracts.columns import Column
from p2pcredit.contracts.feeds import Feed
from p2pcredit.transforms.typing import problem_with, trimmed_text, typed_value

RULE_OF = "_rule_"
"""Before the name of a column: the rule that its value breaks."""

LOAN = "_loan"
"""The loan of a row as silver writes it, or as the row does where that is no id."""

_PROBLEMS = "_problems"
_WRONG_FIELD_COUNT = "row: wrong number of fields"


class Refined(NamedTuple):
    """The sound rows, typed, and, raw, the rows that are set aside whole or lose a value."""

    sound: nw.LazyFrame[Any]
    faulty: nw.LazyFrame[Any]


def optional_with_rules(feed: Feed) -> tuple[str, ...]:
    """List the optional columns of a feed whose values can break a rule: `faulty` has the rule of each."""
    return tuple(c.source for c in feed.columns if not c.required and _rule(c) is not None)


def refine(raw: nw.LazyFrame[Any], feed: Feed) -> Refined:
    """Type the rows of a feed; name the rules that rows and values break.

    A row is broken where it has the wrong number of fields, a required column breaks a rule, its day is not the one it
    was landed for, or it repeats a sound row of the same loan and day (`loan_id: duplicate`); of such rows the one with
    the smallest row number is kept. An optional value that breaks a rule is missing, and its row is sound.

    Args:
        raw: Bronze rows: the feed's text columns and `snapshot_date`, `row_number`, `unparsed`.
        feed: Its contract.

    Returns:
        `sound` has `snapshot_date`, `row_number` and the typed columns. `faulty` has the raw columns of each row that
        is broken or loses a value; `rules`: every rule that makes the row none, separated by "; ", empty for a sound
        row; the loan as `_loan`; and for each optional column that rules speak of the rule broken, as `_rule_<column>`.
    """
    texts = raw.with_columns(*(trimmed_text(column).alias(f"_text_{column.source}") for column in feed.columns))
    typed = texts.with_columns(
        *(typed_value(column, nw.col(f"_text_{column.source}")).alias(f"_{column.source}") for column in feed.columns)
    )
    found = {c.source: _rule(c) for c in feed.columns}
    problems = [rule for c in feed.columns if c.required and (rule := found[c.source]) is not None]
    optional = {name: rule for name in optional_with_rules(feed) if (rule := found[name]) is not None}
    unparsed = nw.when(~nw.col("unparsed").is_null()).then(nw.lit(_WRONG_FIELD_COUNT))
    moved: nw.Expr = nw.when(nw.col(f"_{feed.date_column}") < nw.col("snapshot_date")).then(
        nw.lit(f"{feed.date_column}: not on the day it was landed for")
    )
    if not feed.one_row_per_loan:
        moved = nw.lit(None, dtype=nw.String)
    judged = typed.with_columns(
        nw.concat_str([unparsed, moved, *problems], separator="; ", ignore_nulls=True).alias(_PROBLEMS),
        *(rule.alias(f"{RULE_OF}{name}") for name, rule in optional.items()),
        *_unread(feed, optional),
        nw.coalesce(nw.col("_loan_id"), nw.col("_text_loan_id")).alias(LOAN),
    )
    first = nw.col("row_number").min().over("snapshot_date", *_key(feed), _PROBLEMS)
    repeated = (nw.col(_PROBLEMS) == "") & (nw.col("row_number") > first)
    duplicate = nw.lit(f"{feed.key}: duplicate" if feed.one_row_per_loan else "row: duplicate")
    judged = judged.with_columns(nw.when(repeated).then(duplicate).otherwise(nw.col(_PROBLEMS)).alias("rules"))
    sound = judged.filter(nw.col("rules") == "").select(
        "snapshot_date", "row_number", *(_kept(c.source, optional).alias(c.typed_name) for c in feed.columns)
    )
    lost = [~nw.col(f"{RULE_OF}{name}").is_null() for name in optional]
    faulty = judged.filter(nw.any_horizontal(nw.col("rules") != "", *lost, ignore_nulls=False)).select(
        "snapshot_date", "row_number", "rules", "unparsed", LOAN, *feed.sources, *(f"{RULE_OF}{n}" for n in optional)
    )
    return Refined(sound, faulty)


def _rule(column: Column) -> nw.Expr | None:
    return problem_with(
        column, nw.col(f"_text_{column.source}"), nw.col(f"_{column.source}"), lambda name: nw.col(f"_{name}")
    )


def _key(feed: Feed) -> list[str]:
    """List what two rows of one day must share to be one: the loan, or every value, unreadable ones as text."""
    if feed.one_row_per_loan:
        return [f"_{feed.key}"]
    return [*(f"_{name}" for name in feed.sources), *(f"_unread_{name}" for name in optional_with_rules(feed))]


def _unread(feed: Feed, optional: Mapping[str, nw.Expr]) -> list[nw.Expr]:
    """Give the texts of values that break a rule, where they distinguish rows of one loan and day."""
    if feed.one_row_per_loan:
        return []
    return [
        nw.when(~rule.is_null()).then(nw.col(f"_text_{name}")).alias(f"_unread_{name}")
        for name, rule in optional.items()
    ]


def _kept(name: str, optional: Collection[str]) -> nw.Expr:
    if name not in optional:
        return nw.col(f"_{name}")
    return nw.when(nw.col(f"{RULE_OF}{name}").is_null()).then(nw.col(f"_{name}"))
