"""Find columns that tell the outcome of loans by themselves: they were written, or changed, after it was known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from p2pcredit.platforms.drafting.columns import ColumnFacts, FileFacts
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.readers.localized_numbers import plain_number

TELLS_ALONE = 0.9
"""From this area under the curve on, no column that was known when a loan was made is expected."""
TELLS_MUCH = 0.8
"""From this one on, a column that every loan must have is asked about."""
FEWEST_OF_EACH = 50
"""Of fewer bad or good loans nothing is said: a column of noise could part them by chance."""
_BAD, _GOOD = frozenset({"DEFAULT", "CHARGED_OFF"}), frozenset({"FULLY_PAID"})


@dataclass(frozen=True, slots=True)
class Telltale:
    """How well a column alone parts loans that went bad from those paid back.

    Args:
        name: The column.
        auc: The area under the curve, 0.5 (nothing) to 1, in the direction that parts them better.
        by: What parts them: `filled` (whether it has a value), `zero` (whether its number is 0), `value` (the order of
            its numbers) or `texts` (the share of bad loans of each of its few texts).
    """

    name: str
    auc: float
    by: str


def find_telltales(loans: FileFacts, status: str, meanings: Mapping[str, str]) -> dict[str, Telltale]:
    """Measure each column against the outcome of the loans, as far as it is known.

    Args:
        loans: The file of the loans.
        status: Its column of statuses, which is not measured.
        meanings: Text of a status -> the status of the contract; loans of other texts have no outcome.

    Returns:
        Name of a column -> how well it parts bad loans (DEFAULT, CHARGED_OFF) from good ones (FULLY_PAID), of all
        columns where there are at least 50 of each; else none.
    """
    text = pl.col(status).str.strip_chars()
    bad = [one for one, word in meanings.items() if word in _BAD]
    good = [one for one, word in meanings.items() if word in _GOOD]
    outcome = pl.when(text.is_in(bad)).then(1).when(text.is_in(good)).then(0)
    rows = loans.rows.with_columns(outcome.alias("_bad")).filter(pl.col("_bad").is_not_null())
    goods_and_bads = rows["_bad"].value_counts()["count"].to_list()
    if len(goods_and_bads) < len((_BAD, _GOOD)) or min(goods_and_bads) < FEWEST_OF_EACH:
        return {}
    found = {}
    for one in loans.columns:
        if one.name != status and one.kind != "empty":
            by = {name: _auc(values, rows["_bad"]) for name, values in _views(rows, one).items()}
            best = max(by, key=lambda name: by[name])
            found[one.name] = Telltale(one.name, by[best], best)
    return found


def _views(rows: pl.DataFrame, one: ColumnFacts) -> dict[str, pl.Series]:
    """Give the numbers by which a column may part loans; a missing one stands below all."""
    text = pl.when(~is_blank(pl.col(one.name))).then(pl.col(one.name).str.strip_chars())
    views = {"filled": text.is_not_null().cast(pl.Float64)}
    if one.kind == "number":
        number = plain_number(text, one.decimal or ".").cast(pl.Float64, strict=False)
        views |= {
            "value": number.fill_null(float("-inf")),
            "zero": (number != 0).fill_null(value=False).cast(pl.Float64),
        }
    elif one.kind in {"category", "flag", "month"} and one.levels:
        views["texts"] = pl.col("_bad").mean().over(text.fill_null(""))
    return {name: rows.select(view.alias(name)).to_series() for name, view in views.items()}


def _auc(values: pl.Series, bad: pl.Series) -> float:
    """Give the area under the curve of values, in the better direction: the rank sum of the bads (Mann and Whitney)."""
    bads, rows = int(bad.sum()), len(bad)
    ranks = values.rank("average")
    area = (float(ranks.filter(bad == 1).sum()) - bads * (bads + 1) / 2) / (bads * (rows - bads))
    return max(area, 1 - area)


__all__ = ["FEWEST_OF_EACH", "TELLS_ALONE", "TELLS_MUCH", "Telltale", "find_telltales"]
